import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import { errnoNumber } from '../../policy/index.js';
import type { Arch, SeccompAction, SeccompComparison, SeccompCompiler, SeccompRule } from '../ports.js';
import type { Box } from './cubes.js';
import { isFull } from './cubes.js';
import type { CallCase, CallPlan } from './plan.js';
import { AUDIT_ARCH, withUnknownCalls } from './prologue.js';
import type { Verdict } from './simulate.js';
import type { Outcome } from './verify.js';
import { wrongCalls } from './verify.js';

/** The kernel refuses longer programs. */
export const FILTER_MAX_INSTRUCTIONS = 4096;

/**
 * VXE's own filter: refusals are raised to the supervisor, unknown numbers get ENOSYS, foreign architectures are raised too. Calls in
 * `raised` are raised even where they are permitted: the filter of soft mode, in which the supervisor judges what Landlock would.
 */
export function ownFilter(
  plans: readonly CallPlan[],
  arch: Arch,
  compiler: SeccompCompiler,
  raised: ReadonlySet<string> = new Set(),
): Result<Uint8Array> {
  const rules = plans.flatMap((plan) =>
    plan.cases
      .filter(({ outcome }) => !isRaised(outcome, plan, raised))
      .map(
        (item): SeccompRule => ({
          nr: plan.nr,
          action: actionOf(item.outcome),
          comparisons: comparisonsOf(item.box),
        }),
      ),
  );
  const program = compiler.compile({
    arch,
    defaultAction: { kind: 'notify' },
    badArchAction: { kind: 'notify' },
    rules,
  });
  if (!program.ok) return program;
  const known = plans.map((plan) => plan.nr);
  const filter = withUnknownCalls(program.value, arch, known);
  const wrong = wrongCalls(filter, AUDIT_ARCH[arch], plans, (outcome, plan) =>
    isRaised(outcome, plan, raised) ? { action: 'notify', data: 0 } : verdictOf(outcome),
  );
  if (wrong.length === 0) return checkSize(filter, 'the filter');
  return failure({
    code: 'not-expressible',
    message: `libseccomp ${compiler.version} makes a filter that decides ${wrong.join(', ')} otherwise than the profile`,
    hint: 'state the conditions of these calls in fewer rows',
  });
}

function isRaised(outcome: Outcome, plan: CallPlan, raised: ReadonlySet<string>): boolean {
  return outcome.kind === 'supervised' || (outcome.kind === 'allow' && raised.has(plan.call));
}

function verdictOf(outcome: Outcome): Verdict {
  if (outcome.kind === 'quiet') return { action: 'errno', data: errnoOf(outcome.errno) };
  return { action: outcome.kind === 'allow' ? 'allow' : 'notify', data: 0 };
}

/** A program that the kernel would load, or the reason why not. */
export function checkSize(filter: Uint8Array, what: string): Result<Uint8Array> {
  const instructions = filter.byteLength / 8;
  if (instructions <= FILTER_MAX_INSTRUCTIONS) return success(filter);
  return failure({
    code: 'too-large',
    message: `${what} has ${instructions} instructions, and the kernel takes ${FILTER_MAX_INSTRUCTIONS}`,
    hint: 'use fewer rows under calls.when, or masks in place of long lists',
  });
}

export function comparisonsOf(box: Box): readonly SeccompComparison[] {
  if (isFull(box)) return [];
  return box.map((cube, index) => ({ index, ...cube })).filter((comparison) => comparison.mask !== 0n);
}

/** Refused and supervised calls need no rule: being raised is the default. */
function actionOf(outcome: CallCase['outcome']): SeccompAction {
  return outcome.kind === 'quiet' ? { kind: 'errno', errno: errnoOf(outcome.errno) } : { kind: 'allow' };
}

export function errnoOf(name: string): number {
  const number = errnoNumber(name);
  if (number === undefined) throw new RangeError(`${name} is not an error of the kernel`);
  return number;
}
