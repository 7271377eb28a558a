import { chmodSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { canonicalJson, type JsonValue, unwrap } from '../common/index.js';
import {
  type CoverageRow,
  coverageJson,
  type Lowered,
  type LoweringTarget,
  lowerPolicy,
  stackPolicies,
} from '../lowering/index.js';
import type { Policy } from '../policy/index.js';
import { type Creator, hostConfig } from './config.js';
import { Failure } from './failure.js';
import { readManifest } from './manifest.js';
import { memberNames, stackName } from './places.js';
import { readStoredRecipe, storedWorld } from './plan-files.js';
import {
  hasProfile,
  type NamedProfile,
  noProfileYet,
  type ReadProfile,
  readProfile,
  storedNames,
  storedProfiles,
} from './profile.js';
import { syncPath } from './rootfs/write.js';
import { hostLister } from './source/host.js';
import { BundleStore } from './store.js';

/** Lowers a profile, or a stack of them, over the host's own tree, for programs that run without a bundle. */
export function compileProfiles(
  members: readonly ReadProfile[],
  target: Omit<LoweringTarget, 'world'>,
): { readonly policy: Policy; readonly lowered: Lowered } {
  return lowerMembers(members, { ...target, world: { host: hostLister() } });
}

/** The one policy of the members, and the plans made from it. */
export function lowerMembers(
  members: readonly ReadProfile[],
  target: LoweringTarget,
): { readonly policy: Policy; readonly lowered: Lowered } {
  const files = members.flatMap((member) => member.files);
  const policies = members.map((member) => member.policy);
  const policy = unwrap(stackPolicies(policies, target.world), files);
  return { policy, lowered: unwrap(lowerPolicy(policy, target), files) };
}

/** Writes a compiled profile; it takes the place of an earlier one whole. */
export function writeCompiled(
  name: string,
  members: readonly NamedProfile[],
  lowered: Lowered,
  creator: Creator,
  folder: string,
): string {
  const store = new BundleStore(folder, (each) => stackName(memberNames(each)));
  const work = store.begin(name);
  try {
    // Read before it is compiled would be better still, but a change in between only makes the result count as stale.
    const sources = members.map(({ path }) => {
      const stat = statSync(path, { bigint: true });
      return `${realpathSync(path)} ${stat.mtimeNs} ${stat.size}`;
    });
    mkdirSync(join(work, 'vxe'));
    const files = new Map<string, string | Uint8Array>([
      ['config.json', hostConfig(name, sources, lowered, creator)],
      ['vxe/filter.bpf', lowered.seccomp.filter],
      ['vxe/soft.bpf', lowered.seccomp.soft],
      ['vxe/judge.json', canonicalJson(lowered.judge as unknown as JsonValue)],
      ...(lowered.after === undefined
        ? []
        : [['vxe/after.json', canonicalJson(lowered.after as unknown as JsonValue)] as const]),
      ['vxe/coverage.json', canonicalJson(coverageJson(lowered.coverage))],
      ...storedNames(members.map(({ file }) => file)).map(([stored, { text }]) => [stored, text] as const),
    ]);
    for (const [file, content] of files) {
      writeFileSync(join(work, file), content, { mode: 0o644, flag: 'wx' });
      chmodSync(join(work, file), 0o644);
      syncPath(join(work, file));
    }
    syncPath(join(work, 'vxe'));
    syncPath(work);
    return store.publish(name, work, true);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The profile, or what the members of its stack permit together, and the coverage table that a bundle was made with. */
export function readBundleProfile(bundle: string): {
  readonly policy: Policy;
  /** One, or those of the stack in their order. */
  readonly members: readonly Policy[];
  readonly coverage: readonly CoverageRow[];
} {
  if (!hasProfile(bundle)) throw noProfileYet(basename(bundle));
  const file = join(bundle, 'vxe/coverage.json');
  let coverage: JsonValue;
  try {
    coverage = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new Failure('bundle-broken', file, 'cannot be read', {
      hint: 'create the bundle again with --replace',
    });
  }
  const profiles = storedProfiles(bundle).map(readProfile);
  const members = profiles.map(({ policy }) => policy);
  const [only, ...others] = members;
  return {
    policy: only !== undefined && others.length === 0 ? only : stackOf(bundle, profiles),
    members,
    coverage: coverage as unknown as CoverageRow[],
  };
}

function stackOf(bundle: string, profiles: readonly ReadProfile[]): Policy {
  const world = storedWorld(readStoredRecipe(bundle), readManifest(bundle).manifest.entries);
  return unwrap(
    stackPolicies(
      profiles.map(({ policy }) => policy),
      world,
    ),
    profiles.flatMap(({ files }) => files),
  );
}
