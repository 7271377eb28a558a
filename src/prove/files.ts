import { type FileTree, type OciLandlock, unixSockets } from '../lowering/index.js';
import type { Access, FileRules, Policy } from '../policy/index.js';
import { fileVerdict, globWitness, isBeneath, joinPath, parentPath } from '../policy/index.js';
import { argumentIs, meaningOf } from './policy.js';
import { accessAt, freshBelow, placed, regionsAt } from './regions.js';
import type { Solver } from './solver.js';
import { Terms } from './term.js';

/** What holds files, as the launcher gets it. */
export interface FilePlans {
  readonly landlock: OciLandlock;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

/** Something that can be done to a file although the policy refuses it. */
export interface FileDifference {
  readonly path: string;
  readonly act: FileAct;
  readonly text: string;
}

export type FileAct =
  | 'read'
  | 'list'
  | 'write'
  | 'truncate'
  | 'execute'
  | 'ioctl'
  | 'connect'
  | 'remove'
  | `make ${'file' | 'folder' | 'link' | 'socket' | 'fifo' | 'device'}`;

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

/** unknown: what nobody has named yet, which may come to be anything. */
type Kind = 'file' | 'folder' | 'unknown';

const PRESENT: readonly Kind[] = ['file', 'unknown'];
const make = (right: string, word: Access | undefined): Demand => ({
  right,
  of: 'parent',
  word,
  to: ['unknown'],
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
  remove: [
    { right: 'remove_file', of: 'parent', word: 'remove', to: PRESENT, changes: true },
    { right: 'remove_dir', of: 'parent', word: 'remove', to: ['folder', 'unknown'], changes: true },
  ],
  'make file': [make('make_reg', 'create')],
  'make folder': [make('make_dir', 'create')],
  'make link': [make('make_sym', 'create')],
  'make socket': [make('make_sock', 'create')],
  'make fifo': [make('make_fifo', 'create')],
  'make device': [make('make_char', undefined), make('make_block', undefined)],
};

/**
 * The calls without which an act cannot be done, with the argument that must not be zero for it; the filter holds the act where
 * it refuses all of them.
 */
const CALLS: Partial<Readonly<Record<FileAct, readonly (readonly [string, number | undefined])[]>>> = {
  ioctl: [['ioctl', undefined]],
  connect: [
    ['connect', undefined],
    ['sendto', 4],
    ['sendmsg', undefined],
    ['sendmmsg', undefined],
  ],
};

/** Whether a ruleset lets the right through at a path: nobody handles it, or a rule at the path or above grants it. */
function landlockAllows(landlock: OciLandlock, right: string, path: string): boolean {
  if (!landlock.ruleset.handledAccessFS.includes(right)) return true;
  const granted = grantsOf(landlock).get(right);
  for (let at = path; granted !== undefined; at = parentPath(at)) {
    if (granted.has(at)) return true;
    if (at === '/') break;
  }
  return false;
}

const GRANTS = new WeakMap<OciLandlock, ReadonlyMap<string, ReadonlySet<string>>>();

/** The paths by right, since every act on every path asks. */
function grantsOf(landlock: OciLandlock): ReadonlyMap<string, ReadonlySet<string>> {
  const known = GRANTS.get(landlock);
  if (known !== undefined) return known;
  const grants = new Map<string, Set<string>>();
  for (const { allowedAccess, paths } of landlock.rules.pathBeneath) {
    for (const right of allowedAccess) {
      const at = grants.get(right) ?? new Set();
      for (const path of paths) at.add(path);
      grants.set(right, at);
    }
  }
  GRANTS.set(landlock, grants);
  return grants;
}

/** Whether Landlock alone lets something be done to a path. */
export function landlockPermits(landlock: OciLandlock, demand: Demand, path: string): boolean {
  const where = demand.of === 'self' ? path : parentPath(path);
  const rights = demand.also === undefined ? [demand.right] : [demand.right, demand.also];
  return rights.every((right) => landlockAllows(landlock, right, where));
}

/**
 * Shows that Landlock and the mounts together let nothing be done to a file that the policy refuses. Both are constant between
 * the paths that they name, so those paths, and a name that nobody named below each, stand for all the files there can be.
 */
export async function fileDifferences(
  policy: Policy,
  plans: FilePlans,
  tree: FileTree,
  solver: Solver,
): Promise<readonly FileDifference[]> {
  const world = { exists: (path: string) => tree.kind(path) !== undefined, resolve: tree.resolve };
  const real = placed(policy, world);
  const { landlock, maskedPaths, readonlyPaths } = plans;
  const granted = landlock.rules.pathBeneath.flatMap((rule) => rule.paths);
  const named = new Set([
    ...real.files.map((rule) => rule.path),
    ...granted,
    ...maskedPaths,
    ...readonlyPaths,
  ]);
  const below = (path: string, tops: readonly string[]): boolean => tops.some((top) => isBeneath(path, top));
  const impossible = await refusedActs(policy, solver);
  const found: FileDifference[] = [];
  const looked = new Set<string>();
  const look = (path: string, kind: Kind, access = accessAt(real, path)): void => {
    if (looked.has(path)) return;
    looked.add(path);
    for (const [act, demands] of Object.entries(DEMANDS) as [FileAct, readonly Demand[]][]) {
      const wrong = demands.some(
        (demand) =>
          demand.to.includes(kind) &&
          (demand.word === undefined || !access.has(demand.word)) &&
          !below(path, maskedPaths) &&
          !(demand.changes && below(path, readonlyPaths)) &&
          !impossible.has(act) &&
          landlockPermits(landlock, demand, path),
      );
      if (wrong) found.push({ path, act, text: textOf(act, path, access) });
    }
  };
  const isMade = (path: string): boolean =>
    MAKING.some((demand) => !below(path, readonlyPaths) && landlockPermits(landlock, demand, path));
  for (const path of new Set([...regionsAt(named).map((each) => each.path), ...reached(real, tree)])) {
    const kind =
      kindOf(path, tree) ?? (tree.kind(path) === undefined && isMade(path) ? 'unknown' : undefined);
    if (kind === undefined) continue;
    look(path, kind);
    if (kind === 'file') continue;
    // A name that may come to be, as anything; with patterns, it matters whether it may.
    const fresh = freshBelow(path, named);
    if (real.patterns.length > 0 && !tree.isOpen(path) && !tree.isHost && !isMade(fresh)) continue;
    look(fresh, 'unknown', accessOfNew(real, path, fresh));
    for (const rule of real.patterns) {
      const witness = rule.kind === 'glob' ? globWitness(rule.glob, path) : undefined;
      if (witness !== undefined && kindOf(witness, tree) !== 'file') look(witness, 'unknown');
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
  if (kind !== undefined) return kind === 'directory' ? 'folder' : 'file';
  return tree.isOpen(path) || tree.isHost ? 'unknown' : undefined;
}

/** What no call that the policy permits can do. */
async function refusedActs(policy: Policy, solver: Solver): Promise<ReadonlySet<FileAct>> {
  const terms = new Terms();
  const refused = new Set<FileAct>();
  const sockets = unixSockets(policy);
  for (const [act, calls] of Object.entries(CALLS) as [FileAct, NonNullable<(typeof CALLS)[FileAct]>][]) {
    const ways = calls
      .filter(([call]) => act !== 'connect' || (call === 'connect' ? sockets.connect : sockets.send))
      .map(([call, needed]) =>
        terms.and(
          meaningOf(policy, call, terms).permitted,
          needed === undefined ? terms.true : terms.not(argumentIs(needed, 0n, terms)),
        ),
      );
    if ((await solver.find(terms.or(...ways))) === undefined) refused.add(act);
  }
  return refused;
}

function textOf(act: FileAct, path: string, access: ReadonlySet<Access>): string {
  const granted = access.size === 0 ? 'none' : [...access].join(' ');
  return `${act} ${path}: the profile grants ${granted} there, and neither Landlock nor a mount refuses it`;
}
