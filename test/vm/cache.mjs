// What is expensive to make is made once for the same inputs, and kept outside the working tree.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where kernels, images and downloaded packages are kept. */
export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = process.env.VXE_VM_CACHE || join(base, 'vxe', 'vm');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * The folder NAME-KEY of the cache, made by `make(folder)` where it is not there. It appears whole or not at all, so an interrupted run
 * leaves nothing that a later one would take for good. Earlier versions of NAME are removed.
 */
export async function kept(name, inputs, make) {
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16);
  const cache = cacheFolder();
  const folder = join(cache, `${name}-${key}`);
  if (existsSync(folder)) return folder;
  const unfinished = mkdtempSync(join(cache, `.${name}-`));
  const sweep = () => rmSync(unfinished, { recursive: true, force: true });
  process.on('exit', sweep);
  try {
    await make(unfinished);
    if (!existsSync(folder)) renameSync(unfinished, folder);
    for (const entry of readdirSync(cache))
      if (entry.startsWith(`${name}-`) && entry !== `${name}-${key}`)
        rmSync(join(cache, entry), { recursive: true, force: true });
  } finally {
    process.off('exit', sweep);
    sweep();
  }
  return folder;
}
