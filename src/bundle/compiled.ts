import { chmodSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { canonicalJson, type JsonValue, type SourceFile, unwrap } from '../common/index.js';
import {
  type CoverageRow,
  coverageJson,
  type Lowered,
  type LoweringTarget,
  lowerPolicy,
} from '../lowering/index.js';
import type { Policy } from '../policy/index.js';
import { type Creator, hostConfig } from './config.js';
import { Failure } from './failure.js';
import { hasProfile, noProfileYet, readProfile, storedName, storedProfile } from './profile.js';
import { syncPath } from './rootfs/write.js';
import { hostLister } from './source/host.js';
import { BundleStore } from './store.js';

interface NamedProfile {
  readonly file: SourceFile;
  readonly files: readonly SourceFile[];
  readonly policy: Policy;
  readonly path: string;
}

/** Lowers a profile over the host's own tree, for programs that run without a bundle. */
export function compileProfile(profile: NamedProfile, target: Omit<LoweringTarget, 'world'>): Lowered {
  return unwrap(lowerPolicy(profile.policy, { ...target, world: { host: hostLister() } }), profile.files);
}

/** Writes a compiled profile; it takes the place of an earlier one whole. */
export function writeCompiled(
  name: string,
  profile: NamedProfile,
  lowered: Lowered,
  creator: Creator,
  folder: string,
): string {
  const store = new BundleStore(folder);
  const work = store.begin(name);
  try {
    // Read before it is compiled would be better still, but a change in between only makes the result count as stale.
    const stat = statSync(profile.path, { bigint: true });
    const source = `${realpathSync(profile.path)} ${stat.mtimeNs} ${stat.size}`;
    mkdirSync(join(work, 'vxe'));
    const files = new Map<string, string | Uint8Array>([
      ['config.json', hostConfig(name, source, lowered, creator)],
      ['vxe/filter.bpf', lowered.seccomp.filter],
      ['vxe/soft.bpf', lowered.seccomp.soft],
      ['vxe/judge.json', canonicalJson(lowered.judge as unknown as JsonValue)],
      ['vxe/coverage.json', canonicalJson(coverageJson(lowered.coverage))],
      [`vxe/${storedName(profile.file)}`, profile.file.text],
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

/** The profile and the coverage table that a bundle was made with. */
export function readBundleProfile(bundle: string): {
  readonly policy: Policy;
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
  return {
    policy: readProfile(storedProfile(bundle)).policy,
    coverage: coverage as unknown as CoverageRow[],
  };
}
