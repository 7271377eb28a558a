export { dangerOf } from './danger.js';
export type { Choice, Decision } from './decisions.js';
export { decisionsOf, socketObjectOf } from './decisions.js';
export type { Edit } from './edit.js';
export { applyEdit, isOfVxe } from './edit.js';
export { rowOf, rowWords } from './rows.js';
export type { Violation, ViolationLog } from './violation.js';
export { readViolation, readViolations } from './violation.js';
