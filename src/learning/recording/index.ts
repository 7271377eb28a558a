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
export type { Recording } from './read.js';
export { lossOf, RECORDING_FORMAT, readLine, readRecording } from './read.js';
