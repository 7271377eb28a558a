import { isOwnFile, OWN_FOLDER, ownAccess, ownPattern } from '../../policy/index.js';
import type { RecordedCall } from '../recording/index.js';
import type { FileNeed } from './needs.js';

/** The numbers of processes in their own /proc, by the host's: as one was told its own, or as a path of its own led there. */
export function ownNumbers(calls: readonly RecordedCall[]): ReadonlyMap<number, string> {
  const numbers = new Map<number, string>();
  for (const call of calls) {
    if (call.call === 'getpid' && call.result !== undefined) numbers.set(call.pid, String(call.result));
    for (const { given, path } of call.paths) {
      const number = /^\/proc\/self(\/|$)/.test(given ?? '')
        ? /^\/proc\/([0-9]+)/.exec(path ?? '')?.[1]
        : undefined;
      if (number !== undefined) numbers.set(call.pid, number);
    }
  }
  return numbers;
}

/** A need on a file of the process itself, as rules speak of such files; others, and those that no rule can grant, as they are. */
export function ownNeed(need: FileNeed, number: string | undefined): FileNeed {
  const path = ownPattern(ownPath(need.path, number));
  const allowed = ownAccess(path);
  return isOwnFile(path) && [...need.access].every((word) => allowed.includes(word))
    ? { ...need, path }
    : need;
}

function ownPath(path: string, number: string | undefined): string {
  if (path.startsWith('/proc/thread-self/')) return path.replace('/proc/thread-self', `${OWN_FOLDER}/task/0`);
  const folder = `/proc/${number ?? ''}/`;
  return number !== undefined && path.startsWith(folder)
    ? `${OWN_FOLDER}/${path.slice(folder.length)}`
    : path;
}
