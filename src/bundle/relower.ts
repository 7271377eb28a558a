import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SourceFile, unwrap } from '../common/index.js';
import { FORMS, formOf } from '../language/index.js';
import { type Lowered, type LoweringTarget, lowerPolicy } from '../lowering/index.js';
import type { Policy } from '../policy/index.js';
import { ociConfig } from './config.js';
import { Failure } from './failure.js';
import { type ManifestEntry, manifestText, readManifest } from './manifest.js';
import { planFiles, readStoredRecipe, storedWorld } from './plan-files.js';
import { storedProfile } from './profile.js';
import { stamp, syncPath } from './rootfs/write.js';

/** A bundle with another text of its profile, lowered for the root file system that it has. */
export interface Relowered {
  readonly policy: Policy;
  readonly lowered: Lowered;
  /** Puts it in the place of what the bundle has. Each file appears whole; config.json, which a launch begins with, comes last but one. */
  readonly write: () => void;
}

/** Lowers a new text of a bundle's profile; nothing is written yet. */
export function relowerBundle(
  bundle: string,
  text: string,
  target: Omit<LoweringTarget, 'world'>,
): Relowered {
  const file: SourceFile = { name: storedProfile(bundle), text };
  const form = formOf(file.name) ?? FORMS[0];
  if (form === undefined) throw new TypeError('there is no form of profiles');
  const policy = unwrap(
    form.parse(file, () => undefined),
    [file],
    2,
  );
  const { manifest } = readManifest(bundle);
  const written = readStoredRecipe(bundle);
  // With it, a bundle that had none has a profile, of its own name.
  const recipe = { ...written, profile: written.profile ?? written.name };
  const world = storedWorld(recipe, manifest.entries);
  const lowered = unwrap(lowerPolicy(policy, { ...target, world }), [file]);
  const { creator, user } = ownersOf(bundle);
  const parts = planFiles(recipe, lowered, [file], ociConfig(recipe, lowered, creator, user));
  return { policy, lowered, write: () => writeParts(bundle, parts, manifest.entries) };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who the bundle was made by, and who its program starts as. */
function ownersOf(bundle: string): { readonly creator: Owner; readonly user: Owner } {
  const file = join(bundle, 'config.json');
  try {
    const { process, linux } = JSON.parse(readFileSync(file, 'utf8'));
    const host = (mappings: { hostID: number }[] | undefined): number => mappings?.[0]?.hostID ?? 0;
    return {
      creator: { uid: host(linux.uidMappings), gid: host(linux.gidMappings) },
      user: { uid: process.user.uid, gid: process.user.gid },
    };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    throw new Failure('bundle-broken', file, 'is not a VXE configuration', {
      hint: 'create the bundle again with --replace',
    });
  }
}

const ORDER = ['vxe/filter.bpf', 'config.json'];

function writeParts(
  bundle: string,
  parts: ReadonlyMap<string, string | Uint8Array>,
  entries: readonly ManifestEntry[],
): void {
  const plan: Record<string, string> = {};
  const put = (name: string, content: string | Uint8Array): void => {
    const path = join(bundle, name);
    writeFileSync(`${path}.new`, content, { mode: 0o644 });
    chmodSync(`${path}.new`, 0o644);
    stamp(`${path}.new`);
    syncPath(`${path}.new`);
    renameSync(`${path}.new`, path);
  };
  const rank = (name: string): number => ORDER.indexOf(name);
  for (const [name, content] of [...parts].sort(([a], [b]) => rank(a) - rank(b))) {
    put(name, content);
    plan[name] = createHash('sha256').update(content).digest('hex');
  }
  const { manifest } = readManifest(bundle);
  put('vxe/manifest.json', manifestText({ manifest: 1, name: manifest.name, entries, plan }));
  for (const folder of [join(bundle, 'vxe'), bundle]) {
    stamp(folder);
    syncPath(folder);
  }
}
