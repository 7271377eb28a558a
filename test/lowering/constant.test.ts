import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { BPF, decodeProgram } from '../../src/lowering/seccomp/bpf.js';
import { ownFilter } from '../../src/lowering/seccomp/filter.js';
import { AUDIT_ARCH } from '../../src/lowering/seccomp/index.js';
import { planCalls } from '../../src/lowering/seccomp/plan.js';
import { supervision } from '../../src/lowering/supervised.js';
import type { Arch, Policy } from '../../src/policy/index.js';
import { decideCall, knownCalls, OBJECT_CALLS, RING_CALLS, scalarEvent } from '../../src/policy/index.js';
import { isConstantAllow } from './constant.js';
import { policyOf } from './helpers.js';
import { ARM, I386, randomPolicy } from './random.js';
import { shippedProfiles } from './shipped.js';

/* More than any table has: the kernel asks about each number of its own table. */
const NUMBERS = Array.from({ length: 1024 }, (_, nr) => nr);
const COMPAT: Readonly<Record<Arch, number>> = { x86_64: I386, aarch64: ARM };
const ODD = [0n, 1n, 0xffff_ffff_ffff_ffffn, 0x8000_0000n, 0xa5a5_5a5a_c3c3_3c3cn];

/** The rule says it outright: the plan is not asked, nor what it was made by. */
function saysAlways(policy: Policy, call: string): boolean {
  if (supervision(policy, call) !== undefined) return false;
  const rule = policy.calls.get(call);
  return rule === undefined ? policy.unnamed === 'permit' : rule.permit === 'all' && rule.quiet.length === 0;
}

interface Count {
  readonly remembered: number;
  readonly asked: number;
}

/** Every number of both tables, by the filter of production and of soft mode. */
function checkFilter(policy: Policy, arch: Arch): Count {
  const plans = unwrap(planCalls(policy, arch));
  const production = decodeProgram(unwrap(ownFilter(plans, arch)));
  const raised = new Set(OBJECT_CALLS);
  const soft = decodeProgram(
    unwrap(ownFilter(plans, arch, { raised, held: new Set(RING_CALLS), absent: new Set() })),
  );
  const wrong: string[] = [];
  let remembered = 0;
  for (const { call, nr, cases, refused } of plans) {
    const always = refused.length === 0 && cases.every(({ outcome }) => outcome.kind === 'allow');
    const found = isConstantAllow(production, nr, AUDIT_ARCH[arch]);
    if (found !== always)
      wrong.push(`${call} is ${always ? 'always permitted and' : ''} remembered: ${found}`);
    if (arch === 'x86_64' && saysAlways(policy, call) && !found)
      wrong.push(`${call} is permitted with any arguments by its rule, and runs the filter`);
    if (found && ODD.some((value) => !permits(policy, call, value)))
      wrong.push(`${call} is remembered as permitted, and the evaluator refuses it for some arguments`);
    const inSoft = isConstantAllow(soft, nr, AUDIT_ARCH[arch]);
    if (inSoft !== (always && !raised.has(call))) wrong.push(`${call} in soft mode: ${inSoft}`);
    if (found) remembered++;
  }
  const known = new Set(plans.map(({ nr }) => nr));
  for (const nr of NUMBERS) {
    for (const filter of [production, soft]) {
      if (!known.has(nr) && isConstantAllow(filter, nr, AUDIT_ARCH[arch]))
        wrong.push(`${nr}, which no table of VXE has`);
      if (isConstantAllow(filter, nr, COMPAT[arch])) wrong.push(`${nr} of the 32-bit table`);
    }
  }
  if (wrong.length > 0) throw new Error(`${arch}: ${wrong.slice(0, 5).join('; ')}`);
  return { remembered, asked: plans.length - remembered };
}

function permits(policy: Policy, call: string, value: bigint): boolean {
  return decideCall(policy, scalarEvent(call, Array(6).fill(value))).verdict === 'allow';
}

for (const { path, policy } of shippedProfiles()) {
  test(`the kernel remembers every call that is always permitted, and no other: ${path}`, (t) => {
    for (const arch of ['x86_64', 'aarch64'] as const) {
      const { remembered, asked } = checkFilter(policy, arch);
      t.log(`${arch}: ${remembered} calls never run the filter, ${asked} do`);
      t.true(remembered > 30 && asked > 30);
    }
  });
}

test('the kernel remembers every call that is always permitted, and no other: profiles that say little', (t) => {
  t.deepEqual(checkFilter(policyOf('calls: {permit: [read]}\n'), 'x86_64').remembered > 0, true);
  const open = checkFilter(policyOf('exec: any\n', 'filesystem'), 'x86_64');
  t.true(open.remembered > 200, `${open.remembered}`);
});

test('the kernel remembers every call that is always permitted, and no other: random policies', (t) => {
  const seed = Number(process.env.VXE_SEED ?? Date.now() % 0x7fff_ffff);
  let remembered = 0;
  let asked = 0;
  for (const policy of fc.sample(randomPolicy, { numRuns: 60, seed })) {
    if (!planCalls(policy, 'x86_64').ok) continue;
    try {
      const count = checkFilter(policy, 'x86_64');
      remembered += count.remembered;
      asked += count.asked;
    } catch (error) {
      t.fail(`VXE_SEED=${seed}: ${error instanceof Error ? error.message : error}`);
    }
  }
  t.log(`seed ${seed}: ${remembered} calls never run their filter, ${asked} do`);
  t.true(remembered > 300 && asked > 300);
});

const op = (code: number, k: number, jt = 0, jf = 0) => ({ code, k, jt, jf });
const ALLOW = 0x7fff_0000;
const REFUSE = 0x0005_0001;

/** What the kernel's own look at a filter gives, written by hand. */
const PROGRAMS: readonly [string, readonly ReturnType<typeof op>[], boolean][] = [
  ['permits everything', [op(BPF.RET_K, ALLOW)], true],
  ['refuses everything', [op(BPF.RET_K, REFUSE)], false],
  [
    'asks for the number',
    [op(BPF.LD_W_ABS, 0), op(BPF.JEQ_K, 39, 0, 1), op(BPF.RET_K, ALLOW), op(BPF.RET_K, REFUSE)],
    true,
  ],
  [
    'asks for another number',
    [op(BPF.LD_W_ABS, 0), op(BPF.JEQ_K, 40, 0, 1), op(BPF.RET_K, ALLOW), op(BPF.RET_K, REFUSE)],
    false,
  ],
  ['loads an argument, and permits', [op(BPF.LD_W_ABS, 16), op(BPF.RET_K, ALLOW)], false],
  ['loads the instruction pointer, and permits', [op(BPF.LD_W_ABS, 8), op(BPF.RET_K, ALLOW)], false],
  ['uses what the kernel does not follow', [op(BPF.LD_IMM, 1), op(BPF.RET_K, ALLOW)], false],
  ['permits with a value beside', [op(BPF.RET_K, ALLOW | 1)], false],
  ['jumps over a load', [op(BPF.JA, 1), op(BPF.LD_W_ABS, 16), op(BPF.RET_K, ALLOW)], true],
];

for (const [what, program, remembered] of PROGRAMS) {
  test(`a filter that ${what}: ${remembered ? 'remembered' : 'run'}`, (t) => {
    t.is(isConstantAllow(program, 39, AUDIT_ARCH.x86_64), remembered);
  });
}

test('every number that VXE knows is among those asked about', (t) => {
  for (const arch of ['x86_64', 'aarch64'] as const)
    for (const [call, nr] of knownCalls(arch)) t.true(nr < NUMBERS.length, call);
});
