import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure, startTimeOf } from '../bundle/index.js';

/** What state.json says of an instance, as far as the authoring side needs it. */
export interface Instance {
  readonly id: string;
  readonly bundle: string;
  /** The living process to name to people: the program's, else pid 1 of the instance, else the supervisor's. */
  readonly pid: number;
}

/** The instance of this name while any process of it lives; undefined when it is stopped or was never started. */
export function runningInstance(root: string, id: string): Instance | undefined {
  const file = join(root, id, 'state.json');
  let state: unknown;
  try {
    state = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    // Not being able to tell must not read as "it does not run".
    throw new Failure('state-unreadable', id, `its state in ${file} cannot be read`, {
      hint: `see 'vxe status ${id}'`,
    });
  }
  const living = ['program', 'init', 'supervisor']
    .map((key) => livingPid(member(state, key)))
    .find((pid) => pid !== undefined);
  if (living === undefined) return undefined;
  const bundle = member(state, 'bundle');
  return { id, bundle: typeof bundle === 'string' ? bundle : '', pid: living };
}

/** What runs of this bundle, by whatever names; `untold` are instances of which nobody can tell. */
export function instancesOf(
  root: string,
  bundle: string,
): { readonly running: readonly Instance[]; readonly untold: readonly string[] } {
  const running: Instance[] = [];
  const untold: string[] = [];
  const meant = realPath(bundle);
  for (const id of existsSync(root) ? readdirSync(root).sort() : []) {
    try {
      const instance = runningInstance(root, id);
      if (instance !== undefined && realPath(instance.bundle) === meant) running.push(instance);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      untold.push(id);
    }
  }
  return { running, untold };
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** A pid is the process that was meant only if it started when it was written down. */
function livingPid(value: unknown): number | undefined {
  const pid = member(value, 'pid');
  const start = member(value, 'startTime');
  if (typeof pid !== 'number' || pid <= 0) return undefined;
  return startTimeOf(pid) === String(start) ? pid : undefined;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
