import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, Failure } from '../bundle/index.js';
import { runningInstance } from './instances.js';

/** Refusals by one rule: how often, and one in words. */
export interface Refused {
  readonly rule: string;
  /** The file or address that was refused; undefined: the call itself. */
  readonly object: string | undefined;
  /** The words of access that the call asked for on a file. */
  readonly needs: string;
  readonly count: number;
  readonly example: string;
}

/** What came of running a profile against an exercise, with refusals in force. */
export interface ReplayOutcome {
  readonly started: boolean;
  /** The exercise's exit code; undefined: it was never run. */
  readonly exercise: number | undefined;
  /** How long the exercise took, in milliseconds. */
  readonly took: number;
  /** What was refused, as the violation log has it. */
  readonly refused: readonly Refused[];
  /** The last words of the start that failed, or else of the exercise. */
  readonly complaint: string;
  /** It took longer than there was patience for, and was called off. */
  readonly hung: boolean;
}

export interface ReplayRequest {
  /** The native `vxe`. */
  readonly vxe: string;
  readonly name: string;
  /** The bundle: what is run is a copy of it. */
  readonly bundle: string;
  /** Gives the copy another profile. */
  readonly relower: (bundle: string, profile: string) => void;
  readonly exercise: readonly string[];
  readonly ports: readonly number[];
  readonly signal: AbortSignal;
}

/** Longer than a daemon takes to start on a machine that stands still for a minute. */
const START_TIMEOUT = 120_000;
const COMMAND_TIMEOUT = 15 * 60_000;
const WATCH_EVERY = 200;
/** What does not end when it is asked to is ended after so many milliseconds. */
const GRACE = 2000;

/** A copy of a bundle with another profile, in folders of its own: started, exercised, stopped, as often as one likes. */
export class Replay {
  readonly #request: ReplayRequest;
  readonly #folder: string;

  constructor(request: ReplayRequest) {
    this.#request = request;
    this.#folder = mkdtempSync(join(tmpdir(), 'vxe-replay-'));
    for (const name of ['bundles', 'run', 'log']) mkdirSync(join(this.#folder, name));
    // Owners and times and all; the launcher looks at them.
    execFileSync('cp', ['-a', request.bundle, join(this.#folder, 'bundles', request.name)]);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * With `enough` the exercise is called off as soon as that holds for what was refused by then, and with `patience` after so many milliseconds:
   * a daemon that takes connections and answers none keeps each client waiting.
   */
  async run(
    profile: string,
    enough: (refused: ReplayOutcome['refused']) => boolean = () => false,
    patience?: number,
  ): Promise<ReplayOutcome> {
    const { name, exercise, relower } = this.#request;
    const log = join(this.#folder, 'log', name);
    rmSync(log, { recursive: true, force: true });
    relower(join(this.#folder, 'bundles', name), profile);
    const started = await this.#vxe(['start', name, '--detach', '--record-files']);
    if (started.code !== 0)
      return {
        started: false,
        exercise: undefined,
        took: 0,
        refused: readRefused(log),
        complaint: started.complaint,
        hung: false,
      };
    let code: number | undefined;
    let took = 0;
    let complaint = '';
    let hung = false;
    try {
      if (await this.#listens()) {
        const begun = performance.now();
        const isOver = (): boolean => {
          hung = patience !== undefined && performance.now() - begun > patience;
          return hung || enough(readRefused(log));
        };
        ({ code, complaint } = await this.#exercise(exercise, isOver));
        took = performance.now() - begun;
      }
    } finally {
      await this.#vxe(['stop', name]);
    }
    return { started: true, exercise: code, took, refused: readRefused(log), complaint, hung };
  }

  /** The exercise is over when its first process is; what it leaves behind is ended, as what is called off is: it would go on asking the next daemon. */
  async #exercise(
    words: readonly string[],
    enough: () => boolean,
  ): Promise<{ readonly code: number | undefined; readonly complaint: string }> {
    const { signal } = this.#request;
    const [file = '', ...args] = words;
    // A file, since a pipe would be held open by what is left behind.
    const said = join(this.#folder, 'exercise.err');
    const stderr = openSync(said, 'w');
    const child = spawn(file, args, {
      env: { ...process.env, ...this.#folders() },
      stdio: ['ignore', 'ignore', stderr],
      detached: true,
    });
    closeSync(stderr);
    const until = performance.now() + COMMAND_TIMEOUT;
    let off: 'enough' | 'late' | undefined;
    let asked: number | undefined;
    const endAll = (): void => {
      asked ??= performance.now();
      if (child.pid !== undefined)
        endGroup(child.pid, performance.now() - asked > GRACE ? 'SIGKILL' : 'SIGTERM');
    };
    const watch = setInterval(() => {
      if (off === undefined && enough()) off = 'enough';
      if (off === undefined && performance.now() > until) off = 'late';
      if (off !== undefined || signal.aborted) endAll();
    }, WATCH_EVERY);
    signal.addEventListener('abort', endAll);
    const code = await new Promise<number>((resolve) => {
      child.once('error', (error) => resolve(errnoOf(error) === 'ENOENT' ? 127 : 126));
      child.once('exit', (status, sig) =>
        resolve(status ?? 128 + (sig === null ? 0 : constants.signals[sig])),
      );
    });
    clearInterval(watch);
    signal.removeEventListener('abort', endAll);
    endAll();
    signal.throwIfAborted();
    if (off === 'late') throw new Failure('replay-hung', words.join(' '), 'did not come to an end');
    return { code: off === undefined ? code : undefined, complaint: lastLine(readFileSync(said, 'utf8')) };
  }

  /** Without connecting: a connection that no exercise makes would be one more thing that it does. */
  async #listens(): Promise<boolean> {
    const until = Date.now() + START_TIMEOUT;
    const { ports, name, signal } = this.#request;
    for (;;) {
      // A daemon that ended because of what it was refused will not listen any more.
      const running = runningInstance(join(this.#folder, 'run'), name);
      const served = running === undefined ? new Set<number>() : listeningPorts(running.pid);
      if (ports.every((port) => served.has(port))) return true;
      if (running === undefined || Date.now() > until) return false;
      signal.throwIfAborted();
      await sleep(50);
    }
  }

  async #vxe(args: readonly string[]): Promise<{ readonly code: number; readonly complaint: string }> {
    const { execa } = await import('execa');
    const done = await execa(this.#request.vxe, args, {
      env: this.#folders(),
      stdin: 'ignore',
      reject: false,
      timeout: COMMAND_TIMEOUT,
      cancelSignal: this.#request.signal,
    });
    this.#request.signal.throwIfAborted();
    if (done.timedOut) throw new Failure('replay-hung', `vxe ${args.join(' ')}`, 'did not come to an end');
    return { code: done.exitCode ?? 1, complaint: lastLine(done.stderr) };
  }

  #folders(): Record<string, string> {
    return {
      VXE_BUNDLES: join(this.#folder, 'bundles'),
      VXE_ROOT: join(this.#folder, 'run'),
      VXE_LOGS: join(this.#folder, 'log'),
    };
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function endGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** The TCP ports at which somebody listens in the network of a process, by proc_pid_net(5). */
function listeningPorts(pid: number): ReadonlySet<number> {
  const listening = '0A';
  const ports = new Set<number>();
  for (const table of ['tcp', 'tcp6']) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${table}`, 'utf8');
    } catch (error) {
      // It ended meanwhile, or there is no IPv6 here.
      if (errnoOf(error) === undefined) throw error;
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', , state] = line.trim().split(/\s+/);
      if (state === listening) ports.add(Number.parseInt(local.split(':').at(-1) ?? '', 16));
    }
  }
  return ports;
}

function readRefused(log: string): ReplayOutcome['refused'] {
  let text: string;
  try {
    text = readFileSync(join(log, 'violations.ndjson'), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  const found = new Map<string, { -readonly [Key in keyof Refused]: Refused[Key] }>();
  // The last line may be on its way still.
  for (const line of text.split('\n').slice(0, -1)) {
    const record = JSON.parse(line) as Record<string, unknown>;
    const rule = String(record.rule);
    const object = record.mechanism === 'seccomp' ? undefined : objectOf(record);
    const count = Number(record.count ?? 1);
    const needs = object === undefined ? '' : String(record.needs ?? '');
    const key = `${rule} ${object ?? ''} ${needs}`;
    const before = found.get(key);
    if (before === undefined)
      found.set(key, { rule, object, needs, count, example: String(record.detail ?? record.call) });
    else before.count += count;
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, refused]) => refused);
}

/** A process's own files in /proc have another name in each run. */
function objectOf({ path, to, call }: Record<string, unknown>): string {
  return String(path ?? to ?? call).replace(/^\/proc\/[0-9]+(\/task\/[0-9]+)?/, '/proc/N');
}
