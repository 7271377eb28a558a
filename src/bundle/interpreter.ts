import { join } from 'node:path';
import { isElf, openBytes, parseElf } from './elf/index.js';
import { errnoOf } from './failure.js';

/** The ELF interpreter that the kernel executes together with a program of this root; undefined where it has none or is no ELF file. */
export function interpreterOf(root: string, path: string): string | undefined {
  try {
    const bytes = openBytes(join(root, path));
    try {
      return isElf(bytes) ? parseElf(bytes).interpreter : undefined;
    } finally {
      bytes.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
}
