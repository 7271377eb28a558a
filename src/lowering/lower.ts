import type { Result } from '../common/index.js';
import { failure } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import type { Lowered, LoweringTarget } from './plan.js';

/** Turns a policy into the plans of all mechanisms and says how each rule is held. */
export function lowerPolicy(_policy: Policy, _target: LoweringTarget): Result<Lowered> {
  return failure({ code: 'internal', message: 'lowering is not complete' });
}
