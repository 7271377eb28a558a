import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The cgroup v2 tree, as this process finds it. */
export interface CgroupTree {
  /** Where it is mounted; the launcher takes the first. */
  readonly paths: readonly string[];
  readonly controllers: readonly string[];
  /** Whether some disk is divided by the weights of cgroups. */
  readonly diskWeights: boolean;
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
  const diskWeights = /\benable=1\b/.test(text(join(first, 'io.cost.qos')) ?? '');
  return { paths, controllers: controllersOf(first), diskWeights };
}

function controllersOf(folder: string): readonly string[] {
  const words = (text(join(folder, 'cgroup.controllers')) ?? '').split(/\s+/);
  return words.filter((word) => word !== '');
}

/**
 * The controllers that this user's own systemd has for it: the launcher asks it for a cgroup where the one that it is in is not its own.
 * Undefined where there is none.
 */
function userControllers(tree: CgroupTree): readonly string[] | undefined {
  const uid = process.geteuid?.() ?? 0;
  const [path = ''] = tree.paths;
  const folder = join(path, `user.slice/user-${uid}.slice/user@${uid}.service`);
  const runtime = process.env.XDG_RUNTIME_DIR;
  if (uid === 0 || runtime === undefined || !existsSync(join(runtime, 'systemd/private'))) return undefined;
  return existsSync(folder) ? controllersOf(folder) : undefined;
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

/** What this user can have: `own` where it may make cgroups itself, else by its systemd; undefined where it can have none. */
export function cgroupsFor(
  tree: CgroupTree,
): { readonly own: boolean; readonly controllers: readonly string[] } | undefined {
  if (maySplit(tree)) return { own: true, controllers: tree.controllers };
  const controllers = userControllers(tree);
  return controllers === undefined ? undefined : { own: false, controllers };
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
