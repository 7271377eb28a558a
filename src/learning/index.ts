export type {
  PathKind,
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
  lossOf,
  MalformedLine,
  PATH_KINDS,
  RECORDING_FORMAT,
  readLine,
  readRecording,
} from './recording/index.js';
export type { Choice, Decision, Edit, Violation, ViolationLog } from './violations/index.js';
export {
  applyEdit,
  dangerOf,
  decisionsOf,
  readViolation,
  readViolations,
  rowOf,
  rowWords,
} from './violations/index.js';
