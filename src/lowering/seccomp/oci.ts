import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { OciSeccomp, OciSeccompArg, OciSeccompSyscall } from '../plan.js';
import type { Arch, CallTable, SeccompAction, SeccompCompiler, SeccompRule } from '../ports.js';
import type { Box } from './cubes.js';
import { FULL_BOX } from './cubes.js';
import { checkSize, comparisonsOf, errnoOf } from './filter.js';
import type { CallPlan } from './plan.js';
import { refusedBoxes, uniformOutcome } from './plan.js';
import { AUDIT_ARCH } from './prologue.js';
import type { Verdict } from './simulate.js';
import type { Outcome } from './verify.js';
import { wrongCalls } from './verify.js';

const ARCHITECTURES: Readonly<Record<Arch, readonly string[]>> = { x86_64: ['SCMP_ARCH_X86_64'] };

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
}

/**
 * The same decisions for any engine: refused calls get EPERM, unknown numbers the default, ENOSYS. OCI has one default for
 * both, so what the rows of a call do not permit needs rows too. Two rows that part all calls by one bit do, where the
 * library tries them last; it is asked, and where it does not, the refused arguments are spelled out without an overlap.
 */
export function ociSeccomp(
  plans: readonly CallPlan[],
  arch: Arch,
  calls: CallTable,
  compiler: SeccompCompiler,
): Result<OciForm> {
  // A name that the library does not know is left to the default, as engines do.
  const known = plans.filter((plan) => calls.resolve(plan.call, arch) !== undefined);
  let spelledOut: ReadonlySet<string> = new Set();
  for (;;) {
    const oci = form(known, arch, spelledOut);
    const program = compileOci(oci, arch, calls, compiler);
    if (!program.ok) return program;
    const wrong = wrongCalls(program.value, AUDIT_ARCH[arch], known, ociVerdict);
    if (wrong.length === 0) return success({ oci, program: program.value });
    if (wrong.every((call) => spelledOut.has(call))) return undecided(wrong, compiler);
    spelledOut = new Set([...spelledOut, ...wrong]);
  }
}

function undecided(wrong: readonly string[], compiler: SeccompCompiler): Result<OciForm> {
  return failure({
    code: 'not-expressible',
    message: `libseccomp ${compiler.version} makes a filter that decides ${wrong.join(', ')} otherwise than the profile`,
    hint: 'state the conditions of these calls in fewer rows',
  });
}

function form(plans: readonly CallPlan[], arch: Arch, spelledOut: ReadonlySet<string>): OciSeccomp {
  const whole = new Map<Answer, string[]>();
  const rows: OciSeccompSyscall[] = [];
  for (const plan of plans) {
    const answer = wholeAnswer(plan);
    if (answer === undefined) rows.push(...callRows(plan, spelledOut.has(plan.call)));
    else whole.set(answer, [...(whole.get(answer) ?? []), plan.call]);
  }
  const simple = [...whole]
    .sort(([a], [b]) => a - b)
    .map(([answer, names]) => entry(names.sort(), answer, []));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: DEFAULT_ERRNO,
    architectures: ARCHITECTURES[arch],
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
  return outcome.kind === 'quiet' ? errnoOf(outcome.errno) : REFUSED_ERRNO;
}

function ociVerdict(outcome: Outcome, plan: CallPlan): Verdict {
  const answer = forEngine(plan) ? 0 : answerOf(outcome);
  return answer === 0 ? { action: 'allow', data: 0 } : { action: 'errno', data: answer };
}

function callRows(plan: CallPlan, spelledOut: boolean): OciSeccompSyscall[] {
  const granted = plan.cases.map((item) =>
    entry([plan.call], answerOf(item.outcome), ociArguments(item.box)),
  );
  const halves = spelledOut ? undefined : commonHalves(plan);
  const refused = (halves ?? refusedBoxes(plan)).map((box) =>
    entry([plan.call], REFUSED_ERRNO, ociArguments(box)),
  );
  return [...granted, ...refused];
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
