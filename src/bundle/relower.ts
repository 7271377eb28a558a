import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SourceFile, unwrap } from '../common/index.js';
import { FORMS, formOf } from '../language/index.js';
import {
  type CoverageRow,
  coverPolicy,
  type Lowered,
  type LoweringTarget,
  lowerPolicy,
} from '../lowering/index.js';
import type { Policy } from '../policy/index.js';
import { ociConfig } from './config.js';
import { Failure } from './failure.js';
import { type Exchange, replacePlan } from './generation.js';
import { readManifest } from './manifest.js';
import { planFiles, readStoredRecipe, storedWorld } from './plan-files.js';
import { storedProfile } from './profile.js';

/** A bundle with another text of its profile, lowered for the root file system that it has. */
export interface Relowered {
  readonly policy: Policy;
  readonly lowered: Lowered;
  /** Puts it in the place of what the bundle has: all of it at one moment. */
  readonly write: (exchange: Exchange) => void;
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
  return { policy, lowered, write: (exchange) => replacePlan(bundle, parts, manifest, exchange) };
}

/** What holds each rule of a bundle's profile on this kernel, which may be another than the one that its plans were made for. */
export function coverageNow(
  bundle: string,
  policy: Policy,
  target: Omit<LoweringTarget, 'world'>,
): readonly CoverageRow[] {
  const { manifest } = readManifest(bundle);
  const written = readStoredRecipe(bundle);
  const world = storedWorld({ ...written, profile: written.profile ?? written.name }, manifest.entries);
  return coverPolicy(policy, { ...target, world }).coverage;
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
