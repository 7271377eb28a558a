import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Policy } from '../policy/index.js';
import { judged } from './judge.js';
import type { After, LoweringTarget, PlannedHook } from './plan.js';
import { lowerHook } from './seccomp/index.js';

/** The hooks of a policy as the launcher takes them; undefined where nothing is told, or nothing here could tell it. */
export function lowerAfter(
  policy: Policy,
  { arch, features }: Pick<LoweringTarget, 'arch' | 'features'>,
): Result<After | undefined> {
  if (features.tracepoints !== true) return success(undefined);
  const hooks: PlannedHook[] = [];
  for (const hook of policy.hooks) {
    const lowered = lowerHook(hook, arch);
    if (!lowered.ok) return failure(...lowered.diagnostics);
    if (lowered.value !== undefined) hooks.push({ ...judged(hook), call: hook.call, ...lowered.value });
  }
  return success(hooks.length === 0 ? undefined : { after: 1, profile: policy.name, hooks });
}
