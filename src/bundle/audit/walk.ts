import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** One thing found on disk below a rootfs. */
export interface Found {
  readonly path: string;
  readonly type: 'directory' | 'file' | 'symlink' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target?: string;
  readonly content?: Buffer;
  readonly sha256?: string;
}

/** Everything below `root`, sorted, never following a link. */
export function walkRootfs(root: string): Found[] {
  const found: Found[] = [];
  const visit = (path: string): void => {
    const real = join(root, path);
    const stat = lstatSync(real);
    const common = { path, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
    if (stat.isSymbolicLink()) found.push({ ...common, type: 'symlink', target: readlinkSync(real) });
    else if (stat.isFile()) {
      const content = readFileSync(real);
      found.push({
        ...common,
        type: 'file',
        content,
        sha256: createHash('sha256').update(content).digest('hex'),
      });
    } else if (stat.isDirectory()) {
      if (path !== '/') found.push({ ...common, type: 'directory' });
      for (const name of readdirSync(real).sort()) visit(join(path, name));
    } else found.push({ ...common, type: 'other' });
  };
  visit('/');
  return found;
}
