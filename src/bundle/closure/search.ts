import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Machine } from '../elf/index.js';
import { errnoOf } from '../failure.js';
import type { Tree } from '../source/tree.js';

const TRIPLES: Record<Machine, string> = {
  x86_64: 'x86_64-linux-gnu',
  aarch64: 'aarch64-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
};

/** Where the loader looks when no RPATH or RUNPATH says so. */
export interface SearchPath {
  /** Compiled into the loader: these work in a rootfs as they are. */
  readonly builtin: readonly string[];
  /** From ld.so.conf: they work through a cache, which a rootfs does not carry. */
  readonly configured: readonly string[];
  /** The folder that `$LIB` stands for. */
  readonly lib: string;
  readonly platform: string;
}

/** The search path of the tree's own loader, glibc's unless the interpreter is musl's. */
export function searchPathOf(tree: Tree, machine: Machine, interpreter: string | undefined): SearchPath {
  const musl = interpreter !== undefined && posix.basename(interpreter).startsWith('ld-musl-');
  const triple = musl ? TRIPLES[machine].replace('-gnu', '-musl') : TRIPLES[machine];
  const builtin = [`/lib/${triple}`, `/usr/lib/${triple}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
  const configured = musl
    ? []
    : readConf(tree, '/etc/ld.so.conf', 0).filter((folder) => !builtin.includes(folder));
  return { builtin, configured: [...new Set(configured)], lib: `lib/${triple}`, platform: machine };
}

const MAX_INCLUDES = 8;

function readConf(tree: Tree, path: string, depth: number): string[] {
  const located = tree.locate(path);
  if (located === undefined || !located.stat.isFile() || depth > MAX_INCLUDES) return [];
  const folders: string[] = [];
  for (const line of readFileSync(located.real, 'utf8').split('\n')) {
    const text = line.replace(/#.*/, '').trim();
    if (text === '') continue;
    const include = /^include\s+(.+)$/.exec(text);
    if (include?.[1] !== undefined) {
      for (const pattern of include[1].split(/\s+/)) {
        for (const file of expand(tree, posix.resolve(posix.dirname(path), pattern)))
          folders.push(...readConf(tree, file, depth + 1));
      }
    } else if (text.startsWith('/')) {
      folders.push(text.replace(/\/+$/, ''));
    }
  }
  return folders;
}

/** The files of a pattern whose last part may hold `*`. */
function expand(tree: Tree, pattern: string): string[] {
  if (!pattern.includes('*')) return [pattern];
  const folder = posix.dirname(pattern);
  const parts = posix
    .basename(pattern)
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const wanted = new RegExp(`^${parts.join('.*')}$`);
  const names = new Set<string>();
  for (const layer of tree.layers) {
    try {
      for (const name of readdirSync(join(layer.root, folder))) if (wanted.test(name)) names.add(name);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
    }
  }
  return [...names].sort().map((name) => posix.join(folder, name));
}
