import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { errnoOf, Failure } from '../failure.js';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Debian's tools speak the reader's language; what is parsed here must be English. */
function environment(): Record<string, string | undefined> {
  return {
    ...process.env,
    LC_ALL: 'C',
    LANGUAGE: '',
    DEBIAN_FRONTEND: 'noninteractive',
    APT_LISTCHANGES_FRONTEND: 'none',
  };
}

const MAX_OUTPUT = 64 * 1024 * 1024;

/** Runs a program without a shell and gives back what it said. A missing program is an error that names it. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(program, [...args], {
    cwd: options.cwd,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
  });
  const [stdout, stderr, status] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    ended(child, program),
  ]);
  return { status, stdout, stderr };
}

/** Runs a program and hands its output over as a stream; rejects when it fails. */
export async function runInto(
  program: string,
  args: readonly string[],
  use: (stdout: Readable) => Promise<void>,
  options: RunOptions = {},
): Promise<void> {
  const child = spawn(program, [...args], {
    cwd: options.cwd,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
  });
  const end = ended(child, program);
  // Whoever fails first decides; the other must not be left without a reader.
  end.catch(() => {});
  const errors = textOf(child.stderr);
  errors.catch(() => {});
  try {
    await use(child.stdout);
  } catch (error) {
    child.stdout.destroy();
    child.kill('SIGKILL');
    await end.catch(() => {});
    throw error;
  }
  const status = await end;
  if (status !== 0) throw new Failure('program-failed', program, `failed: ${lastLine(await errors)}`);
}

function ended(child: ReturnType<typeof spawn>, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      if (errnoOf(error) === 'ENOENT') {
        reject(
          new Failure('program-absent', program, 'is not installed on this host', {
            hint: `packages can be read only on Debian and its kin; elsewhere use --exec`,
          }),
        );
      } else reject(error);
    });
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

async function textOf(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_OUTPUT) throw new Failure('too-large', 'output', 'is larger than any listing should be');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

export function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^[EWN]:\s*/, '') || 'without saying why'
  );
}
