import { posix } from 'node:path';
import type { WorldEntry } from '../../lowering/index.js';
import { Failure } from '../failure.js';

export type Role =
  | 'program'
  | 'interpreter'
  | 'library'
  | 'configuration'
  | 'account'
  | 'folder'
  | 'link'
  | 'mount point'
  | 'time zone';

interface Common {
  readonly path: string;
  readonly why: string;
  /** `host`, `recipe`, or `package NAME VERSION`. */
  readonly from: string;
  readonly role: Role;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type PlannedEntry =
  | (Common & { readonly type: 'directory' })
  | (Common & { readonly type: 'symlink'; readonly target: string })
  | (Common & {
      readonly type: 'file';
      readonly content: { readonly copy: string } | { readonly bytes: Buffer };
    });

const MAX_LINKS = 40;

/** Everything that a root file system will hold, decided before the first file of it is written. */
export class RootfsPlan {
  readonly #entries = new Map<string, PlannedEntry>();

  /** Adds one entry and the folders above it; the same path twice must be the same thing. */
  add(entry: PlannedEntry): void {
    const path = this.#place(entry.path);
    const earlier = this.#entries.get(path);
    if (earlier !== undefined) {
      if (earlier.type === 'directory' && entry.type === 'directory') {
        if (earlier.role === 'folder' && earlier.why === PARENT) this.#entries.set(path, { ...entry, path });
        return;
      }
      if (earlier.type === 'symlink' && entry.type === 'symlink' && earlier.target === entry.target) return;
      throw new Failure(
        'path-conflict',
        entry.path,
        `is wanted twice: as ${name(earlier)} (${earlier.why}) and as ${name(entry)} (${entry.why})`,
      );
    }
    this.#addParents(path);
    this.#entries.set(path, { ...entry, path });
  }

  has(path: string): boolean {
    return this.#entries.has(this.#place(path));
  }

  /** Sorted, so that a folder comes before what is in it. */
  entries(): PlannedEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  world(): WorldEntry[] {
    return this.entries().map((entry) => ({
      path: entry.path,
      kind: entry.type,
      ...(entry.type === 'symlink' ? { target: entry.target } : {}),
    }));
  }

  #addParents(path: string): void {
    for (let parent = posix.dirname(path); parent !== '/'; parent = posix.dirname(parent)) {
      const there = this.#entries.get(parent);
      if (there === undefined) {
        this.#entries.set(parent, {
          path: parent,
          type: 'directory',
          why: PARENT,
          from: 'recipe',
          role: 'folder',
          mode: 0o755,
          uid: 0,
          gid: 0,
        });
      } else if (there.type !== 'directory') {
        throw new Failure(
          'path-conflict',
          path,
          `lies below ${parent}, which is ${name(there)} (${there.why})`,
        );
      }
    }
  }

  /** The path with the links that are planned already followed in all but its last part. */
  #place(path: string): string {
    let rest = path.split('/').filter((part) => part !== '');
    let here = '/';
    let links = 0;
    while (rest.length > 1) {
      const [next = '', ...after] = rest;
      const at = posix.join(here, next);
      const entry = this.#entries.get(at);
      if (entry?.type === 'symlink') {
        links += 1;
        if (links > MAX_LINKS)
          throw new Failure('link-loop', path, 'too many symbolic links on the way to it');
        const resolved = posix.resolve(here, entry.target);
        rest = [...resolved.split('/').filter((part) => part !== ''), ...after];
        here = '/';
      } else {
        here = at;
        rest = after;
      }
    }
    return posix.join(here, rest[0] ?? '');
  }
}

const PARENT = 'holds other entries';

function name(entry: PlannedEntry): string {
  return entry.type === 'directory' ? 'a folder' : entry.type === 'symlink' ? 'a symbolic link' : 'a file';
}
