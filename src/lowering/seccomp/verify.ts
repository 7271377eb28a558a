import type { Instruction } from './bpf.js';
import { decodeProgram } from './bpf.js';
import type { Box } from './cubes.js';
import type { CallCase, CallPlan } from './plan.js';
import type { Verdict } from './simulate.js';
import { simulateProgram } from './simulate.js';

export type Outcome = CallCase['outcome'] | { readonly kind: 'refuse' };

/** Bits that a box leaves open are tried as zeros, as ones, and as two mixtures. */
const FILLINGS: readonly bigint[] = [
  0n,
  0xffff_ffff_ffff_ffffn,
  0xa5a5_5a5a_c3c3_3c3cn,
  0xffff_ffff_0000_0000n,
];

/**
 * Runs a program on calls from every case of the plans and from all that they refuse, and names the calls that it decides
 * otherwise than planned. libseccomp orders comparisons by rules of its own; this is what makes sure of the result.
 */
export function wrongCalls(
  filter: Uint8Array,
  auditArch: number,
  plans: readonly CallPlan[],
  expected: (outcome: Outcome, plan: CallPlan) => Verdict,
): readonly string[] {
  const program = decodeProgram(filter);
  return plans.filter((plan) => !decidesAs(program, auditArch, plan, expected)).map((plan) => plan.call);
}

function decidesAs(
  program: readonly Instruction[],
  arch: number,
  plan: CallPlan,
  expected: (outcome: Outcome, plan: CallPlan) => Verdict,
): boolean {
  const refused = plan.refused.map((box) => ({ box, outcome: { kind: 'refuse' } as const }));
  return [...plan.cases, ...refused].every(({ box, outcome }) => {
    const wanted = expected(outcome, plan);
    return FILLINGS.every((filling) => {
      const verdict = simulateProgram(program, { nr: plan.nr, arch, arguments: fill(box, filling) });
      return verdict.action === wanted.action && (verdict.action !== 'errno' || verdict.data === wanted.data);
    });
  });
}

function fill(box: Box, filling: bigint): readonly bigint[] {
  return box.map((cube) => cube.value | (filling & ~cube.mask));
}
