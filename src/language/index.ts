export { parseAcl } from './acl/parse.js';
export { printAcl } from './acl/print.js';
export type { Form } from './forms.js';
export { FORMS, formNamed, formOf } from './forms.js';
export {
  CALLS_KEYS,
  CONDITION_KEYS,
  LIMITS,
  NETWORK_KEYS,
  PROFILE_KEYS,
  REQUIRED_KEYS,
} from './yaml/keys.js';
export { parseProfile } from './yaml/parse.js';
export { printProfile } from './yaml/print.js';
export { editProfile } from './yaml/print-edit.js';
