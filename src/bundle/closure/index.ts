export { type Closure, closureOf, type Member, type Missing, type Root } from './closure.js';
