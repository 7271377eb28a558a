import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf, Failure } from '../bundle/index.js';

/** One attempt of the battery, as vxe-attack tells it. */
export interface AttackRow {
  readonly name: string;
  readonly group: string;
  readonly tries: string;
  /** What its success without VXE is. */
  readonly control: string;
  /** The calls as the evaluator is asked about them; empty where only the attempt knows. */
  readonly events: readonly string[];
  /** That the control needs. */
  readonly capability: string | null;
}

export const ATTACK_OUTCOMES = ['refused', 'succeeded', 'absent', 'died', 'hung', 'not-run'] as const;
export type AttackState = (typeof ATTACK_OUTCOMES)[number];

/** What came of one attempt in one surrounding. */
export interface AttackOutcome {
  readonly name: string;
  readonly outcome: AttackState;
  readonly errno: string | null;
  readonly signal: number | null;
  /** The system call that decided, and what it was to do. */
  readonly call: string;
  readonly step: string;
  readonly detail: string;
  readonly events: readonly string[];
  readonly eventsLost: boolean;
  readonly inProcess: boolean;
  /** Nanoseconds since 1970. */
  readonly begin: bigint;
  readonly end: bigint;
}

/** The part of a violation record that tells which attempt it belongs to. */
export interface AttackRecord {
  readonly time: bigint;
  readonly call: string;
  readonly rule: string;
  readonly mechanism: string;
}

export type AttackLayer = 'seccomp' | 'landlock';

export interface InsideRun {
  readonly outcomes: readonly AttackOutcome[];
  readonly records: readonly AttackRecord[];
}

/** Longer than every attempt hanging until its own deadline would be a broken battery, not a slow machine. */
const RUN_TIMEOUT = 20 * 60 * 1000;

/** The intruder's battery as a program: lists its attempts, makes them without VXE, makes them inside a bundle. */
export class Battery {
  readonly #program: string;
  readonly #signal: AbortSignal | undefined;

  constructor(program: string, signal?: AbortSignal) {
    this.#program = program;
    this.#signal = signal;
  }

  async rows(): Promise<AttackRow[]> {
    return (await this.#lines(['--list'], {})).map(readRow);
  }

  async control(only: readonly string[]): Promise<AttackOutcome[]> {
    return (await this.#lines(['--control', ...onlyOptions(only)], {})).map(readOutcome);
  }

  /** Under a name, in a state and log folder of its own: the bundle may be running meanwhile, in the cgroup of its name. */
  async inside(bundle: string, without: readonly AttackLayer[], only: readonly string[]): Promise<InsideRun> {
    const folder = mkdtempSync(join(tmpdir(), 'vxe-attack-'));
    const id = `attack-${process.pid}`;
    try {
      const layers = without.flatMap((layer) => ['--without', layer]);
      const lines = await this.#lines(['--bundle', bundle, '--id', id, ...layers, ...onlyOptions(only)], {
        VXE_ROOT: join(folder, 'run'),
        VXE_LOGS: join(folder, 'log'),
      });
      return {
        outcomes: lines.map(readOutcome),
        records: readRecords(join(folder, 'log', id, 'violations.ndjson')),
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #lines(args: readonly string[], env: Record<string, string>): Promise<unknown[]> {
    // Loaded here alone: no other verb needs it, and it is slow to load.
    const { execa } = await import('execa');
    const done = await execa(this.#program, args, {
      env,
      stdin: 'inherit',
      reject: false,
      timeout: RUN_TIMEOUT,
      maxBuffer: 64 * 1024 * 1024,
      ...(this.#signal === undefined ? {} : { cancelSignal: this.#signal }),
    });
    if (this.#signal?.aborted) throw this.#signal.reason;
    if (done.timedOut) throw new Failure('attack-hung', 'vxe-attack', 'the battery did not come to an end');
    if (done.exitCode !== 0)
      throw new Failure('attack-failed', 'vxe-attack', complaint(done.stderr, done.exitCode));
    return done.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parse(line));
  }
}

function onlyOptions(only: readonly string[]): string[] {
  return only.flatMap((name) => ['--only', name]);
}

/** What the native program said, without the name that the caller puts before it. */
function complaint(stderr: string, exitCode: number | undefined): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return line === '' ? `ended with ${exitCode ?? 'a signal'}` : line.replace(/^vxe-attack: /, '');
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw malformed(line);
  }
}

function malformed(value: unknown): Failure {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return new Failure(
    'attack-malformed',
    'vxe-attack',
    `said something that is not understood: ${text.slice(0, 200)}`,
    {
      hint: "run 'make attack' or install VXE again",
    },
  );
}

function readRow(value: unknown): AttackRow {
  const fields = object(value);
  return {
    name: text(fields, 'name'),
    group: text(fields, 'group'),
    tries: text(fields, 'tries'),
    control: text(fields, 'control'),
    events: texts(fields, 'events'),
    capability: fields.capability === null ? null : text(fields, 'capability'),
  };
}

function readOutcome(value: unknown): AttackOutcome {
  const fields = object(value);
  const outcome = ATTACK_OUTCOMES.find((each) => each === fields.outcome);
  if (outcome === undefined) throw malformed(value);
  return {
    name: text(fields, 'name'),
    outcome,
    errno: fields.errno === null ? null : text(fields, 'errno'),
    signal: typeof fields.signal === 'number' ? fields.signal : null,
    call: text(fields, 'call'),
    step: text(fields, 'step'),
    detail: text(fields, 'detail'),
    events: texts(fields, 'events'),
    eventsLost: fields.eventsLost === true,
    inProcess: fields.inProcess === true,
    begin: BigInt(text(fields, 'begin')),
    end: BigInt(text(fields, 'end')),
  };
}

function readRecords(file: string): AttackRecord[] {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    // No filter, or nothing refused by it.
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return content
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = object(parse(line));
      return {
        time: nanoseconds(text(fields, 'time')),
        call: text(fields, 'call'),
        rule: text(fields, 'rule'),
        mechanism: text(fields, 'mechanism'),
      };
    });
}

/** `2026-01-01T00:00:00.000000001Z`, which Date reads to the millisecond only. */
function nanoseconds(stamp: string): bigint {
  const [, seconds = '', fraction = ''] = /^([^.]+)\.(\d{9})Z$/.exec(stamp) ?? [];
  const milliseconds = Date.parse(`${seconds}Z`);
  if (Number.isNaN(milliseconds)) throw malformed(stamp);
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction);
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(value);
  return value as Record<string, unknown>;
}

function text(fields: Record<string, unknown>, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string') throw malformed(fields);
  return value;
}

function texts(fields: Record<string, unknown>, key: string): string[] {
  const value = fields[key];
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw malformed(fields);
  return value;
}
