import type { EventWorld } from '../policy/index.js';
import { isBeneath, joinPath, normalPath, OWN_FOLDER, parentPath } from '../policy/index.js';
import type { EntryKind, FileWorld, HostLister } from './world.js';

/** The file tree as lowering asks about it; paths are absolute and normal. */
export interface FileTree {
  /** What is there, a final link not followed; undefined where nothing is, or where it cannot be known. */
  kind(path: string): EntryKind | undefined;
  /** The path with every link followed; what does not exist stays as written. */
  resolve(path: string): string;
  /** Names in a folder; undefined where the content is not known. */
  children(path: string): readonly string[] | undefined;
  /** Below a mount whose content is not known now. */
  isOpen(path: string): boolean;
  readonly isHost: boolean;
  /** Where such mounts begin. */
  readonly mounts: readonly string[];
}

export function treeOf(world: FileWorld | { readonly host: HostLister }): FileTree {
  return 'host' in world ? hostTree(world.host) : bundleTree(world);
}

/** More links than this in one path is a loop, as for the kernel. */
const LINKS_MAX = 40;

export function bundleTree(world: FileWorld): FileTree {
  const kinds = new Map(world.entries.map((entry) => [entry.path, entry]));
  const children = new Map<string, string[]>();
  for (const { path } of world.entries) {
    if (path === '/') continue;
    const parent = parentPath(path);
    const names = children.get(parent) ?? [];
    names.push(path.slice(parent === '/' ? 1 : parent.length + 1));
    children.set(parent, names);
  }
  const isOpen = (path: string): boolean => world.open.some((mount) => isBeneath(path, mount));
  const kind = (path: string): EntryKind | undefined => {
    if (world.open.includes(path)) return kinds.get(path)?.kind ?? 'directory';
    // What the rootfs has below a mount is hidden by it.
    if (isOpen(path)) return undefined;
    return path === '/' ? 'directory' : kinds.get(path)?.kind;
  };
  return {
    kind,
    isOpen,
    isHost: false,
    mounts: world.open,
    resolve: (path) => follow(path, kind, (link) => kinds.get(link)?.target ?? ''),
    children: (path) => (isOpen(path) ? undefined : (children.get(path) ?? []).sort()),
  };
}

export function hostTree(lister: HostLister): FileTree {
  const kind = (path: string): EntryKind | undefined => lister.kind(path);
  return {
    kind,
    isOpen: () => false,
    isHost: true,
    mounts: [],
    resolve: (path) => follow(path, kind, (link) => lister.link(link)),
    children: (path) => [...lister.list(path)].sort(),
  };
}

/** The tree as the evaluator asks about it. */
export function eventWorld(tree: FileTree): EventWorld {
  return {
    exists: (path) => tree.kind(tree.resolve(path)) !== undefined,
    resolve: (path) => tree.resolve(path),
  };
}

function follow(
  path: string,
  kind: (path: string) => EntryKind | undefined,
  target: (link: string) => string,
): string {
  let rest = path.split('/').filter((part) => part !== '');
  let done = '/';
  let links = 0;
  while (rest.length > 0) {
    const [part = '', ...tail] = rest;
    rest = tail;
    if (part === '..') {
      done = parentPath(done);
      continue;
    }
    const next = joinPath(done, part);
    // On a host this link leads to whoever looks at it, which is not the program.
    if (next === OWN_FOLDER || kind(next) !== 'symlink' || ++links > LINKS_MAX) {
      done = next;
      continue;
    }
    const pointed = target(next);
    const parts = pointed.split('/').filter((piece) => piece !== '' && piece !== '.');
    if (pointed.startsWith('/')) done = '/';
    rest = [...parts, ...rest];
  }
  return normalPath(done) ?? done;
}
