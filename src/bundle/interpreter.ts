import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { importsIn, isElf, openBytes, parseElf, type RandomBytes } from './elf/index.js';
import { errnoOf } from './failure.js';

/** The ELF interpreter that the kernel executes together with a program of this root; undefined where it has none or is no ELF file. */
export function interpreterOf(root: string, path: string): string | undefined {
  return readIn(root, path, (bytes) => (isElf(bytes) ? parseElf(bytes).interpreter : undefined));
}

/** What a program of this root takes from its libraries; undefined where that cannot be told. */
export function importsOf(root: string, path: string): readonly string[] | undefined {
  return readIn(root, path, importsIn);
}

function readIn<T>(root: string, path: string, read: (bytes: RandomBytes) => T): T | undefined {
  try {
    // A link must not lead out of the root to another program of the same name.
    const file = realpathSync(join(root, path));
    const top = realpathSync(root);
    if (top !== '/' && !file.startsWith(`${top}/`)) return undefined;
    const bytes = openBytes(file);
    try {
      return read(bytes);
    } finally {
      bytes.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
}
