import type { Diagnostic, Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { CallRule, HookRule, Policy } from '../../policy/index.js';
import { knownCalls } from '../../policy/index.js';
import type { Arch } from '../ports.js';
import type { Elsewhere } from '../supervised.js';
import { supervision } from '../supervised.js';
import type { Box } from './cubes.js';
import { FULL_BOX, isFull, rowBoxes, subtractAll, TooManyBoxes, withoutCovered } from './cubes.js';
import { machineRule } from './machine.js';

/** What the filter does with the calls whose arguments lie in the box; boxes of different outcomes never overlap. */
export interface CallCase {
  readonly box: Box;
  readonly outcome:
    | { readonly kind: 'allow' }
    /** Raised to the supervisor, which performs it where an object check that no mechanism has comes out well. */
    | { readonly kind: 'supervised'; readonly elsewhere: Elsewhere }
    | { readonly kind: 'quiet'; readonly errno: string };
}

/** One call's share of the filter; what lies in no case is refused. */
export interface CallPlan {
  readonly call: string;
  readonly nr: number;
  readonly cases: readonly CallCase[];
  /** What no case covers, as boxes that do not overlap. */
  readonly refused: readonly Box[];
  /** Over the architecture's registers. */
  readonly rule: CallRule | undefined;
  /** What becomes of the call without a rule. */
  readonly unnamed: Policy['unnamed'];
  /** What is permitted is raised to the supervisor. */
  readonly raised: boolean;
}

/** The policy's scalar part, call by call, in order of number; every known call is in it. */
export function planCalls(policy: Policy, arch: Arch): Result<readonly CallPlan[]> {
  const plans: CallPlan[] = [];
  const diagnostics: Diagnostic[] = [];
  const calls = [...knownCalls(arch)].sort(([, a], [, b]) => a - b);
  for (const [call, nr] of calls) {
    const plan = planCall(policy, call, nr, arch);
    if (plan === undefined) {
      diagnostics.push({
        code: 'too-large',
        message: `the conditions of ${call} need too many comparisons for one filter`,
        span: policy.calls.get(call)?.span ?? policy.span,
        hint: 'state them with masks, or in fewer rows',
      });
      continue;
    }
    if (plan.refused.length > 0 && plan.cases.some((item) => item.outcome.kind === 'supervised')) {
      diagnostics.push({
        code: 'not-expressible',
        message: `${call} cannot be permitted for some arguments only: what the filter raises, the supervisor performs`,
        span: policy.calls.get(call)?.span ?? policy.span,
        hint: `permit ${call} with any arguments, or refuse the others under quiet`,
      });
      continue;
    }
    plans.push(plan);
  }
  return diagnostics.length > 0 ? failure(...diagnostics) : success(plans);
}

/** The share of one hook, as of a rule that permits exactly what it runs after; undefined where it takes too many boxes. */
export function planHook({ id, call, rows, span }: HookRule, nr: number, arch: Arch): CallPlan | undefined {
  const rule = machineRule({ id, call, permit: rows, quiet: [], span }, arch);
  return withinBoxes(() => {
    const cases = ruleCases(rule);
    const refused = leftOf(cases);
    return { call, nr, cases, refused, rule, unnamed: 'refuse', raised: false };
  });
}

/** A call that nothing is said of, and that is refused. */
export function planNothing(call: string, nr: number): CallPlan {
  return { call, nr, cases: [], refused: [FULL_BOX], rule: undefined, unnamed: 'refuse', raised: false };
}

function withinBoxes<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof TooManyBoxes) return undefined;
    throw error;
  }
}

function leftOf(cases: readonly CallCase[]): readonly Box[] {
  return subtractAll(
    [FULL_BOX],
    cases.map((item) => item.box),
  );
}

function unnamedCases(policy: Policy): readonly CallCase[] {
  return policy.unnamed === 'permit' ? [{ box: FULL_BOX, outcome: { kind: 'allow' } }] : [];
}

function supervised(policy: Policy, call: string, cases: readonly CallCase[]): readonly CallCase[] {
  const elsewhere = supervision(policy, call);
  if (elsewhere === undefined) return cases;
  return cases.map((item) =>
    item.outcome.kind === 'allow' ? { box: item.box, outcome: { kind: 'supervised', elsewhere } } : item,
  );
}

/** Undefined where the call takes more boxes than a filter can hold. */
function planCall(policy: Policy, call: string, nr: number, arch: Arch): CallPlan | undefined {
  const stated = policy.calls.get(call);
  return withinBoxes(() => {
    const rule = stated === undefined ? undefined : machineRule(stated, arch);
    const cases = supervised(policy, call, rule === undefined ? unnamedCases(policy) : ruleCases(rule));
    const raised = supervision(policy, call) !== undefined;
    return { call, nr, cases, refused: leftOf(cases), rule, unnamed: policy.unnamed, raised };
  });
}

function ruleCases(rule: CallRule): readonly CallCase[] {
  const cases: CallCase[] = [];
  let taken: readonly Box[] = [];
  for (const row of rule.quiet) {
    const rows = withoutCovered(rowBoxes(row));
    for (const box of subtractAll(rows, taken))
      cases.push({ box, outcome: { kind: 'quiet', errno: row.errno } });
    taken = withoutCovered([...taken, ...rows]);
  }
  const rows = rule.permit === 'all' ? [FULL_BOX] : rule.permit.flatMap((row) => rowBoxes(row));
  for (const box of subtractAll(withoutCovered(rows), taken)) cases.push({ box, outcome: { kind: 'allow' } });
  return cases;
}

/** The one outcome that all arguments have, if there is one. */
export function uniformOutcome(
  plan: CallPlan,
): CallCase['outcome'] | { readonly kind: 'refuse' } | undefined {
  const [first] = plan.cases;
  if (first === undefined) return { kind: 'refuse' };
  return plan.cases.length === 1 && isFull(first.box) ? first.outcome : undefined;
}
