import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, posix, resolve } from 'node:path';
import { type Accounts, ownerOf } from '../accounts.js';
import type { Closure } from '../closure/index.js';
import { Failure } from '../failure.js';
import type { MountRecipe, Recipe } from '../recipe/index.js';
import type { Located, Tree } from '../source/tree.js';
import { RootfsPlan } from './plan.js';
import { refuseSecret } from './secrets.js';

interface Parts {
  readonly recipe: Recipe;
  /** Where the recipe was read from: `from: ./x` is beside it. */
  readonly recipeFile: string | undefined;
  readonly tree: Tree;
  readonly closure: Closure;
  readonly accounts: Accounts;
  readonly services: readonly string[];
}

/** Where the launcher mounts the socket of the notify service. */
const NOTIFY_SOCKET = '/run/vxe/notify.sock';

const ROOT = { uid: 0, gid: 0 } as const;

/** Decides every entry of the root file system: the closure, what the recipe adds, mount points. Nothing else comes in. */
export function composeRootfs(parts: Parts): RootfsPlan {
  const plan = new RootfsPlan();
  addClosure(plan, parts);
  addAccounts(plan, parts.accounts);
  addFiles(plan, parts);
  addTimezone(plan, parts);
  for (const [path, target] of Object.entries(parts.recipe.links ?? {})) {
    plan.add({
      path,
      type: 'symlink',
      target,
      role: 'link',
      why: 'a link of the recipe',
      from: 'recipe',
      mode: 0o777,
      ...ROOT,
    });
  }
  addFolders(plan, parts);
  return plan;
}

function addClosure(plan: RootfsPlan, { closure, recipe }: Parts): void {
  for (const { path, target, layer, why } of closure.links.values()) {
    plan.add({
      path,
      type: 'symlink',
      target,
      role: 'link',
      why: `leads to what is ${why}`,
      from: layer.name,
      mode: 0o777,
      ...ROOT,
    });
  }
  for (const [path, { located, role, why }] of closure.members) {
    const reason = recipe.setid?.[path];
    const kept = reason === undefined ? undefined : specialOf(located);
    // ld.so maps a library whether or not it is marked executable; unmarked it cannot be started by itself.
    const mode = role === 'library' ? 0o644 : 0o755;
    plan.add({
      path,
      type: 'file',
      content: { copy: located.real },
      role,
      why: kept === undefined ? why : `${why}; keeps its ${kept.bits} bit: ${reason}`,
      from: located.layer.name,
      mode: kept === undefined ? mode : mode | kept.mode,
      uid: kept?.uid ?? 0,
      gid: kept?.gid ?? 0,
    });
  }
  for (const [path, { target, why }] of closure.aliases) {
    if (plan.has(path)) continue;
    plan.add({ path, type: 'symlink', target, role: 'link', why, from: 'recipe', mode: 0o777, ...ROOT });
  }
  for (const path of Object.keys(recipe.setid ?? {})) {
    if (!closure.members.has(path))
      throw new Failure('setid-unknown', path, 'is under setid but is no program of this bundle', {
        hint: 'remove it from setid, or admit it',
      });
  }
}

/** The setuid and setgid bits that a file has where it comes from, and its owner. */
function specialOf(located: Located): { mode: number; uid: number; gid: number; bits: string } {
  const packed = located.layer.special?.get(located.path);
  const mode = (packed?.mode ?? Number(located.stat.mode)) & 0o6000;
  if (mode === 0)
    throw new Failure('setid-absent', located.path, 'is under setid but has neither bit', {
      hint: 'remove it from setid',
    });
  const bits = mode === 0o6000 ? 'setuid and setgid' : mode === 0o4000 ? 'setuid' : 'setgid';
  return {
    mode,
    uid: packed?.uid ?? Number(located.stat.uid),
    gid: packed?.gid ?? Number(located.stat.gid),
    bits,
  };
}

function addAccounts(plan: RootfsPlan, accounts: Accounts): void {
  const files: readonly (readonly [string, string, string])[] = [
    ['/etc/passwd', accounts.passwd, [...accounts.users.keys()].join(', ')],
    ['/etc/group', accounts.group, [...accounts.groups.keys()].join(', ')],
  ];
  for (const [path, text, names] of files) {
    const why = names === '' ? 'knows no account' : `the accounts that the recipe names: ${names}`;
    plan.add({
      path,
      type: 'file',
      content: { bytes: Buffer.from(text) },
      role: 'account',
      why,
      from: 'recipe',
      mode: 0o644,
      ...ROOT,
    });
  }
}

function addFiles(plan: RootfsPlan, { recipe, recipeFile, tree, accounts }: Parts): void {
  for (const [path, file] of Object.entries(recipe.files ?? {})) {
    const mode = Number.parseInt(file.mode ?? '0644', 8);
    const owner = ownerOf(file.owner, accounts, path);
    const common = {
      path,
      type: 'file',
      role: 'configuration',
      why: 'a file of the recipe',
      mode,
      ...owner,
    } as const;
    refuseSecret(path, undefined);
    if (file.content !== undefined) {
      plan.add({ ...common, content: { bytes: Buffer.from(file.content) }, from: 'recipe' });
      continue;
    }
    const from = file.from ?? path;
    if (isAbsolute(from)) {
      const located = tree.locate(posix.normalize(from));
      if (located === undefined || !located.stat.isFile()) throw missingSource(path, from);
      refuseSecret(located.path, undefined);
      plan.add({ ...common, content: { copy: located.real }, from: located.layer.name });
      continue;
    }
    if (recipeFile === undefined) throw missingSource(path, from);
    const beside = resolve(dirname(recipeFile), from);
    if (statSync(beside, { throwIfNoEntry: false })?.isFile() !== true) throw missingSource(path, from);
    refuseSecret(beside, undefined);
    plan.add({ ...common, content: { bytes: readFileSync(beside) }, from: 'recipe' });
  }
}

function missingSource(path: string, from: string): Failure {
  return new Failure('file-missing', path, `should be copied from ${from}, which is not there`, {
    hint: 'correct "from" in the recipe, or name the package that has it (source: with)',
  });
}

function addTimezone(plan: RootfsPlan, { recipe, tree }: Parts): void {
  if (recipe.timezone === undefined) return;
  const source = recipe.timezone === 'host' ? '/etc/localtime' : `/usr/share/zoneinfo/${recipe.timezone}`;
  const located = tree.locate(source);
  if (located === undefined || !located.stat.isFile()) {
    throw new Failure('timezone', recipe.timezone, `is not a time zone of this host (${source} is missing)`, {
      hint: 'install tzdata, or correct the name',
    });
  }
  plan.add({
    path: '/etc/localtime',
    type: 'file',
    content: { copy: located.real },
    role: 'time zone',
    why: `the time zone ${recipe.timezone}`,
    from: located.layer.name,
    mode: 0o644,
    ...ROOT,
  });
}

function addFolders(plan: RootfsPlan, { recipe, accounts, services }: Parts): void {
  for (const [path, folder] of Object.entries(recipe.directories ?? {})) {
    const mode = Number.parseInt(folder?.mode ?? '0755', 8);
    plan.add({
      path,
      type: 'directory',
      role: 'folder',
      why: 'a folder of the recipe',
      from: 'recipe',
      mode,
      ...ownerOf(folder?.owner, accounts, path),
    });
  }
  const point = { role: 'mount point', from: 'recipe', ...ROOT } as const;
  const empty = { type: 'file', content: { bytes: Buffer.alloc(0) }, mode: 0o444 } as const;
  if (services.includes('notify'))
    plan.add({ ...point, ...empty, path: NOTIFY_SOCKET, why: 'the runtime mounts the notify socket' });
  for (const path of ['/dev', '/proc'])
    plan.add({ ...point, path, type: 'directory', why: 'the runtime mounts it', mode: 0o755 });
  for (const path of Object.keys(recipe.tmpfs ?? {})) {
    // The runtime makes /dev anew, with what is in it.
    if (path.startsWith('/dev/')) continue;
    plan.add({
      ...point,
      path,
      type: 'directory',
      why: 'a writable folder in memory is mounted here',
      mode: 0o755,
    });
  }
  for (const [path, mount] of Object.entries(recipe.mounts ?? {})) {
    const why = `${mount.source} of the host is mounted here`;
    if (kindOf(path, mount) === 'directory')
      plan.add({ ...point, path, type: 'directory', why, mode: 0o755 });
    else plan.add({ ...point, ...empty, path, why });
  }
}

/** Whether a mount brings a file or a folder: as the source is, or as the recipe says while there is none. */
export function kindOf(path: string, mount: MountRecipe): 'file' | 'directory' {
  const stat = existsSync(mount.source) ? statSync(mount.source) : undefined;
  const wanted = mount.create === undefined ? mount.kind : 'directory';
  if (stat === undefined) {
    if (wanted !== undefined) return wanted;
    throw new Failure('mount-missing', mount.source, `is to be mounted at ${path} and is not there`, {
      hint: 'create it, or say in the recipe which kind it will be',
    });
  }
  if (!stat.isDirectory() && !stat.isFile())
    throw new Failure('mount-kind', mount.source, 'is neither a file nor a folder, so it is not mounted');
  const kind = stat.isDirectory() ? 'directory' : 'file';
  if (wanted !== undefined && wanted !== kind) {
    throw new Failure('mount-kind', mount.source, `is a ${kind}, the recipe expects a ${wanted} at ${path}`, {
      hint: 'correct the source or the kind',
    });
  }
  return kind;
}
