import type { Access, Argument } from '../../policy/index.js';
import { signatureOf, valueUses } from '../../policy/index.js';
import type { PathKind, RecordedAddress, RecordedCall, Recording } from '../recording/index.js';
import type { Evidence } from './evidence.js';
import { EvidenceSum, evidenceOf } from './evidence.js';
import { fileNeeds, succeeded } from './needs.js';
import { ownNeed, ownNumbers } from './own.js';
import type { VainSockets } from './vain.js';
import { connectsInVainOnly, vainSockets } from './vain.js';

/** A call with particular values of the arguments that rules can speak of. */
export interface SeenRow {
  readonly values: ReadonlyMap<number, bigint>;
  readonly evidence: Evidence;
  /** The one error that it always ended with; undefined: it ended otherwise, too, or nobody knows. */
  readonly alwaysFailed: string | undefined;
}

export interface SeenCall {
  readonly call: string;
  readonly rows: readonly SeenRow[];
  readonly evidence: Evidence;
}

export interface SeenFile {
  readonly path: string;
  readonly access: ReadonlySet<Access>;
  readonly kind: PathKind;
  readonly evidence: Evidence;
}

export interface SeenAddress {
  readonly call: string;
  readonly address: RecordedAddress;
  readonly evidence: Evidence;
}

/** What was executed, beside the program itself. */
export interface SeenExec {
  readonly path: string;
  readonly evidence: Evidence;
}

/** All recordings as facts, each with its evidence. */
export interface Observations {
  readonly program: string | undefined;
  /** The name by which it was started, which may be a link to it. */
  readonly startedAs: string | undefined;
  readonly runs: readonly string[];
  readonly calls: ReadonlyMap<string, SeenCall>;
  readonly files: readonly SeenFile[];
  readonly addresses: readonly SeenAddress[];
  readonly vain: VainSockets;
  /** Calls that only such sockets are used by. */
  readonly vainCalls: ReadonlySet<string>;
  /** A process had more than one. */
  readonly threads: boolean;
  readonly execs: readonly SeenExec[];
  /** Entries other than the native one, and calls without a name: no rule can permit them. */
  readonly foreign: readonly SeenExec[];
  /** By capability the calls that needed it; undefined: no recorder that knows was there. */
  readonly capabilities: ReadonlyMap<string, readonly string[]> | undefined;
}

class Sums<T> {
  readonly #entries = new Map<string, { readonly fact: T; readonly sum: EvidenceSum }>();

  add(key: string, run: string, call: RecordedCall, fact: () => T): T {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { fact: fact(), sum: new EvidenceSum() };
      this.#entries.set(key, entry);
    }
    entry.sum.add(run, call);
    return entry.fact;
  }

  list(): { readonly fact: T; readonly evidence: Evidence }[] {
    return [...this.#entries.values()].map(({ fact, sum }) => ({ fact, evidence: sum.value }));
  }
}

interface Row {
  readonly call: string;
  readonly values: ReadonlyMap<number, bigint>;
  readonly errnos: Set<string>;
}

interface File {
  readonly path: string;
  readonly access: Set<Access>;
  kind: PathKind;
}

export function observe(recordings: readonly Recording[]): Observations {
  const rows = new Sums<Row>();
  const files = new Sums<File>();
  const addresses = new Sums<{ call: string; address: RecordedAddress }>();
  const execs = new Sums<string>();
  const foreign = new Sums<string>();
  const vain = vainSockets(recordings);
  let program: string | undefined;
  let startedAs: string | undefined;
  for (const recording of recordings) {
    const { run } = recording.header;
    const numbers = ownNumbers(recording.calls);
    const { launch, calls } = fromLaunch(recording.calls);
    const executed = launch?.paths.find((path) => path.kind === 'file');
    program ??= executed?.path;
    if (executed?.path !== undefined && executed.path === program && executed.given?.startsWith('/'))
      startedAs ??= executed.given;
    for (const call of calls) {
      // The launch's own, which needs no rule.
      if (call === launch) {
        noteLaunch(files, run, call);
        if (call.count === 1) continue;
      }
      if (call.arch !== 'x86_64' && call.arch !== 'aarch64') {
        foreign.add(call.arch, run, call, () => `the ${call.arch} entry`);
        continue;
      }
      if (call.call.startsWith('nr ')) {
        foreign.add(call.call, run, call, () => `the call ${call.call}, which has no name here`);
        continue;
      }
      const values = valuesOf(call);
      const key = `${call.call} ${[...values].map(([index, value]) => `${index}=${value}`).join(' ')}`;
      const row = rows.add(key, run, call, () => ({ call: call.call, values, errnos: new Set() }));
      row.errnos.add(call.result === undefined ? 'unknown' : (call.errno ?? ''));
      for (const found of fileNeeds(call)) {
        const need = ownNeed(found, numbers.get(call.pid));
        const file = files.add(need.path, run, call, () => ({
          path: need.path,
          access: new Set(),
          kind: need.kind,
        }));
        for (const access of need.access) file.access.add(access);
        if (need.kind !== 'unknown' && need.kind !== 'absent') file.kind = need.kind;
      }
      const { address } = call;
      const inVain = address !== undefined && vain.has(`${address.family} ${address.type}`);
      if (address !== undefined && !inVain && (succeeded(call) || call.errno === 'EINPROGRESS')) {
        addresses.add(`${call.call} ${address.text}`, run, call, () => ({ call: call.call, address }));
      }
      if (/^execve(at)?$/.test(call.call) && succeeded(call)) {
        for (const { path } of call.paths) if (path !== undefined) execs.add(path, run, call, () => path);
      }
    }
  }
  return {
    program,
    startedAs,
    runs: recordings.map((recording) => recording.header.run),
    calls: callsOf(rows),
    files: files.list().map(({ fact, evidence }) => ({ ...fact, evidence })),
    addresses: addresses.list().map(({ fact, evidence }) => ({ ...fact, evidence })),
    vain,
    vainCalls: new Set(connectsInVainOnly(recordings, vain) ? ['connect'] : []),
    threads: recordings.some(({ calls }) => calls.some(({ pid, tid }) => tid !== pid)),
    execs: execs.list().map(({ fact, evidence }) => ({ path: fact, evidence })),
    foreign: foreign.list().map(({ fact, evidence }) => ({ path: fact, evidence })),
    capabilities: capabilitiesOf(recordings),
  };
}

function noteLaunch(files: Sums<File>, run: string, call: RecordedCall): void {
  for (const { path, kind } of call.paths) {
    if (path === undefined || kind !== 'file') continue;
    const file = files.add(path, run, call, () => ({ path, access: new Set(), kind }));
    file.access.add('read');
    file.access.add('execute');
  }
}

/** The arguments that a rule could speak of, as the kernel looks at them. */
function valuesOf(call: RecordedCall): ReadonlyMap<number, bigint> {
  const values = new Map<number, bigint>();
  for (const argument of signatureOf(call.call) ?? []) {
    const value = call.args[argument.index];
    if (value !== undefined && isTold(call, argument))
      values.set(argument.index, BigInt.asUintN(argument.width, value));
  }
  return values;
}

function isTold(call: RecordedCall, argument: Argument): boolean {
  return valueUses(call.call, argument).some(
    ({ where }) =>
      where === undefined ||
      where.values.some(
        (value) => BigInt.asUintN(32, value) === BigInt.asUintN(32, call.args[where.index] ?? 0n),
      ),
  );
}

function callsOf(rows: Sums<Row>): ReadonlyMap<string, SeenCall> {
  const calls = new Map<string, SeenRow[]>();
  for (const { fact, evidence } of rows.list()) {
    const [only] = fact.errnos;
    const alwaysFailed =
      fact.errnos.size === 1 && only !== undefined && only !== '' && only !== 'unknown' ? only : undefined;
    calls.set(fact.call, [...(calls.get(fact.call) ?? []), { values: fact.values, evidence, alwaysFailed }]);
  }
  return new Map(
    [...calls].map(([call, seen]) => [
      call,
      { call, rows: seen, evidence: evidenceOf(seen.map((row) => row.evidence)) },
    ]),
  );
}

/** The execution that began it, and what came from then on: who looks for a program along PATH tries each of its folders before. */
function fromLaunch(calls: readonly RecordedCall[]): {
  readonly launch: RecordedCall | undefined;
  readonly calls: readonly RecordedCall[];
} {
  const first = calls.findIndex(isExecution);
  const there = calls.findIndex(
    (call) => isExecution(call) && call.errno === undefined && call.paths.some(({ kind }) => kind === 'file'),
  );
  const at = there >= 0 && calls.slice(first, there).every(isExecution) ? there : first;
  return {
    launch: calls[at],
    calls: [...calls.slice(0, Math.max(first, 0)), ...calls.slice(Math.max(at, 0))],
  };
}

function isExecution({ call }: RecordedCall): boolean {
  return call === 'execve' || call === 'execveat';
}

function capabilitiesOf(recordings: readonly Recording[]): Observations['capabilities'] {
  const told = recordings.flatMap(({ trailer }) =>
    trailer.capabilities === undefined ? [] : [trailer.capabilities],
  );
  if (told.length === 0) return undefined;
  const all = new Map<string, readonly string[]>();
  for (const one of told)
    for (const [name, calls] of one) all.set(name, [...new Set([...(all.get(name) ?? []), ...calls])].sort());
  return all;
}
