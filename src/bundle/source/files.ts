import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Every file and link below a folder, as absolute paths of the tree that it is the root of. */
export function walkFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `/${relative(root, join(entry.parentPath, entry.name))}`)
    .sort();
}
