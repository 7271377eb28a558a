import type { Diagnostic, Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { CallRule, Policy } from '../../policy/index.js';
import { knownCalls } from '../../policy/index.js';
import type { Box } from './cubes.js';
import { FULL_BOX, isFull, rowBoxes, subtractAll, withoutCovered } from './cubes.js';

/** What the filter does with the calls whose arguments lie in the box; boxes of different outcomes never overlap. */
export interface CallCase {
  readonly box: Box;
  readonly outcome: { readonly kind: 'allow' } | { readonly kind: 'quiet'; readonly errno: string };
}

/** One call's share of the filter; what lies in no case is refused. */
export interface CallPlan {
  readonly call: string;
  readonly nr: number;
  readonly cases: readonly CallCase[];
  readonly rule: CallRule | undefined;
}

/** More cases of one call than this make a filter that no kernel would load. */
const CASES_MAX = 1000;

/** The policy's scalar part, call by call, in order of number; every known call is in it. */
export function planCalls(policy: Policy): Result<readonly CallPlan[]> {
  const plans: CallPlan[] = [];
  const diagnostics: Diagnostic[] = [];
  const calls = [...knownCalls()].sort(([, a], [, b]) => a - b);
  for (const [call, nr] of calls) {
    const rule = policy.calls.get(call);
    const cases = rule === undefined ? unnamedCases(policy) : ruleCases(rule);
    if (cases === undefined || cases.length > CASES_MAX) {
      diagnostics.push({
        code: 'too-large',
        message: `the conditions of ${call} need too many comparisons for one filter`,
        ...(rule === undefined ? {} : { span: rule.span }),
        hint: 'state them with masks, or in fewer rows',
      });
      continue;
    }
    plans.push({ call, nr, cases, rule });
  }
  return diagnostics.length > 0 ? failure(...diagnostics) : success(plans);
}

function unnamedCases(policy: Policy): readonly CallCase[] {
  return policy.unnamed === 'permit' ? [{ box: FULL_BOX, outcome: { kind: 'allow' } }] : [];
}

function ruleCases(rule: CallRule): readonly CallCase[] | undefined {
  const cases: CallCase[] = [];
  let taken: readonly Box[] = [];
  for (const row of rule.quiet) {
    const boxes = subtractAll(rowBoxes(row), taken);
    taken = [...taken, ...rowBoxes(row)];
    for (const box of withoutCovered(boxes))
      cases.push({ box, outcome: { kind: 'quiet', errno: row.errno } });
    if (cases.length > CASES_MAX) return undefined;
  }
  const rows = rule.permit === 'all' ? [FULL_BOX] : rule.permit.flatMap((row) => rowBoxes(row));
  if (rows.length > CASES_MAX) return undefined;
  for (const box of subtractAll(withoutCovered(rows), taken)) cases.push({ box, outcome: { kind: 'allow' } });
  return cases;
}

/** The boxes that no case of a plan covers: what is refused. */
export function refusedBoxes(plan: CallPlan): readonly Box[] {
  return subtractAll(
    [FULL_BOX],
    plan.cases.map((item) => item.box),
  );
}

/** The one outcome that all arguments have, if there is one. */
export function uniformOutcome(
  plan: CallPlan,
): CallCase['outcome'] | { readonly kind: 'refuse' } | undefined {
  const [first] = plan.cases;
  if (first === undefined) return { kind: 'refuse' };
  return plan.cases.length === 1 && isFull(first.box) ? first.outcome : undefined;
}
