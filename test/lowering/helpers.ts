import { execFileSync } from 'node:child_process';
import { unwrap } from '../../src/common/index.js';
import type {
  Arch,
  FileWorld,
  KernelFeatures,
  Lowered,
  LoweringTarget,
  WorldEntry,
} from '../../src/lowering/index.js';
import { lowerPolicy } from '../../src/lowering/index.js';
import { nativePorts } from '../../src/native/index.js';
import type { Policy } from '../../src/policy/index.js';

export const ports = nativePorts();

/** Builds a C helper that puts the launcher's own programs of socket rules into a cgroup. */
export function buildWithSockets(source: string, helper: string): void {
  const native = 'runtime-native';
  execFileSync('cc', [
    ...['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O1', '-o', helper],
    ...['uapi', 'base', 'runtime'].map((name) => `-I${native}/${name}`),
    ...[source, 'build/native/libvxe.a'],
  ]);
}
export { policyOf } from '../policy/helpers.js';

/** A world from lines: `/etc/`, `/etc/passwd`, `/lib -> usr/lib`, `/dev/null*`; a leading `~` marks an open mount. */
export function worldOf(...lines: readonly string[]): FileWorld {
  const open: string[] = [];
  const entries = lines.map((line): WorldEntry => {
    const [text = '', target] = line.replace(/^~/, '').split(' -> ');
    const path = text.replace(/[*/]$/, '') || '/';
    if (line.startsWith('~')) open.push(path);
    if (target !== undefined) return { path, kind: 'symlink', target };
    return { path, kind: text.endsWith('*') ? 'device' : text.endsWith('/') ? 'directory' : 'file' };
  });
  return { entries, open };
}

export function targetOf(
  world: LoweringTarget['world'],
  features: Partial<KernelFeatures> = {},
  arch: Arch = 'x86_64',
): LoweringTarget {
  const all = ['kill_process', 'errno', 'user_notif', 'allow'];
  return {
    arch,
    features: { landlockAbi: 7, seccompActions: all, userNamespaces: true, ...features },
    world,
    compiler: ports.compiler,
    calls: ports.calls,
  };
}

export function lower(
  policy: Policy,
  world: LoweringTarget['world'],
  features: Partial<KernelFeatures> = {},
  arch: Arch = 'x86_64',
): Lowered {
  return unwrap(lowerPolicy(policy, targetOf(world, features, arch)));
}

/** `right right: path path` of each rule, as one line each. */
export function landlockLines(lowered: Lowered): readonly string[] {
  return lowered.landlock.rules.pathBeneath.map(
    (rule) => `${rule.allowedAccess.join(' ')}: ${rule.paths.join(' ')}`,
  );
}
