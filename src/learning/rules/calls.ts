import { unwrap } from '../../common/index.js';
import {
  callNumber,
  constantValue,
  parseConstants,
  signatureOf,
  valueSetOf,
  valueText,
} from '../../policy/index.js';
import type { Observations, SeenCall, SeenRow } from '../facts/observe.js';
import type { VainSockets } from '../facts/vain.js';
import { doesAs, isJudged, rowsOf, writesAndRuns } from './conditions.js';
import type { CallDraft, Mark, RowDraft } from './draft.js';
import type { Following, FollowingRow } from './families.js';
import { FAILING_WELL, FOLLOWING, FORK_FLAGS, relatives, SPAWN_FLAGS, THREAD } from './families.js';
import { cloneFlags, makesNamespaces, namespaceDraft, withCloneFlags } from './namespaces.js';

/** Permitted in every profile, or governed by `exec`, or answered with ENOSYS so that the C library falls back to a call that can be judged. */
const NOT_OWN: ReadonlySet<string> = new Set([
  ...['exit', 'exit_group', 'rt_sigreturn', 'restart_syscall', 'uretprobe', 'uprobe'],
  ...['execve', 'execveat'],
  ...['clone3', 'openat2', 'mount_setattr'],
]);

const FORK = unwrap(parseConstants(FORK_FLAGS));
const SPAWN = unwrap(parseConstants(SPAWN_FLAGS));

/** Calls that open an ordinary method of those who break in. */
const MARKED: ReadonlyMap<string, string> = new Map([
  ['ptrace', 'reads and writes other processes'],
  ['process_vm_readv', 'reads other processes'],
  ['process_vm_writev', 'writes other processes'],
  ['mount', 'changes what paths mean'],
  ['umount2', 'changes what paths mean'],
  ['pivot_root', 'changes what paths mean'],
  ['setns', 'enters other namespaces'],
  ['unshare', 'makes namespaces'],
  ['bpf', 'runs programs in the kernel'],
  ['perf_event_open', 'watches the kernel'],
  ['init_module', 'runs code in the kernel'],
  ['finit_module', 'runs code in the kernel'],
  ['kexec_load', 'replaces the kernel'],
  ['memfd_create', 'makes files that no rule knows'],
  ['io_uring_setup', 'makes calls that no filter sees'],
  ['personality', 'changes how memory is laid out'],
  ['userfaultfd', 'stops the kernel in the middle'],
  ['add_key', 'uses kernel keyrings'],
  ['keyctl', 'uses kernel keyrings'],
]);

export function callDrafts(seen: Observations): readonly CallDraft[] {
  const addressed = new Set(seen.addresses.map((each) => each.call));
  const drafts = new Map<string, CallDraft>();
  for (const call of seen.calls.values())
    if (!NOT_OWN.has(call.call) && !seen.vainCalls.has(call.call))
      drafts.set(call.call, draftOf(withoutNamespaces(call), addressed, seen.vain));
  for (const { call, from, permit } of relatives(new Set(drafts.keys()))) {
    const draft = inferred(call, permit, `does the work of ${from.join(', ')}`);
    if (draft !== undefined) drafts.set(call, draft);
  }
  for (const { call, permit } of FAILING_WELL) {
    if (drafts.has(call)) continue;
    const draft = inferred(call, permit, 'every program needs it to fail well');
    if (draft !== undefined) drafts.set(call, draft);
  }
  for (const each of FOLLOWING) addFollowing(each, seen, drafts);
  addProcesses(seen, drafts);
  if (seen.threads && seen.calls.has('clone3')) addThreads(drafts);
  const namespaces = namespaceDraft(seen);
  return [...drafts.values(), ...(namespaces === undefined ? [] : [namespaces])].sort(
    (a, b) => (callNumber(a.call) ?? 0) - (callNumber(b.call) ?? 0),
  );
}

/**
 * What is left of clone without the namespaces that it makes, which have a draft of their own: the fork that it is all the same, and that the C
 * library makes with its own flags where namespaces are refused.
 */
function withoutNamespaces(call: SeenCall): SeenCall {
  if (call.call !== 'clone') return call;
  const rows = call.rows.filter((row) => !makesNamespaces(row));
  const forks = call.rows.filter(makesNamespaces).map((row): SeenRow => withCloneFlags(row, FORK));
  return { ...call, rows: [...rows, ...forks] };
}

/** What follows from other calls, joined to what was seen of the same one. */
function addFollowing(
  { from, call, rows, why }: Following,
  seen: Observations,
  drafts: Map<string, CallDraft>,
): void {
  if (!from.some((each) => drafts.has(each) || (each === 'threads' && seen.threads))) return;
  const before = drafts.get(call);
  if (before?.permit === 'all') return;
  if (rows === 'all') {
    const draft = inferred(call, rows, why);
    if (draft !== undefined) drafts.set(call, draft);
    return;
  }
  const known = seen.calls.get(call)?.rows ?? [];
  const asked = rows
    .map((row) => ({ values: argumentsOf(call, row), name: row.map(([, value]) => value).join(' ') }))
    .filter((each) => !known.some((row) => doesAs(call, row, each)));
  if (asked.length === 0) return;
  const permit = rowsOf(call, [...known, ...asked]);
  const told = `${asked.map(({ name }) => name).join(', ')}: ${why}`;
  const draft = before ?? inferred(call, permit, told);
  if (draft !== undefined) drafts.set(call, { ...draft, permit, inferred: told });
}

function argumentsOf(call: string, row: FollowingRow): ReadonlyMap<number, bigint> {
  const asked = new Map<number, bigint>();
  for (const [name, text] of row) {
    const argument = signatureOf(call)?.find((each) => each.name === name);
    if (argument !== undefined) asked.set(argument.index, unwrap(parseConstants(text)));
  }
  return asked;
}

/**
 * Processes by each of the calls that make them, which one is the C library's choice. What clone3 makes is in memory: it may be either, and the
 * library makes it by clone where clone3 is not answered, as it is not where a profile holds.
 */
function addProcesses(seen: Observations, drafts: Map<string, CallDraft>): void {
  const rows = (seen.calls.get('clone')?.rows ?? []).map(cloneFlags);
  const kinds = [
    {
      call: 'fork',
      bits: FORK,
      condition: `{only: ${FORK_FLAGS}}`,
      cloned: rows.some((bits) => (bits & SPAWN) === (FORK & SPAWN)),
    },
    {
      call: 'vfork',
      bits: SPAWN,
      condition: SPAWN_FLAGS,
      cloned: rows.some((bits) => (bits & SPAWN) === SPAWN),
    },
  ];
  for (const kind of kinds) {
    const from = [kind.call, 'clone3'].filter((each) => seen.calls.has(each));
    if (!kind.cloned && from.length === 0) continue;
    const work = (of: readonly string[]): string => `does the work of ${of.join(', ')}`;
    const own = inferred(kind.call, 'all', work(kind.cloned ? ['clone', ...from] : from));
    if (own !== undefined && !drafts.has(kind.call)) drafts.set(kind.call, own);
    const clone = drafts.get('clone') ?? inferred('clone', [], work(from));
    if (
      clone === undefined ||
      clone.permit === 'all' ||
      rows.some((bits) => (bits & kind.bits) === kind.bits)
    )
      continue;
    const row: RowDraft = { tests: new Map([['flags', kind.condition]]), errno: undefined };
    const told = clone.inferred ?? work(from.length === 0 ? ['clone'] : from);
    drafts.set('clone', { ...clone, permit: [...clone.permit, row], inferred: told });
  }
}

function addThreads(drafts: Map<string, CallDraft>): void {
  const told = 'makes threads, as clone3 does';
  const draft = drafts.get('clone') ?? inferred('clone', [], told);
  if (draft === undefined || draft.permit === 'all') return;
  drafts.set('clone', { ...draft, permit: [...draft.permit, THREAD], inferred: told });
}

function inferred(call: string, permit: CallDraft['permit'], why: string): CallDraft | undefined {
  if (callNumber(call) === undefined) return undefined;
  return {
    id: `calls:${call}`,
    call,
    permit,
    quiet: [],
    evidence: undefined,
    inferred: why,
    mark: undefined,
  };
}

function draftOf(seen: SeenCall, addressed: ReadonlySet<string>, vain: VainSockets): CallDraft {
  const refused = seen.rows.filter((row) => asksInVain(seen.call, row));
  const sockets = seen.call === 'socket' ? vain : new Map<string, string>();
  const rest = seen.rows.filter((row) => !refused.includes(row) && !sockets.has(socketOf(row)));
  const quiet = refused.map((row): RowDraft => quietRow(seen.call, row));
  return {
    id: `calls:${seen.call}`,
    call: seen.call,
    permit:
      rest.length === 0
        ? []
        : isJudged(seen.call)
          ? withoutAddress(seen.call, rowsOf(seen.call, rest), addressed)
          : 'all',
    quiet: [...quiet, ...[...sockets.keys()].map(vainRow)],
    evidence: seen.evidence,
    inferred:
      sockets.size === 0 ? undefined : [...sockets].map(([socket, why]) => `${socket} ${why}`).join('; '),
    mark: markOf(seen),
  };
}

const FAMILIES = ['AF_UNIX', 'AF_INET', 'AF_INET6'];
const TYPES = ['SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_SEQPACKET'];
const TYPE_MASK = constantValue('SOCK_TYPE_MASK') ?? 0n;

function socketOf({ values }: SeenRow): string {
  const family = FAMILIES.find((name) => constantValue(name) === values.get(0));
  const type = TYPES.find((name) => constantValue(name) === (values.get(1) ?? 0n) % (TYPE_MASK + 1n));
  return `${family} ${type}`;
}

/** Programs take it for a machine that has no such sockets, and go on. */
function vainRow(socket: string): RowDraft {
  const [domain = '', type = ''] = socket.split(' ');
  const tests = new Map([
    ['domain', domain],
    ['type', `{is: ${type}, mask: SOCK_TYPE_MASK}`],
  ]);
  return { tests, errno: 'EACCES' };
}

/** Where nothing was ever sent to an address, nothing may be: the socket's own connection is all there is. */
function withoutAddress(
  call: string,
  rows: readonly RowDraft[],
  addressed: ReadonlySet<string>,
): readonly RowDraft[] {
  if (call !== 'sendto' || addressed.has(call)) return rows;
  return rows.map((row) => ({ ...row, tests: new Map([['addr', '0'], ...row.tests]) }));
}

/** A question to the kernel that it never knew the answer to: it goes on getting the same one. */
function asksInVain(call: string, row: SeenRow): boolean {
  if (row.alwaysFailed === undefined || !isJudged(call)) return false;
  return call === 'arch_prctl' && row.alwaysFailed === 'EINVAL';
}

function quietRow(call: string, row: SeenRow): RowDraft {
  const tests = new Map<string, string>();
  for (const argument of signatureOf(call) ?? []) {
    const value = row.values.get(argument.index);
    const set = valueSetOf(call, argument, [...row.values.values()]);
    if (value !== undefined)
      tests.set(argument.name, set === undefined ? value.toString() : valueText(set, value));
  }
  return { tests, errno: row.alwaysFailed };
}

function markOf(seen: SeenCall): Mark | undefined {
  const reason = MARKED.get(seen.call);
  if (reason !== undefined) return { reason };
  if (['mmap', 'mprotect', 'pkey_mprotect'].includes(seen.call) && seen.rows.some(writesAndRuns))
    return { reason: 'runs memory that it can write' };
  if (seen.call === 'mprotect' && seen.rows.some(({ values }) => ((values.get(2) ?? 0n) & 4n) !== 0n))
    return { reason: 'makes memory executable that it may have written' };
  return undefined;
}
