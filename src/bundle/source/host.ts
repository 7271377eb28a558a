import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { EntryKind, HostLister } from '../../lowering/index.js';
import { errnoOf } from '../failure.js';

/** The host's own tree, listed on demand. What may not be looked at counts as not there. */
export function hostLister(): HostLister {
  return {
    kind(path): EntryKind | undefined {
      try {
        const stat = lstatSync(path);
        if (stat.isDirectory()) return 'directory';
        if (stat.isSymbolicLink()) return 'symlink';
        return stat.isFile() ? 'file' : 'device';
      } catch (error) {
        if (absent(error)) return undefined;
        throw error;
      }
    },
    link: (path) => readlinkSync(path),
    list(path) {
      try {
        return readdirSync(path).sort();
      } catch (error) {
        if (absent(error)) return [];
        throw error;
      }
    },
  };
}

function absent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '');
}
