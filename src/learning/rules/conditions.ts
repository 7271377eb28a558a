import type { Argument } from '../../policy/index.js';
import { constantValue, signatureOf, valueSetOf, valueText } from '../../policy/index.js';
import type { SeenRow } from '../facts/observe.js';
import type { RowDraft } from './draft.js';

/**
 * The calls whose arguments decide what they open: memory that is run, sockets, namespaces, other processes, devices. The
 * others are permitted with any arguments: where they lead is Landlock's, the mounts' and the capabilities' to hold.
 */
const JUDGED: ReadonlyMap<string, readonly string[]> = new Map([
  ['mmap', ['prot', 'flags']],
  ['mprotect', ['prot']],
  ['pkey_mprotect', ['prot']],
  ['socket', ['domain', 'type', 'protocol']],
  ['socketpair', ['domain', 'type', 'protocol']],
  ['setsockopt', ['level', 'name']],
  ['getsockopt', ['level', 'name']],
  ['ioctl', ['request']],
  ['fcntl', ['command']],
  ['prctl', ['option', 'arg2']],
  ['arch_prctl', ['option']],
  ['clone', ['flags']],
  ['unshare', ['flags']],
  ['setns', ['type']],
  ['kill', ['sig']],
  ['tkill', ['sig']],
  ['tgkill', ['sig']],
  ['rt_sigqueueinfo', ['sig']],
  ['pidfd_send_signal', ['sig']],
  ['sendto', ['flags']],
  ['sendmsg', ['flags']],
  ['sendmmsg', ['flags']],
  ['futex', ['operation']],
  ['madvise', ['advice']],
  ['mremap', ['flags']],
  ['seccomp', ['operation']],
  ['keyctl', ['operation']],
  ['bpf', ['command']],
  ['mount', ['flags']],
  ['ptrace', ['request']],
  ['personality', ['persona']],
  ['shmget', ['flags']],
  ['memfd_create', ['flags']],
]);

/** Bits that change nothing of what a call opens. */
const HARMLESS: ReadonlyMap<string, readonly string[]> = new Map([
  ['socket.type', ['SOCK_CLOEXEC', 'SOCK_NONBLOCK']],
  ['socketpair.type', ['SOCK_CLOEXEC', 'SOCK_NONBLOCK']],
  ['sendto.flags', ['MSG_NOSIGNAL', 'MSG_DONTWAIT', 'MSG_MORE']],
  ['sendmsg.flags', ['MSG_NOSIGNAL', 'MSG_DONTWAIT', 'MSG_MORE']],
  ['sendmmsg.flags', ['MSG_NOSIGNAL', 'MSG_DONTWAIT', 'MSG_MORE']],
  ['futex.operation', ['FUTEX_PRIVATE_FLAG', 'FUTEX_CLOCK_REALTIME']],
]);

const WHOLE = 0xffff_ffff_ffff_ffffn;

export function isJudged(call: string): boolean {
  return JUDGED.has(call);
}

interface Judged {
  readonly argument: Argument;
  /** Its whole value tells cases apart; otherwise its bits are gathered. */
  readonly chooses: boolean;
}

function judgedArguments(call: string): readonly Judged[] {
  return (JUDGED.get(call) ?? []).flatMap((name): Judged[] => {
    const argument = signatureOf(call)?.find((each) => each.name === name);
    return argument === undefined ? [] : [{ argument, chooses: chooses(call, argument) }];
  });
}

function chooses(call: string, argument: Argument): boolean {
  const set = valueSetOf(call, argument, []);
  if (set?.kind === 'names')
    return (
      set.names.some(({ mask }) => mask === WHOLE) ||
      /^(socket|socketpair)\.type$/.test(`${call}.${argument.name}`)
    );
  return true;
}

function harmless(call: string, argument: Argument): bigint {
  return (HARMLESS.get(`${call}.${argument.name}`) ?? []).reduce(
    (bits, name) => bits | (constantValue(name) ?? 0n),
    0n,
  );
}

/** Of a row, what its conditions are made from. */
type Values = Pick<SeenRow, 'values'>;

/** Whether a row does what the other does, but for bits that change nothing. */
export function doesAs(call: string, row: Values, other: Values): boolean {
  return judgedArguments(call).every(({ argument }) => {
    const asked = other.values.get(argument.index);
    const value = row.values.get(argument.index);
    const bits = harmless(call, argument);
    return asked === undefined || (value !== undefined && (value & ~bits) === (asked & ~bits));
  });
}

/** Rows that permit the given ones, with bits gathered, and lists where only one argument differs. */
export function rowsOf(call: string, seen: readonly Values[]): readonly RowDraft[] {
  const judged = judgedArguments(call);
  if (call === 'mmap') return memoryRows(seen, judged);
  const groups = new Map<
    string,
    { readonly choice: ReadonlyMap<string, bigint>; readonly bits: Map<string, bigint> }
  >();
  for (const row of seen) {
    const choice = new Map<string, bigint>();
    const bits = new Map<string, bigint>();
    for (const { argument, chooses: whole } of judged) {
      const value = row.values.get(argument.index);
      if (value === undefined || !matters(call, argument, row)) continue;
      const told = value & ~harmless(call, argument);
      if (whole) choice.set(argument.name, told);
      else bits.set(argument.name, value | harmless(call, argument));
    }
    const key = [...choice].map(([name, value]) => `${name}=${value}`).join(' ');
    const group = groups.get(key) ?? { choice, bits: new Map<string, bigint>() };
    for (const [name, value] of bits) group.bits.set(name, (group.bits.get(name) ?? 0n) | value);
    groups.set(key, group);
  }
  let rows = [...groups.values()].map(
    ({ choice, bits }): Merging => ({
      choice: new Map([...choice].map(([name, value]) => [name, [value]])),
      bits,
    }),
  );
  // From the last argument to the first: the case comes first, what is done in it behind.
  for (const { argument } of [...judged].reverse()) rows = merged(rows, argument.name);
  return rows.map((row) => ({ tests: testsOf(call, judged, row), errno: undefined }));
}

/** Most options of prctl are judged by themselves. */
function matters(call: string, argument: Argument, row: Values): boolean {
  return call !== 'prctl' || argument.index === 0 || row.values.get(0) === constantValue('PR_CAP_AMBIENT');
}

interface Merging {
  readonly choice: ReadonlyMap<string, readonly bigint[]>;
  readonly bits: ReadonlyMap<string, bigint>;
}

/** Joins rows that differ in one argument's choice alone. */
function merged(rows: readonly Merging[], name: string): Merging[] {
  const groups = new Map<string, Merging>();
  for (const row of rows) {
    const rest = [...row.choice]
      .filter(([each]) => each !== name)
      .map(([each, values]) => `${each}=${values.join()}`);
    const key = `${row.choice.has(name)} ${rest.join(' ')} ${[...row.bits].map(([each, value]) => `${each}=${value}`).join(' ')}`;
    const group = groups.get(key);
    const values = [...new Set([...(group?.choice.get(name) ?? []), ...(row.choice.get(name) ?? [])])];
    const choice = new Map(row.choice);
    if (row.choice.has(name))
      choice.set(
        name,
        values.sort((a, b) => (a < b ? -1 : 1)),
      );
    groups.set(key, { choice, bits: row.bits });
  }
  return [...groups.values()];
}

function testsOf(call: string, judged: readonly Judged[], row: Merging): ReadonlyMap<string, string> {
  const tests = new Map<string, string>();
  for (const { argument } of judged) {
    const values = row.choice.get(argument.name);
    const bits = row.bits.get(argument.name);
    if (values !== undefined) tests.set(argument.name, choiceText(call, argument, values, row));
    else if (bits !== undefined) tests.set(argument.name, `{only: ${text(call, argument, bits, row)}}`);
  }
  return tests;
}

function choiceText(call: string, argument: Argument, values: readonly bigint[], row: Merging): string {
  const ignored = harmless(call, argument);
  const texts = values.map((value) => text(call, argument, value, row));
  if (ignored === 0n) return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  const mask =
    argument.name === 'type'
      ? 'SOCK_TYPE_MASK'
      : `0x${(BigInt.asUintN(argument.width, ~ignored)).toString(16)}`;
  const masked = texts.map((each) => `{is: ${each}, mask: ${mask}}`);
  return masked.length === 1 ? (masked[0] ?? '') : `[${masked.join(', ')}]`;
}

function text(call: string, argument: Argument, value: bigint, row: Merging): string {
  const registers: bigint[] = [];
  for (const each of signatureOf(call) ?? []) registers.push(row.choice.get(each.name)?.[0] ?? 0n);
  const set = valueSetOf(call, argument, registers);
  return set === undefined ? value.toString() : valueText(set, value);
}

const PROT_WRITE = constantValue('PROT_WRITE') ?? 0n;
const PROT_EXEC = constantValue('PROT_EXEC') ?? 0n;
const MAP_ANONYMOUS = constantValue('MAP_ANONYMOUS') ?? 0n;

/** Whether something was mapped, or made, writable and executable at once. */
export function writesAndRuns(row: Values): boolean {
  const prot = row.values.get(2) ?? 0n;
  return (prot & PROT_WRITE) !== 0n && (prot & PROT_EXEC) !== 0n;
}

/** Memory by what matters of it: what can be written is not run, and what is run comes from a file. */
function memoryRows(seen: readonly Values[], judged: readonly Judged[]): readonly RowDraft[] {
  const [, flags] = judged;
  const rows: RowDraft[] = [];
  const row = (tests: readonly [string, string][]): void => {
    rows.push({ tests: new Map(tests), errno: undefined });
  };
  const runs = seen.filter(({ values }) => ((values.get(2) ?? 0n) & PROT_EXEC) !== 0n);
  if (runs.length < seen.length) row([['prot', '{only: PROT_READ|PROT_WRITE}']]);
  const files = runs.filter((each) => !writesAndRuns(each));
  const anonymous = files.some(
    ({ values }) => ((values.get(flags?.argument.index ?? 3) ?? 0n) & MAP_ANONYMOUS) !== 0n,
  );
  if (files.length > 0 && !anonymous)
    row([
      ['prot', '{only: PROT_READ|PROT_EXEC}'],
      ['flags', '{without: MAP_ANONYMOUS}'],
    ]);
  if (anonymous) row([['prot', '{only: PROT_READ|PROT_EXEC}']]);
  if (runs.some(writesAndRuns)) row([['prot', '{only: PROT_READ|PROT_WRITE|PROT_EXEC}']]);
  return rows;
}
