import type { FileTree, OciLandlock } from '../lowering/index.js';
import type { Access, FileRules, Policy } from '../policy/index.js';
import { fileVerdict, globWitness, isBeneath, joinPath, parentPath } from '../policy/index.js';
import type { FileAct } from './acts.js';
import { permittedWay } from './acts.js';
import type { MountTable } from './mounts.js';
import { mountAt } from './mounts.js';
import { accessAt, freshBelow, placed, regionsAt } from './regions.js';
import type { Solver } from './solver.js';
import { Terms } from './term.js';

/** What holds files, as the launcher gets it. */
export interface FilePlans {
  /** Each layer of a stack; what one of them refuses is refused. */
  readonly landlock: readonly OciLandlock[];
  readonly mounts: MountTable;
  /** Programs of the instance's cgroup refuse unix sockets every address. */
  readonly refusesUnix?: boolean;
}

/** Something that can be done to a file although the policy refuses it. */
export interface FileDifference {
  readonly path: string;
  readonly act: FileAct;
  /** A call that does it. */
  readonly call: string;
  readonly text: string;
}

/** What Landlock asks for, and where: of the object itself or of the folder that it is in. */
export interface Demand {
  readonly right: string;
  /** A second right without which the act is refused too. */
  readonly also?: string;
  readonly of: 'self' | 'parent';
  /** What the policy must grant at the path; undefined where no word gives it. */
  readonly word: Access | undefined;
  /** What the act can be done to. */
  readonly to: readonly Kind[];
  /** A read-only mount refuses it. */
  readonly changes: boolean;
}

/**
 * unnamed: something that no rule names, in a tree that is known: a file, or a name that may come to be one. unknown: the same where
 * nobody knows what is there, so that it may be a socket of somebody else too.
 */
type Kind = 'file' | 'device' | 'folder' | 'unnamed' | 'unknown';

const PRESENT: readonly Kind[] = ['file', 'device', 'unnamed', 'unknown'];
const make = (right: string, word: Access | undefined): Demand => ({
  right,
  of: 'parent',
  word,
  to: ['unnamed', 'unknown'],
  changes: true,
});

/** The kernel's model: which right each act needs, on what. The test holds it against the running kernel. */
export const DEMANDS: Readonly<Record<FileAct, readonly Demand[]>> = {
  read: [{ right: 'read_file', of: 'self', word: 'read', to: PRESENT, changes: false }],
  list: [{ right: 'read_dir', of: 'self', word: 'read', to: ['folder'], changes: false }],
  write: [{ right: 'write_file', of: 'self', word: 'write', to: PRESENT, changes: true }],
  truncate: [{ right: 'truncate', of: 'self', word: 'write', to: PRESENT, changes: true }],
  // The kernel opens for reading what it executes.
  execute: [
    { right: 'execute', also: 'read_file', of: 'self', word: 'execute', to: PRESENT, changes: false },
  ],
  ioctl: [{ right: 'ioctl_dev', of: 'self', word: 'ioctl', to: PRESENT, changes: false }],
  connect: [{ right: 'resolve_unix', of: 'self', word: 'write', to: ['unknown'], changes: false }],
  'remove file': [{ right: 'remove_file', of: 'parent', word: 'remove', to: PRESENT, changes: true }],
  'remove folder': [
    {
      right: 'remove_dir',
      of: 'parent',
      word: 'remove',
      to: ['folder', 'unnamed', 'unknown'],
      changes: true,
    },
  ],
  'make file': [make('make_reg', 'create')],
  'make folder': [make('make_dir', 'create')],
  'make link': [make('make_sym', 'create')],
  'make socket': [make('make_sock', 'create')],
  'make fifo': [make('make_fifo', 'create')],
  'make device': [make('make_char', undefined), make('make_block', undefined)],
};

/** The paths of a ruleset by the right that they get. */
const GRANTS = new WeakMap<OciLandlock, ReadonlyMap<string, ReadonlySet<string>>>();

function grantsOf(landlock: OciLandlock): ReadonlyMap<string, ReadonlySet<string>> {
  const known = GRANTS.get(landlock);
  if (known !== undefined) return known;
  const grants = new Map<string, Set<string>>();
  for (const { allowedAccess, paths } of landlock.rules.pathBeneath) {
    for (const right of allowedAccess) grants.set(right, new Set([...(grants.get(right) ?? []), ...paths]));
  }
  GRANTS.set(landlock, grants);
  return grants;
}

/** Whether a ruleset lets the right through at a path: nobody handles it, or a rule at the path or above grants it. */
function landlockAllows(landlock: OciLandlock, right: string, path: string): boolean {
  if (!landlock.ruleset.handledAccessFS.includes(right)) return true;
  const granted = grantsOf(landlock).get(right);
  if (granted === undefined) return false;
  for (let at = path; ; at = parentPath(at)) {
    if (granted.has(at)) return true;
    if (at === '/') return false;
  }
}

/** Whether Landlock alone lets something be done to a path. */
export function landlockPermits(layers: readonly OciLandlock[], demand: Demand, path: string): boolean {
  const where = demand.of === 'self' ? path : parentPath(path);
  const rights = demand.also === undefined ? [demand.right] : [demand.right, demand.also];
  return layers.every((layer) => rights.every((right) => landlockAllows(layer, right, where)));
}

/** Whether the mount that a path is in lets something be done there. */
export function mountPermits(table: MountTable, demand: Demand, path: string, kind: Kind): boolean {
  const mount = mountAt(table, path);
  if (mount.mask || (demand.right === 'execute' && mount.noexec)) return false;
  // Of a device, a read-only mount holds the name and not what is behind it.
  if (kind === 'device' && demand.of === 'self') return !mount.nodev;
  if (!demand.changes) return true;
  // A mount's own folder is made and removed in the one around it, and a mount point is neither.
  const changed = demand.of === 'self' ? mount : mountAt(table, parentPath(path));
  return !changed.readonly && (demand.of === 'self' || mount.path !== path);
}

/**
 * Shows that filter, Landlock and the mounts together let nothing be done to a file that the policy refuses. Landlock and the
 * mounts are constant between the paths that they name, so those paths, and a name that nobody named below each, stand for all the
 * files there can be; for each act that gets through there, a call is looked for that does it and that the filter lets through.
 */
export async function fileDifferences(
  policy: Policy,
  plans: FilePlans,
  tree: FileTree,
  solver: Solver,
): Promise<readonly FileDifference[]> {
  const world = { exists: (path: string) => tree.kind(path) !== undefined, resolve: tree.resolve };
  const real = placed(policy, world);
  const { landlock, mounts } = plans;
  const granted = landlock.flatMap((layer) => layer.rules.pathBeneath.flatMap((rule) => rule.paths));
  const named = new Set([...real.files.map((rule) => rule.path), ...granted, ...mounts.keys()]);
  const found: FileDifference[] = [];
  const terms = new Terms();
  const ways = new Map<FileAct, Awaited<ReturnType<typeof permittedWay>>>();
  const wayOf = async (act: FileAct): ReturnType<typeof permittedWay> => {
    if (!ways.has(act)) ways.set(act, await permittedWay(policy, act, solver, terms));
    return ways.get(act);
  };
  const looked = new Set<string>();
  const look = async (path: string, kind: Kind, words = accessAt(real, path)): Promise<void> => {
    if (looked.has(path)) return;
    looked.add(path);
    for (const [act, demands] of Object.entries(DEMANDS) as [FileAct, readonly Demand[]][]) {
      if (act === 'connect' && plans.refusesUnix === true) continue;
      const wrong = demands.some(
        (demand) =>
          demand.to.includes(kind) &&
          (demand.word === undefined || !words.has(demand.word)) &&
          landlockPermits(landlock, demand, path) &&
          mountPermits(mounts, demand, path, kind),
      );
      const call = wrong ? (await wayOf(act))?.(path) : undefined;
      if (call !== undefined) found.push({ path, act, call, text: textOf(call, path, words) });
    }
  };
  const isMade = (path: string): boolean =>
    MAKING.some(
      (demand) => landlockPermits(landlock, demand, path) && mountPermits(mounts, demand, path, 'unnamed'),
    );
  for (const path of new Set([...regionsAt(named).map((each) => each.path), ...reached(real, tree)])) {
    const kind =
      kindOf(path, tree) ?? (tree.kind(path) === undefined && isMade(path) ? 'unnamed' : undefined);
    if (kind === undefined) continue;
    await look(path, kind);
    if (kind === 'file' || kind === 'device') continue;
    const kindBelow = (below: string): Kind => (tree.isHost || tree.isOpen(below) ? 'unknown' : 'unnamed');
    // A name that may come to be, as anything; with patterns, it matters whether it may.
    const fresh = freshBelow(path, named);
    if (real.patterns.length > 0 && !tree.isOpen(path) && !tree.isHost && !isMade(fresh)) continue;
    await look(fresh, kindBelow(fresh), accessOfNew(real, path, fresh));
    for (const rule of real.patterns) {
      const witness = rule.kind === 'glob' ? globWitness(rule.glob, path) : undefined;
      if (witness !== undefined && kindOf(witness, tree) !== 'file') await look(witness, kindBelow(witness));
    }
  }
  return found;
}

const MAKING: readonly Demand[] = Object.values(DEMANDS)
  .flat()
  .filter((demand) => demand.right.startsWith('make_') || demand.right === 'refer');

/** Everything that is there and that a pattern may speak of. */
function reached(rules: FileRules, tree: FileTree): readonly string[] {
  const paths = new Set<string>();
  const visit = (path: string): void => {
    const kind = tree.kind(path);
    if (paths.has(path) || kind === undefined || kind === 'symlink') return;
    paths.add(path);
    for (const name of kind === 'directory' ? (tree.children(path) ?? []) : []) visit(joinPath(path, name));
  };
  for (const rule of rules.patterns) {
    let top = rule.kind === 'glob' ? rule.glob.base : rule.folder;
    while (top !== '/' && tree.kind(top) === undefined) top = parentPath(top);
    visit(top);
    for (const mount of tree.mounts) if (isBeneath(mount, top)) paths.add(mount);
  }
  return [...paths];
}

/** What is granted of something new in a folder at the least: a predicate may hold for it or not, unless it is the same for all. */
function accessOfNew(rules: FileRules, folder: string, fresh: string): ReadonlySet<Access> {
  const open = rules.patterns.filter(
    (rule) =>
      rule.kind === 'predicate' &&
      isBeneath(folder, rule.folder) &&
      rule.predicate.below(folder) === undefined,
  );
  const others = { ...rules, patterns: rules.patterns.filter((rule) => !open.includes(rule)) };
  const least = [...(fileVerdict(others, fresh)?.access ?? [])];
  return new Set(least.filter((word) => open.every((rule) => rule.access.has(word))));
}

/** Undefined for what is not there and cannot come to be. */
function kindOf(path: string, tree: FileTree): Kind | undefined {
  const kind = tree.kind(path);
  if (kind === 'symlink') return undefined;
  if (kind !== undefined) return kind === 'directory' ? 'folder' : kind;
  return tree.isOpen(path) || tree.isHost ? 'unknown' : undefined;
}

function textOf(call: string, path: string, access: ReadonlySet<Access>): string {
  const granted = access.size === 0 ? 'none' : [...access].join(' ');
  return `${call}: the profile grants ${granted} on ${path}, and neither filter nor Landlock nor a mount refuses it`;
}
