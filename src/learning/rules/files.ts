import type { Access } from '../../policy/index.js';
import { ACCESS_WORDS, isBeneath, isOwnFile, ownAccess, parentPath, pathText } from '../../policy/index.js';
import { evidenceOf } from '../facts/evidence.js';
import type { Observations, SeenFile } from '../facts/observe.js';
import type { FileDraft, LeftOut, Mark } from './draft.js';
import { libraryStem, processFolder, shapeOf, temporaryPrefix } from './names.js';
import { isShell, mayCover, sensitivity } from './sensitive.js';

/** So many files of one folder, used alike, are the folder's business and not each its own. */
const ENOUGH = 3;

export interface FileRules {
  readonly drafts: readonly FileDraft[];
  readonly leftOut: readonly LeftOut[];
}

/** What else an executable needs to be executed; undefined where it cannot be told. */
export type Interpreter = (path: string) => string | undefined;

interface Grant {
  /** Or a pattern, as profiles write it. */
  readonly path: string;
  readonly pattern?: true;
  readonly folder: boolean;
  readonly access: ReadonlySet<Access>;
  readonly from: readonly SeenFile[];
  readonly inferred: string | undefined;
}

export function fileRules(seen: Observations, interpreter: Interpreter): FileRules {
  const leftOut: LeftOut[] = [];
  const files = seen.files.filter((file) => {
    const why = cannotBeNamed(file);
    if (why !== undefined)
      leftOut.push({ what: `${file.path}: ${words(file.access)}`, why, evidence: file.evidence });
    return why === undefined;
  });
  const grants = withoutImplied([
    ...made(files),
    ...gathered(files.filter((file) => !makes(file))).map(versioned),
    ...interpreters(files, interpreter),
  ]);
  return { drafts: grants.map((grant) => draftOf(grant, seen, files)), leftOut };
}

function makes({ access }: SeenFile): boolean {
  return access.has('create') || access.has('remove');
}

/** Files that no rule can name: they are others in the next run. */
function cannotBeNamed(file: SeenFile): string | undefined {
  if (processFolder(file.path) !== undefined || (isOwnFile(file.path) && ownAccess(file.path).length === 0))
    return 'of the files of a process, rules can grant those that tell it of itself, and this is none';
  if (file.path.includes('\ufffd')) return 'its name is no text';
  return undefined;
}

/** Where files come or go, the rule is the folder's: they are not there when the rule is made. */
function made(files: readonly SeenFile[]): Grant[] {
  const folders = new Map<string, SeenFile[]>();
  for (const file of files) {
    if (!makes(file)) continue;
    const folder = parentPath(file.path);
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return [...folders].map(([path, from]) => ({
    path,
    folder: true,
    access: union(from),
    from,
    inferred: undefined,
  }));
}

/** Files that were there, each by itself unless there are many of a kind. */
function gathered(files: readonly SeenFile[]): Grant[] {
  let grants = files.map(
    (file): Grant => ({
      path: file.path,
      ...(isOwnFile(file.path) && file.path.includes('*') ? { pattern: true } : {}),
      folder: file.kind === 'folder',
      access: file.access,
      from: [file],
      inferred: undefined,
    }),
  );
  for (;;) {
    const next = gatherOnce(grants);
    if (next.length === grants.length) return next;
    grants = next;
  }
}

/** Puts the grants of one folder together, where there are enough of them, they are used alike, and none of them is sensitive. */
function gatherOnce(grants: readonly Grant[]): Grant[] {
  const folders = new Map<string, Grant[]>();
  for (const grant of grants) {
    const key = `${parentPath(grant.path)}\0${words(grant.access)}`;
    folders.set(key, [...(folders.get(key) ?? []), grant]);
  }
  for (const [key, group] of folders) {
    const path = key.slice(0, key.indexOf('\0'));
    const few = group.length < ENOUGH && !alike(group);
    if (few || !mayCover(path) || group.some((grant) => isKept(grant))) continue;
    const joined: Grant = {
      path,
      folder: true,
      access: union(group.flatMap((grant) => grant.from)),
      from: group.flatMap((grant) => grant.from),
      inferred: undefined,
    };
    return [
      ...grants.filter((grant) => !group.includes(grant) && grant.path !== path),
      ...withFolder(grants, path, joined),
    ];
  }
  return [...grants];
}

/** The folder may have a rule of its own already, from being listed. */
function withFolder(grants: readonly Grant[], path: string, joined: Grant): Grant[] {
  const own = grants.filter((grant) => grant.path === path);
  return [
    {
      ...joined,
      access: new Set([...joined.access, ...own.flatMap((grant) => [...grant.access])]),
      from: [...joined.from, ...own.flatMap((grant) => grant.from)],
    },
  ];
}

/** Two are enough where their names say that there will be others. */
function alike(group: readonly Grant[]): boolean {
  const names = group.map((grant) => grant.path.slice(grant.path.lastIndexOf('/') + 1));
  if (names.length < 2) return false;
  return new Set(names.map(shapeOf)).size === 1 || temporaryPrefix(names) !== undefined;
}

function isKept(grant: Grant): boolean {
  return grant.access.has('execute') || grant.access.has('ioctl') || sensitivity(grant.path) !== undefined;
}

/** Folders of libraries, which belong to the system: what is there comes with a package, and nothing else does. */
const LIBRARIES = /^\/(usr\/)?lib(32|64|x32)?\//;

/** A library is replaced by its next minor version under another name. Elsewhere a pattern could mean files that the program makes. */
function versioned(grant: Grant): Grant {
  const at = grant.path.lastIndexOf('/') + 1;
  const stem = libraryStem(grant.path.slice(at));
  const readOnly = grant.access.size === 1 && grant.access.has('read');
  if (stem === undefined || grant.folder || !readOnly || isKept(grant) || !LIBRARIES.test(grant.path))
    return grant;
  const folder = pathText(grant.path.slice(0, at));
  return { ...grant, pattern: true, path: `${folder}${pathText(stem.before)}*${stem.after}` };
}

/** The kernel executes the ELF interpreter together with the program. */
function interpreters(files: readonly SeenFile[], interpreter: Interpreter): Grant[] {
  const found = new Map<string, SeenFile[]>();
  for (const file of files) {
    const loader = file.access.has('execute') ? interpreter(file.path) : undefined;
    if (loader !== undefined) found.set(loader, [...(found.get(loader) ?? []), file]);
  }
  return [...found].map(([path, from]) => ({
    path,
    folder: false,
    access: new Set<Access>(['read', 'execute']),
    from,
    inferred: `loads ${from.map((file) => file.path).join(', ')}`,
  }));
}

/** Without those that a rule above them permits already. */
function withoutImplied(grants: readonly Grant[]): Grant[] {
  const byPath = new Map<string, Grant>();
  for (const grant of grants) {
    const before = byPath.get(grant.path);
    byPath.set(grant.path, before === undefined ? grant : joined(before, grant));
  }
  const all = [...byPath.values()];
  return all
    .filter((grant) => !all.some((other) => covers(other, grant)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function joined(a: Grant, b: Grant): Grant {
  return {
    path: a.path,
    ...(a.pattern === true || b.pattern === true ? { pattern: true } : {}),
    folder: a.folder || b.folder,
    access: new Set([...a.access, ...b.access]),
    from: [...new Set([...a.from, ...b.from])],
    inferred: a.inferred ?? b.inferred,
  };
}

function covers(above: Grant, grant: Grant): boolean {
  if (above === grant || above.path === grant.path || !above.folder) return false;
  return isBeneath(grant.path, above.path) && [...grant.access].every((access) => above.access.has(access));
}

function union(files: readonly SeenFile[]): ReadonlySet<Access> {
  return new Set(files.flatMap((file) => [...file.access]));
}

function words(access: ReadonlySet<Access>): string {
  return ACCESS_WORDS.filter((word) => access.has(word)).join(' ');
}

function draftOf(grant: Grant, seen: Observations, files: readonly SeenFile[]): FileDraft {
  return {
    id: `files:${grant.path}`,
    path: grant.path,
    pattern: grant.pattern === true,
    folder: grant.folder,
    access: ACCESS_WORDS.filter((word) => grant.access.has(word)),
    covers: grant.from.length > 1 ? grant.from.map((file) => file.path).sort() : [],
    evidence: grant.inferred === undefined ? evidenceOf(grant.from.map((file) => file.evidence)) : undefined,
    inferred: grant.inferred,
    mark: markOf(grant, seen, files),
  };
}

function markOf(grant: Grant, seen: Observations, files: readonly SeenFile[]): Mark | undefined {
  const runs = grant.access.has('execute') && grant.path !== seen.program && grant.inferred === undefined;
  if (runs && isShell(grant.path)) return { reason: 'executes a program that does whatever it is told' };
  const writes = grant.access.has('write') || grant.access.has('create');
  const executed = files.filter((file) => file.access.has('execute'));
  if (
    writes &&
    executed.some((file) => file.path === grant.path || (grant.folder && isBeneath(file.path, grant.path)))
  )
    return { reason: 'writes what it executes' };
  if (grant.access.has('create') && !mayBeMadeIn(grant.path))
    return { reason: 'makes or removes files in a folder that is not its own' };
  if (writes && sensitivity(grant.path) !== undefined && !grant.path.startsWith('/dev/')) return undefined;
  return undefined;
}

function mayBeMadeIn(folder: string): boolean {
  return !/^\/(etc|usr|bin|sbin|lib|lib64|boot|root|dev|proc|sys)(\/|$)/.test(folder) && folder !== '/';
}
