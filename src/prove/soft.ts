import type { OciLandlock } from '../lowering/index.js';
import { AUDIT_ARCH, decodeProgram } from '../lowering/index.js';
import type { Arch, Policy } from '../policy/index.js';
import { callNumber } from '../policy/index.js';
import type { FileAct } from './acts.js';
import { callOfWay, formulaOf, WAYS } from './acts.js';
import { DEMANDS } from './files.js';
import { meaningOf } from './policy.js';
import { answersOf } from './program.js';
import type { Solver } from './solver.js';
import { Terms } from './term.js';

const ALLOW = 0x7fff_0000;
/** They name an address of any family. */
const SENDING: readonly string[] = ['sendto', 'sendmsg', 'sendmmsg'];

/**
 * What production refuses by a mechanism that soft mode goes without, and what soft mode's filter does not raise: it is performed
 * and no record tells of it. A call for each act and way.
 */
export async function softBlindSpots(
  policy: Policy,
  filter: Uint8Array,
  arch: Arch,
  plans: { readonly landlock: readonly OciLandlock[]; readonly hasAddresses: boolean },
  solver: Solver,
): Promise<readonly string[]> {
  const program = decodeProgram(filter);
  const found = new Set<string>();
  const handled = new Set(plans.landlock.flatMap(({ ruleset }) => ruleset.handledAccessFS));
  for (const [act, demands] of Object.entries(DEMANDS) as [FileAct, (typeof DEMANDS)[FileAct]][]) {
    const isHeld = demands.some(({ right }) => handled.has(right));
    for (const way of WAYS[act]) {
      const sends = SENDING.includes(way.call);
      if (!isHeld && !(act === 'connect' && sends && plans.hasAddresses)) continue;
      const nr = callNumber(way.call, arch);
      if (nr === undefined) continue;
      const terms = new Terms();
      const assumed = { numbers: [nr, nr], arch: { is: AUDIT_ARCH[arch] } } as const;
      const through = answersOf(program, terms, assumed)
        .filter(({ value }) => value === ALLOW)
        .map(({ condition }) => condition);
      const model = await solver.find(
        terms.and(
          meaningOf(policy, way.call, terms, arch).permitted,
          formulaOf(way, terms, arch),
          terms.or(...through),
        ),
      );
      if (model !== undefined)
        found.add(`${callOfWay(way, model, undefined, arch)}: ${sends ? 'send to an address' : act}`);
    }
  }
  return [...found];
}
