import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import { narrowPolicy } from '../policy/index.js';
import { settlePatterns } from './patterns.js';
import type { LoweringTarget } from './plan.js';
import { treeOf } from './tree.js';

/**
 * The one policy of a stack: it permits what every member permits. Two patterns have no common part that a pattern could say, so
 * that those of each member become exact rules first, over the files that there are. A single policy stays as it is.
 */
export function stackPolicies(members: readonly Policy[], world: LoweringTarget['world']): Result<Policy> {
  const [only, ...others] = members;
  if (only === undefined) throw new RangeError('a stack without members would permit everything');
  if (others.length === 0) return success(only);
  const tree = treeOf(world);
  const settled = members.map((member) => settlePatterns(member, tree));
  const diagnostics = settled.flatMap((each) => each.diagnostics);
  if (diagnostics.length > 0) return failure(...diagnostics);
  return success(settled.map(({ policy }) => policy).reduce(narrowPolicy));
}
