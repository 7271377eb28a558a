import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { isBeneath } from '../policy/index.js';
import { Failure } from './failure.js';
import type { FileRecipe, MountRecipe, Recipe, UserRecipe } from './recipe/index.js';
import { secretIn } from './rootfs/secrets.js';
import type { Tree } from './source/tree.js';
import { readServiceUnit, type ServiceUnit } from './unit.js';

const PROGRAM_FOLDERS = /^\/(usr\/)?s?bin\/[^/]+$|^\/usr\/(libexec|games)\//;
/** Where the host does not have the account; the next lower number that is free is taken. */
const GUESSED_ID = 980;

// What starts, rotates or schedules a daemon on the host has no work inside.
const NOT_CONFIGURATION =
  /^\/etc\/(init\.d|init|rc.\.d|default|cron[^/]*|logrotate\.d|systemd|apparmor\.d|ufw|logcheck|network|ppp|dhcp|dbus-1|xdg|bash_completion\.d|sudoers\.d|pam\.d|update-motd\.d|profile\.d|insserv[^/]*|resolvconf)(\/|$)/;

/** What guessing asks of the host, and whom it tells what it leaves out. */
export interface GuessContext {
  readonly hasUser: (name: string) => boolean;
  readonly step: (text: string) => void;
}

/**
 * Completes a recipe that names only a package: its one program, its configuration files, and the user that it has been given here. The
 * package's own files come first, those of its parts follow.
 */
export function completeFromPackage(
  recipe: Recipe,
  packages: readonly (readonly string[])[],
  tree: Tree,
  { hasUser, step }: GuessContext,
): Recipe {
  const units = unitsOf(packages.flat(), tree);
  // Arguments alone have an empty word before them.
  const program = recipe.program[0] || programOf(recipe, packages, units, tree);
  const known = recipe.files ?? {};
  const added: Record<string, FileRecipe> = {};
  // Nobody would see what lies below a mount.
  const covered = Object.keys(recipe.mounts ?? {});
  for (const path of packages
    .flat()
    .filter((each) => each.startsWith('/etc/') && !NOT_CONFIGURATION.test(each))
    .sort()) {
    const located = tree.locate(path);
    if (located === undefined || !located.stat.isFile() || (located.stat.mode & 0o111n) !== 0n) continue;
    if (Object.hasOwn(known, path) || covered.some((each) => isBeneath(path, each))) continue;
    // A secret is for a mount, which only the administrator can ask for.
    const secret = secretIn(path, readFileSync(located.real));
    if (secret === undefined) added[path] = { from: path };
    else step(`${path} is left out, since ${secret}: mount it if it is needed`);
  }
  const completed: Recipe = {
    ...recipe,
    program: [program, ...recipe.program.slice(1)],
    files: { ...known, ...added },
    accounts: {
      ...recipe.accounts,
      users: { ...ownUsers(recipe, program, hasUser), ...recipe.accounts?.users },
    },
  };
  const [module, ...others] = modulesOf(packages.flat(), completed);
  if (module !== undefined)
    step(
      `${module}${others.length === 0 ? ' is a module that no header names' : ` and ${others.length} more are modules that no header names`}: what its configuration loads is added with --dlopen`,
    );
  const unit = units.find((each) => each.exec?.[0] === program);
  return withRun(unit === undefined ? completed : asUnitSays(completed, unit));
}

/** A place for pid files and sockets, where nobody says which. */
function withRun(recipe: Recipe): Recipe {
  const places = [...Object.keys(recipe.tmpfs ?? {}), ...Object.keys(recipe.mounts ?? {})];
  return places.some((path) => isBeneath('/run', path) || isBeneath(path, '/run'))
    ? recipe
    : { ...recipe, tmpfs: { ...recipe.tmpfs, '/run': null } };
}

/** Shared objects in a folder of the package's own, which no loader looks in. */
function modulesOf(files: readonly string[], recipe: Recipe): readonly string[] {
  const known = new Set(recipe.dlopen ?? []);
  return files
    .filter(
      (path) =>
        /^\/usr\/(lib|libexec)\/(?!(?:[^/]+-linux-gnu\/)?[^/]+$).+\.so$/.test(path) && !known.has(path),
    )
    .sort();
}

/** Most daemons that give up root become the user of their own name, which no file of the package tells. */
function ownUsers(
  recipe: Recipe,
  program: string,
  hasUser: GuessContext['hasUser'],
): Readonly<Record<string, null>> {
  const names = [posix.basename(program), ...('package' in recipe.source ? [recipe.source.package] : [])];
  return Object.fromEntries(names.filter(hasUser).map((name) => [name, null]));
}

/** What a package of Debian's says in its unit, where the request does not: arguments, user, and the folders that it writes to. */
function asUnitSays(recipe: Recipe, unit: ServiceUnit): Recipe {
  const user = unit.user;
  const owner = user === undefined ? undefined : unit.group === undefined ? user : `${user}:${unit.group}`;
  const account: UserRecipe = {
    uid: GUESSED_ID,
    gid: GUESSED_ID,
    ...(unit.group === undefined ? {} : { group: unit.group }),
  };
  const users = recipe.accounts?.users ?? {};
  const claimed = new Set(Object.keys(recipe.mounts ?? {}));
  const free = (paths: readonly string[]): string[] => paths.filter((path) => !claimed.has(path));
  const create = owner === undefined ? {} : { owner };
  const state = free(unit.state).map((path): [string, MountRecipe] => [
    path,
    { source: path, options: ['rw'], create: { mode: '0750', ...create } },
  ]);
  return {
    ...recipe,
    program: recipe.program.length > 1 ? recipe.program : [...(unit.exec ?? recipe.program)],
    kind: unit.kind,
    ...(user === undefined
      ? {}
      : {
          user: owner ?? user,
          accounts: { ...recipe.accounts, users: { ...users, [user]: users[user] ?? account } },
        }),
    ...(Object.keys(unit.env).length === 0 ? {} : { env: { ...unit.env, ...recipe.env } }),
    mounts: { ...recipe.mounts, ...Object.fromEntries(state) },
    tmpfs: { ...recipe.tmpfs, ...Object.fromEntries(free(unit.runtime).map((path) => [path, null])) },
  };
}

/** The units of the packages that start a program directly; templates and what runs a script are no help. */
function unitsOf(files: readonly string[], tree: Tree): ServiceUnit[] {
  return files
    .filter((path) => /\/lib\/systemd\/system\/[^/@]+\.service$/.test(path))
    .sort()
    .flatMap((path) => {
      const located = tree.locate(path);
      const unit = located === undefined ? undefined : readServiceUnit(readFileSync(located.real, 'utf8'));
      return unit?.exec === undefined ? [] : [unit];
    });
}

function programOf(
  recipe: Recipe,
  packages: readonly (readonly string[])[],
  units: readonly ServiceUnit[],
  tree: Tree,
): string {
  const started = new Set(units.flatMap((unit) => unit.exec?.slice(0, 1) ?? []));
  const [only] = [...started].filter((path) => tree.locate(path) !== undefined && startsAsElf(tree, path));
  return started.size === 1 && only !== undefined ? only : onlyProgram(recipe, packages, tree);
}

function onlyProgram(recipe: Recipe, packages: readonly (readonly string[])[], tree: Tree): string {
  const name = 'package' in recipe.source ? recipe.source.package : recipe.name;
  const programsIn = (files: readonly string[]): string[] =>
    files.filter((path) => PROGRAM_FOLDERS.test(path) && startsAsElf(tree, path)).sort();
  // The parts are asked only where the package itself has none: apache2's program is in apache2-bin.
  const own = programsIn(packages[0] ?? []);
  const programs = own.length > 0 ? own : programsIn(packages.slice(1).flat());
  const daemons = programs.filter((path) => /\/sbin\//.test(path));
  const sameName = programs.filter((path) => posix.basename(path) === name);
  for (const choice of [sameName, daemons, programs])
    if (choice.length === 1 && choice[0] !== undefined) return choice[0];
  if (programs.length === 0)
    throw new Failure('no-program', name, 'has no program that could be started', {
      hint: 'name the package that has it, or the program with --exec',
    });
  throw new Failure('many-programs', name, `has several programs: ${programs.join(', ')}`, {
    hint: 'choose one with --exec',
    exit: 2,
  });
}

function startsAsElf(tree: Tree, path: string): boolean {
  const located = tree.locate(path);
  if (located === undefined || !statSync(located.real).isFile()) return false;
  const fd = openSync(located.real, 'r');
  try {
    const magic = Buffer.alloc(4);
    return readSync(fd, magic, 0, 4, 0) === 4 && magic.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(fd);
  }
}
