import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
} from 'node:fs';
import { posix } from 'node:path';
import { type Accounts, ownerOf } from './accounts.js';
import { errnoOf, Failure } from './failure.js';
import type { Recipe } from './recipe/index.js';

/**
 * Makes the folders of the host that the recipe's mounts ask for and that are missing, and says which it made, the last first. One that is there
 * stays as it is: whose it is and what is in it is the administrator's matter. Where one cannot be made, those made before it go again.
 */
export function makeHostFolders(
  recipe: Recipe,
  accounts: Accounts,
  step: (text: string) => void,
): readonly string[] {
  const made: string[] = [];
  try {
    for (const [path, { source, create }] of Object.entries(recipe.mounts ?? {})) {
      if (create === undefined || existsSync(source)) continue;
      const mode = Number.parseInt(create?.mode ?? '0755', 8);
      const owner = ownerOf(create?.owner, accounts, path);
      step(`making the folder ${source} on this host`);
      for (const above of missingAbove(source)) {
        makeFolder(above, 0o755, { uid: 0, gid: 0 });
        made.unshift(above);
      }
      makeFolder(source, mode, owner);
      made.unshift(source);
    }
    return made;
  } catch (error) {
    for (const folder of made) rmdirSync(folder);
    throw error;
  }
}

function missingAbove(path: string): string[] {
  const missing: string[] = [];
  for (let above = posix.dirname(path); !existsSync(above); above = posix.dirname(above))
    missing.unshift(above);
  return missing;
}

function makeFolder(path: string, mode: number, owner: { uid: number; gid: number }): void {
  const self = process.getuid?.() ?? 0;
  if (self !== 0 && owner.uid !== 0)
    throw new Failure('owner', path, `should belong to user ${owner.uid}, which only root can do`, {
      hint: 'create this bundle as root',
    });
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOENT' && errno !== 'EACCES' && errno !== 'EROFS') throw error;
    throw new Failure('mount-missing', path, 'is not there and cannot be made', {
      hint: 'create it, or mount another with --mount',
    });
  }
  // By descriptor: nobody who may write to the folder above puts a link in the place of what was made.
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).uid !== self)
      throw new Failure('mount-missing', path, 'was replaced by another folder while it was made');
    if (self === 0) fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}
