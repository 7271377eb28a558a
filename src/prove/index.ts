export type { Wider } from './compare.js';
export { stackDifferences, widerThan } from './compare.js';
export type { FilterDifference, FilterQuestion, Loader } from './filter.js';
export { findDifference } from './filter.js';
export { NotAProgram } from './program.js';
export type { Model, Solver } from './solver.js';
export { NoProver, startSolver, Undecided } from './solver.js';
export { Terms } from './term.js';
