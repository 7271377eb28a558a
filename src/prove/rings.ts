import type { Arch, Policy } from '../policy/index.js';
import { callNumber, ringActOf } from '../policy/index.js';
import { argumentsOf, callText, meaningOf } from './policy.js';
import type { Solver } from './solver.js';
import { Terms } from './term.js';

/** What the supervisor is told of rings and of calls. */
export interface RingPlans {
  /** What its rings may do, in the words of the plan. */
  readonly rings: readonly string[];
  /** Calls that it performs in the caller's place, after a check. */
  readonly supervised: readonly string[];
}

/**
 * What a ring may do although the policy refuses it as a call. A ring's restrictions see no arguments, so that every call with every argument has
 * to be permitted; what judges objects judges those of a ring as it judges a call's.
 */
export async function ringDifferences(
  policy: Policy,
  { rings, supervised }: RingPlans,
  arch: Arch,
  solver: Solver,
): Promise<readonly string[]> {
  const found: string[] = [];
  const terms = new Terms();
  const refusal = async (call: string): Promise<string | undefined> => {
    if (callNumber(call, arch) === undefined) return `${arch} has no ${call}`;
    if (supervised.includes(call)) return `the supervisor looks at each ${call}`;
    const model = await solver.find(terms.not(meaningOf(policy, call, terms, arch).permitted));
    return model === undefined ? undefined : `the profile refuses ${callText(call, argumentsOf(model))}`;
  };
  if (rings.length > 0) {
    const why = await setupRefusal(policy, arch, solver, terms);
    if (why !== undefined) found.push(`rings are made: ${why}`);
  }
  for (const word of rings) {
    const needs = ringActOf(word)?.needs;
    if (needs?.kind === 'ring') continue;
    if (needs === undefined || needs.kind === 'never') {
      found.push(`a ring may do ${word}: ${needs?.why ?? 'no operation that VXE knows'}`);
      continue;
    }
    const refusals: string[] = [];
    for (const way of needs.ways) {
      const texts = await Promise.all(way.map(refusal));
      const first = texts.find((text) => text !== undefined);
      if (first === undefined) break;
      refusals.push(first);
    }
    if (refusals.length === needs.ways.length) found.push(`a ring may do ${word}: ${refusals.join('; ')}`);
  }
  return found;
}

async function setupRefusal(
  policy: Policy,
  arch: Arch,
  solver: Solver,
  terms: Terms,
): Promise<string | undefined> {
  const { permitted } = meaningOf(policy, 'io_uring_setup', terms, arch);
  return (await solver.find(permitted)) === undefined ? 'the profile refuses io_uring_setup' : undefined;
}
