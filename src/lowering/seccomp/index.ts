import type { Result } from '../../common/index.js';
import { success } from '../../common/index.js';
import type { Policy } from '../../policy/index.js';
import { RING_CALLS } from '../../policy/index.js';
import type { SeccompPlan } from '../plan.js';
import type { Arch, CallTable, SeccompCompiler } from '../ports.js';
import { raisedCalls } from '../reach.js';
import { ownFilter } from './filter.js';
import { ociSeccomp } from './oci.js';
import { planCalls } from './plan.js';

export { AUDIT_ARCH, archOf } from './architecture.js';
export { compileOci } from './oci.js';
export type { SeccompData, Verdict } from './simulate.js';
export { simulate } from './simulate.js';

/**
 * Lowers the scalar part of a policy: once as a filter for VXE, once as OCI has it. `unspelled` names the calls whose refused
 * arguments get another error under other engines.
 */
export function lowerSeccomp(
  policy: Policy,
  arch: Arch,
  compiler: SeccompCompiler,
  calls: CallTable,
): Result<SeccompPlan & { readonly unspelled: readonly string[]; readonly supervised: readonly string[] }> {
  const plans = planCalls(policy, arch);
  if (!plans.ok) return plans;
  const filter = ownFilter(plans.value, arch);
  if (!filter.ok) return filter;
  const soft = ownFilter(plans.value, arch, {
    raised: raisedCalls(policy),
    held: new Set(RING_CALLS),
    absent: new Set(['io_uring_setup']),
  });
  if (!soft.ok) return soft;
  const form = ociSeccomp(plans.value, arch, calls, compiler);
  if (!form.ok) return form;
  return success({
    oci: form.value.oci,
    filter: filter.value,
    soft: soft.value,
    refuseErrno: {},
    unspelled: form.value.unspelled,
    supervised: plans.value
      .filter((plan) => plan.cases.some((item) => item.outcome.kind === 'supervised'))
      .map((plan) => plan.call),
  });
}
