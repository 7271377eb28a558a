import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unwrap } from '../common/index.js';
import { errnoOf, Failure } from './failure.js';
import { checkName, findIn, listIn, type Places } from './places.js';
import { findProfile } from './profile.js';
import { type MountRecipe, parseRecipe, type Recipe } from './recipe/index.js';

/** What `vxe bundle create` was asked for, before anything is looked up. */
export interface CreateRequest {
  readonly name: string;
  readonly recipe?: string | undefined;
  readonly package?: string | undefined;
  readonly exec?: string | undefined;
  readonly args?: readonly string[] | undefined;
  /** Several are stacked. */
  readonly profile?: string | readonly string[] | undefined;
  /** Without a profile, to be traced. */
  readonly noProfile?: boolean | undefined;
  readonly accounts?: readonly string[] | undefined;
  readonly accountsFrom?: string | undefined;
  /** `DEST=SOURCE[:OPTION,...]` */
  readonly mounts?: readonly string[] | undefined;
  readonly dlopen?: readonly string[] | undefined;
  /** `PATH=REASON` */
  readonly admit?: readonly string[] | undefined;
  readonly fresh?: boolean | undefined;
  readonly replace?: boolean | undefined;
  /** The folder that gets the bundle, instead of the usual one. */
  readonly output?: string | undefined;
}

/** A recipe ready to be built, and the folder that its relative paths are relative to. */
export interface Chosen {
  readonly recipe: Recipe;
  /** Where it was read from; undefined for one that was made from the request. */
  readonly file: string | undefined;
  /** The package's own files decide what else is in: nothing but a package or program was named. */
  readonly guessed: boolean;
}

/** Finds the recipe that is asked for, or makes one from a package or program, and applies the request's own wishes. */
export function chooseRecipe(request: CreateRequest, places: Places): Chosen {
  checkName(request.name, 'bundle');
  if (
    request.package !== undefined &&
    request.exec !== undefined &&
    request.recipe === undefined &&
    !request.exec.startsWith('/')
  ) {
    throw new Failure('bad-path', request.exec, 'is not an absolute path', {
      hint: 'name the program by its full path',
      exit: 2,
    });
  }
  const found = find(request, places);
  const users = { ...found.recipe.accounts?.users };
  for (const user of request.accounts ?? [])
    if (!Object.hasOwn(users, user)) users[checkAccount(user)] = null;
  const mounts: Record<string, MountRecipe> = { ...found.recipe.mounts };
  for (const text of request.mounts ?? []) {
    const { destination, source, options } = parseMount(text);
    const before = mounts[destination];
    const chosen = options ?? before?.options;
    mounts[destination] = { ...before, source, ...(chosen === undefined ? {} : { options: chosen }) };
  }
  const admit: Record<string, string> = { ...found.recipe.admit };
  for (const text of request.admit ?? []) {
    const { path, reason } = parseAdmission(text);
    admit[path] = reason;
  }
  const program =
    request.args === undefined || request.args.length === 0
      ? found.recipe.program
      : [found.recipe.program[0] ?? '', ...request.args];
  const { profile: ofRecipe, ...unconfined } = found.recipe;
  const profile = request.noProfile === true ? undefined : (wished(request) ?? ofRecipe);
  const recipe: Recipe = {
    ...unconfined,
    name: request.name,
    ...(profile === undefined ? {} : { profile }),
    program,
    accounts: { ...found.recipe.accounts, users },
    mounts,
    ...(request.dlopen === undefined
      ? {}
      : { dlopen: [...new Set([...(found.recipe.dlopen ?? []), ...request.dlopen])] }),
    ...(Object.keys(admit).length === 0 ? {} : { admit }),
  };
  return { ...found, recipe };
}

function find(request: CreateRequest, places: Places): Chosen {
  if (request.recipe !== undefined) {
    const file =
      request.recipe.includes('/') || existsSync(request.recipe)
        ? request.recipe
        : (findIn(places.recipes, `${request.recipe}.yaml`) ?? request.recipe);
    const recipe = readRecipe(file);
    return { recipe: withSource(recipe, request), file, guessed: false };
  }
  if (request.package === undefined && request.exec === undefined) {
    const file = findIn(places.recipes, `${request.name}.yaml`);
    if (file === undefined) {
      throw new Failure('recipe-missing', request.name, 'there is no recipe of this name', {
        hint: `write ${join('/etc/vxe/bundles', `${request.name}.yaml`)}, or name a package (--package) or a program (--exec)`,
      });
    }
    return { recipe: readRecipe(file), file, guessed: false };
  }
  // A guessed recipe takes the profile of its name where there is one.
  const profile =
    wished(request) ?? (findProfile(request.name, places) === undefined ? undefined : request.name);
  if (request.exec !== undefined) {
    const program = request.exec.startsWith('/') ? request.exec : onPath(request.exec);
    const source = request.package === undefined ? { exec: program } : { package: request.package };
    return {
      recipe: { ...plainRecipe(request.name, profile), source, program: [program] },
      file: undefined,
      guessed: true,
    };
  }
  const wanted = request.package ?? '';
  // A recipe that was written for this package knows what its headers do not say; one that puts others in it is something else.
  for (const { path } of listIn(places.recipes, '.yaml')) {
    const recipe = tryRecipe(path);
    if (recipe === undefined || !('package' in recipe.source)) continue;
    if (recipe.source.package === wanted && recipe.source.with === undefined)
      return { recipe, file: path, guessed: false };
  }
  return {
    recipe: { ...plainRecipe(request.name, profile), source: { package: wanted }, program: [] },
    file: undefined,
    guessed: true,
  };
}

function wished({ profile }: CreateRequest): Recipe['profile'] {
  return typeof profile !== 'string' && profile?.length === 1 ? profile[0] : profile;
}

function plainRecipe(name: string, profile: Recipe['profile']): Omit<Recipe, 'source' | 'program'> {
  return {
    recipe: 1,
    name,
    ...(profile === undefined ? {} : { profile }),
    kind: 'simple',
    files: {
      '/etc/nsswitch.conf': { content: 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' },
    },
  };
}

function withSource(recipe: Recipe, request: CreateRequest): Recipe {
  if (request.package !== undefined) return { ...recipe, source: { package: request.package } };
  if (request.exec === undefined) return recipe;
  const program = request.exec.startsWith('/') ? request.exec : onPath(request.exec);
  return { ...recipe, source: { exec: program }, program: [program, ...recipe.program.slice(1)] };
}

export function readRecipe(file: string): Recipe {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new Failure('recipe-missing', file, 'there is no such recipe', {
        hint: 'correct the path',
        exit: 2,
      });
    if (errnoOf(error) === 'EISDIR')
      throw new Failure('recipe-missing', file, 'is a folder, not a recipe', { exit: 2 });
    throw error;
  }
  const source = { name: file, text };
  return unwrap(parseRecipe(source), [source], 2);
}

/** A recipe among others: one that does not parse, or another YAML file of that folder, is passed over. */
function tryRecipe(file: string): Recipe | undefined {
  const parsed = parseRecipe({ name: file, text: readFileSync(file, 'utf8') });
  return parsed.ok ? parsed.value : undefined;
}

function onPath(program: string): string {
  if (program.includes('/'))
    throw new Failure('bad-path', program, 'is not an absolute path', {
      hint: 'name the program by its full path',
      exit: 2,
    });
  for (const folder of ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/sbin', '/bin']) {
    const path = join(folder, program);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  }
  throw new Failure('program-missing', basename(program), 'there is no such program on this host', {
    hint: 'name it by its full path, or name its package with --package',
  });
}

const ACCOUNT = /^[a-z_][a-z0-9_.-]{0,31}$/;
const OPTIONS = new Set([
  'ro',
  'rw',
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'nodiratime',
  'relatime',
  'exec',
  'dev',
  'suid',
]);
const ABSOLUTE = /^\/(?!$)(?:(?!\.{1,2}(?:\/|$))[^/\0]+(?:\/(?!$)|$))*$/;

function checkAccount(name: string): string {
  if (ACCOUNT.test(name)) return name;
  throw new Failure('bad-name', JSON.stringify(name), 'is not an account name', { exit: 2 });
}

function parseAdmission(text: string): { path: string; reason: string } {
  const [, path, reason] = /^([^=]+)=\s*(.*\S)\s*$/.exec(text) ?? [];
  if (path !== undefined && reason !== undefined && ABSOLUTE.test(path)) return { path, reason };
  throw new Failure('bad-admission', text, 'is not of the form PATH=REASON', {
    hint: "write --admit '/path/in/the/bundle=why it has to be there'",
    exit: 2,
  });
}

export function parseMount(text: string): {
  destination: string;
  source: string;
  options: string[] | undefined;
} {
  const misuse = (what: string): Failure =>
    new Failure('bad-mount', text, what, {
      hint: 'write --mount /in/the/bundle=/on/the/host[:ro,nosuid]',
      exit: 2,
    });
  const [, destination, source, optionText] = /^([^=]+)=([^:]+)(?::(.*))?$/.exec(text) ?? [];
  if (destination === undefined || source === undefined) throw misuse('is not of the form DEST=SOURCE');
  if (!ABSOLUTE.test(destination))
    throw misuse(`${destination} is not an absolute path without dot segments`);
  if (!ABSOLUTE.test(source)) throw misuse(`${source} is not an absolute path without dot segments`);
  const options = optionText?.split(',').filter((each) => each !== '');
  const unknown = options?.find((each) => !OPTIONS.has(each));
  if (unknown !== undefined) throw misuse(`${unknown} is not a mount option`);
  return { destination, source, options };
}
