import type { Diagnostic, Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import { addressText } from './addresses/index.js';
import { lowerAfter } from './after.js';
import { otherCoverage, settle, withoutMounts } from './coverage/index.js';
import { judgeOf } from './judge.js';
import { abiText, lowerLandlock } from './landlock/index.js';
import type { MountPlan } from './mounts/index.js';
import { lowerMounts } from './mounts/index.js';
import { lowerOwnFiles, ownText } from './own-files.js';
import { patternCoverage, settlePatterns } from './patterns.js';
import type { Coverage, CoverageRow, Lowered, LoweringTarget } from './plan.js';
import { asksForRings, ringWords } from './rings.js';
import { lowerSeccomp } from './seccomp/index.js';
import { addressPlan, listenText, refusesUnix } from './socket-plan.js';
import type { FileTree } from './tree.js';
import { treeOf } from './tree.js';

/** Turns a policy into the plans of all mechanisms and says how each rule is held; a rule that nothing holds is an error. */
export function lowerPolicy(policy: Policy, target: LoweringTarget): Result<Lowered> {
  const { exact, own, tree, files, mounts, coverage, problems } = place(policy, target);
  const seccomp = lowerSeccomp(policy, target.arch, target.compiler, target.calls);
  if (!seccomp.ok) return failure(...problems, ...seccomp.diagnostics);
  const after = lowerAfter(policy, target);
  if (!after.ok) return failure(...problems, ...after.diagnostics);
  if (problems.length > 0) return failure(...problems);
  const { unspelled, supervised, ...plan } = seccomp.value;
  const addresses = addressText(addressPlan(policy, target.features));
  const noUnix = refusesUnix(policy, tree.isHost, target.features);
  return success({
    seccomp: plan,
    landlock: files.landlock,
    maskedPaths: mounts.maskedPaths,
    readonlyPaths: [
      ...mounts.readonlyPaths,
      ...(addresses !== '' || noUnix || policy.resources.length > 0 ? cgroupPaths(tree, target) : []),
    ],
    writablePaths: mounts.writablePaths,
    capabilities: policy.capabilities,
    rlimits: policy.limits.map(({ type, value }) => ({ type, soft: value, hard: value })),
    networkInterface: policy.network.interface,
    execOnce: policy.exec === 'once',
    listen: listenText(policy),
    addresses,
    refusesUnix: noUnix,
    // A limit that nothing holds, and that the administrator accepted as such, is not asked of the launcher, which would refuse it.
    resources: policy.resources.filter(({ id }) => isHeld(coverage, id)),
    descriptors: policy.descriptors,
    services: policy.services,
    supervised,
    rings: asksForRings(policy) && target.features.rings === true ? ringWords(policy, target.arch) : [],
    coverage: coverage.map((row) => withEngines(row, unspelled)),
    ownFiles: ownText(own),
    judge: judgeOf(exact, own, tree, files.demands),
    after: after.value,
  });
}

function isHeld(coverage: readonly CoverageRow[], rule: string): boolean {
  return coverage.some((row) => row.rule === rule && row.status !== 'none');
}

/** A process that may write in the tree would leave its cgroup, or raise its limits, and the rules with it; a bundle has no such mount. */
function cgroupPaths(tree: FileTree, { features }: Pick<LoweringTarget, 'features'>): readonly string[] {
  return tree.isHost ? (features.cgroup?.paths ?? []) : [];
}

/** How each rule would be held in a place with these features, and why the policy could not start there; no filter is compiled. */
export function coverPolicy(
  policy: Policy,
  target: Pick<LoweringTarget, 'arch' | 'features' | 'world'>,
): { readonly coverage: readonly CoverageRow[]; readonly problems: readonly Diagnostic[] } {
  const { coverage, problems } = place(policy, target);
  return { coverage, problems };
}

function place(
  policy: Policy,
  { arch, features, world }: Pick<LoweringTarget, 'arch' | 'features' | 'world'>,
) {
  const tree = treeOf(world);
  const where = { isHost: tree.isHost, arch, features, abiText };
  const own = lowerOwnFiles(policy, where);
  const settled = settlePatterns(own.rest, tree);
  const files = lowerLandlock(settled.policy, tree, features.landlockAbi);
  const mounts = lowerMounts(settled.policy, tree, files.demands);
  const exactRows = files.coverage.map((row) => withMount(row, mounts));
  const fileRows = patternCoverage(own.rest.patterns, exactRows, where);
  const rows = [...withoutMounts(fileRows, where), ...own.coverage, ...otherCoverage(policy, where)];
  const { coverage, diagnostics } = settle(policy, rows);
  const problems = [
    ...own.diagnostics,
    ...settled.diagnostics,
    ...files.diagnostics,
    ...mounts.diagnostics,
    ...diagnostics,
  ];
  return { exact: settled.policy, own: own.files, tree, files, mounts, coverage, problems };
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
