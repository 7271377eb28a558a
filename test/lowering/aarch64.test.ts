import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import type { SeccompRule } from '../../src/lowering/index.js';
import { AUDIT_ARCH, compileOci, lowerSeccomp, simulate } from '../../src/lowering/seccomp/index.js';
import type { Policy } from '../../src/policy/index.js';
import {
  allConstants,
  canonicalArguments,
  knownCalls,
  successorOf,
  swapBits,
} from '../../src/policy/index.js';
import { callOf, decisionOn, engineAnswer, ownAnswer, textOf } from './answers.js';
import { lower, policyOf, ports, worldOf } from './helpers.js';
import type { Sample } from './random.js';
import { ARM, anySamples, I386, randomPolicy } from './random.js';
import { shippedProfiles } from './shipped.js';

const AARCH64 = AUDIT_ARCH.aarch64;
const DECISIONS = Number(process.env.VXE_DECISIONS ?? 5000);
const SEED = Number(process.env.VXE_SEED ?? 1);

test('the numbers are those that libseccomp has, and all of them', (t) => {
  const library = ports.calls.list('aarch64');
  for (const [call, nr] of knownCalls('aarch64')) t.is(library.get(call), nr, call);
  for (const [call, nr] of library) t.is(knownCalls('aarch64').get(call), nr, call);
});

/** From that architecture's asm/fcntl.h; `make cross` holds every constant against the headers. */
const OPEN_FLAGS: readonly [string, bigint][] = [
  ['O_DIRECTORY', 0o40000n],
  ['O_NOFOLLOW', 0o100000n],
  ['O_DIRECT', 0o200000n],
  ['O_LARGEFILE', 0o400000n],
  ['O_TMPFILE', 0o20040000n],
  ['O_CREAT', 0o100n],
  ['O_PATH', 0o10000000n],
  ['O_CLOEXEC', 0o2000000n],
];

for (const [name, value] of OPEN_FLAGS) {
  test(`${name} is 0x${value.toString(16)} there, and the same flag here`, (t) => {
    const here = allConstants().get(name) ?? -1n;
    const anything = [0n, 0n, value, 0n];
    t.deepEqual(canonicalArguments('openat', 'aarch64', anything).slice(0, 4), [0n, 0n, here, 0n]);
    // Not flags of open(2): these bits stay.
    t.deepEqual(canonicalArguments('read', 'aarch64', anything).slice(0, 4), anything);
    t.deepEqual(canonicalArguments('openat', 'x86_64', anything).slice(0, 4), anything);
  });
}

test('as x86_64 has it and back again is the same call', (t) => {
  const registers = fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { minLength: 6, maxLength: 6 });
  const call = fc.constantFrom('clone', 'openat', 'fcntl', 'pipe2', 'open_by_handle_at', 'read');
  fc.assert(
    fc.property(call, registers, fc.boolean(), (name, list, sets) => {
      const values = sets ? list.with(1, 4n) : list;
      const there = canonicalArguments(name, 'aarch64', values);
      t.deepEqual(canonicalArguments(name, 'aarch64', there), values);
    }),
    { seed: SEED },
  );
  t.is(swapBits(1n << 14n, [[14, 16]]), 1n << 16n);
});

/** Of x86 alone, or of kernels long gone. */
const NOTHING_STANDS_FOR =
  /^(uselib|ustat|sysfs|modify_ldt|_sysctl|arch_prctl|iopl|ioperm|create_module|get_kernel_syms|query_module|getpmsg|putpmsg|afs_syscall|tuxcall|security|[gs]et_thread_area|epoll_(ctl|wait)_old|vserver|uretprobe|uprobe)$/;

test('a call that is not there has one that programs make in its place, which is', (t) => {
  const missing = [...knownCalls().keys()].filter((call) => !knownCalls('aarch64').has(call));
  t.true(missing.length > 40, `${missing.length}`);
  for (const call of missing) {
    const other = successorOf(call);
    if (other !== undefined) t.true(knownCalls('aarch64').has(other), `${call}: ${other}`);
    else t.regex(call, NOTHING_STANDS_FOR, call);
  }
  for (const call of ['open', 'stat', 'fork', 'vfork', 'access', 'pipe', 'poll', 'select', 'dup2', 'mkdir'])
    t.truthy(successorOf(call), call);
});

const SMALL = policyOf(`
calls:
  permit: [read, open, fork]
  when:
    openat: [{flags: {with: O_DIRECTORY|O_NOFOLLOW}}]
    clone: [{flags: SIGCHLD, child_tid: {is: 0, mask: 15}}, {tls: {is: 5, mask: 15}}]
    fcntl: [{command: F_SETFL, arg: {without: O_DIRECT}}, {command: [F_GETFL, F_GETFD]}]
  quiet:
    socket: [{domain: AF_UNIX, errno: EACCES}]
`);
const small = unwrap(lowerSeccomp(SMALL, 'aarch64', ports.compiler, ports.calls));

/** Written by hand from the headers of that architecture. */
const ROWS: readonly [string, number, number, readonly bigint[], string][] = [
  ['read', AARCH64, 63, [], 'allow'],
  ['the number that open has on x86_64', AARCH64, 2, [], 'notify'],
  ['the number that read has on x86_64', AARCH64, 0, [], 'notify'],
  ['exit_group', AARCH64, 94, [], 'allow'],
  ['exit', AARCH64, 93, [], 'allow'],
  ['rt_sigreturn', AARCH64, 139, [], 'allow'],
  ['restart_syscall', AARCH64, 128, [], 'allow'],
  ['openat O_DIRECTORY|O_NOFOLLOW', AARCH64, 56, [0n, 0n, 0xc000n], 'allow'],
  ['openat O_DIRECTORY', AARCH64, 56, [0n, 0n, 0x4000n], 'notify'],
  ['openat with the bits of x86_64', AARCH64, 56, [0n, 0n, 0x30000n], 'notify'],
  ['clone: SIGCHLD, no child_tid, some tls', AARCH64, 220, [17n, 0n, 0n, 7n, 0n], 'allow'],
  ['clone: SIGCHLD, a child_tid', AARCH64, 220, [17n, 0n, 0n, 0n, 7n], 'notify'],
  ['clone: tls', AARCH64, 220, [1n, 0n, 0n, 5n, 9n], 'allow'],
  ['clone: a child_tid of 5', AARCH64, 220, [1n, 0n, 0n, 9n, 5n], 'notify'],
  ['F_SETFL O_DIRECT', AARCH64, 25, [0n, 4n, 0x10000n], 'notify'],
  ['F_SETFL with the bit that O_DIRECT has on x86_64', AARCH64, 25, [0n, 4n, 0x4000n], 'allow'],
  ['F_GETFL', AARCH64, 25, [0n, 3n, 0x10000n], 'allow'],
  ['F_SETFD', AARCH64, 25, [0n, 2n, 0n], 'notify'],
  ['a unix socket', AARCH64, 198, [1n], 'errno 13'],
  ['another socket', AARCH64, 198, [2n], 'notify'],
  ['clone3', AARCH64, 435, [], 'errno 38'],
  ['io_uring_setup', AARCH64, 425, [], 'errno 38'],
  ['a number in the gap', AARCH64, 300, [], 'errno 38'],
  ['the number after the last', AARCH64, 457, [], 'errno 38'],
  ['a number with the bit of x32', AARCH64, 0x4000_003f, [], 'errno 38'],
  ['the last number', AARCH64, 0xffff_ffff, [], 'errno 38'],
  ['a 32-bit read', ARM, 3, [], 'notify'],
  ['a private call of 32-bit ARM', ARM, 0x0f_0002, [], 'notify'],
  ['a read of x86_64', AUDIT_ARCH.x86_64, 0, [], 'notify'],
  ['a read of i386', I386, 3, [], 'notify'],
];

for (const [what, arch, nr, values, wanted] of ROWS) {
  test(`the filter for aarch64, ${what}: ${wanted}`, (t) => {
    const { action, data } = simulate(small.filter, { nr, arch, arguments: values });
    t.is(action === 'errno' ? `errno ${data}` : action, wanted);
  });
}

/**
 * Eight bytes an instruction: the architecture, the number found by halving, and of openat (56) the bit 0x4000 of its flags.
 * Read before it was written down; what changes it has to be read again.
 */
const GOLDEN = `
  2000000004000000 15000012b70000c0 2000000000000000 3500000704010000 35000004ac010000 35000700c9010000 15000600b3010000
  15000500b5010000 1500040bba010000 3500000a27010000 15000902a8010000 350000045f000000 35000001f4000000 0600000026000500
  1500060080000000 150005048b000000 350004005d000000 1500000238000000 2000000020000000 4500010000400000 060000000000c07f
  060000000000ff7f
`;

test('of a profile that says next to nothing the bytes are these', (t) => {
  const policy = policyOf('calls: {when: {openat: [{flags: {with: O_DIRECTORY}}]}}\n');
  const { filter } = unwrap(lowerSeccomp(policy, 'aarch64', ports.compiler, ports.calls));
  t.deepEqual(Buffer.from(filter).toString('hex').match(/.{16}/g), GOLDEN.trim().split(/\s+/));
});

for (const { path, policy } of [...shippedProfiles(), { path: 'a small profile', policy: SMALL }]) {
  test(`the filter and libseccomp's own for aarch64 decide alike: ${path}`, (t) => {
    const { filter, oci, unspelled, supervised } = unwrap(
      lowerSeccomp(policy, 'aarch64', ports.compiler, ports.calls),
    );
    t.deepEqual(oci.architectures, ['SCMP_ARCH_AARCH64']);
    const engine = unwrap(compileOci(oci, 'aarch64', ports.calls, ports.compiler));
    const samples = anySamples(policy, 3000, SEED, 'aarch64');
    let [allowed, refused] = [0, 0];
    for (const sample of samples) {
      const mine = textOf(simulate(filter, sample));
      const theirs = textOf(simulate(engine, sample));
      const launch = policy.exec === 'once' && sample.call === 'execve';
      const permits = mine === 'allow0' || (mine === 'notify0' && supervised.includes(sample.call ?? ''));
      if (!launch) t.is(theirs === 'allow0', permits, callOf(sample));
      if (mine.startsWith('errno') && !unspelled.includes(sample.call ?? ''))
        t.is(theirs, mine, callOf(sample));
      if (permits) allowed++;
      else refused++;
    }
    t.true(allowed > 100 && refused > 100, `${allowed} permitted, ${refused} not`);
  });
}

test('rules made by hand for libseccomp decide as the filter does', (t) => {
  const allow = { kind: 'allow' } as const;
  const word = 0xffff_ffffn;
  const rule = (nr: number, ...comparisons: readonly [number, bigint, bigint][]): SeccompRule => ({
    nr,
    action: allow,
    comparisons: comparisons.map(([index, mask, value]) => ({ index, mask, value })),
  });
  const rules: readonly SeccompRule[] = [
    ...[63, 93, 94, 139, 128].map((nr) => rule(nr)),
    rule(56, [2, 0xc000n, 0xc000n]),
    rule(220, [0, word, 17n], [4, 15n, 0n]),
    rule(220, [3, 15n, 5n]),
    rule(25, [1, word, 4n], [2, 0x10000n, 0n]),
    rule(25, [1, word, 3n]),
    rule(25, [1, word, 1n]),
  ];
  const notify = { kind: 'notify' } as const;
  const program = { arch: 'aarch64', defaultAction: notify, badArchAction: notify, rules } as const;
  const library = unwrap(ports.compiler.compile(program));
  let allowed = 0;
  for (const sample of [...ROWS.map(rowSample), ...anySamples(SMALL, 20_000, SEED, 'aarch64')]) {
    const permits = simulate(library, sample).action === 'allow';
    t.is(simulate(small.filter, sample).action === 'allow', permits, callOf(sample));
    if (permits) allowed++;
  }
  t.true(allowed > 500, `${allowed}`);
});

function rowSample([, arch, nr, values]: (typeof ROWS)[number]): Sample {
  return { call: undefined, nr, arch, arguments: values };
}

function disagreements(policy: Policy, samples: readonly Sample[]): readonly string[] | undefined {
  const plan = lowerSeccomp(policy, 'aarch64', ports.compiler, ports.calls);
  if (!plan.ok) return undefined;
  const { filter, oci, supervised, unspelled } = plan.value;
  const engine = unwrap(compileOci(oci, 'aarch64', ports.calls, ports.compiler));
  return samples.flatMap((sample): string[] => {
    const decision = decisionOn(policy, sample, 'aarch64');
    const [own, other] = [textOf(simulate(filter, sample)), textOf(simulate(engine, sample))];
    const wanted = ownAnswer(sample, decision, supervised, 'aarch64');
    const wantedOther = engineAnswer(sample, decision, unspelled, 'aarch64');
    return [
      ...(own === wanted ? [] : [`${callOf(sample)}: ${own}, not ${wanted}`]),
      ...(wantedOther.includes(other)
        ? []
        : [`${callOf(sample)}: ${other}, not ${wantedOther.join(' or ')}`]),
    ];
  });
}

test('the evaluator and the interpreter agree on aarch64: random policies', (t) => {
  t.deepEqual(disagreements(SMALL, anySamples(SMALL, 3000, SEED, 'aarch64')), []);
  let [compared, refused] = [0, 0];
  for (let seed = SEED; compared < DECISIONS; seed++) {
    const [policy] = fc.sample(randomPolicy, { numRuns: 1, seed });
    if (policy === undefined) throw new Error('no policy was made');
    const wrong = disagreements(policy, anySamples(policy, 250, seed, 'aarch64'));
    if (wrong === undefined) refused++;
    else if (wrong.length > 0) t.fail(`VXE_SEED=${seed}: ${wrong.slice(0, 5).join('\n')}`);
    else compared += 250;
  }
  t.log(`${compared} decisions compared from seed ${SEED}; ${refused} policies refused`);
});

test('the coverage table tells of calls that are not there', (t) => {
  const body = 'calls: {permit: [open, openat, fork, arch_prctl]}\n';
  const world = worldOf('/');
  const here = lower(policyOf(body), world);
  t.false(here.coverage.some(({ note }) => note.includes('no such call')));
  const there = lower(policyOf(body), world, {}, 'aarch64');
  const note = (rule: string): string | undefined => there.coverage.find((row) => row.rule === rule)?.note;
  t.is(note('calls:open'), 'aarch64 has no such call: programs make openat there');
  t.is(
    note('calls:fork'),
    'aarch64 has no such call: programs make clone there, which the profile does not permit',
  );
  t.is(note('calls:arch_prctl'), 'aarch64 has no such call');
  t.true(note('calls:default')?.endsWith('32-bit entry is refused'));
});
