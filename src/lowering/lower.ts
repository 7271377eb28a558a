import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import { otherCoverage, settle, withoutMounts } from './coverage.js';
import { abiText, lowerLandlock } from './landlock/index.js';
import type { MountPlan } from './mounts/index.js';
import { lowerMounts } from './mounts/index.js';
import type { Coverage, CoverageRow, Lowered, LoweringTarget } from './plan.js';
import { lowerSeccomp } from './seccomp/index.js';
import type { FileTree } from './tree.js';
import { bundleTree, hostTree } from './tree.js';

/** Turns a policy into the plans of all mechanisms and says how each rule is held; a rule that nothing holds is an error. */
export function lowerPolicy(policy: Policy, target: LoweringTarget): Result<Lowered> {
  const tree = treeOf(target);
  const place = { isHost: tree.isHost, features: target.features, abiText };
  const files = lowerLandlock(policy, tree, target.features.landlockAbi);
  const mounts = lowerMounts(policy, tree, files.demands);
  const rows = [
    ...withoutMounts(
      files.coverage.map((row) => withMount(row, mounts)),
      place,
    ),
    ...otherCoverage(policy, place),
  ];
  const { coverage, diagnostics } = settle(policy, rows);
  const seccomp = lowerSeccomp(policy, target.arch, target.compiler, target.calls);
  const problems = [...files.diagnostics, ...mounts.diagnostics, ...diagnostics];
  if (!seccomp.ok) return failure(...problems, ...seccomp.diagnostics);
  if (problems.length > 0) return failure(...problems);
  const { unspelled, supervised, ...plan } = seccomp.value;
  return success({
    seccomp: plan,
    landlock: files.landlock,
    maskedPaths: mounts.maskedPaths,
    readonlyPaths: mounts.readonlyPaths,
    writablePaths: mounts.writablePaths,
    capabilities: policy.capabilities,
    rlimits: policy.limits.map(({ type, value }) => ({ type, soft: value, hard: value })),
    networkInterface: policy.network.interface,
    execOnce: policy.exec === 'once',
    listen: policy.network.accept.map((rule) => `${rule.protocol}/${rule.port}`),
    services: policy.services,
    supervised,
    coverage: coverage.map((row) => withEngines(row, unspelled)),
  });
}

function treeOf(target: LoweringTarget): FileTree {
  return 'host' in target.world ? hostTree(target.world.host) : bundleTree(target.world);
}

function withMount(row: Coverage, mounts: MountPlan): Coverage {
  const how = mounts.held.get(row.rule);
  if (how === undefined) return row;
  return {
    ...row,
    mechanism: [...row.mechanism, 'mount'],
    note: row.note === '' ? how : `${row.note}; ${how}`,
  };
}

function withEngines(row: CoverageRow, unspelled: readonly string[]): CoverageRow {
  if (!unspelled.some((call) => row.rule === `calls:${call}`)) return row;
  return { ...row, note: `${row.note}; under other engines the other arguments get ENOSYS` };
}
