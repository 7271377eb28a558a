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
