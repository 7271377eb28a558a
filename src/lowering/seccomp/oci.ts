import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { OciSeccomp, OciSeccompArg, OciSeccompSyscall } from '../plan.js';
import type { Arch, CallTable, SeccompAction, SeccompCompiler, SeccompRule } from '../ports.js';
import { ARCHITECTURES } from './architecture.js';
import type { Box } from './cubes.js';
import { FULL_BOX } from './cubes.js';
import { checkSize, comparisonsOf, errnoOf } from './filter.js';
import type { CallPlan } from './plan.js';
import { uniformOutcome } from './plan.js';
import type { Verdict } from './simulate.js';
import type { Outcome } from './verify.js';
import { wrongCalls } from './verify.js';

/** Another engine executes the program under the filter that it has just loaded. */
const ENGINE_CALLS: readonly string[] = ['execve'];

const DEFAULT_ERRNO = errnoOf('ENOSYS');
const REFUSED_ERRNO = errnoOf('EPERM');

/** 0 for allow, otherwise the error's number. */
type Answer = number;

export interface OciForm {
  readonly oci: OciSeccomp;
  /** What an engine's libseccomp makes of it. */
  readonly program: Uint8Array;
  /** Calls whose refused arguments get ENOSYS there, since spelling them out would take too many rows. */
  readonly unspelled: readonly string[];
}

/**
 * How a call's refused arguments get EPERM and not the default. halves: two rows that part all calls by one bit, where the
 * library tries them last. rows: the refused arguments themselves. none: they are left to the default.
 */
type Spelling = 'halves' | 'rows' | 'none';

/** Beyond this the error's name is not worth the rows; refused is refused. */
const ROWS_MAX = 200;

/**
 * The same decisions for any engine: refused calls get EPERM, unknown numbers the default, ENOSYS. OCI has one default for
 * both, so what the rows of a call do not permit needs rows too.
 */
export function ociSeccomp(
  plans: readonly CallPlan[],
  arch: Arch,
  calls: CallTable,
  compiler: SeccompCompiler,
): Result<OciForm> {
  // A name that the library does not know is left to the default, as engines do.
  const known = plans.filter((plan) => calls.resolve(plan.call, arch) !== undefined);
  const spelling = new Map(known.map((plan): [string, Spelling] => [plan.call, 'halves']));
  for (;;) {
    const oci = form(known, arch, spelling);
    const program = compileOci(oci, arch, calls, compiler);
    if (!program.ok) {
      if (program.diagnostics[0]?.code === 'too-large' && lowerAll(known, spelling)) continue;
      return program;
    }
    const wrong = wrongCalls(program.value, ARCHITECTURES[arch].audit, known, (outcome, plan) =>
      ociVerdict(outcome, plan, spelling),
    );
    if (wrong.length === 0) return success({ oci, program: program.value, unspelled: unspelled(spelling) });
    if (!lowerWrong(known, wrong, spelling)) return undecided(wrong, compiler);
  }
}

/** Takes the next way for calls that the library got wrong; false where there is none left for one of them. */
function lowerWrong(
  plans: readonly CallPlan[],
  wrong: readonly string[],
  spelling: Map<string, Spelling>,
): boolean {
  for (const { call, refused } of plans.filter((plan) => wrong.includes(plan.call))) {
    const now = spelling.get(call);
    if (now === 'none') return false;
    spelling.set(call, now === 'halves' && refused.length <= ROWS_MAX ? 'rows' : 'none');
  }
  return true;
}

/** Too large as a whole: gives up what is longest. False where nothing is left to give up. */
function lowerAll(plans: readonly CallPlan[], spelling: Map<string, Spelling>): boolean {
  const split = plans.filter((plan) => wholeAnswer(plan) === undefined && spelling.get(plan.call) !== 'none');
  const [longest] = split.sort((a, b) => b.refused.length - a.refused.length);
  if (longest !== undefined) spelling.set(longest.call, 'none');
  return longest !== undefined;
}

function unspelled(spelling: ReadonlyMap<string, Spelling>): readonly string[] {
  return [...spelling].filter(([, way]) => way === 'none').map(([call]) => call);
}

function undecided(wrong: readonly string[], compiler: SeccompCompiler): Result<OciForm> {
  return failure({
    code: 'not-expressible',
    message: `libseccomp ${compiler.version} makes a filter that decides ${wrong.join(', ')} otherwise than the profile`,
    hint: 'state the conditions of these calls in fewer rows',
  });
}

function form(plans: readonly CallPlan[], arch: Arch, spelling: ReadonlyMap<string, Spelling>): OciSeccomp {
  const whole = new Map<Answer, string[]>();
  const rows: OciSeccompSyscall[] = [];
  for (const plan of plans) {
    const answer = wholeAnswer(plan);
    if (answer === undefined) rows.push(...callRows(plan, spelling.get(plan.call) ?? 'rows'));
    else whole.set(answer, [...(whole.get(answer) ?? []), plan.call]);
  }
  const simple = [...whole]
    .sort(([a], [b]) => a - b)
    .map(([answer, names]) => entry(names.sort(), answer, []));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: DEFAULT_ERRNO,
    architectures: [ARCHITECTURES[arch].token],
    // libseccomp refuses rules that repeat the default.
    syscalls: [...simple, ...rows].filter((row) => row.errnoRet !== DEFAULT_ERRNO),
  };
}

/** What a call gets, whatever its arguments; undefined where these decide. */
function wholeAnswer(plan: CallPlan): Answer | undefined {
  if (forEngine(plan)) return 0;
  const uniform = uniformOutcome(plan);
  return uniform === undefined ? undefined : answerOf(uniform);
}

function forEngine(plan: CallPlan): boolean {
  return plan.rule?.id === 'exec:once' && ENGINE_CALLS.includes(plan.call);
}

function answerOf(outcome: Outcome): Answer {
  if (outcome.kind === 'allow') return 0;
  // Another engine has nobody to perform it.
  if (outcome.kind === 'supervised') return outcome.elsewhere === 'permit' ? 0 : DEFAULT_ERRNO;
  return outcome.kind === 'quiet' ? errnoOf(outcome.errno) : REFUSED_ERRNO;
}

function ociVerdict(outcome: Outcome, plan: CallPlan, spelling: ReadonlyMap<string, Spelling>): Verdict {
  if (forEngine(plan)) return { action: 'allow', data: 0 };
  const toDefault =
    outcome.kind === 'refuse' && spelling.get(plan.call) === 'none' && wholeAnswer(plan) === undefined;
  const answer = toDefault ? DEFAULT_ERRNO : answerOf(outcome);
  return answer === 0 ? { action: 'allow', data: 0 } : { action: 'errno', data: answer };
}

function callRows(plan: CallPlan, way: Spelling): OciSeccompSyscall[] {
  const granted = plan.cases.map((item) =>
    entry([plan.call], answerOf(item.outcome), ociArguments(item.box)),
  );
  const refused = refusedBoxes(plan, way).map((box) => entry([plan.call], REFUSED_ERRNO, ociArguments(box)));
  return [...granted, ...refused];
}

function refusedBoxes(plan: CallPlan, way: Spelling): readonly Box[] {
  if (way === 'none') return [];
  return (
    (way === 'halves' ? commonHalves(plan) : undefined) ??
    (plan.refused.length <= ROWS_MAX ? plan.refused : [])
  );
}

/** Two boxes that together are all calls, parted by a bit that every case looks at, and not alone. */
function commonHalves(plan: CallPlan): readonly Box[] | undefined {
  for (const index of FULL_BOX.keys()) {
    const masks = plan.cases.map((item) => item.box[index]?.mask ?? 0n);
    const common = masks.reduce((bits, mask) => bits & mask, 0xffff_ffff_ffff_ffffn);
    const bit = common & -common;
    if (bit === 0n || masks.includes(bit)) continue;
    return [0n, bit].map((value) => FULL_BOX.with(index, { mask: bit, value }));
  }
  return undefined;
}

function ociArguments(box: Box): OciSeccompArg[] {
  return comparisonsOf(box).map(({ index, mask, value }) => ({
    index,
    op: 'SCMP_CMP_MASKED_EQ',
    value: mask,
    valueTwo: value,
  }));
}

function entry(names: readonly string[], answer: Answer, args: readonly OciSeccompArg[]): OciSeccompSyscall {
  const rest = args.length === 0 ? {} : { args };
  if (answer === 0) return { names, action: 'SCMP_ACT_ALLOW', ...rest };
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet: answer, ...rest };
}

/** Compiles the OCI form as an engine would. */
export function compileOci(
  oci: OciSeccomp,
  arch: Arch,
  calls: CallTable,
  compiler: SeccompCompiler,
): Result<Uint8Array> {
  const rules: SeccompRule[] = [];
  for (const item of oci.syscalls) {
    const action: SeccompAction =
      item.action === 'SCMP_ACT_ALLOW'
        ? { kind: 'allow' }
        : { kind: 'errno', errno: item.errnoRet ?? REFUSED_ERRNO };
    const comparisons = (item.args ?? []).map(({ index, value, valueTwo }) => ({
      index,
      mask: value,
      value: valueTwo,
    }));
    for (const name of item.names) {
      const nr = calls.resolve(name, arch);
      if (nr !== undefined) rules.push({ nr, action, comparisons });
    }
  }
  const defaultAction: SeccompAction = { kind: 'errno', errno: oci.defaultErrnoRet };
  const program = compiler.compile({ arch, defaultAction, badArchAction: { kind: 'kill-process' }, rules });
  return program.ok ? checkSize(program.value, "the filter's OCI form") : program;
}
