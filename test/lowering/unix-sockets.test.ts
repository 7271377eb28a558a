import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { lowerPolicy, unixSockets } from '../../src/lowering/index.js';
import { policyOf, targetOf, worldOf } from './helpers.js';

/** What each way of making a unix socket lets be done with it, as the running kernel has it. */
function kernelsAnswer(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-unix-'));
  try {
    const program = join(folder, 'unix-sockets');
    const source = 'test/lowering/unix_sockets.c';
    execFileSync('cc', ['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
    const lines = execFileSync(program, [folder], { encoding: 'utf8' }).trim().split('\n');
    return new Map(
      lines.map((line) => [line.split(':')[0] ?? '', line.split(':')[1]?.trim() ?? 'unexpected']),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const TYPES = ['SOCK_STREAM', 'SOCK_SEQPACKET', 'SOCK_DGRAM', 'SOCK_RAW'];

test('which unix sockets take an address is what the kernel does with them', (t) => {
  const expected = new Map<string, string>();
  for (const type of TYPES) {
    for (const call of ['socket', 'socketpair']) {
      // With the flags that a program would set: the answer must not depend on them.
      const rule = `{domain: AF_UNIX, type: ${type}|SOCK_CLOEXEC}`;
      const can = unixSockets(policyOf(`calls: {when: {${call}: [${rule}]}}\n`));
      const words = [can.connect ? 'connect' : '', can.send ? 'send' : ''];
      expected.set(`${call} ${type}`, words.filter((word) => word !== '').join(' '));
    }
  }
  t.deepEqual(kernelsAnswer(), expected);
});

const HELD: readonly [string, boolean][] = [
  ['{permit: [sendmsg], when: {socketpair: [{domain: AF_UNIX, type: SOCK_STREAM}]}}', true],
  ['{permit: [sendmsg], when: {socketpair: [{domain: AF_UNIX, type: SOCK_DGRAM}]}}', false],
  ['{permit: [sendmsg], when: {socket: [{domain: AF_UNIX, type: SOCK_DGRAM|SOCK_CLOEXEC}]}}', false],
  ['{permit: [connect], when: {socketpair: [{domain: AF_UNIX, type: SOCK_STREAM}]}}', true],
  ['{permit: [connect], when: {socket: [{domain: AF_UNIX, type: SOCK_STREAM}]}}', false],
  ['{when: {socket: [{domain: AF_UNIX}], sendto: [{addr: 0}]}}', true],
];

for (const [calls, held] of HELD) {
  test(`${calls} ${held ? 'reaches' : 'may reach'} ${held ? 'no socket by its path' : 'sockets by their path'}`, (t) => {
    const lowered = lowerPolicy(policyOf(`calls: ${calls}\n`), targetOf(worldOf('/'), { landlockAbi: 7 }));
    t.true(lowered.ok);
    if (!lowered.ok) return;
    const row = lowered.value.coverage.find((each) => each.rule === 'files:unix-sockets');
    t.is(row?.mechanism.includes('seccomp') ?? false, held);
  });
}
