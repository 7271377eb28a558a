export type { Novelty } from './estimate.js';
export { featuresOf, novelty } from './estimate.js';
export type { Evidence } from './facts/evidence.js';
export type { Observations } from './facts/observe.js';
export { observe } from './facts/observe.js';
export type { LearnOptions } from './learn.js';
export { learn } from './learn.js';
export { minimize } from './minimize.js';
export { draftYaml, pending } from './print.js';
export type {
  PathKind,
  ReadOptions,
  RecordedAddress,
  RecordedCall,
  RecordedPath,
  RecordedProcess,
  RecordedRepeat,
  Recording,
  RecordingHeader,
  RecordingLine,
  RecordingTrailer,
} from './recording/index.js';
export {
  lastFailures,
  lossOf,
  MalformedLine,
  missingIn,
  PATH_KINDS,
  RECORDING_FORMAT,
  readLine,
  readRecording,
} from './recording/index.js';
export type {
  CallDraft,
  Draft,
  FileDraft,
  LeftOut,
  RowDraft,
  SocketDraft,
  Unjustified,
} from './rules/draft.js';
export type { Unexercised } from './unexercised.js';
export { unexercised } from './unexercised.js';
export type {
  Choice,
  Decision,
  Edit,
  Told,
  Untold,
  Violation,
} from './violations/index.js';
export {
  applyEdit,
  dangerOf,
  decisionsOf,
  readTold,
  readToldLog,
  readViolation,
  readViolations,
  rowOf,
  rowWords,
} from './violations/index.js';
export type { Cause, CauseKind, Facts, Fix } from './why/index.js';
export { diagnose } from './why/index.js';
