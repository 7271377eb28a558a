import { explainEvent, type Policy } from '../../policy/index.js';
import type { AttackOutcome, AttackRecord, AttackRow, InsideRun } from '../../runtime/index.js';

/**
 * `held`: refused inside, and it works without VXE. `unproven`: refused inside, but this machine cannot show that it would
 * work without. `open`: it works inside, and the profile permits it. `failed`: it works inside against the profile,
 * or the control is broken, or kernel and evaluator disagree.
 */
export type AttackVerdict = 'held' | 'unproven' | 'open' | 'failed';

export interface AttackJudgement {
  readonly name: string;
  readonly group: string;
  readonly tries: string;
  readonly verdict: AttackVerdict;
  readonly control: string;
  readonly inside: string;
  /** The mechanism that refused it; empty where it was not refused. */
  readonly by: string;
  /** The rule of the profile, where the supervisor's record or the evaluator names one. */
  readonly rule: string;
  /** Mechanisms that hold it too when that one is taken off; undefined where they were not asked. */
  readonly also: readonly string[] | undefined;
  /** Why it is unproven, open or failed. */
  readonly why: string;
}

/** The runs of one attempt: inside with all layers, and with layers taken off unless that was not asked for. */
export interface AttackRuns {
  readonly all: AttackOutcome;
  readonly records: readonly AttackRecord[];
  readonly withoutSeccomp?: AttackOutcome;
  readonly withoutLandlock?: AttackOutcome;
  readonly withoutBoth?: AttackOutcome;
}

export interface AttackContext {
  readonly policy: Policy;
  /** The control ran with root's rights over the whole machine. */
  readonly root: boolean;
  readonly capabilities: ReadonlySet<string>;
}

export function judgeAttack(
  row: AttackRow,
  control: AttackOutcome,
  runs: AttackRuns,
  context: AttackContext,
): AttackJudgement {
  const { all } = runs;
  const permission = askEvaluator(row, all, context.policy);
  const mechanism = works(all) ? { by: '', rule: '', also: undefined } : mechanismOf(runs);
  const base = {
    name: row.name,
    group: row.group,
    tries: row.tries,
    control: outcomeText(control),
    inside: outcomeText(all),
    by: mechanism.by,
    rule: mechanism.rule === '' ? permission.rule : mechanism.rule,
    also: mechanism.also,
  };
  const broken = brokenControl(row, control, context);
  if (broken.failed) return { ...base, verdict: 'failed', why: broken.why };
  if (works(all)) {
    return permission.permitted
      ? { ...base, verdict: 'open', why: `the profile permits it (${permission.rule})` }
      : { ...base, verdict: 'failed', why: `it works inside: ${all.detail}${permission.why}` };
  }
  if (all.outcome === 'hung') return { ...base, verdict: 'failed', why: 'it did not come to an end' };
  if (all.outcome === 'not-run') return { ...base, verdict: 'failed', why: 'it was not made' };
  if (all.outcome === 'died' && !ENDINGS.has(all.signal ?? 0))
    return {
      ...base,
      verdict: 'failed',
      why: `the attempt broke down: ${all.detail || `signal ${all.signal}`}`,
    };
  const conflict = disagreement(row, all, runs.records, permission);
  if (conflict !== undefined) return { ...base, verdict: 'failed', why: conflict };
  if (broken.why !== '') return { ...base, verdict: 'unproven', why: broken.why };
  return { ...base, verdict: 'held', why: '' };
}

/** Signals by which the kernel itself refuses; any other end of an attempt is a fault of the battery's. */
const SIGNALS: ReadonlyMap<number, string> = new Map([
  [11, 'memory protection'],
  [25, 'limits'],
  [31, 'seccomp'],
]);

/** Of those, what an attempt may end by without having said before that it would jump somewhere. */
const ENDINGS: ReadonlySet<number> = new Set([25, 31]);

function works(outcome: AttackOutcome): boolean {
  return outcome.outcome === 'succeeded';
}

const NO_SUCH_CALL: ReadonlySet<string> = new Set([
  'ENOSYS',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ESOCKTNOSUPPORT',
]);

/** A control that does not succeed must have a reason that lies in this machine. */
function brokenControl(
  row: AttackRow,
  control: AttackOutcome,
  context: AttackContext,
): { readonly failed: boolean; readonly why: string } {
  if (works(control)) return { failed: false, why: '' };
  const said = `${control.step}: ${control.errno ?? control.outcome}`;
  if (control.outcome === 'absent') {
    const where = NO_SUCH_CALL.has(control.errno ?? '') ? 'kernel' : 'machine';
    return { failed: false, why: `not in this ${where} (${said})` };
  }
  if (!context.root) return { failed: false, why: `the control needs root (${said})` };
  if (row.capability !== null && !context.capabilities.has(row.capability))
    return { failed: false, why: `the control needs ${row.capability}, which is not there (${said})` };
  return { failed: true, why: `the control fails without VXE (${said})` };
}

interface Permission {
  readonly permitted: boolean;
  readonly rule: string;
  readonly why: string;
}

/** Whether the profile means what the attempt did: only if every call of it is permitted. */
function askEvaluator(row: AttackRow, outcome: AttackOutcome, policy: Policy): Permission {
  const events = outcome.events.length > 0 ? outcome.events : row.events;
  if (events.length === 0) return { permitted: false, rule: '', why: '' };
  if (outcome.eventsLost)
    return { permitted: false, rule: '', why: '; it did more than could be asked about' };
  const rules = new Set<string>();
  for (const event of events) {
    const answer = askAbout(event, policy);
    if (!answer.permitted) return answer;
    rules.add(answer.rule);
  }
  return { permitted: true, rule: [...rules].join(', '), why: '' };
}

function askAbout(event: string, policy: Policy): Permission {
  const capability = /^capable\((\w+)\)$/.exec(event)?.[1];
  if (capability !== undefined) {
    const permitted = policy.capabilities.includes(capability);
    return {
      permitted,
      rule: 'capabilities',
      why: permitted ? '' : `; the profile does not grant ${capability}`,
    };
  }
  const answer = explainEvent(policy, event);
  // A call that VXE does not know is refused as unknown.
  if (!answer.ok) return { permitted: false, rule: 'calls:default', why: '' };
  const { verdict, rule, reason } = answer.value.decision;
  return { permitted: verdict === 'allow', rule, why: verdict === 'allow' ? '' : `; ${reason}` };
}

/** The filter refused a call of an act that the evaluator permits as a whole: one of the two is wrong. */
function disagreement(
  row: AttackRow,
  outcome: AttackOutcome,
  records: readonly AttackRecord[],
  permission: Permission,
): string | undefined {
  if (!permission.permitted || !records.some((record) => record.call === outcome.call)) return undefined;
  const events = outcome.events.length > 0 ? outcome.events : row.events;
  const refused = events.find((event) => event.startsWith(`${outcome.call}(`));
  return refused === undefined ? undefined : `the profile permits ${refused}, and the filter refuses it`;
}

interface Mechanism {
  readonly by: string;
  readonly rule: string;
  readonly also: readonly string[] | undefined;
}

/** Who refused it, and who would have: from the supervisor's records and from what changes when a layer is taken off. */
function mechanismOf(runs: AttackRuns): Mechanism {
  const { all, withoutSeccomp, withoutLandlock, withoutBoth } = runs;
  const record = runs.records.find((each) => each.call === all.call);
  const layered = withoutSeccomp !== undefined && withoutLandlock !== undefined && withoutBoth !== undefined;
  if (!layered) return { by: record?.mechanism ?? guess(all), rule: record?.rule ?? '', also: undefined };
  const seccompActs = record !== undefined || differ(all, withoutSeccomp);
  const landlockActs = differ(withoutSeccomp, withoutBoth);
  const rest = works(withoutBoth) ? undefined : guess(withoutBoth);
  const order = [
    ...(seccompActs ? ['seccomp'] : []),
    ...(landlockActs ? ['landlock'] : []),
    ...(rest === undefined ? [] : [rest]),
  ];
  // A layer acts where its absence changes something; one that lets the act through in the end does not hold it.
  const holding = order.filter((each) => {
    if (each === 'seccomp') return !works(withoutLandlock);
    if (each === 'landlock') return !works(withoutSeccomp);
    return true;
  });
  const [by = guess(all), ...also] = holding;
  return { by, rule: by === 'seccomp' ? (record?.rule ?? '') : '', also };
}

function differ(one: AttackOutcome, other: AttackOutcome): boolean {
  return (
    one.outcome !== other.outcome ||
    one.errno !== other.errno ||
    one.call !== other.call ||
    one.signal !== other.signal
  );
}

const BEHIND: readonly {
  readonly errno: readonly string[];
  readonly calls?: readonly string[];
  readonly step?: RegExp;
  readonly means: string;
}[] = [
  { errno: ['EROFS'], means: 'read-only mounts' },
  { errno: ['EXDEV'], calls: ['chroot', 'fchdir'], means: 'pivoted root' },
  { errno: ['EXDEV'], means: 'separate mounts' },
  { errno: ['EBADF'], means: 'nothing left open' },
  { errno: ['ENOTTY'], means: 'no terminal' },
  { errno: ['ESRCH'], means: 'process namespace' },
  { errno: ['ENOENT'], calls: ['shmat', 'mq_open'], means: 'IPC namespace' },
  { errno: ['ENOENT'], step: /\/proc\/\d+|outside's process/, means: 'process namespace' },
  { errno: ['ENOSYS', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'], means: 'not in this kernel' },
  { errno: ['ENOENT', 'ENOTDIR', 'ENXIO', 'ENODEV'], means: 'not in the bundle' },
  { errno: ['EPERM', 'EACCES'], calls: ['mmap', 'mprotect', 'execve', 'execveat'], means: 'noexec mount' },
  { errno: ['EACCES'], step: /\/proc\/\d+|environment of process/, means: 'process boundaries' },
  { errno: ['EACCES'], calls: ['socket', 'perf_event_open'], means: 'kernel settings' },
  { errno: ['EACCES'], means: 'file modes' },
  { errno: ['EPERM'], means: 'capabilities' },
  { errno: ['EAGAIN', 'EFBIG', 'ENOMEM', 'EMFILE'], means: 'limits' },
  {
    errno: ['ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT', 'EADDRNOTAVAIL', 'ENETDOWN'],
    means: 'network namespace',
  },
];

/** What stands behind an answer of the kernel that neither the filter nor Landlock gave. */
function guess(outcome: AttackOutcome): string {
  if (outcome.signal !== null) return SIGNALS.get(outcome.signal) ?? `signal ${outcome.signal}`;
  const { errno, call, step } = outcome;
  if (errno === null) return 'the confinement';
  const found = BEHIND.find(
    (each) =>
      each.errno.includes(errno) && (each.calls?.includes(call) ?? true) && (each.step?.test(step) ?? true),
  );
  return found?.means ?? errno;
}

function outcomeText(outcome: AttackOutcome): string {
  switch (outcome.outcome) {
    case 'succeeded':
      return 'works';
    case 'refused':
    case 'absent':
      return outcome.errno ?? (outcome.signal === null ? 'refused' : `signal ${outcome.signal}`);
    case 'died':
      return outcome.signal === null ? 'broke down' : `signal ${outcome.signal}`;
    case 'hung':
      return 'hung';
    case 'not-run':
      return 'not made';
  }
}

/** The records that were written while an attempt was being made. */
export function recordsOf(outcome: AttackOutcome, records: readonly AttackRecord[]): AttackRecord[] {
  return records.filter((record) => record.time >= outcome.begin && record.time <= outcome.end);
}

/** Puts the runs of each attempt together; a run that lacks an attempt is a broken battery. */
export function runsOf(
  name: string,
  all: InsideRun,
  others:
    | {
        readonly withoutSeccomp: InsideRun;
        readonly withoutLandlock: InsideRun;
        readonly withoutBoth: InsideRun;
      }
    | undefined,
): AttackRuns | undefined {
  const find = (run: InsideRun): AttackOutcome | undefined => run.outcomes.find((each) => each.name === name);
  const outcome = find(all);
  if (outcome === undefined) return undefined;
  const runs = { all: outcome, records: recordsOf(outcome, all.records) };
  if (others === undefined) return runs;
  const withoutSeccomp = find(others.withoutSeccomp);
  const withoutLandlock = find(others.withoutLandlock);
  const withoutBoth = find(others.withoutBoth);
  if (withoutSeccomp === undefined || withoutLandlock === undefined || withoutBoth === undefined)
    return undefined;
  return { ...runs, withoutSeccomp, withoutLandlock, withoutBoth };
}
