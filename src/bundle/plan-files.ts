import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { canonicalJson, type JsonValue, type SourceFile, unwrap } from '../common/index.js';
import {
  type After,
  coverageJson,
  type EntryKind,
  type FileWorld,
  type Judge,
  type Lowered,
  type WorldEntry,
} from '../lowering/index.js';
import { type ManifestEntry, manifestText } from './manifest.js';
import { storedNames } from './profile.js';
import { parseRecipe, type Recipe, recipeText } from './recipe/index.js';
import { stamp, syncPath } from './rootfs/write.js';

// Every OCI runtime makes these; the profile says which of them may be used.
const DEVICES = ['full', 'null', 'random', 'tty', 'urandom', 'zero'];

/** The finite world that the profile is lowered for. */
export function worldOf(recipe: Recipe, entries: readonly WorldEntry[]): FileWorld {
  return {
    entries: [...entries, ...DEVICES.map((name) => ({ path: `/dev/${name}`, kind: 'device' as const }))],
    open: ['/proc', ...Object.keys(recipe.tmpfs ?? {}), ...Object.keys(recipe.mounts ?? {})].sort(),
  };
}

const KINDS: Readonly<Record<ManifestEntry['type'], EntryKind>> = {
  directory: 'directory',
  file: 'file',
  symlink: 'symlink',
};

/** The same for a bundle that lies there already. */
export function storedWorld(recipe: Recipe, entries: readonly ManifestEntry[]): FileWorld {
  return worldOf(
    recipe,
    entries.map(({ path, type, target }) => ({
      path,
      kind: KINDS[type],
      ...(target === undefined ? {} : { target }),
    })),
  );
}

/** The recipe that a bundle was made by. */
export function readStoredRecipe(bundle: string): Recipe {
  const name = join(bundle, 'vxe/recipe.yaml');
  const source = { name, text: readFileSync(name, 'utf8') };
  return unwrap(parseRecipe(source), [source]);
}

/** What lies beside the root file system, by its path in the bundle. */
export function planFiles(
  recipe: Recipe,
  lowered: Lowered,
  /** None: the bundle has no profile yet. */
  profiles: readonly SourceFile[],
  config: string,
): ReadonlyMap<string, string | Uint8Array> {
  const whole: [string, string | Uint8Array][] = [
    ['config.json', config],
    ['vxe/filter.bpf', lowered.seccomp.filter],
    ['vxe/recipe.yaml', recipeText(recipe)],
  ];
  if (profiles.length === 0) return new Map(whole);
  return new Map<string, string | Uint8Array>([
    ...whole,
    ['vxe/coverage.json', canonicalJson(coverageJson(lowered.coverage))],
    ['vxe/soft.bpf', lowered.seccomp.soft],
    ['vxe/judge.json', canonicalJson(placed(recipe, lowered.judge, profiles))],
    ...(lowered.after === undefined
      ? []
      : [['vxe/after.json', canonicalJson(placed(recipe, lowered.after, profiles))] as const]),
    ...storedNames(profiles).map(([name, { text }]) => [name, text] as const),
  ]);
}

/**
 * Places in the profile by the name that the recipe has for it, wherever the text was read from: a bundle whose plans are made again of the
 * same text is the same bundle.
 */
function placed(recipe: Recipe, plan: Judge | After, profiles: readonly SourceFile[]): JsonValue {
  const [only, ...others] = profiles;
  const [stored = ''] = storedNames(profiles).map(([name]) => basename(name));
  if (only === undefined || others.length > 0) return plan as unknown as JsonValue;
  const read = `${basename(only.name)}:`;
  const named = `${recipe.profile ?? recipe.name}${stored.replace(/^profile/, '')}:`;
  return JSON.parse(JSON.stringify(plan), (key, value) =>
    key === 'at' && String(value).startsWith(read) ? `${named}${String(value).slice(read.length)}` : value,
  );
}

/** Writes it into a bundle that is being made. */
export function writePlan(
  work: string,
  name: string,
  parts: ReadonlyMap<string, string | Uint8Array>,
  entries: readonly ManifestEntry[],
): void {
  mkdirSync(join(work, 'vxe'), { mode: 0o755 });
  chmodSync(join(work, 'vxe'), 0o755);
  const plan: Record<string, string> = {};
  const put = (file: string, content: string | Uint8Array): void => {
    const path = join(work, file);
    writeFileSync(path, content, { mode: 0o644, flag: 'wx' });
    chmodSync(path, 0o644);
    stamp(path);
    syncPath(path);
  };
  for (const [file, content] of parts) {
    put(file, content);
    plan[file] = createHash('sha256').update(content).digest('hex');
  }
  put('vxe/manifest.json', manifestText({ manifest: 1, name, entries, plan }));
  for (const folder of [join(work, 'vxe'), work]) {
    chmodSync(folder, 0o755);
    stamp(folder);
    syncPath(folder);
  }
}
