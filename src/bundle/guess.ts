import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { Failure } from './failure.js';
import type { FileRecipe, Recipe } from './recipe/index.js';
import { secretIn } from './rootfs/secrets.js';
import type { Tree } from './source/tree.js';

const PROGRAM_FOLDERS = /^\/(usr\/)?s?bin\/[^/]+$|^\/usr\/(libexec|games)\//;
// What starts, rotates or schedules a daemon on the host has no work inside.
const NOT_CONFIGURATION =
  /^\/etc\/(init\.d|init|rc.\.d|default|cron[^/]*|logrotate\.d|systemd|apparmor\.d|ufw|logcheck|network|ppp|dhcp|dbus-1|xdg|bash_completion\.d|sudoers\.d|pam\.d|update-motd\.d|profile\.d|insserv[^/]*|resolvconf)(\/|$)/;

/** Completes a recipe that names only a package: its one program, and its configuration files. The package's own files come first, those of its parts follow. */
export function completeFromPackage(
  recipe: Recipe,
  packages: readonly (readonly string[])[],
  tree: Tree,
): Recipe {
  const program = recipe.program[0] ?? onlyProgram(recipe, packages, tree);
  const known = recipe.files ?? {};
  const added: Record<string, FileRecipe> = {};
  for (const path of packages
    .flat()
    .filter((each) => each.startsWith('/etc/') && !NOT_CONFIGURATION.test(each))
    .sort()) {
    const located = tree.locate(path);
    if (located === undefined || !located.stat.isFile() || (located.stat.mode & 0o111n) !== 0n) continue;
    // A secret is for a mount, which only the administrator can ask for.
    if (Object.hasOwn(known, path) || secretIn(path, undefined) !== undefined) continue;
    added[path] = { from: path };
  }
  return { ...recipe, program: [program, ...recipe.program.slice(1)], files: { ...known, ...added } };
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
      hint: 'name one with --exec',
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
