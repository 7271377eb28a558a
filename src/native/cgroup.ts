import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The cgroup v2 tree, as this process finds it. */
export interface CgroupTree {
  /** Where it is mounted; the launcher takes the first. */
  readonly paths: readonly string[];
  readonly controllers: readonly string[];
}

/** The tree wherever it is mounted; undefined where there is none. */
export function cgroupTree(): CgroupTree | undefined {
  const paths = (text('/proc/self/mountinfo')?.split('\n') ?? []).flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4];
    if (!after.startsWith('cgroup2 ') || path === undefined) return [];
    return [
      path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 8)),
      ),
    ];
  });
  const [first] = paths;
  if (first === undefined) return undefined;
  const words = (text(join(first, 'cgroup.controllers')) ?? '').split(/\s+/);
  return { paths, controllers: words.filter((word) => word !== '') };
}

/** Whether this user may make a cgroup below its own, as the launcher does. */
export function maySplit(tree: CgroupTree): boolean {
  const [path = ''] = tree.paths;
  const own = /^0::(\/.*)$/m.exec(text('/proc/self/cgroup') ?? '')?.[1];
  if (own === undefined || own.startsWith('/..')) return false;
  try {
    accessSync(join(path, own), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
