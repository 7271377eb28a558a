import type { After, PlannedHook } from '../lowering/index.js';
import { AUDIT_ARCH, decodeProgram, encodeProgram } from '../lowering/index.js';
import type { Arch, HookRule, Policy } from '../policy/index.js';
import { callNumber } from '../policy/index.js';
import { argumentsOf, callText, rowsTerm } from './policy.js';
import type { Assumptions } from './program.js';
import { answersOf, assumption, NotAProgram } from './program.js';
import type { Solver } from './solver.js';
import type { Term } from './term.js';
import { Terms } from './term.js';

const ALLOW = 0x7fff_0000;
const TOP = 0xffff_ffff;

/**
 * Where what is told after calls differs from what the policy says: the hooks, of a stack its members' in their order, and for all calls by every
 * way into the kernel when each of them runs, read back from its program.
 */
export async function hookDifferences(
  policy: Policy,
  after: After | undefined,
  arch: Arch,
  solver: Solver,
): Promise<readonly string[]> {
  const said = policy.hooks.filter(({ call }) => callNumber(call, arch) !== undefined);
  const planned = after?.hooks ?? [];
  const found: string[] = [];
  for (let index = 0; index < Math.max(said.length, planned.length); index++) {
    const [hook, plan] = [said[index], planned[index]];
    if (hook === undefined || plan === undefined || hook.id !== plan.rule || hook.call !== plan.call)
      found.push(
        `hook ${index + 1} is ${plan?.rule ?? 'none'}, and the profile has ${hook?.id ?? 'none'} there`,
      );
    else found.push(...(await programDifferences(hook, plan, arch, solver)));
  }
  return found;
}

async function programDifferences(
  hook: HookRule,
  plan: PlannedHook,
  arch: Arch,
  solver: Solver,
): Promise<readonly string[]> {
  const nr = callNumber(hook.call, arch);
  if (nr === undefined || plan.nr !== nr)
    return [`${hook.id} is for the number ${plan.nr}, and not for ${nr}`];
  const terms = new Terms();
  const own = { is: AUDIT_ARCH[arch] };
  const runs = runsWhere(plan, terms);
  const rows = rowsTerm(hook.rows, hook.call, terms, arch);
  const found: string[] = [];
  const here: Assumptions = { numbers: [nr, nr], arch: own };
  for (const [formula, words] of [
    [terms.and(rows, terms.not(runs(here))), 'is not told, and a row holds for it'],
    [terms.and(runs(here), terms.not(rows)), 'is told, and no row holds for it'],
  ] as const) {
    const model = await solver.find(formula);
    if (model !== undefined) found.push(`${hook.id}: ${callText(hook.call, argumentsOf(model))} ${words}`);
  }
  const others: readonly Assumptions[] = [
    ...(nr > 0 ? [{ numbers: [0, nr - 1] as const, arch: own }] : []),
    { numbers: [nr + 1, TOP], arch: own },
    { numbers: [0, TOP], arch: { not: own.is } },
  ];
  for (const assumed of others) {
    const model = await solver.find(terms.and(assumption(terms, assumed), runs(assumed)));
    const number = model?.get('nr') ?? assumed.numbers[0];
    const where = 'is' in assumed.arch ? '' : ' of another architecture';
    if (model !== undefined) found.push(`${hook.id} is told of call ${number}${where}`);
  }
  return found;
}

/** Where the program answers that the hook runs. */
function runsWhere({ program }: PlannedHook, terms: Terms): (assumed: Assumptions) => Term {
  const plain = program.map(([code, jt, jf, k]) => ({ code, jt, jf, k }));
  if (plain.length === 0) throw new NotAProgram('0 instructions are none');
  const read = decodeProgram(encodeProgram(plain));
  return (assumed) =>
    terms.or(
      ...answersOf(read, terms, assumed)
        .filter(({ value }) => value === ALLOW)
        .map(({ condition }) => condition),
    );
}

/** Where the hooks of a stack are not those of its members, in their order. */
export async function stackHookDifferences(
  members: readonly Policy[],
  stack: Policy,
  solver: Solver,
): Promise<readonly string[]> {
  const said = members.flatMap((member) => member.hooks.map((hook) => ({ member, hook })));
  const found: string[] = [];
  for (let index = 0; index < Math.max(said.length, stack.hooks.length); index++) {
    const [mine, theirs] = [stack.hooks[index], said[index]];
    if (mine === undefined || theirs === undefined || mine.call !== theirs.hook.call) {
      const there =
        theirs === undefined ? 'no member has one' : `${theirs.member.name} has ${theirs.hook.id}`;
      found.push(`hook ${index + 1} of the stack is ${mine?.id ?? 'none'}, where ${there}`);
      continue;
    }
    const terms = new Terms();
    const [left, right] = [mine, theirs.hook].map(({ rows, call }) => rowsTerm(rows, call, terms)) as [
      Term,
      Term,
    ];
    const model = await solver.find(
      terms.or(terms.and(left, terms.not(right)), terms.and(right, terms.not(left))),
    );
    if (model !== undefined)
      found.push(
        `${mine.id} of the stack is another than that of ${theirs.member.name} for ${callText(mine.call, argumentsOf(model))}`,
      );
  }
  return found;
}
