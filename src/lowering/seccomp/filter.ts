import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { ArgumentRow } from '../../policy/index.js';
import { errnoNumber } from '../../policy/index.js';
import type { Arch, SeccompComparison } from '../ports.js';
import { ARCHITECTURES } from './architecture.js';
import { assemble } from './assemble.js';
import { DATA, encodeProgram, RETURN } from './bpf.js';
import type { Box } from './cubes.js';
import { isFull } from './cubes.js';
import type { Decision } from './decision.js';
import { Decisions } from './decision.js';
import type { Stretch } from './dispatch.js';
import { dispatch, wholeWord } from './dispatch.js';
import type { CallPlan } from './plan.js';
import { shorten } from './shorten.js';
import type { Verdict } from './simulate.js';
import type { Outcome } from './verify.js';
import { wrongCalls } from './verify.js';

/** The kernel refuses longer programs. */
export const FILTER_MAX_INSTRUCTIONS = 4096;

/** What becomes of some calls in soft mode, where the supervisor performs all that the filter raises. */
export interface SoftCalls {
  /** Raised even where they are permitted: the supervisor judges what Landlock would. */
  readonly raised: ReadonlySet<string>;
  /** Refused by the filter itself wherever they are refused, by every way into the kernel: performed, they would hide other calls. */
  readonly held: ReadonlySet<string>;
  /** Answered by ENOSYS where they are permitted: what comes of them nobody could judge or record, and programs know another way. */
  readonly absent: ReadonlySet<string>;
}

const NONE: SoftCalls = { raised: new Set(), held: new Set(), absent: new Set() };

/**
 * VXE's own filter: refusals are raised to the supervisor, unknown numbers get ENOSYS, foreign architectures are raised too. With
 * `soft` it is the filter of soft mode.
 */
export function ownFilter(
  plans: readonly CallPlan[],
  arch: Arch,
  soft: SoftCalls = NONE,
): Result<Uint8Array> {
  const filter = filterOf(plans, arch, soft);
  const wrong = wrongCalls(filter, ARCHITECTURES[arch].audit, plans, (outcome, plan) => {
    if (outcome.kind === 'refuse' && soft.held.has(plan.call)) return { action: 'errno', data: EPERM };
    if (outcome.kind === 'supervised' && soft.absent.has(plan.call)) return { action: 'errno', data: ENOSYS };
    return outcome.kind === 'allow' && soft.raised.has(plan.call)
      ? { action: 'notify', data: 0 }
      : verdictOf(outcome);
  });
  if (wrong.length === 0) return checkSize(filter, 'the filter');
  // The filter is made from the rows, and the boxes that it is held against are made from them in another way.
  return failure({
    code: 'not-expressible',
    message: `the filter would decide ${wrong.join(', ')} otherwise than the profile`,
    hint: 'this is a mistake in VXE: please report it with the profile',
  });
}

interface FilterOptions extends Partial<SoftCalls> {
  /** What the numbers get that no table of VXE has. */
  readonly unknown?: number;
}

/** The program. */
export function filterOf(plans: readonly CallPlan[], arch: Arch, options: FilterOptions = {}): Uint8Array {
  const decisions = new Decisions();
  const { audit, otherTable } = ARCHITECTURES[arch];
  const held = decisions.answer(RETURN.errno | EPERM);
  const isHeld = (call: string): boolean => options.held?.has(call) === true;
  const foreign = decisions.answer(RETURN.notify);
  const heldNumbers = plans.filter(({ call }) => isHeld(call)).map(({ nr }) => nr);
  /** The numbers of another table, which are the same for calls of these years on every architecture. */
  const foreignTable = (from: number): readonly Stretch[] => [
    { from, decision: foreign },
    ...heldNumbers.flatMap((nr) => [
      { from: from + nr, decision: held },
      { from: from + nr + 1, decision: foreign },
    ]),
  ];
  const unknown = decisions.answer(options.unknown ?? RETURN.errno | ENOSYS);
  const permitted = ({ call, raised }: CallPlan): Decision => {
    if (options.absent?.has(call) === true) return decisions.answer(RETURN.errno | ENOSYS);
    const isRaised = raised || options.raised?.has(call) === true;
    return decisions.answer(isRaised ? RETURN.notify : RETURN.allow);
  };
  const stretches: Stretch[] = [];
  let next = 0;
  for (const plan of plans) {
    if (plan.nr > next) stretches.push({ from: next, decision: unknown });
    stretches.push({
      from: plan.nr,
      decision: shorten(
        callDecision(plan, permitted(plan), isHeld(plan.call) ? held : foreign, decisions),
        decisions,
      ),
    });
    next = plan.nr + 1;
  }
  stretches.push({ from: next, decision: unknown });
  if (otherTable !== undefined) stretches.push(...foreignTable(otherTable));
  const table = (list: readonly Stretch[]): Decision =>
    dispatch(withoutEmpty(list), wholeWord(DATA.nr), decisions);
  const others = table(foreignTable(0));
  return encodeProgram(
    assemble(decisions.question(wholeWord(DATA.arch), 'eq', audit, table(stretches), others)),
  );
}

/**
 * A program in a filter's form that answers allow where a hook runs, and the listener's answer, which nobody asks of it, where not: another
 * architecture's calls and every other call among that. It is held against the boxes as a filter is.
 */
export function hookFilter(plan: CallPlan, others: readonly CallPlan[], arch: Arch): Result<Uint8Array> {
  const decisions = new Decisions();
  const [yes, no] = [decisions.answer(RETURN.allow), decisions.answer(RETURN.notify)];
  const { audit } = ARCHITECTURES[arch];
  const rows = shorten(callDecision(plan, yes, no, decisions), decisions);
  const calls = decisions.question(wholeWord(DATA.nr), 'eq', plan.nr, rows, no);
  const filter = encodeProgram(assemble(decisions.question(wholeWord(DATA.arch), 'eq', audit, calls, no)));
  const foreign = Object.values(ARCHITECTURES).filter((other) => other.audit !== audit);
  const wrong = [
    ...wrongCalls(filter, audit, [plan, ...others], verdictOf),
    ...foreign.flatMap((other) =>
      wrongCalls(filter, other.audit, [plan], () => verdictOf({ kind: 'refuse' })),
    ),
  ];
  if (wrong.length === 0) return checkSize(filter, `the program of what is told after ${plan.call}`);
  return failure({
    code: 'not-expressible',
    message: `what is told after ${plan.call} would be told of ${wrong.join(', ')} otherwise than the profile says`,
    hint: 'this is a mistake in VXE: please report it with the profile',
  });
}

/** Of two stretches from one number on the later one counts. */
function withoutEmpty(stretches: readonly Stretch[]): readonly Stretch[] {
  return stretches.filter(({ from }, index) => stretches[index + 1]?.from !== from);
}

/** The evaluator's order: what is refused quietly, then what is permitted, then the rest. */
function callDecision(
  { rule, unnamed }: CallPlan,
  permitted: Decision,
  refused: Decision,
  decisions: Decisions,
): Decision {
  if (rule === undefined) return unnamed === 'permit' ? permitted : refused;
  const granted =
    rule.permit === 'all'
      ? permitted
      : rule.permit.reduceRight<Decision>(
          (rest, row) => (canHold(row, decisions) ? decisions.row(row, permitted, rest) : rest),
          refused,
        );
  return rule.quiet.reduceRight<Decision>(
    (rest, row) =>
      canHold(row, decisions)
        ? decisions.row(row, decisions.answer(RETURN.errno | errnoOf(row.errno)), rest)
        : rest,
    granted,
  );
}

/** Whether a row does not contradict itself: by its questions alone, which those of other rows may hide. */
function canHold(row: ArgumentRow, decisions: Decisions): boolean {
  const no = decisions.answer(RETURN.notify);
  return shorten(decisions.row(row, decisions.answer(RETURN.allow), no), decisions) !== no;
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

export function errnoOf(name: string): number {
  const number = errnoNumber(name);
  if (number === undefined) throw new RangeError(`${name} is not an error of the kernel`);
  return number;
}

const ENOSYS = errnoOf('ENOSYS');
const EPERM = errnoOf('EPERM');
