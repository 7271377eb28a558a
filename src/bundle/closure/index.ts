export { type Closure, closureOf, type Member, type Missing, type Root } from './closure.js';
export { type Needs, resolveClosure } from './resolve.js';
