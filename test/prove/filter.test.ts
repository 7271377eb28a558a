import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { decodeProgram, encodeProgram } from '../../src/lowering/index.js';
import { filterOf, ownFilter } from '../../src/lowering/seccomp/filter.js';
import { AUDIT_ARCH, compileOci, lowerSeccomp, simulate } from '../../src/lowering/seccomp/index.js';
import { planCalls } from '../../src/lowering/seccomp/plan.js';
import type { Arch, CallRule, Policy } from '../../src/policy/index.js';
import { knownCalls } from '../../src/policy/index.js';
import type { FilterQuestion } from '../../src/prove/index.js';
import { findDifference, NotAProgram, startSolver, Terms } from '../../src/prove/index.js';
import { decisionOn, ownAnswer, textOf } from '../lowering/answers.js';
import { anySamples } from '../lowering/random.js';
import { ownQuestion, policyOf, popd, ports, smallPolicy } from './helpers.js';
import type { Mutant } from './mutants.js';
import { mutantsOf } from './mutants.js';

const solver = await startSolver();
test.after.always(() => solver.close());

function ociQuestion(policy: Policy, arch: Arch = 'x86_64'): FilterQuestion {
  const plan = unwrap(lowerSeccomp(policy, arch, ports.compiler, ports.calls));
  const filter = unwrap(compileOci(plan.oci, arch, ports.calls, ports.compiler));
  const knows = (call: string): boolean => ports.calls.resolve(call, arch) !== undefined;
  return { policy, filter, arch, loader: { kind: 'oci', knows } };
}

const SMALL = smallPolicy();

const POLICIES: readonly [string, Policy][] = [
  ['popd', popd()],
  ['a small strict profile', SMALL],
  ['nothing', policyOf('')],
  ['a filesystem profile', policyOf('exec: any\n', 'filesystem')],
];

for (const [what, policy] of POLICIES) {
  test(`both filters hold the policy for all calls: ${what}`, async (t) => {
    t.is(await findDifference(ownQuestion(policy), solver), undefined);
    t.is(await findDifference(ociQuestion(policy), solver), undefined);
  });
  test(`both filters for aarch64 hold the policy for all calls: ${what}`, async (t) => {
    t.is(await findDifference(ownQuestion(policy, 'aarch64'), solver), undefined);
    t.is(await findDifference(ociQuestion(policy, 'aarch64'), solver), undefined);
  });
}

const [LOAD, JSET, AND] = [0x20, 0x45, 0x54];

/** What aarch64 has otherwise: bits of flags, the order of arguments, and both where another argument says so. */
const ELSEWHERE = policyOf(`
calls:
  when:
    openat: [{flags: {without: O_DIRECT|O_NOFOLLOW}}, {flags: {from: 0x3fff, to: 0x14001}}]
    clone: [{flags: SIGCHLD, tls: {is: 5, mask: 15}}]
    fcntl: [{command: F_SETFL, arg: {only: O_NONBLOCK|O_DIRECTORY}}, {arg: {is: O_LARGEFILE, mask: 0x38000}}]
    pipe2: [{flags: {only: O_CLOEXEC|O_DIRECT}}]
  quiet:
    fcntl: [{command: {from: 3, to: 5}, arg: {with: O_DIRECT, without: O_APPEND}, errno: EACCES}]
`);

test('a filter with the bits or the order of another architecture is caught', async (t) => {
  t.is(await findDifference(ownQuestion(ELSEWHERE, 'aarch64'), solver), undefined);
  t.is(await findDifference(ociQuestion(ELSEWHERE, 'aarch64'), solver), undefined);
  const question = ownQuestion(ELSEWHERE, 'aarch64');
  const swaps: readonly [string, (at: number, k: number) => number | undefined][] = [
    // The flags' own bits as x86_64 has them.
    ['openat', (code, k) => (code === JSET && k === 0x18000 ? 0x24000 : undefined)],
    ['clone', (code, k) => (code === LOAD && k === 16 + 8 * 3 ? 16 + 8 * 4 : undefined)],
    ['fcntl', (code, k) => (code === AND && k === 0x38000 ? 0x2c000 : undefined)],
  ];
  for (const [call, change] of swaps) {
    let changed = 0;
    const program = decodeProgram(question.filter).map((each) => {
      const k = change(each.code, each.k);
      if (k === undefined) return each;
      changed++;
      return { ...each, k };
    });
    const found = await findDifference({ ...question, filter: encodeProgram(program) }, solver);
    t.is(found?.call, changed === 0 ? `${call}: nothing to change` : call);
  }
});

/** Ways to forget of an architecture what it has otherwise: what a call's rule over its registers becomes. */
const FORGOTTEN: readonly [string, string, (stated: CallRule, machine: CallRule) => CallRule][] = [
  ['the bits of flags', 'openat', (stated) => stated],
  ['the order of arguments', 'clone', (stated) => stated],
  ['flags that hang on a command', 'fcntl', (stated) => stated],
  [
    'that they hang on it',
    'fcntl',
    (stated, machine) => ({ ...machine, permit: swappedOnly(machine.permit), quiet: stated.quiet }),
  ],
];

/** Of the rows into which an argument that hangs on another parts, those with the other bits. */
function swappedOnly(permit: CallRule['permit']): CallRule['permit'] {
  return permit === 'all' ? permit : permit.filter((_, index) => index % 2 === 0);
}

for (const [what, call, forget] of FORGOTTEN) {
  test(`a lowering that forgets ${what} is caught by proof and by decisions`, async (t) => {
    const plans = unwrap(planCalls(ELSEWHERE, 'aarch64'));
    const wrong = plans.map((plan) => {
      const stated = ELSEWHERE.calls.get(plan.call);
      return plan.call === call && stated !== undefined && plan.rule !== undefined
        ? { ...plan, rule: forget(stated, plan.rule) }
        : plan;
    });
    const filter = filterOf(wrong, 'aarch64');
    const found = await findDifference({ ...ownQuestion(ELSEWHERE, 'aarch64'), filter }, solver);
    t.is(found?.call, call);
    const decided = anySamples(ELSEWHERE, 8000, 1, 'aarch64').filter(
      (sample) =>
        textOf(simulate(filter, sample)) !==
        ownAnswer(sample, decisionOn(ELSEWHERE, sample, 'aarch64'), [], 'aarch64'),
    );
    t.deepEqual([...new Set(decided.map((sample) => sample.call))], [call]);
    t.false(ownFilter(wrong, 'aarch64').ok, 'the lowering checks what it made');
  });
}

test('a filter for one architecture is none for another', async (t) => {
  const found = await findDifference({ ...ownQuestion(SMALL), arch: 'aarch64' }, solver);
  t.regex(found?.filter ?? '', /supervisor, which refuses/);
});

test('a difference is a call, with both verdicts', async (t) => {
  const wider = policyOf('calls: {when: {socket: [{domain: [AF_UNIX, AF_INET]}]}}\n');
  const narrower = policyOf('calls: {when: {socket: [{domain: AF_UNIX}]}}\n');
  const found = await findDifference({ ...ownQuestion(wider), policy: narrower }, solver);
  t.is(found?.call, 'socket');
  t.is((found?.arguments[0] ?? 0n) & 0xffff_ffffn, 2n);
  t.regex(found?.policy ?? '', /^refuses it with EPERM/);
  t.is(found?.filter, 'permits it');
});

test('what the supervisor performs must not be raised where it is refused', async (t) => {
  // No lowering makes this filter: it raises every listen, and the policy permits some.
  const policy = policyOf('calls: {when: {listen: [{backlog: {from: 0, to: 5}}]}}\n');
  const { filter } = ownQuestion(policyOf(''));
  const found = await findDifference(
    { policy, filter, arch: 'x86_64', loader: { kind: 'vxe', supervised: ['listen'] } },
    solver,
  );
  t.is(found?.call, 'listen');
});

test('bytes that are no program are refused', async (t) => {
  const question = ownQuestion(SMALL);
  for (const filter of [new Uint8Array(0), new Uint8Array(7), question.filter.slice(0, -8)]) {
    await t.throwsAsync(findDifference({ ...question, filter }, solver), { instanceOf: NotAProgram });
  }
});

const sample = fc.sample(
  fc.tuple(
    fc.constantFrom(...knownCalls().values(), 1000, 0x4000_0001, 0xffff_ffff),
    fc.constantFrom(AUDIT_ARCH.x86_64, AUDIT_ARCH.x86_64, 0x4000_0003),
    fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })), {
      minLength: 6,
      maxLength: 6,
    }),
  ),
  { numRuns: 300, seed: 7 },
);

/** Whether the proof caught the mutant; what it says is held against the simulator. */
async function caught(question: FilterQuestion, mutant: Mutant, terms: Terms): Promise<boolean> {
  const answer = (
    filter: Uint8Array,
    nr: number,
    arch: number,
    values: readonly bigint[],
    ip = 0n,
  ): string => {
    const verdict = simulate(filter, { nr, arch, arguments: values, instructionPointer: ip });
    return `${verdict.action} ${verdict.action === 'errno' ? verdict.data : ''}`;
  };
  try {
    const found = await findDifference({ ...question, filter: mutant.filter }, solver, terms);
    if (found !== undefined) {
      const { nr, arch, arguments: values, instructionPointer: ip } = found;
      if (answer(mutant.filter, nr, arch, values, ip) !== answer(question.filter, nr, arch, values, ip))
        return true;
      throw new Error(`${mutant.kind} at ${mutant.at}: ${found.text} is decided as before`);
    }
  } catch (error) {
    if (error instanceof NotAProgram) return true;
    throw error;
  }
  for (const [nr, arch, values] of sample) {
    if (answer(mutant.filter, nr, arch, values) !== answer(question.filter, nr, arch, values))
      throw new Error(`${mutant.kind} at ${mutant.at} was let pass and decides call ${nr} otherwise`);
  }
  return false;
}

async function sweep(
  question: FilterQuestion,
  every: number,
): Promise<{ readonly tried: number; readonly survivors: readonly Mutant[] }> {
  const terms = new Terms();
  const chosen = mutantsOf(question.filter).filter((_, index) => index % every === 0);
  const survivors: Mutant[] = [];
  for (const mutant of chosen) if (!(await caught(question, mutant, terms))) survivors.push(mutant);
  return { tried: chosen.length, survivors };
}

function countsOf(survivors: readonly Mutant[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of survivors) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
}

test('a lowering broken in one instruction is caught, or decides every call as before', async (t) => {
  const { tried, survivors } = await sweep(ownQuestion(SMALL), Number(process.env.VXE_MUTANTS_EVERY ?? 7));
  t.log(`${tried} mutants, ${survivors.length} decide as before: ${countsOf(survivors)}`);
  t.true(tried > 40, `${tried}`);
  // A dropped mask and an answer changed are never the same filter.
  t.deepEqual(
    survivors.filter(({ kind }) => /mask dropped|another answer/.test(kind)),
    [],
  );
  t.true(survivors.length < tried / 4, `${survivors.length} of ${tried}`);
});

test('mutants of the filter of popd are caught', async (t) => {
  const { tried, survivors } = await sweep(ownQuestion(popd()), Number(process.env.VXE_MUTANTS_EVERY ?? 41));
  t.log(`${tried} mutants, ${survivors.length} decide as before: ${countsOf(survivors)}`);
  t.true(survivors.length < tried / 4, `${survivors.length} of ${tried}`);
});
