import test from 'ava';
import type { After, PlannedHook } from '../../src/lowering/index.js';
import { decodeProgram, encodeProgram } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import { narrowPolicy } from '../../src/policy/index.js';
import { hookDifferences, NotAProgram, stackHookDifferences, startSolver } from '../../src/prove/index.js';
import { lower, worldOf } from '../lowering/helpers.js';
import { policyOf } from './helpers.js';
import { mutantsOf } from './mutants.js';

/* What is told after calls is held against the policy for all arguments; each seeded hole is found. */

const solver = await startSolver();
test.after.always(() => solver.close());

const POLICY = policyOf(`
exec: any
calls:
  permit: [openat, setuid, lseek]
  after:
    openat: [{flags: {with: O_CREAT}}, {flags: {is: O_WRONLY, mask: O_ACCMODE}, dirfd: 7}]
    setuid: [{}]
    lseek: [{offset: {from: 5, to: 0x100000007}}]
`);

function planOf(policy: Policy, arch: 'x86_64' | 'aarch64' = 'x86_64'): After | undefined {
  return lower(policy, worldOf('/'), { tracepoints: true }, arch).after;
}

function withHooks(change: (hooks: readonly PlannedHook[]) => readonly PlannedHook[]): After {
  const after = planOf(POLICY);
  if (after === undefined) throw new Error('no plan');
  return { ...after, hooks: change(after.hooks) };
}

for (const arch of ['x86_64', 'aarch64'] as const)
  test(`what lowering plans is what the profile says, on ${arch}`, async (t) => {
    t.deepEqual(await hookDifferences(POLICY, planOf(POLICY, arch), arch, solver), []);
  });

const HOLES: readonly [string, After | undefined, RegExp][] = [
  ['no plan', undefined, /^hook 1 is none, and the profile has after:openat there/],
  ['a hook left out', withHooks((hooks) => hooks.slice(1)), /hook 3 is none/],
  ['another order', withHooks((hooks) => [...hooks].reverse()), /hook 1 is after:lseek/],
  ['one more', withHooks((hooks) => [...hooks, ...hooks.slice(0, 1)]), /hook 4 is after:openat, and .* none/],
  [
    'another number',
    withHooks((hooks) => hooks.map((hook) => ({ ...hook, nr: hook.nr + 1 }))),
    /after:openat is for the number 258/,
  ],
  [
    'a program that always runs',
    withHooks((hooks) => hooks.map((hook) => ({ ...hook, program: [[6, 0, 0, 0x7fff_0000]] }))),
    /is told, and no row holds for it[\s\S]*after:openat is told of call [\s\S]*another architecture/,
  ],
  [
    'a program that never runs',
    withHooks((hooks) => hooks.map((hook) => ({ ...hook, program: [[6, 0, 0, 0]] }))),
    /after:openat: openat\(.* is not told, and a row holds for it/,
  ],
];

for (const [what, after, pattern] of HOLES)
  test(`a seeded hole is found: ${what}`, async (t) => {
    t.regex((await hookDifferences(POLICY, after, 'x86_64', solver)).join('\n'), pattern);
  });

test('every program that differs in one instruction is found, or is no other', async (t) => {
  const [hook] = planOf(POLICY)?.hooks ?? [];
  if (hook === undefined) throw new Error('no hook');
  const only = { ...POLICY, hooks: POLICY.hooks.slice(0, 1) };
  const filter = encodeProgram(hook.program.map(([code, jt, jf, k]) => ({ code, jt, jf, k })));
  let found = 0;
  const alike: string[] = [];
  for (const mutant of mutantsOf(filter)) {
    const program = decodeProgram(mutant.filter).map(({ code, jt, jf, k }) => [code, jt, jf, k] as const);
    const after: After = { after: 1, profile: 'a', hooks: [{ ...hook, program }] };
    try {
      if ((await hookDifferences(only, after, 'x86_64', solver)).length > 0) found++;
      else alike.push(`${mutant.kind} at ${mutant.at}`);
    } catch (error) {
      if (!(error instanceof NotAProgram)) throw error;
      found++;
    }
  }
  // What is answered in place of the answer that means no is no other program.
  t.true(found > 40, `${found}`);
  t.true(alike.length < 12, alike.join(', '));
});

test('the hooks of a stack are its members\u2019 in their order, and a lost, swapped or narrowed one is found', async (t) => {
  const other = policyOf('exec: any\ncalls: {permit: [setuid], after: {setuid: [{uid: 0}]}}\n');
  const stack = narrowPolicy(POLICY, other);
  const members = [POLICY, other];
  const differences = async (hooks: Policy['hooks']): Promise<string> =>
    (await stackHookDifferences(members, { ...stack, hooks }, solver)).join('\n');
  t.is(await differences(stack.hooks), '');
  t.regex(await differences(stack.hooks.slice(0, -1)), /hook 4 of the stack is none, where .* after:setuid/);
  t.regex(await differences([...stack.hooks].reverse()), /of the stack is/);
  const [first, ...rest] = stack.hooks;
  if (first === undefined) throw new Error('no hook');
  const narrowed = { ...first, rows: first.rows.slice(0, 1) };
  t.regex(await differences([narrowed, ...rest]), /after:openat of the stack is another than that of test/);
});
