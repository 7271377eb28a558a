export { parseProfile } from './yaml/parse.js';
