export { parseAcl } from './acl/parse.js';
export { printAcl } from './acl/print.js';
export type { Form } from './forms.js';
export { FORMS, formNamed, formOf } from './forms.js';
export type { LoadLibrary } from './lisp/expand.js';
export { formatLisp, inlineLibraries, parseLispProfile } from './lisp/parse.js';
export { printLisp } from './lisp/print-profile.js';
export type { Answer, RecordedCall } from './lisp/session.js';
export { LispSession, parseRecordedCall } from './lisp/session.js';
export {
  CALLS_KEYS,
  CONDITION_KEYS,
  LIMITS,
  NETWORK_KEYS,
  PROCESS_KEYS,
  PROFILE_KEYS,
  REQUIRED_KEYS,
} from './yaml/keys.js';
export { parseProfile } from './yaml/parse.js';
export { printProfile } from './yaml/print.js';
export { editProfile } from './yaml/print-edit.js';
