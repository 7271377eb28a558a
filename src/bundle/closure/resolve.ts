import { Failure } from '../failure.js';
import { ownersOf } from '../source/apt.js';
import type { PackageCache } from '../source/cache.js';
import { HOST, type Layer, Tree } from '../source/tree.js';
import { type Closure, closureOf, type Root } from './closure.js';

export interface Needs {
  /** Packages that apt would install or upgrade along with the program's. */
  readonly alongside: readonly {
    readonly name: string;
    readonly version: string;
    readonly upgrade: boolean;
  }[];
  /** Take every file from the archive, also where the host has it. */
  readonly fresh: boolean;
}

interface Resolved {
  readonly tree: Tree;
  readonly closure: Closure;
}

/**
 * The closure over the unpacked packages and the host. A package of the archive is fetched only where the closure has no
 * other way: something is missing, the host's version is too old for the program, or everything is to be fresh.
 */
export async function resolveClosure(
  first: readonly Layer[],
  roots: readonly Root[],
  needs: Needs,
  cache: PackageCache | undefined,
  step: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<Resolved> {
  const layers = [...first];
  const fetched = new Set<string>();
  for (;;) {
    const tree = new Tree([...layers, HOST]);
    const closure = closureOf(tree, roots);
    const wanted = cache === undefined ? [] : await packagesFor(closure, needs, fetched, signal);
    if (cache === undefined || wanted.length === 0) {
      refuseMissing(closure);
      return { tree, closure };
    }
    for (const { name, version } of wanted) {
      fetched.add(name);
      layers.push(await cache.layerByName(name, version, step));
    }
  }
}

type Wanted = { readonly name: string; readonly version: string | undefined };

async function packagesFor(
  closure: Closure,
  needs: Needs,
  fetched: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  const upgrades = needs.alongside.filter((each) => each.upgrade && !fetched.has(each.name));
  if (needs.fresh || upgrades.length > 0) {
    const fromHost = [...closure.members.values()]
      .filter((member) => member.located.layer === HOST)
      .map((member) => member.located.path);
    for (const owner of new Set((await ownersOf(fromHost, signal)).values())) {
      if (fetched.has(owner)) continue;
      const upgrade = upgrades.find((each) => each.name === owner);
      if (upgrade !== undefined) wanted.push(upgrade);
      else if (needs.fresh) wanted.push({ name: owner, version: undefined });
    }
  }
  if (wanted.length > 0 || closure.missing.length === 0) return wanted;
  // Libraries first, and one at a time: the next round asks again what is still missing.
  const left = needs.alongside.filter((each) => !fetched.has(each.name));
  const named = left.find((each) =>
    closure.missing.some((missing) => packageStem(missing.name) === each.name),
  );
  const next = named ?? left.find((each) => each.name.startsWith('lib')) ?? left[0];
  return next === undefined ? [] : [next];
}

/** Debian's name for a library: libfoo.so.1 is in libfoo1, libfoo2.so.1 in libfoo2-1. */
function packageStem(soname: string): string {
  const [, stem = '', version = ''] =
    /^(.+)\.so\.?([0-9.]*)$/.exec(soname.slice(soname.lastIndexOf('/') + 1)) ?? [];
  return `${stem}${/[0-9]$/.test(stem) ? '-' : ''}${version}`.toLowerCase();
}

function refuseMissing(closure: Closure): void {
  const [first, ...others] = closure.missing;
  if (first === undefined) return;
  const more =
    others.length === 0 ? '' : ` (and ${others.length} more: ${others.map((each) => each.name).join(', ')})`;
  throw new Failure('library-missing', first.name, `is not found, but needed by ${first.neededBy}${more}`, {
    hint: 'install the package that has it, name it in the recipe (source: with), or correct the recipe',
  });
}
