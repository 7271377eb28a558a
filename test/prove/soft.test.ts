import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { raisedCalls } from '../../src/lowering/reach.js';
import { filterOf } from '../../src/lowering/seccomp/filter.js';
import type { Verdict } from '../../src/lowering/seccomp/index.js';
import { lowerSeccomp, simulate } from '../../src/lowering/seccomp/index.js';
import { planCalls } from '../../src/lowering/seccomp/plan.js';
import type { CallRule, Policy } from '../../src/policy/index.js';
import { callNumber, decideCall, errnoNumber, scalarEvent } from '../../src/policy/index.js';
import type { FilterQuestion } from '../../src/prove/index.js';
import { findDifference, NotAProgram, softBlindSpots, startSolver } from '../../src/prove/index.js';
import { lower } from '../lowering/helpers.js';
import { startKernel } from '../lowering/kernel.js';
import type { Sample } from '../lowering/random.js';
import { anySamples, I386, UNASKED, X86_64 } from '../lowering/random.js';
import { policyOf, ports } from './helpers.js';
import { mutantsOf } from './mutants.js';

/* Soft mode performs what its filter raises: it must raise all that production refuses, refuse nothing that production permits, and keep rings away. */

const solver = await startSolver();
const kernel = startKernel();
test.after.always(() => {
  solver.close();
  kernel.close();
});

const POLICY = policyOf(`
network: {accept: [tcp/80], interface: host}
calls:
  permit: [read, openat, connect, bind, listen, truncate, mkdir]
  when:
    socket: [{domain: [AF_UNIX, AF_INET], type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}]
    open: [{flags: {without: O_WRONLY|O_RDWR}}]
    lseek: [{offset: {from: 5, to: 0x100000007}}]
  quiet:
    socket: [{domain: AF_UNIX, protocol: 7, errno: EACCES}]
    io_uring_enter: [{submit: 3, errno: EBUSY}]
`);

const plans = unwrap(planCalls(POLICY, 'x86_64'));
const lowered = unwrap(lowerSeccomp(POLICY, 'x86_64', ports.compiler, ports.calls));
const softLoader = { kind: 'soft', supervised: lowered.supervised } as const;
const RAISED = [...raisedCalls(POLICY)];
const RINGS = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];

function question(filter: Uint8Array): FilterQuestion {
  return { policy: POLICY, filter, arch: 'x86_64', loader: softLoader };
}

/** Soft mode's filter, made wrongly in one way. */
function softOf(change: {
  raised?: readonly string[];
  held?: readonly string[];
  policy?: Policy;
}): Uint8Array {
  const { raised = RAISED, held = RINGS, policy } = change;
  const list = policy === undefined ? plans : unwrap(planCalls(policy, 'x86_64'));
  return filterOf(list, 'x86_64', { raised: new Set(raised), held: new Set(held) });
}

function misread(call: string, change: (rule: CallRule) => CallRule): Policy {
  const rule = POLICY.calls.get(call);
  if (rule === undefined) throw new Error(`no rule for ${call}`);
  return { ...POLICY, calls: new Map(POLICY.calls).set(call, change(rule)) };
}

const all = (rule: CallRule): CallRule => ({ ...rule, permit: 'all' });
const none = (rule: CallRule): CallRule => ({ ...rule, permit: [] });

const BROKEN: readonly [string, string, Uint8Array][] = [
  ["production's filter: what names a file is not seen", 'open', lowered.filter],
  ['a call that names a file is not raised', 'openat', softOf({ raised: without('openat') })],
  ['a connection is not raised', 'connect', softOf({ raised: without('connect') })],
  ['a bound address is not raised', 'bind', softOf({ raised: without('bind') })],
  ['a permitted call is raised', 'read', softOf({ raised: [...RAISED, 'read'] })],
  ['a permitted call is refused', 'read', softOf({ policy: refusing(misread('read', none)) })],
  ['a refused call is let through', 'socket', softOf({ policy: misread('socket', all) })],
  ['a refused argument is let through', 'lseek', softOf({ policy: misread('lseek', all) })],
  [
    'what is refused quietly is raised, and so performed',
    'socket',
    softOf({ policy: misread('socket', (rule) => ({ ...rule, quiet: [] })) }),
  ],
  [
    'a quiet refusal gives another error',
    'socket',
    softOf({
      policy: misread('socket', (rule) => ({
        ...rule,
        quiet: rule.quiet.map((row) => ({ ...row, errno: 'EPERM' })),
      })),
    }),
  ],
  ['a ring that is refused is performed', 'io_uring_enter', softOf({ held: [] })],
];

function without(call: string): readonly string[] {
  return RAISED.filter((each) => each !== call);
}

/** A call that is refused with an error in soft mode: what the filter of another mistake would do. */
function refusing(policy: Policy): Policy {
  const rule = policy.calls.get('read');
  if (rule === undefined) throw new Error('no rule for read');
  const quiet = [{ tests: [], errno: 'EPERM', span: rule.span }];
  return { ...policy, calls: new Map(policy.calls).set('read', { ...rule, quiet }) };
}

/** What soft mode is to do, from the evaluator and not from the prover's formulas. */
function wanted({ call, nr, arch, arguments: values }: Sample): string {
  const ring = RINGS.some((each) => callNumber(each) === (nr & 0x3fff_ffff));
  if (arch !== X86_64 || nr >= 0x4000_0000) return ring && nr < 0x8000_0000 ? 'errno1' : 'notify0';
  if (call === undefined) return `errno${errnoNumber('ENOSYS')}`;
  const decision = decideCall(POLICY, scalarEvent(call, values));
  if (decision.verdict === 'refuse' && decision.quiet) return `errno${errnoNumber(decision.errno ?? '')}`;
  if (decision.verdict === 'refuse') return ring ? 'errno1' : 'notify0';
  return call === 'listen' || RAISED.includes(call) ? 'notify0' : 'allow0';
}

const RING_SAMPLES: readonly Sample[] = RINGS.flatMap((each) => {
  const nr = callNumber(each) ?? -1;
  const zero = [0n, 0n, 0n, 0n, 0n, 0n];
  return [
    { call: each, nr, arch: X86_64, arguments: zero },
    { call: undefined, nr: nr + 0x4000_0000, arch: X86_64, arguments: zero },
    { call: undefined, nr, arch: I386, arguments: zero },
  ];
});
const samples = [...anySamples(POLICY, 6000, 5), ...RING_SAMPLES];

function textOf(verdict: Verdict | undefined): string {
  return `${verdict?.action}${verdict?.data}`;
}

test("soft mode's filter is proved, and evaluator, interpreter and kernel agree", async (t) => {
  t.is(await findDifference(question(lowered.soft), solver), undefined);
  const [answers = []] = kernel.decide([{ filter: lowered.soft, calls: samples }]);
  const wrong = samples.filter(
    (sample, index) =>
      textOf(simulate(lowered.soft, sample)) !== wanted(sample) || textOf(answers[index]) !== wanted(sample),
  );
  t.deepEqual(wrong, []);
});

for (const [what, call, filter] of BROKEN) {
  test(`a broken filter of soft mode is caught, and the kernel shows the example: ${what}`, async (t) => {
    const found = await findDifference(question(filter), solver);
    t.is(found?.call, call);
    if (found === undefined) return;
    const example = [{ nr: found.nr, arch: found.arch, arguments: found.arguments }];
    const [broken = [], sound = []] = kernel.decide([
      { filter, calls: example },
      { filter: lowered.soft, calls: example },
    ]);
    const sample = { ...example[0], call } as Sample;
    t.not(textOf(broken[0]), wanted(sample));
    t.is(textOf(sound[0]), wanted(sample));
  });
}

test("one instruction of soft mode's filter changed: what a trial finds, the proof finds", async (t) => {
  const mutants = mutantsOf(lowered.soft).filter((_, index) => index % 7 === 0);
  const split: string[] = [];
  let caught = 0;
  for (const { kind, at, filter } of mutants) {
    let proof: boolean;
    try {
      const found = await findDifference(question(filter), solver);
      // What no sample can be: the interpreter is tried on two architectures.
      if (found !== undefined && (UNASKED.includes(found.call) || ![X86_64, I386].includes(found.arch)))
        continue;
      proof = found !== undefined;
    } catch (error) {
      if (!(error instanceof NotAProgram)) throw error;
      caught++;
      continue;
    }
    const trial = samples.some((sample) => {
      try {
        return textOf(simulate(filter, sample)) !== wanted(sample);
      } catch {
        return true;
      }
    });
    if (proof) caught++;
    // A trial samples; it may miss what the proof finds, and never the other way round.
    if (trial && !proof) split.push(`${kind} at ${at}`);
  }
  t.log(`${mutants.length} mutants, ${caught} caught`);
  t.true(caught > 40);
  t.deepEqual(split, []);
});

const SPOTS: readonly [string, string, readonly RegExp[]][] = [
  ['calls that name nothing', 'calls: {permit: [read, write]}', []],
  ['calls that are raised', 'calls: {permit: [openat, mkdir, unlink, rename, bind, connect, creat]}', []],
  ['a device by its descriptor', 'calls: {permit: [ioctl]}', []],
  ['addresses that are sent to', 'calls: {permit: [socket, sendto, sendmsg, sendmmsg]}', []],
  [
    'a file by its handle',
    'capabilities: [CAP_DAC_READ_SEARCH]\naccept-unenforced: ["files:handles"]\ncalls: {when: {open_by_handle_at: [{flags: {without: O_WRONLY|O_RDWR|O_CREAT|O_TRUNC}}]}}',
    [],
  ],
];

/** How many there are at least where nothing that is permitted is raised. */
const UNRAISED = new Map([
  ['calls that are raised', 6],
  ['a file by its handle', 3],
]);

for (const [what, body, expected] of SPOTS) {
  test(`what soft mode performs and does not tell of: ${what}`, async (t) => {
    const policy = policyOf(`${body}\n`);
    const { seccomp, landlock } = lower(policy, { entries: [{ path: '/', kind: 'directory' }], open: [] });
    const held = { landlock: [landlock], hasAddresses: false };
    const found = await softBlindSpots(policy, seccomp.soft, 'x86_64', held, solver);
    t.is(found.length, expected.length, found.join('\n'));
    for (const [index, pattern] of expected.entries()) t.regex(found[index] ?? '', pattern);
    // A call that is not raised any more is a blind spot at once.
    const least = UNRAISED.get(what);
    if (least === undefined) return;
    const unraised = await softBlindSpots(policy, seccomp.filter, 'x86_64', held, solver);
    t.true(unraised.length >= least, unraised.join('\n'));
  });
}
