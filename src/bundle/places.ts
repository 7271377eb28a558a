import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure.js';
import { distrusted, thisCaller, trustedFile } from './trust.js';

/** The environment variables and the identity that decide where VXE keeps its things. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly cwd: string;
}

export function hostSurroundings(): Surroundings {
  return { env: process.env, uid: process.getuid?.() ?? 0, cwd: process.cwd() };
}

/** The folders of docs/architecture.md, resolved for one user. */
export interface Places {
  readonly bundles: string;
  readonly compiled: string;
  readonly recordings: string;
  readonly profiles: readonly string[];
  readonly recipes: readonly string[];
  readonly state: string;
  readonly logs: string;
  readonly cache: string;
  /** Kept versions of the bundles' profiles. */
  readonly history: string;
}

export function placesOf({ env, uid, cwd }: Surroundings): Places {
  const root = uid === 0;
  const home = env.HOME ?? '/';
  const data = join(env.XDG_DATA_HOME || join(home, '.local/share'), 'vxe');
  const own = packageFolder();
  const search = (override: string | undefined, name: string): string[] => [
    ...(override ?? '').split(':').filter((each) => each !== ''),
    cwd,
    `/etc/vxe/${name}`,
    join(own, name),
  ];
  return {
    bundles: env.VXE_BUNDLES || (root ? '/var/lib/vxe/bundles' : join(data, 'bundles')),
    recordings: env.VXE_RECORDINGS || (root ? '/var/lib/vxe/recordings' : join(data, 'recordings')),
    compiled: env.VXE_COMPILED || (root ? '/var/lib/vxe/profiles' : join(data, 'profiles')),
    profiles: search(env.VXE_PROFILES, 'profiles'),
    recipes: search(env.VXE_RECIPES, 'bundles'),
    state: env.VXE_ROOT || (root ? '/run/vxe' : join(env.XDG_RUNTIME_DIR || `/run/user/${uid}`, 'vxe')),
    logs:
      env.VXE_LOGS ||
      (root ? '/var/log/vxe' : join(env.XDG_STATE_HOME || join(home, '.local/state'), 'vxe/log')),
    history: env.VXE_HISTORY || (root ? '/var/lib/vxe/history' : join(data, 'history')),
    cache:
      env.VXE_CACHE || (root ? '/var/cache/vxe' : join(env.XDG_CACHE_HOME || join(home, '.cache'), 'vxe')),
  };
}

let folder: string | undefined;

/** The folder that holds package.json, schemas/, bundles/ and profiles/. */
export function packageFolder(): string {
  if (folder === undefined) {
    let at = dirname(fileURLToPath(import.meta.url));
    while (!existsSync(join(at, 'schemas', 'recipe.schema.json'))) {
      const up = dirname(at);
      if (up === at)
        throw new Failure('installation', 'vxe', 'its schemas folder is missing', {
          hint: 'install it again',
        });
      at = up;
    }
    folder = at;
  }
  return folder;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Refuses, with exit code 2, what could not be a name: a name is used as a folder's name. */
export function checkName(name: string, what: string): string {
  if (NAME.test(name)) return name;
  throw new Failure('bad-name', JSON.stringify(name), `is not a ${what} name`, {
    hint:
      what === 'profile' && existsSync(name)
        ? 'a bundle takes its profile by its name: copy the file to /etc/vxe/profiles, or name its folder in VXE_PROFILES, and give its name without the ending'
        : 'use lower-case letters, digits, dots, dashes and underscores, at most 63, the first a letter or digit',
    exit: 2,
  });
}

/** What stands between the members' names in the name of a stack; no name of one profile has it. */
const STACKED = '+';

/** The profiles that a name stands for: one, or with a plus between them the members of a stack. */
export function memberNames(name: string): readonly string[] {
  const names = name.split(STACKED).map((each) => checkName(each, 'profile'));
  const twice = names.find((each, index) => names.indexOf(each) < index);
  if (twice === undefined) return names;
  throw new Failure('bad-name', name, `has ${twice} twice`, { hint: 'name each profile once', exit: 2 });
}

/** Whether a name stands for several profiles; no bundle has such a name. */
export function isStack(name: string): boolean {
  return name.includes(STACKED);
}

/** The name of what several profiles confine together. */
export function stackName(names: readonly string[]): string {
  return names.join(STACKED);
}

/** The first of the folders that has the file, or undefined; one of the working folder's that may be another's word is an error. */
export function findIn(folders: readonly string[], file: string): string | undefined {
  const found = folders.map((each) => join(each, file)).find((path) => existsSync(path));
  return found === undefined ? undefined : trustedFile(found);
}

/** Every name that a file with this ending gives in the folders, the first folder winning; none that findIn refuses. */
export function listIn(
  folders: readonly string[],
  ending: string,
): { readonly name: string; readonly path: string }[] {
  const found = new Map<string, string>();
  const caller = thisCaller();
  for (const each of folders) {
    if (!existsSync(each)) continue;
    for (const file of readdirSync(each).sort()) {
      const name = file.endsWith(ending) ? file.slice(0, -ending.length) : '';
      if (NAME.test(name) && !found.has(name) && distrusted(join(each, file), caller) === undefined)
        found.set(name, join(each, file));
    }
  }
  return [...found].map(([name, path]) => ({ name, path })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
