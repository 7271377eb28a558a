import type { FileRule } from '../../policy/index.js';
import { isBeneath, joinPath, parentPath } from '../../policy/index.js';
import type { FileTree } from '../tree.js';
import { isFileRight, rightsFor } from './rights.js';

/** A file rule at the path that it really means. */
export interface PlacedRule {
  readonly rule: FileRule;
  /** With links followed. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'missing';
  readonly rights: ReadonlySet<string>;
}

/** Why a grant could not be given to a whole folder, or what a mount has to take away. */
export interface Carving {
  /** Rights by path, as Landlock gets them. */
  readonly grants: ReadonlyMap<string, ReadonlySet<string>>;
  /** On a host, those of these paths that no rule of the profile names: siblings, and files that a pattern matched. */
  readonly unnamed: ReadonlySet<string>;
  /** Rules whose lack of a right is held by giving it to the siblings alone. */
  readonly bySiblings: ReadonlySet<PlacedRule>;
  /** Rules below an open mount: rights that Landlock gives to the whole folder and a mount must take away there. */
  readonly byMount: ReadonlyMap<PlacedRule, ReadonlySet<string>>;
  /** Rights of a granted folder itself that it does not get, since they would reach a narrower rule. */
  readonly lost: ReadonlyMap<PlacedRule, ReadonlySet<string>>;
}

/** Finds where a rule's path is and which rights its words are there. */
export function placeRule(rule: FileRule, tree: FileTree, handled: readonly string[]): PlacedRule {
  const path = tree.resolve(rule.path);
  const kind = placedKind(rule, path, tree);
  const rights = rightsFor(rule.access, kind === 'file' ? 'file' : 'folder');
  return { rule, path, kind, rights: new Set([...rights].filter((right) => handled.includes(right))) };
}

function placedKind(rule: FileRule, path: string, tree: FileTree): PlacedRule['kind'] {
  const kind = tree.kind(path);
  if (kind !== undefined) return kind === 'directory' ? 'folder' : 'file';
  if (!tree.isOpen(path)) return 'missing';
  // Nobody can look: a final slash tells, and so does an access that only folders have.
  return rule.folder || rule.access.has('create') || rule.access.has('remove') ? 'folder' : 'file';
}

/**
 * Landlock gives a right to a path and all below it and never takes one away. A narrower rule below a wider one is held by
 * giving the right to the siblings on the way down instead, where the tree is known, and left to a mount where it is not.
 */
export function carve(placed: readonly PlacedRule[], tree: FileTree): Carving {
  const coming = new Set(placed.filter((rule) => rule.kind === 'missing' && mayCome(rule, placed, tree)));
  const grants = new Map<string, Set<string>>();
  const unnamed = new Set<string>();
  const bySiblings = new Set<PlacedRule>();
  const byMount = new Map<PlacedRule, Set<string>>();
  const lost = new Map<PlacedRule, Set<string>>();
  const ruled = new Set(placed.map((rule) => rule.path));
  const below = rulesBelow(placed);

  const give = (grantor: PlacedRule, path: string, right: string): void => {
    const narrower = (below.get(path) ?? []).filter((other) => lacks(other, right, coming));
    const names = narrower.length === 0 ? undefined : tree.children(path);
    if (narrower.length > 0 && names === undefined) {
      for (const other of narrower) add(byMount, other, right);
    }
    if (names === undefined) {
      if (!isFileRight(right) && !isFolder(tree, path, grantor)) return;
      add(grants, path, right);
      // A rootfs stays as it was made: there a file that is gone is an error.
      if (tree.isHost && (path !== grantor.path || grantor.rule.derived === true)) unnamed.add(path);
      return;
    }
    for (const other of narrower) bySiblings.add(other);
    if (!isFileRight(right)) add(lost, grantor, right);
    for (const name of names) {
      const child = joinPath(path, name);
      // A link is no object of its own, and a path with a rule of its own is given its rights by that.
      if (tree.kind(child) === 'symlink' || ruled.has(child)) continue;
      give(grantor, child, right);
    }
  };

  for (const grantor of placed) {
    if (grantor.kind === 'missing') continue;
    for (const right of grantor.rights) give(grantor, grantor.path, right);
  }
  return { grants, unnamed, bySiblings, byMount, lost };
}

/** On a host what is missing may appear, as anything; in a rootfs only where the profile lets something be made above it. */
function mayCome(rule: PlacedRule, placed: readonly PlacedRule[], tree: FileTree): boolean {
  if (tree.isHost) return true;
  return placed.some(
    (other) =>
      other.rule.access.has('create') && other.path !== rule.path && isBeneath(rule.path, other.path),
  );
}

/** The rules below each path that has some, in the order of the profile. */
function rulesBelow(placed: readonly PlacedRule[]): ReadonlyMap<string, readonly PlacedRule[]> {
  const below = new Map<string, PlacedRule[]>();
  for (const rule of placed) {
    for (let path = rule.path; path !== '/'; ) {
      path = parentPath(path);
      const known = below.get(path);
      if (known === undefined) below.set(path, [rule]);
      else known.push(rule);
    }
  }
  return below;
}

/** Whether the rule forbids something that the right would allow if it came down to the rule's path. */
function lacks(rule: PlacedRule, right: string, coming: ReadonlySet<PlacedRule>): boolean {
  if (rule.rights.has(right)) return false;
  if (rule.kind === 'missing') return coming.has(rule);
  if (rule.kind === 'folder' || isFileRight(right)) return true;
  // Of a folder's rights, what bears on a file in it is taking the file away; making and listing leave it as it is.
  return right === 'remove_file' || right === 'refer';
}

function isFolder(tree: FileTree, path: string, grantor: PlacedRule): boolean {
  return path === grantor.path ? grantor.kind === 'folder' : tree.kind(path) === 'directory';
}

function add<K>(map: Map<K, Set<string>>, key: K, right: string): void {
  const set = map.get(key) ?? new Set<string>();
  set.add(right);
  map.set(key, set);
}
