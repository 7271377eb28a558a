import { readFileSync } from 'node:fs';
import test from 'ava';
import type { KernelFeatures } from '../../src/lowering/index.js';
import { lowerPolicy } from '../../src/lowering/index.js';
import { RING_OPERATIONS, RING_REGISTRATIONS } from '../../src/policy/index.js';
import { lower, policyOf, targetOf, worldOf } from './helpers.js';

const RINGS = 'io_uring_setup, io_uring_enter, io_uring_register';
const HELD: Partial<KernelFeatures> = { rings: true };

function strict(permit: string, more = ''): ReturnType<typeof policyOf> {
  return policyOf(`calls:\n  permit: [${RINGS}${permit === '' ? '' : `, ${permit}`}]\n${more}`);
}

function words(permit: string, more = '', arch: 'x86_64' | 'aarch64' = 'x86_64'): readonly string[] {
  return lower(strict(permit, more), worldOf('/'), HELD, arch).rings;
}

/** The names of an enumeration of the kernel's header, in their order. */
function enumerated(prefix: string, first: string): readonly string[] {
  const text = readFileSync('/usr/include/linux/io_uring.h', 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const body = text.slice(text.indexOf(`${prefix}${first}`));
  return [...body.slice(0, body.indexOf('}')).matchAll(new RegExp(`${prefix}([A-Z0-9_]+)`, 'g'))]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'LAST' && name !== 'USE_REGISTERED_RING');
}

test('the tables have the numbers of the kernel header, as far as it goes', (t) => {
  const operations = enumerated('IORING_OP_', 'NOP');
  t.true(operations.length >= 48);
  t.deepEqual(
    RING_OPERATIONS.slice(0, operations.length).map(({ word }) => word),
    operations,
  );
  // The header calls both kinds IORING_(UN)REGISTER.
  const registrations = [
    ...readFileSync('/usr/include/linux/io_uring.h', 'utf8').matchAll(
      /^\tIORING_(REGISTER|UNREGISTER)_([A-Z0-9_]+)\s*= (\d+),/gm,
    ),
  ].map(
    ([, kind, name, number]) =>
      [`register/${kind === 'UNREGISTER' ? 'UNREGISTER_' : ''}${name}`, Number(number)] as const,
  );
  t.true(registrations.length >= 26);
  for (const [word, number] of registrations) t.is(RING_REGISTRATIONS[number]?.word, word);
});

test('an operation is listed where its call is permitted with any arguments', (t) => {
  const none = words('');
  t.true(none.includes('NOP') && none.includes('register/FILES'));
  for (const word of ['OPENAT', 'READ', 'WRITE', 'CONNECT', 'SOCKET', 'CLOSE', 'register/IOWQ_AFF'])
    t.false(none.includes(word), word);
  t.true(words('openat').includes('OPENAT'));
  t.false(words('read').includes('READ'), 'it reads at a place, too');
  t.true(words('read, pread64').includes('READ'));
  t.true(words('preadv2').includes('READ'));
  t.false(words('write, pwrite64, writev, pwritev').includes('WRITE'), 'it takes the flags of pwritev2');
  t.true(words('pwritev2').includes('WRITE'));
  t.false(words('fsync').includes('FSYNC'));
  t.true(words('fsync, fdatasync').includes('FSYNC'));
});

test('what has rows, is quiet or supervised, or is many calls in one is left out', (t) => {
  t.false(words('', '  when: {socket: [{domain: AF_UNIX}]}\n').includes('SOCKET'));
  t.false(words('socket', '  quiet: {socket: [{domain: AF_PACKET, errno: EACCES}]}\n').includes('SOCKET'));
  t.false(words('listen').includes('LISTEN'));
  const everything = lower(policyOf(`exec: any\ncalls: {permit: [${RINGS}]}\n`, 'filesystem'), worldOf('/'), {
    ...HELD,
    cgroup: { addresses: true, unix: true, controllers: [], paths: [] },
  }).rings;
  t.true(everything.includes('OPENAT') && everything.includes('CONNECT'));
  // Connections that no connect call makes, sockets that no rule speaks of.
  for (const word of ['SENDMSG', 'SEND', 'SOCKET', 'LISTEN', 'URING_CMD', 'MSG_RING', 'RECV_ZC'])
    t.false(everything.includes(word), word);
  for (const { word, needs } of [...RING_OPERATIONS, ...RING_REGISTRATIONS])
    if (needs.kind === 'never') t.false(everything.includes(word), word);
});

test('a call that an architecture does not have permits nothing there', (t) => {
  t.true(words('poll').includes('POLL_ADD'));
  t.false(words('poll', '', 'aarch64').includes('POLL_ADD'));
  t.true(words('ppoll', '', 'aarch64').includes('POLL_ADD'));
});

test('coverage tells what rings perform, what they refuse, and why', (t) => {
  const { coverage } = lower(
    strict('openat, listen', '  when: {socket: [{domain: AF_UNIX}]}\n'),
    worldOf('/'),
    HELD,
  );
  const note = (rule: string): string => coverage.find((row) => row.rule === rule)?.note ?? '';
  t.deepEqual(coverage.find(({ rule }) => rule === 'calls:io_uring_setup')?.mechanism, [
    'seccomp',
    'supervisor',
    'io_uring',
  ]);
  t.regex(note('rings:performed'), /the call of this name: OPENAT$/);
  t.regex(note('rings:refused'), /the call of this name has rows of arguments: SOCKET(;|$)/);
  t.regex(note('rings:refused'), /the call of this name is performed by the supervisor: LISTEN(;|$)/);
  t.regex(note('rings:refused'), /pwritev2 is not permitted: WRITEV WRITE_FIXED WRITE WRITEV_FIXED(;|$)/);
  t.regex(note('rings:refused'), /URING_CMD/);
});

test('a kernel that holds no ring gives a named error, or none where that is accepted', (t) => {
  const without: readonly Partial<KernelFeatures>[] = [
    {},
    { rings: false },
    { rings: true, seccompActions: ['allow', 'errno'] },
  ];
  for (const features of without) {
    const result = lowerPolicy(strict('openat'), targetOf(worldOf('/'), features));
    const messages = result.ok ? [] : result.diagnostics.map(({ message }) => message);
    t.true(
      messages.some((text) => /^calls:io_uring_setup cannot be held here: no ring .*Linux 6\.16/.test(text)),
      messages.join('\n'),
    );
  }
  const accepting = policyOf(`calls: {permit: [${RINGS}]}\naccept-unenforced: ["calls:io_uring_setup"]\n`);
  const { rings, supervised, coverage } = lower(accepting, worldOf('/'), {});
  t.deepEqual(rings, []);
  t.deepEqual(supervised, ['io_uring_setup'], 'the supervisor answers ENOSYS');
  t.true(coverage.find(({ rule }) => rule === 'calls:io_uring_setup')?.accepted);
  t.false(coverage.some(({ rule }) => rule.startsWith('rings:')));
});
