export type { Address, AddressRange } from './address.js';
export {
  addressBits,
  addressText,
  inRange,
  networkOf,
  parseAddress,
  parseRange,
  rangeText,
} from './address.js';
export type { CallContext } from './builtin.js';
export {
  ALWAYS_PERMITTED,
  completeCalls,
  isUndoing,
  joinedRule,
  NAMESPACE_FLAGS,
  RING_CALLS,
} from './builtin.js';
export type { Arch, Argument, ArgumentType } from './calls.js';
export { callNumber, knownCalls, signatureOf } from './calls.js';
export { conditionHolds, equals, only, rowText, withAll, without } from './condition.js';
export { allConstants, constantValue, errnoNames, errnoNumber, parseConstants } from './constants.js';
export { decide, decideCall } from './decide.js';
export type { Decision } from './decision.js';
export type { CallEvent, EventArgument, SocketAddress } from './event.js';
export { parseEvent, scalarEvent, socketAddressText } from './event.js';
export type { Explanation } from './explain.js';
export { explainEvent } from './explain.js';
export type { EventWorld, PathNeed } from './file-needs.js';
export { OBJECT_CALLS, pathNeeds } from './file-needs.js';
export type { AnyRule, FileRules, FileVerdict } from './file-rules.js';
export { decisive, fileVerdict, nearestRule, placeRules, sharedAccess } from './file-rules.js';
export type { Glob, PathText } from './glob.js';
export {
  globCost,
  globCovers,
  globMatches,
  globReaches,
  globRules,
  globWithin,
  globWitness,
  parseGlob,
  parsePathText,
  pathExamples,
  pathText,
} from './glob.js';
export { hookProblem, hooksAfter, hooksOn } from './hooks.js';
export type { MachineArgument } from './machine.js';
export { canonicalArguments, isAlike, machineArguments, successorOf, swapBits } from './machine.js';
export type {
  AcceptedRule,
  Access,
  ArgumentRow,
  ArgumentTest,
  CallRule,
  Condition,
  Descriptor,
  FileRule,
  HookRule,
  LimitRule,
  Namespace,
  NetworkInterface,
  NetworkPolicy,
  PathPredicate,
  PatternRule,
  Policy,
  PolicyType,
  ProcessPolicy,
  ProcessReach,
  ProgramRule,
  QuietRow,
  Resource,
  ResourceRule,
  RuleId,
  Service,
  SocketAccess,
  SocketRule,
} from './model.js';
export {
  ACCESS_WORDS,
  DESCRIPTORS,
  NAMESPACES,
  RESOURCES,
  SERVICES,
  SOCKET_WORDS,
} from './model.js';
export { narrowPolicy, narrowRule } from './narrow.js';
export { isOwnFile, OPENING_CALLS, OWN_FOLDER, ownAccess, ownPattern, ownRulePath } from './own-process.js';
export { isBeneath, joinPath, normalPath, parentPath } from './paths.js';
export type { PlacedFile } from './placed-file.js';
export { SIGNAL_CALLS, TRACE_CALLS } from './processes.js';
export { effectiveFiles } from './programs.js';
export type { RingAct, RingNeeds } from './rings.js';
export { RING_OPERATIONS, RING_REGISTRATIONS, ringActOf } from './rings.js';
export type { InternetObject, PortRange, SocketObject } from './socket-object.js';
export { ALL_PORTS, parseSocketObject, portsText, socketText } from './socket-object.js';
export type { Endpoint, InternetRule, SocketVerdict } from './sockets.js';
export {
  compareSpecific,
  decideAbstract,
  decideEndpoint,
  decidePort,
  decideUnix,
  grantedOn,
  internetRules,
  rulesByAddress,
  socketRule,
  wordsFor,
} from './sockets.js';
export type { ValueName, ValueSet, ValueUse } from './values.js';
export { valueSetOf, valueText, valueUses } from './values.js';
