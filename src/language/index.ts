export {
  CALLS_KEYS,
  CONDITION_KEYS,
  LIMITS,
  NETWORK_KEYS,
  PROFILE_KEYS,
  REQUIRED_KEYS,
} from './yaml/keys.js';
export { parseProfile } from './yaml/parse.js';
