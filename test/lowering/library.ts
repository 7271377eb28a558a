import { unwrap } from '../../src/common/index.js';
import type { SeccompRule } from '../../src/lowering/index.js';
import { comparisonsOf, errnoOf } from '../../src/lowering/seccomp/filter.js';
import { planCalls } from '../../src/lowering/seccomp/plan.js';
import type { Policy } from '../../src/policy/index.js';
import { ports } from './helpers.js';

/** What libseccomp, set to its binary tree, makes of the same rules; of unknown numbers it knows nothing. */
export function libraryFilter(policy: Policy): Uint8Array {
  const rules = unwrap(planCalls(policy, 'x86_64')).flatMap(({ nr, cases }) =>
    cases.flatMap(({ outcome, box }): SeccompRule[] => {
      if (outcome.kind === 'supervised') return [];
      const comparisons = comparisonsOf(box);
      if (outcome.kind === 'allow') return [{ nr, action: { kind: 'allow' }, comparisons }];
      return [{ nr, action: { kind: 'errno', errno: errnoOf(outcome.errno) }, comparisons }];
    }),
  );
  const raised = { kind: 'notify' } as const;
  return unwrap(
    ports.compiler.compile({ arch: 'x86_64', defaultAction: raised, badArchAction: raised, rules }),
  );
}
