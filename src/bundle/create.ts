import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unwrap } from '../common/index.js';
import { bundleTree, eventWorld, type FileWorld, type LoweringTarget } from '../lowering/index.js';
import { fileVerdict, type Policy, placeRules, SERVICES } from '../policy/index.js';
import { accountsOf, hasUser, ownerOf } from './accounts.js';
import { auditBundle } from './audit/index.js';
import { type Closure, type Root, resolveClosure } from './closure/index.js';
import { lowerMembers } from './compiled.js';
import { type Creator, ociConfig } from './config.js';
import { Failure } from './failure.js';
import { completeFromPackage } from './guess.js';
import { makeHostFolders } from './host-folders.js';
import { checkName, type Places } from './places.js';
import { planFiles, worldOf, writePlan } from './plan-files.js';
import { loadProfiles, type ReadProfile } from './profile.js';
import { parseRecipe, profileName, type Recipe, recipeText } from './recipe/index.js';
import { type Chosen, type CreateRequest, chooseRecipe } from './request.js';
import { composeRootfs } from './rootfs/compose.js';
import { writeRootfs } from './rootfs/write.js';
import {
  type Candidate,
  checkPackageName,
  type InstalledPackage,
  installedPackage,
  installedParts,
} from './source/apt.js';
import { PackageCache } from './source/cache.js';
import { walkFiles } from './source/files.js';
import { HOST, type Layer, Tree } from './source/tree.js';
import { alreadyThere, BundleStore } from './store.js';
import { openToRecorder, unprofiledPolicy } from './unprofiled.js';

/** What creation needs from outside: places, the compiler's ports, and who to tell. */
export interface CreateContext {
  readonly places: Places;
  readonly creator: Creator;
  /** Asked for only once everything that can be refused without it was looked at. */
  readonly target: () => Omit<LoweringTarget, 'world'>;
  readonly signal?: AbortSignal | undefined;
  /** Called at the start of each step. */
  readonly step: (text: string) => void;
  /** The pid of the running instance of this name, for a bundle may not be replaced under it. */
  readonly runningPid: (name: string) => number | undefined;
}

export interface CreatedBundle {
  readonly name: string;
  readonly path: string;
  /** Absent: it has none yet, and can be traced and nothing else. */
  readonly profile: string | undefined;
  readonly program: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly executables: number;
  readonly digest: string;
  readonly replaced: boolean;
}

/** Makes a bundle: it appears under its name whole and audited, or not at all. */
export async function createBundle(request: CreateRequest, context: CreateContext): Promise<CreatedBundle> {
  const { places, signal } = context;
  const checked = (text: string): void => {
    signal?.throwIfAborted();
    context.step(text);
  };
  const store = new BundleStore(request.output ?? places.bundles);
  const replacing = store.exists(checkName(request.name, 'bundle'));
  if (replacing) refuseReplacing(request, context);

  const accountsFrom = request.accountsFrom ?? '/etc';
  const chosen = chooseRecipe(request, places);
  checked(
    chosen.file === undefined ? 'making a recipe from the request' : `reading the recipe ${chosen.file}`,
  );
  const found = await findSource(chosen.recipe, request.fresh ?? false, context);
  const profiles = profilesOf(chosen.recipe, places);
  const source = await openSource(chosen, found, accountsFrom, context);
  const recipe = settled(source.recipe);
  for (const { policy } of profiles) checkProgram(recipe, policy);

  checked(`finding what ${recipe.program[0]} needs`);
  const { tree, closure } = await resolveClosure(
    source.layers,
    rootsOf(recipe),
    source,
    source.cache,
    checked,
    signal,
  );
  if (chosen.guessed && [...closure.members.keys()].some((path) => path.includes('/libpam.so.'))) {
    context.step('it uses PAM, whose modules no header names: list them under dlopen in a recipe of its own');
  }
  const accounts = accountsOf(recipe, accountsFrom);
  const services = SERVICES.filter((service) =>
    profiles.every(({ policy }) => policy.services.includes(service)),
  );
  const plan = composeRootfs({
    recipe,
    recipeFile: chosen.file,
    tree,
    closure,
    accounts,
    services,
  });

  const named = profileName(recipe);
  checked(
    named === undefined
      ? 'there is no profile yet: the bundle can be traced and nothing else'
      : `lowering ${profiles.length === 1 ? 'the profile' : 'the stack'} ${named}`,
  );
  const world = worldOf(recipe, plan.world());
  const { policy, lowered: plans } = lowerMembers(profiles, { ...context.target(), world });
  if (named !== undefined) checkExecutable(recipe, policy, world, closure);
  const lowered = named === undefined ? openToRecorder(plans) : plans;

  const work = store.begin(request.name);
  try {
    checked('writing the root file system');
    const entries = writeRootfs(plan.entries(), join(work, 'rootfs'));
    checked('writing config.json and the plans');
    const user = ownerOf(recipe.user, accounts, 'user');
    const texts = named === undefined ? [] : profiles.map(({ file }) => file);
    const parts = planFiles(recipe, lowered, texts, ociConfig(recipe, lowered, context.creator, user));
    writePlan(work, recipe.name, parts, entries);
    checked('auditing');
    const report = auditBundle(work);
    for (const finding of report.findings) context.step(`audit: ${finding.path} ${finding.message}`);
    refuseFindings(request.name, report.findings);
    signal?.throwIfAborted();
    // A bundle that is put elsewhere may be for another machine.
    const folders = request.output === undefined ? makeHostFolders(recipe, accounts, context.step) : [];
    let path: string;
    try {
      path = store.publish(request.name, work, replacing);
    } catch (error) {
      for (const folder of folders) rmdirSync(folder);
      throw error;
    }
    return {
      name: recipe.name,
      path,
      profile: named,
      program: recipe.program,
      files: report.files,
      bytes: report.bytes,
      executables: report.executables.filter((each) => each.form === 'program' || each.form === 'script')
        .length,
      digest: report.digest,
      replaced: replacing,
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The profile that the recipe names, or what stands in its place. */
function profilesOf(
  recipe: Recipe,
  places: Places,
): readonly Pick<ReadProfile, 'file' | 'files' | 'policy'>[] {
  const named = profileName(recipe);
  if (named !== undefined) return loadProfiles(named, places);
  const { file, policy } = unprofiledPolicy(recipe.name);
  return [{ file, files: [file], policy }];
}

function refuseReplacing(request: CreateRequest, context: CreateContext): void {
  if (request.replace !== true) throw alreadyThere(request.name);
  const pid = context.runningPid(request.name);
  if (pid === undefined) return;
  throw new Failure('bundle-running', request.name, `is running (pid ${pid}), so it is not replaced`, {
    hint: `stop it with 'vxe stop ${request.name}'`,
  });
}

interface Source {
  readonly recipe: Recipe;
  readonly layers: readonly Layer[];
  readonly alongside: readonly {
    readonly name: string;
    readonly version: string;
    readonly upgrade: boolean;
  }[];
  readonly fresh: boolean;
  readonly cache: PackageCache | undefined;
}

type Found =
  | { readonly kind: 'host' }
  | { readonly kind: 'installed'; readonly packages: readonly InstalledPackage[] }
  | {
      readonly kind: 'archive';
      readonly candidate: Candidate;
      readonly cache: PackageCache;
      readonly fresh: boolean;
    };

/** Looks up where the program is to come from, before anything is fetched. */
async function findSource(recipe: Recipe, fresh: boolean, context: CreateContext): Promise<Found> {
  if ('exec' in recipe.source) return { kind: 'host' };
  const name = checkPackageName(recipe.source.package);
  const further = (recipe.source.with ?? []).map(checkPackageName);
  const installed = fresh ? undefined : await installedPackages([name, ...further], context.signal);
  if (installed !== undefined) {
    for (const each of installed.slice(0, 1 + further.length))
      context.step(`using ${each.name} ${each.version} as it is installed on this host`);
    return { kind: 'installed', packages: installed };
  }
  const cache = new PackageCache(context.places.cache, context.signal);
  context.step(`looking ${[name, ...further].join(', ')} up in apt's lists`);
  return { kind: 'archive', candidate: await cache.candidate(name, further), cache, fresh };
}

/**
 * The packages and their parts as they are installed, or undefined where one is not: then all come from the archive, since
 * a module of one version is not to be loaded into a program of another.
 */
async function installedPackages(
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<InstalledPackage[] | undefined> {
  const found: InstalledPackage[] = [];
  for (const name of names) {
    const each = await installedPackage(name, signal);
    if (each === undefined) return undefined;
    found.push(each);
  }
  for (const part of await installedParts(names, signal)) {
    const each = await installedPackage(part, signal);
    if (each !== undefined) found.push(each);
  }
  return found;
}

/** The layers that the files come from: the host alone, or the package unpacked in the cache. Nothing is installed. */
async function openSource(
  chosen: Chosen,
  found: Found,
  accounts: string,
  context: CreateContext,
): Promise<Source> {
  const archive = found.kind === 'archive' ? found : undefined;
  const layers: Layer[] = [];
  if (archive !== undefined) {
    const { candidate, cache } = archive;
    layers.push(await cache.layer(candidate, context.step));
    for (const part of candidate.parts) layers.push(await cache.layerByName(part, undefined, context.step));
  }
  const completed = (): Recipe =>
    completeFromPackage(
      chosen.recipe,
      found.kind === 'installed'
        ? found.packages.map((each) => each.files)
        : layers.map((each) => walkFiles(each.root)),
      new Tree([...layers, HOST]),
      { hasUser: (name) => hasUser(accounts, name), step: context.step },
    );
  return {
    recipe: chosen.guessed && found.kind !== 'host' ? completed() : chosen.recipe,
    layers,
    alongside: archive?.candidate.alongside ?? [],
    fresh: archive?.fresh ?? false,
    cache: archive?.cache,
  };
}

/** The recipe with all wishes in it, checked once more as a whole: this is what the bundle carries. */
function settled(recipe: Recipe): Recipe {
  const text = { name: `${recipe.name}.yaml, as completed by the command line`, text: recipeText(recipe) };
  return unwrap(parseRecipe(text), [text], 2);
}

function checkProgram(recipe: Recipe, policy: Policy): void {
  if (policy.program === undefined || policy.program === recipe.program[0]) return;
  throw new Failure(
    'profile-mismatch',
    policy.name,
    `is a profile for ${policy.program}, but the bundle starts ${recipe.program[0]}`,
    {
      hint: 'name another profile with --profile, or correct program in one of them',
    },
  );
}

/** What the kernel opens to start the program; without these rights it would be refused, and no rule but the launch's own would tell. */
function checkExecutable(recipe: Recipe, policy: Policy, world: FileWorld, closure: Closure): void {
  // Which of them a list of programs leaves is a matter of the list.
  if (policy.programs !== undefined) return;
  const place = eventWorld(bundleTree(world));
  const rules = placeRules(policy, place);
  const loaders = [...closure.members].filter(([, { role }]) => role === 'interpreter').map(([path]) => path);
  for (const path of [recipe.program[0] ?? '', ...loaders]) {
    const access = fileVerdict(rules, place.resolve(path))?.access;
    if (access?.has('read') === true && access.has('execute')) continue;
    const what = path === recipe.program[0] ? 'the program' : `the loader of ${recipe.program[0]}`;
    throw new Failure(
      'program-refused',
      policy.name,
      `does not let ${path} be executed, ${what}, so that it could not start`,
      {
        hint: `add the rule for files ${path}: read execute`,
      },
    );
  }
}

function rootsOf(recipe: Recipe): Root[] {
  const library =
    (why: string) =>
    (name: string): Root => ({ kind: 'library', name, why });
  const libraries = new Set([...(recipe.libraries ?? []), ...(recipe.dlopen ?? [])]);
  return [
    { kind: 'program', name: recipe.program[0] ?? '', why: 'the program' },
    // A library is admitted where it would be an interpreter; that does not make it a program.
    ...Object.entries(recipe.admit ?? {})
      .filter(([name]) => !libraries.has(name))
      .map(([name, reason]): Root => ({ kind: 'admitted', name, why: `admitted: ${reason}` })),
    ...(recipe.libraries ?? []).map(library('named under libraries by the recipe')),
    ...(recipe.dlopen ?? []).map(library('named under dlopen by the recipe')),
  ];
}

function refuseFindings(
  name: string,
  findings: readonly { readonly path: string; readonly message: string }[],
): void {
  const [first, ...others] = findings;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new Failure('audit', name, `would hold ${first.path}, which ${first.message}${more}`, {
    hint: `leave it out, or admit it with a reason, in the recipe or by --admit '${first.path}=REASON'`,
  });
}
