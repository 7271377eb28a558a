import test from 'ava';
import type { Verdict } from '../../src/lowering/seccomp/index.js';
import { simulate } from '../../src/lowering/seccomp/index.js';
import type { ArgumentRow, ArgumentTest, CallRule, Condition, Policy } from '../../src/policy/index.js';
import { decideCall, errnoNumber, scalarEvent } from '../../src/policy/index.js';
import type { FilterQuestion } from '../../src/prove/index.js';
import { findDifference, NotAProgram, startSolver } from '../../src/prove/index.js';
import type { Kernel } from '../lowering/kernel.js';
import { startKernel } from '../lowering/kernel.js';
import type { Sample } from '../lowering/random.js';
import { anySamples, I386, UNASKED, X86_64 } from '../lowering/random.js';
import { ownQuestion, smallPolicy } from './helpers.js';
import type { Mutant } from './mutants.js';
import { mutantsOf } from './mutants.js';

/* A lowering that is broken on purpose is caught by the proof, by the interpreter and by the running kernel alike. */

const solver = await startSolver();
const kernel: Kernel = startKernel();
test.after.always(() => {
  solver.close();
  kernel.close();
});

const POLICY = smallPolicy(
  'mmap: [{prot: {without: PROT_EXEC}}, {prot: {with: PROT_EXEC, without: PROT_WRITE}, flags: {without: MAP_ANONYMOUS}}]',
);

const question = ownQuestion(POLICY);
const EVERY = Number(process.env.VXE_MUTANTS_EVERY ?? 7);
const samples = anySamples(POLICY, EVERY === 1 ? 60_000 : 12_000, 11);

/** What the evaluator wants of VXE's own filter. */
function wanted({ call, nr, arch, arguments: values }: Sample): string {
  if (arch !== X86_64 || nr >= 0x4000_0000) return 'notify0';
  if (call === undefined) return `errno${errnoNumber('ENOSYS')}`;
  const decision = decideCall(POLICY, scalarEvent(call, values));
  if (decision.verdict === 'allow') return call === 'listen' ? 'notify0' : 'allow0';
  return decision.quiet ? `errno${errnoNumber(decision.errno ?? '')}` : 'notify0';
}

function differs(verdict: Verdict | undefined, sample: Sample): boolean {
  return `${verdict?.action}${verdict?.data}` !== wanted(sample);
}

interface Caught {
  /** By a call that this machine's kernel asks no filter about, so that it cannot tell. */
  readonly unasked?: boolean;
  readonly proof: boolean;
  readonly interpreter: boolean;
  readonly kernel: boolean;
}

/** By whom filters are caught. The kernel refuses to load some; so do the other two. */
async function caught(filters: readonly Uint8Array[]): Promise<readonly Caught[]> {
  const found: Caught[] = [];
  for (const filter of filters) {
    const held = await proofCatches({ ...question, filter });
    if (held === 'unasked') {
      found.push({ unasked: true, proof: true, interpreter: true, kernel: true });
      continue;
    }
    const interpreter = catches(() => samples.some((sample) => differs(simulate(filter, sample), sample)));
    const decided = (): boolean => {
      const [answers = []] = kernel.decide([{ filter, calls: samples }]);
      return samples.some((sample, index) => differs(answers[index], sample));
    };
    found.push({ proof: held, interpreter, kernel: catches(decided) });
  }
  return found;
}

function catches(decides: () => boolean): boolean {
  try {
    return decides();
  } catch {
    return true;
  }
}

async function proofCatches(asked: FilterQuestion): Promise<boolean | 'unasked'> {
  try {
    const difference = await findDifference(asked, solver);
    if (difference === undefined) return false;
    const { call, arch } = difference;
    return UNASKED.includes(call) || ![X86_64, I386].includes(arch) ? 'unasked' : true;
  } catch (error) {
    if (error instanceof NotAProgram) return true;
    throw error;
  }
}

/** A policy read wrongly, for one call: what a broken lowering would make a filter of. */
function misread(call: string, change: (rule: CallRule) => CallRule): Policy {
  const rule = POLICY.calls.get(call);
  if (rule === undefined) throw new Error(`no rule for ${call}`);
  return { ...POLICY, calls: new Map(POLICY.calls).set(call, change(rule)) };
}

function rows(rule: CallRule, change: (row: ArgumentRow) => ArgumentRow): CallRule {
  return rule.permit === 'all' ? rule : { ...rule, permit: rule.permit.map(change) };
}

function tests(rule: CallRule, change: (test: ArgumentTest) => ArgumentTest): CallRule {
  return rows(rule, (row) => ({ ...row, tests: row.tests.map(change) }));
}

function conditions(rule: CallRule, change: (condition: Condition) => Condition): CallRule {
  return tests(rule, (each) => ({ ...each, condition: change(each.condition) }));
}

const range =
  (change: (from: bigint, to: bigint) => readonly [bigint, bigint]) =>
  (condition: Condition): Condition => {
    if (condition.kind !== 'range') return condition;
    const [from, to] = change(condition.from, condition.to);
    return { kind: 'range', from, to };
  };
const mask =
  (change: (mask: bigint, value: bigint) => readonly [bigint, bigint]) =>
  (condition: Condition): Condition => {
    if (condition.kind === 'any') return { kind: 'any', of: condition.of.map(mask(change)) };
    if (condition.kind !== 'masked') return condition;
    const [bits, value] = change(condition.mask, condition.value);
    return { kind: 'masked', mask: bits, value: value & bits };
  };
const TOP = 0xffff_ffff_ffff_ffffn;

const BROKEN: readonly [string, Policy][] = [
  [
    'the lower comparison dropped',
    misread('lseek', (rule) =>
      conditions(
        rule,
        range((_, to) => [0n, to]),
      ),
    ),
  ],
  [
    'the upper comparison dropped',
    misread('lseek', (rule) =>
      conditions(
        rule,
        range((from) => [from, TOP]),
      ),
    ),
  ],
  [
    'greater in place of greater or equal',
    misread('lseek', (rule) =>
      conditions(
        rule,
        range((from, to) => [from + 1n, to]),
      ),
    ),
  ],
  [
    'at most in place of less',
    misread('lseek', (rule) =>
      conditions(
        rule,
        range((from, to) => [from, to + 1n]),
      ),
    ),
  ],
  [
    'the upper half of a bound forgotten',
    misread('lseek', (rule) =>
      conditions(
        rule,
        range((from, to) => [from, to & 0xffff_ffffn]),
      ),
    ),
  ],
  [
    'a comparison turned round',
    misread('lseek', (rule) =>
      conditions(
        rule,
        range((_, to) => [to + 1n, TOP]),
      ),
    ),
  ],
  [
    'a mask dropped',
    misread('socket', (rule) =>
      conditions(
        rule,
        mask((_, value) => [0xffff_ffffn, value]),
      ),
    ),
  ],
  [
    'a mask with a bit less',
    misread('chmod', (rule) =>
      conditions(
        rule,
        mask((bits, value) => [bits & (bits - 1n), value]),
      ),
    ),
  ],
  [
    'a mask turned round',
    misread('chmod', (rule) =>
      conditions(
        rule,
        mask((bits, value) => [~bits & 0xffffn, value]),
      ),
    ),
  ],
  [
    'the whole argument in place of an int',
    misread('ioctl', (rule) => ({
      ...rule,
      quiet: rule.quiet.map((row) => ({
        ...row,
        tests: row.tests.map((each) => ({
          ...each,
          width: 64 as const,
          condition: mask((_, value) => [TOP, value])(each.condition),
        })),
      })),
    })),
  ],
  [
    'an int in place of the whole argument',
    misread('lseek', (rule) =>
      conditions(
        tests(rule, (each) => ({ ...each, width: 32 })),
        range((from, to) => [from, to & 0xffff_ffffn]),
      ),
    ),
  ],
  [
    'an int in place of a mode',
    misread('chmod', (rule) =>
      conditions(
        tests(rule, (each) => ({ ...each, width: 32 })),
        mask(() => [0xffff_fe5bn, 0n]),
      ),
    ),
  ],
  [
    'the next argument',
    misread('socket', (rule) =>
      tests(rule, (each) => ({ ...each, index: each.index === 1 ? 2 : each.index })),
    ),
  ],
  ['yes for no', misread('mmap', (rule) => ({ ...rule, permit: rule.permit === 'all' ? [] : 'all' }))],
  [
    'any test in place of all',
    misread('socket', (rule) => rows(rule, (row) => ({ ...row, tests: row.tests.slice(0, 1) }))),
  ],
  [
    'the last row forgotten',
    misread('mmap', (rule) => ({
      ...rule,
      permit: rule.permit === 'all' ? 'all' : rule.permit.slice(0, -1),
    })),
  ],
  ['what is permitted looked at before what is quiet', misread('socket', (rule) => ({ ...rule, quiet: [] }))],
  [
    'another error',
    misread('ioctl', (rule) => ({ ...rule, quiet: rule.quiet.map((row) => ({ ...row, errno: 'EINVAL' })) })),
  ],
  ['a call forgotten', { ...POLICY, calls: new Map([...POLICY.calls].filter(([call]) => call !== 'read')) }],
  ['the default turned round', { ...POLICY, unnamed: 'permit' }],
];

test('nothing is wrong with the lowering as it is', async (t) => {
  t.deepEqual(await caught([question.filter]), [{ proof: false, interpreter: false, kernel: false }]);
});

for (const [what, policy] of BROKEN) {
  test(`a broken lowering is caught by proof, interpreter and kernel alike: ${what}`, async (t) => {
    const { filter } = ownQuestion(policy);
    t.notDeepEqual(filter, question.filter);
    t.deepEqual(await caught([filter]), [{ proof: true, interpreter: true, kernel: true }]);
  });
}

/** One instruction changed; every so many, or all with VXE_MUTANTS_EVERY=1. */
test('a filter with one instruction changed is caught by all three, or by none', async (t) => {
  const mutants = mutantsOf(question.filter).filter((_, index) => index % EVERY === 0);
  const results = await caught(mutants.map(({ filter }) => filter));
  const split = mutants.filter((_, index) => {
    const {
      proof,
      interpreter,
      kernel: loaded,
    } = results[index] ?? { proof: true, interpreter: true, kernel: true };
    return proof !== interpreter || proof !== loaded;
  });
  const compared = results.filter(({ unasked }) => unasked !== true);
  t.log(`${compared.length} mutants, ${compared.filter(({ proof }) => proof).length} caught by all three`);
  t.true(compared.length > 40);
  const named = ({ kind, at }: Mutant): string => `${kind} at ${at}`;
  t.deepEqual(split.map(named), []);
});
