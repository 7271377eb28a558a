import { readFileSync } from 'node:fs';
import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import type { SeccompCompiler } from '../../src/lowering/index.js';
import { AUDIT_ARCH, compileOci, lowerSeccomp, simulate } from '../../src/lowering/seccomp/index.js';
import { callNumber } from '../../src/policy/index.js';
import { policyOf, ports } from './helpers.js';

const text = readFileSync('profiles/popd.vxed.yaml', 'utf8');
const policy = unwrap(parseProfile({ name: 'popd.vxed.yaml', text }));
const plan = unwrap(lowerSeccomp(policy, 'x86_64', ports.compiler, ports.calls));
const engine = unwrap(compileOci(plan.oci, 'x86_64', ports.calls, ports.compiler));

const X86_64 = AUDIT_ARCH.x86_64;
const I386 = 0x40000003;
const X32 = 0x4000_0000;

function nr(call: string): number {
  return callNumber(call) ?? -1;
}

/** What popd's own filter and its OCI form answer; written by hand, not asked of the evaluator. */
const rows: readonly [string, number, number, readonly bigint[], string, string][] = [
  ['read', X86_64, nr('read'), [0n], 'allow', 'allow'],
  ['exit_group', X86_64, nr('exit_group'), [0n], 'allow', 'allow'],
  ['rt_sigreturn', X86_64, nr('rt_sigreturn'), [], 'allow', 'allow'],
  ['a 32-bit read', I386, 3, [0n], 'notify', 'kill-process'],
  ['a 32-bit number that is unknown here', I386, 400, [], 'notify', 'kill-process'],
  ['an x32 read', X86_64, nr('read') + X32, [0n], 'notify', 'kill-process'],
  ['an x32 number that is unknown', X86_64, 600 + X32, [0n], 'notify', 'kill-process'],
  ['the number after the last', X86_64, 457, [], 'errno 38', 'errno 38'],
  ['a number in the gap', X86_64, 400, [], 'errno 38', 'errno 38'],
  ['execve', X86_64, nr('execve'), [1n], 'notify', 'allow'],
  ['execveat', X86_64, nr('execveat'), [1n], 'notify', 'errno 1'],
  ['connect', X86_64, nr('connect'), [3n], 'notify', 'errno 1'],
  ['ptrace', X86_64, nr('ptrace'), [16n], 'notify', 'errno 1'],
  ['clone3', X86_64, nr('clone3'), [], 'errno 38', 'errno 38'],
  ['io_uring_setup', X86_64, nr('io_uring_setup'), [], 'errno 38', 'errno 38'],
  ['fork', X86_64, nr('clone'), [0x1200011n], 'allow', 'allow'],
  ['clone with a namespace', X86_64, nr('clone'), [0x10000011n], 'notify', 'errno 1'],
  ['a TCP socket', X86_64, nr('socket'), [2n, 1n, 6n], 'allow', 'allow'],
  [
    'a TCP socket with garbage above',
    X86_64,
    nr('socket'),
    [0xdead_0000_0002n, 0xbeef_0008_0001n, 6n],
    'allow',
    'allow',
  ],
  ['a UDP socket', X86_64, nr('socket'), [2n, 2n, 0n], 'notify', 'errno 1'],
  ['an MPTCP socket', X86_64, nr('socket'), [2n, 1n, 262n], 'notify', 'errno 1'],
  ['an audit socket', X86_64, nr('socket'), [16n, 3n, 9n], 'errno 93', 'errno 93'],
  ['a page to write', X86_64, nr('mmap'), [0n, 4096n, 3n, 0x22n], 'allow', 'allow'],
  ['a library to run', X86_64, nr('mmap'), [0n, 4096n, 5n, 2n], 'allow', 'allow'],
  ['a page to write and run', X86_64, nr('mmap'), [0n, 4096n, 7n, 2n], 'notify', 'errno 1'],
  ['anonymous code', X86_64, nr('mmap'), [0n, 4096n, 5n, 0x22n], 'notify', 'errno 1'],
  ['code by mprotect', X86_64, nr('mprotect'), [0n, 4096n, 4n], 'notify', 'errno 1'],
  ['a terminal question', X86_64, nr('ioctl'), [0n, 0x5401n, 0n], 'allow', 'allow'],
  ['TIOCSTI', X86_64, nr('ioctl'), [0n, 0x5412n, 0n], 'notify', 'errno 1'],
  ['TIOCSTI with garbage above', X86_64, nr('ioctl'), [0n, 0x1_0000_5412n, 0n], 'notify', 'errno 1'],
  ['send to the connected log', X86_64, nr('sendto'), [3n, 1n, 1n, 0x4000n, 0n, 0n], 'allow', 'allow'],
  ['send to an address', X86_64, nr('sendto'), [3n, 1n, 1n, 0n, 0x7ff000n, 16n], 'notify', 'errno 1'],
  ['send and connect at once', X86_64, nr('sendto'), [3n, 1n, 1n, 0x2000_0000n, 0n, 0n], 'notify', 'errno 1'],
];

function answer(filter: Uint8Array, arch: number, number: number, values: readonly bigint[]): string {
  const { action, data } = simulate(filter, { nr: number, arch, arguments: values });
  return action === 'errno' ? `errno ${data}` : action;
}

for (const [what, arch, number, values, own, oci] of rows) {
  test(`popd: ${what}: ${own}, under other engines ${oci}`, (t) => {
    t.is(answer(plan.filter, arch, number, values), own);
    t.is(answer(engine, arch, number, values), oci);
  });
}

test('the same policy gives the same bytes', (t) => {
  const again = unwrap(lowerSeccomp(policy, 'x86_64', ports.compiler, ports.calls));
  t.deepEqual(again, plan);
});

test('every refused argument of popd is spelled out for other engines, in moderation', (t) => {
  t.deepEqual(plan.unspelled, []);
  t.true(plan.filter.byteLength / 8 < 400, `${plan.filter.byteLength / 8} instructions`);
  t.true(plan.oci.syscalls.length < 200, `${plan.oci.syscalls.length} rows`);
});

test('a library that gets one comparison wrong is found out', (t) => {
  const careless: SeccompCompiler = {
    version: 'careless',
    compile: (program) =>
      ports.compiler.compile({
        ...program,
        rules: program.rules.map((rule) =>
          rule.nr === nr('clone')
            ? {
                ...rule,
                comparisons: rule.comparisons.map((item) => ({ ...item, mask: item.mask & ~0x1000_0000n })),
              }
            : rule,
        ),
      }),
  };
  const result = lowerSeccomp(policy, 'x86_64', careless, ports.calls);
  t.regex(
    result.ok ? '' : (result.diagnostics[0]?.message ?? ''),
    /libseccomp careless makes a filter that decides clone otherwise than the profile/,
  );
});

test('conditions beyond all measure are an error that names the call', (t) => {
  const rows64 =
    '{addr: {from: 1, to: 0xfffffffffffffffe}, length: {from: 1, to: 0xfffffffffffffffe}, prot: {from: 1, to: 0xfffffffffffffffe}}';
  const result = lowerSeccomp(
    policyOf(`calls: {when: {mmap: [${rows64}]}}\n`),
    'x86_64',
    ports.compiler,
    ports.calls,
  );
  t.is(result.ok ? '' : result.diagnostics[0]?.code, 'too-large');
  t.regex(result.ok ? '' : (result.diagnostics[0]?.message ?? ''), /mmap/);
});

test("a ring is the supervisor's to make, and nobody's elsewhere", (t) => {
  const permit = 'calls: {permit: [io_uring_setup, io_uring_enter, io_uring_register]}\n';
  for (const type of ['strict', 'filesystem']) {
    const policy = policyOf(type === 'strict' ? permit : `exec: any\n${permit}`, type);
    const { filter, soft, oci, supervised } = unwrap(
      lowerSeccomp(policy, 'x86_64', ports.compiler, ports.calls),
    );
    const engine = unwrap(compileOci(oci, 'x86_64', ports.calls, ports.compiler));
    t.true(supervised.includes('io_uring_setup'));
    const ask = (bytes: Uint8Array, call: string, ...values: bigint[]): string => {
      const { action, data } = simulate(bytes, { nr: nr(call), arch: X86_64, arguments: values });
      return action === 'errno' ? `${action} ${data}` : action;
    };
    t.is(ask(filter, 'io_uring_setup', 8n), 'notify');
    t.is(ask(soft, 'io_uring_setup', 8n), 'errno 38');
    t.is(ask(engine, 'io_uring_setup', 8n), 'errno 38');
    for (const bytes of [filter, soft, engine]) {
      t.is(ask(bytes, 'io_uring_enter', 3n), 'allow');
      t.is(ask(bytes, 'io_uring_register', 3n, 2n), 'allow');
      // Without a ring nothing says what may be registered.
      t.is(ask(bytes, 'io_uring_register', 0xffff_ffffn, 31n), 'errno 22');
      t.is(ask(bytes, 'io_uring_register', 0xabcd_ffff_ffffn, 31n), 'errno 22');
    }
  }
});

test('a ring for some arguments only is an error', (t) => {
  for (const arch of ['x86_64', 'aarch64'] as const) {
    const policy = policyOf('calls: {when: {io_uring_setup: [{entries: 8}]}}\n');
    const lowered = lowerSeccomp(policy, arch, ports.compiler, ports.calls);
    const [found] = lowered.ok ? [] : lowered.diagnostics;
    t.regex(found?.message ?? '', /^io_uring_setup cannot be permitted for some arguments only/);
    t.regex(found?.span?.source ?? '', /vxed/);
  }
});

test('without its setup the other calls of a ring can be, and a filesystem profile has none of them', (t) => {
  const enter = policyOf('calls: {permit: [io_uring_enter]}\n');
  t.true(lowerSeccomp(enter, 'x86_64', ports.compiler, ports.calls).ok);
  const open = unwrap(
    lowerSeccomp(policyOf('exec: any\n', 'filesystem'), 'x86_64', ports.compiler, ports.calls),
  );
  for (const call of ['io_uring_setup', 'io_uring_enter', 'io_uring_register']) {
    const verdict = simulate(open.filter, { nr: nr(call), arch: X86_64, arguments: [8n] });
    t.deepEqual(verdict, { action: 'errno', data: 38 }, call);
  }
});
