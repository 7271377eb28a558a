export { lastFailures } from './failures.js';
export { MalformedLine } from './fields.js';
export type {
  PathKind,
  RecordedAddress,
  RecordedCall,
  RecordedPath,
  RecordedProcess,
  RecordedRepeat,
  RecordingHeader,
  RecordingLine,
  RecordingTrailer,
} from './lines.js';
export { PATH_KINDS } from './lines.js';
export type { ReadOptions, Recording } from './read.js';
export {
  LEARN_ALL_THE_SAME,
  lossOf,
  missingIn,
  RECORDING_FORMAT,
  readLine,
  readRecording,
} from './read.js';
