import { lstatSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Failure } from './failure.js';

/** Who runs this, and where. */
export interface Caller {
  readonly uid: number;
  readonly sudoUid: string | undefined;
  readonly cwd: string;
}

export function thisCaller(): Caller {
  return { uid: process.getuid?.() ?? 0, sudoUid: process.env.SUDO_UID, cwd: process.cwd() };
}

/**
 * Why a file that a name led to may be another's word, or undefined. The working folder is searched without having been chosen: what lies
 * there counts only where it is root's, the caller's own or, under sudo, of who called it, and not for everybody to write.
 */
export function distrusted(path: string, { uid, sudoUid, cwd }: Caller): string | undefined {
  if (dirname(resolve(path)) !== resolve(cwd)) return undefined;
  const owners = new Set([0, uid]);
  if (uid === 0 && sudoUid !== undefined && /^\d+$/.test(sudoUid)) owners.add(Number(sudoUid));
  const file = statSync(path);
  // Who owns a link chooses what it leads to.
  const other = [lstatSync(path), file].find((each) => !owners.has(each.uid));
  if (other !== undefined) return `lies in the working folder and belongs to user ${other.uid}`;
  return (file.mode & 0o002) === 0 ? undefined : 'lies in the working folder, and everybody may write it';
}

/** The file, which a name led to; an error where it may be another's word. */
export function trustedFile(path: string, caller = thisCaller()): string {
  const why = distrusted(path, caller);
  if (why === undefined) return path;
  throw new Failure('distrusted', path, why, {
    hint: 'name it by its path if it is the one that is meant, or go to another folder',
  });
}
