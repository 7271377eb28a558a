import type { Result } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { HookRule, Policy } from '../../policy/index.js';
import { callNumber, knownCalls, RING_CALLS } from '../../policy/index.js';
import type { PlainInstruction, SeccompPlan } from '../plan.js';
import type { Arch, CallTable, SeccompCompiler } from '../ports.js';
import { raisedCalls } from '../reach.js';
import { decodeProgram } from './bpf.js';
import { hookFilter, ownFilter } from './filter.js';
import { ociSeccomp } from './oci.js';
import { planCalls, planHook, planNothing } from './plan.js';

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

/** Where a hook runs, as a program; undefined where the architecture does not have the call. */
export function lowerHook(
  hook: HookRule,
  arch: Arch,
): Result<{ readonly nr: number; readonly program: readonly PlainInstruction[] } | undefined> {
  const nr = callNumber(hook.call, arch);
  if (nr === undefined) return success(undefined);
  const plan = planHook(hook, nr, arch);
  if (plan === undefined) {
    const message = `the conditions of what is told after ${hook.call} need too many comparisons for one program`;
    return failure({
      code: 'too-large',
      message,
      span: hook.span,
      hint: 'state them with masks, or in fewer rows',
    });
  }
  const others = [...knownCalls(arch)].flatMap(([call, other]) =>
    other === nr ? [] : [planNothing(call, other)],
  );
  const filter = hookFilter(plan, others, arch);
  if (!filter.ok) return failure(...filter.diagnostics.map((each) => ({ ...each, span: hook.span })));
  const program = decodeProgram(filter.value).map(({ code, jt, jf, k }) => [code, jt, jf, k] as const);
  return success({ nr, program });
}
