import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from './failure.js';

/** Whether no process has this id any more. */
export function processIsGone(pid: number): boolean {
  return startTimeOf(pid) === undefined;
}

/** When a process started, in clock ticks since boot: with the id it names one process for good. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; field 3 starts behind the last of them.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

export type WorkKind = 'new' | 'old' | 'gone';

/** The name of a folder that this process is at work on, told apart from those of the dead. */
export function workName(name: string, kind: WorkKind): string {
  return `.${name}.${kind}-${process.pid}-${startTimeOf(process.pid) ?? '0'}`;
}

const WORK = /^\.(.+)\.(new|old|gone)-(\d+)-(\d+)$/;

/**
 * Clears what killed processes left behind: half-made and half-removed folders go, and one that was set aside for its
 * replacement comes back if the replacement never took its place.
 */
export function recoverFolder(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder)) {
    const [, name = '', kind, pid, start] = WORK.exec(entry) ?? [];
    if (kind === undefined || startTimeOf(Number(pid)) === start) continue;
    const path = join(folder, entry);
    const home = join(folder, name);
    if (kind === 'old' && !existsSync(home)) {
      try {
        renameSync(path, home);
        continue;
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST')
          throw error;
      }
    }
    rmSync(path, { recursive: true, force: true });
  }
}
