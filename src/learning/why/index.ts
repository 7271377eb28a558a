export type { Cause, CauseKind, Fix } from './cause.js';
export { diagnose } from './diagnose.js';
export type { Facts, Place } from './facts.js';
