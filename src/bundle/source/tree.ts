import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from '../failure.js';

/** A folder that stands for a whole root file system: the host's own `/`, or an unpacked package. */
export interface Layer {
  /** `host`, or `package NAME VERSION`: what the manifest says a file came from. */
  readonly name: string;
  readonly root: string;
  /** Modes and owners that were not put on disk (setuid bits of an unpacked package), by path. */
  readonly special?: ReadonlyMap<
    string,
    { readonly mode: number; readonly uid: number; readonly gid: number }
  >;
}

/** The machine that the bundle is made on. */
export const HOST: Layer = { name: 'host', root: '/' };

/** A symbolic link met on the way to a file. */
export interface LinkStep {
  readonly path: string;
  readonly target: string;
  readonly layer: Layer;
}

export interface Located {
  /** Where it is in the tree, with no symbolic link left in the path. */
  readonly path: string;
  /** Where its bytes are on this machine. */
  readonly real: string;
  readonly layer: Layer;
  readonly stat: BigIntStats;
  /** Each link that leads there, in order; a root file system needs them all for the path to work. */
  readonly links: readonly LinkStep[];
}

const MAX_LINKS = 40;

/** Several layers read as one root file system; the first layer that has a path wins. No path ever leaves it. */
export class Tree {
  readonly layers: readonly Layer[];
  readonly #seen = new Map<string, { layer: Layer; stat: BigIntStats } | undefined>();

  constructor(layers: readonly Layer[]) {
    this.layers = layers;
  }

  /** Follows `path` as the kernel would with this tree as root; undefined when it does not exist. */
  locate(path: string): Located | undefined {
    const links: LinkStep[] = [];
    const pending = split(path).reverse();
    let here: string[] = [];
    let last = this.#entry('/');
    while (pending.length > 0) {
      const name = pending.pop();
      if (name === undefined || name === '.') continue;
      if (name === '..') {
        here = here.slice(0, -1);
        last = this.#entry(`/${here.join('/')}`);
        continue;
      }
      const next = `/${[...here, name].join('/')}`;
      const entry = this.#entry(next);
      if (entry === undefined) return undefined;
      if (entry.stat.isSymbolicLink()) {
        if (links.length >= MAX_LINKS)
          throw new Failure('link-loop', path, 'too many symbolic links on the way to it');
        const target = readlinkSync(join(entry.layer.root, next));
        links.push({ path: next, target, layer: entry.layer });
        if (target.startsWith('/')) {
          here = [];
          last = this.#entry('/');
        }
        pending.push(...split(target).reverse());
        continue;
      }
      here.push(name);
      last = entry;
    }
    if (last === undefined) return undefined;
    const final = `/${here.join('/')}`;
    return { path: final, real: join(last.layer.root, final), layer: last.layer, stat: last.stat, links };
  }

  #entry(path: string): { layer: Layer; stat: BigIntStats } | undefined {
    if (this.#seen.has(path)) return this.#seen.get(path);
    let found: { layer: Layer; stat: BigIntStats } | undefined;
    for (const layer of this.layers) {
      const stat = statOf(join(layer.root, path));
      if (stat !== undefined) {
        found = { layer, stat };
        break;
      }
    }
    this.#seen.set(path, found);
    return found;
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    if (errno === 'EACCES')
      throw new Failure('unreadable', path, 'may not be read by you', { hint: 'run this as root' });
    throw error;
  }
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}
