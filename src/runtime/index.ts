export {
  ATTACK_OUTCOMES,
  type AttackLayer,
  type AttackOutcome,
  type AttackRecord,
  type AttackRow,
  type AttackState,
  Battery,
  type InsideRun,
} from './attack.js';
export { type Instance, instancesOf, runningInstance } from './instances.js';
export { type NativeProgram, nativeProgram } from './programs.js';
export { objectRecords } from './records.js';
export { type Refused, Replay, type ReplayOutcome, type ReplayRequest } from './replay.js';
export { followRecords, recordText } from './violations.js';
