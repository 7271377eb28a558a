import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from '../failure.js';
import type { ManifestEntry } from '../manifest.js';
import type { PlannedEntry } from './plan.js';
import { refuseSecret } from './secrets.js';

/** The time that every file of a bundle carries: the same inputs give the same bytes. */
export const FIXED_TIME = new Date('2000-01-01T00:00:00Z');

/** Writes the planned entries below `root` and says what was written. Only plain content is copied: no extended attributes. */
export function writeRootfs(entries: readonly PlannedEntry[], root: string): ManifestEntry[] {
  mkdirSync(root, { mode: 0o755 });
  const written: ManifestEntry[] = [];
  for (const entry of entries) written.push(writeEntry(entry, join(root, entry.path)));
  // Folders last, and from below: creating what is in them changed their times.
  for (const entry of [...entries].reverse()) settle(entry, join(root, entry.path));
  chmodSync(root, 0o755);
  stamp(root);
  syncPath(root);
  return written;
}

function writeEntry(entry: PlannedEntry, to: string): ManifestEntry {
  const common = {
    path: entry.path,
    mode: octal(entry.mode),
    uid: entry.uid,
    gid: entry.gid,
    role: entry.role,
    from: entry.from,
    why: entry.why,
  };
  if (entry.type === 'directory') {
    mkdirSync(to, { mode: 0o755 });
    return { ...common, type: 'directory' };
  }
  if (entry.type === 'symlink') {
    symlinkSync(entry.target, to);
    return { ...common, mode: '0777', type: 'symlink', target: entry.target };
  }
  const content = writeContent(entry, to);
  return {
    ...common,
    type: 'file',
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

function writeContent(entry: PlannedEntry & { type: 'file' }, to: string): Buffer {
  if ('bytes' in entry.content) {
    if (entry.role !== 'mount point') refuseSecret(entry.path, entry.content.bytes);
    writeFileSync(to, entry.content.bytes, { mode: 0o600, flag: 'wx' });
    return entry.content.bytes;
  }
  refuseSecret(entry.path, undefined);
  refuseSecret(entry.content.copy, undefined);
  copyFileSync(entry.content.copy, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  // The copy is what the manifest speaks of, so the copy is what is read.
  const bytes = readFileSync(to);
  refuseSecret(entry.path, bytes);
  return bytes;
}

function settle(entry: PlannedEntry, path: string): void {
  if (entry.uid !== 0 || entry.gid !== 0 || process.getuid?.() === 0) {
    try {
      if (process.getuid?.() === 0) lchownSync(path, entry.uid, entry.gid);
      else
        throw new Failure(
          'owner',
          entry.path,
          'should belong to another user than you, which only root can do',
          { hint: 'create this bundle as root' },
        );
    } catch (error) {
      if (errnoOf(error) === 'EPERM')
        throw new Failure('owner', entry.path, `cannot be given to user ${entry.uid}`, {
          hint: 'create this bundle as root',
        });
      throw error;
    }
  }
  // After the owner: chown clears the bits that a recipe may have admitted.
  if (entry.type !== 'symlink') chmodSync(path, entry.mode);
  stamp(path);
  if (entry.type !== 'symlink') syncPath(path);
}

export function stamp(path: string): void {
  lutimesSync(path, FIXED_TIME, FIXED_TIME);
}

/** On disk before the bundle gets its name: a crash must not leave a bundle of empty files. */
export function syncPath(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    // A mode without read, and not root: the folder's own sync still orders it.
    if (errnoOf(error) === 'EACCES') return;
    throw error;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
