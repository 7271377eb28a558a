export { ALWAYS_PERMITTED, completeCalls, isUndoing } from './builtin.js';
export type { Argument, ArgumentType } from './calls.js';
export { callNumber, knownCalls, nearestName, signatureOf } from './calls.js';
export { conditionHolds, equals, only, rowText, withAll, without } from './condition.js';
export { allConstants, constantValue, errnoNames, errnoNumber, parseConstants } from './constants.js';
export type { Decision } from './decide.js';
export { decide, decideCall } from './decide.js';
export type { CallEvent, EventArgument, SocketAddress } from './event.js';
export { parseEvent, scalarEvent } from './event.js';
export type { Explanation } from './explain.js';
export { explainEvent } from './explain.js';
export type { EventWorld, PathNeed } from './file-needs.js';
export { OBJECT_CALLS, pathNeeds } from './file-needs.js';
export type {
  AcceptedRule,
  Access,
  ArgumentRow,
  ArgumentTest,
  CallRule,
  Condition,
  FileRule,
  LimitRule,
  NetworkInterface,
  NetworkPolicy,
  Policy,
  PolicyType,
  PortRule,
  QuietRow,
  RuleId,
  Service,
} from './model.js';
export { ACCESS_WORDS, SERVICES } from './model.js';
export { narrowPolicy, narrowRule } from './narrow.js';
export { fileRuleFor, isBeneath, joinPath, normalPath, parentPath } from './paths.js';
export type { ValueName, ValueSet, ValueUse } from './values.js';
export { valueSetOf, valueText, valueUses } from './values.js';
