import { isBeneath } from '../policy/index.js';

/** What a mount refuses, whatever lies in it. */
export interface MountFlags {
  readonly readonly: boolean;
  readonly noexec: boolean;
  readonly nodev: boolean;
  readonly nosuid: boolean;
}

/** Where a mount stands; `mask` hides what was there behind something empty. */
interface Mount extends MountFlags {
  readonly path: string;
  readonly mask: boolean;
}

/** How config.json tells of the mounts. */
export interface MountConfig {
  readonly rootReadonly: boolean;
  /** In the order in which they are made. */
  readonly mounts: readonly { readonly destination: string; readonly options: readonly string[] }[];
  readonly readonlyPaths: readonly string[];
  readonly maskedPaths: readonly string[];
}

/** The mounts of an instance, each at the path from which on it governs what is found. */
export type MountTable = ReadonlyMap<string, Mount>;

const OPEN: MountFlags = { readonly: false, noexec: false, nodev: false, nosuid: false };
const CLOSED: MountFlags = { readonly: true, noexec: true, nodev: true, nosuid: true };
const WORDS: readonly (readonly [keyof MountFlags, string, string])[] = [
  ['readonly', 'ro', 'rw'],
  ['noexec', 'noexec', 'exec'],
  ['nodev', 'nodev', 'dev'],
  ['nosuid', 'nosuid', 'suid'],
];

/** The kernel's model: what the launcher's steps leave, in their order. The test holds it against the running kernel. */
export function mountTable(config: MountConfig): MountTable {
  const table = new Map<string, Mount>([['/', { path: '/', mask: false, ...OPEN }]]);
  const cover = (path: string, flags: MountFlags, mask: boolean): void => {
    // What was mounted below is out of reach now.
    for (const other of table.keys()) if (isBeneath(other, path)) table.delete(other);
    table.set(path, { path, mask, ...flags });
  };
  for (const { destination, options } of config.mounts) cover(destination, flagsOf(options), false);
  // A clone of what is there, with all that is mounted below it, without the right to change it.
  for (const path of config.readonlyPaths) {
    const here = mountAt(table, path);
    for (const [other, mount] of table)
      if (isBeneath(other, path)) table.set(other, { ...mount, readonly: true });
    table.set(path, { ...here, path, readonly: true });
  }
  for (const path of config.maskedPaths) cover(path, CLOSED, true);
  const root = table.get('/');
  if (config.rootReadonly && root !== undefined) table.set('/', { ...root, readonly: true });
  return table;
}

/** The mount in which a path is found. */
export function mountAt(table: MountTable, path: string): Mount {
  let best = table.get('/');
  for (const mount of table.values())
    if (isBeneath(path, mount.path) && mount.path.length >= (best?.path.length ?? 0)) best = mount;
  if (best === undefined) throw new RangeError('a table of mounts has a root');
  return best;
}

/** The last word on each attribute counts, as for the launcher. */
function flagsOf(options: readonly string[]): MountFlags {
  const flags: Record<keyof MountFlags, boolean> = { ...OPEN };
  // Below a tree of mounts there may be others, which only the recursive words reach.
  const whole = !options.includes('rbind');
  for (const option of options) {
    for (const [flag, on, off] of WORDS) {
      if ((whole && option === on) || option === `r${on}`) flags[flag] = true;
      if ((whole && option === off) || option === `r${off}`) flags[flag] = false;
    }
  }
  return flags;
}
