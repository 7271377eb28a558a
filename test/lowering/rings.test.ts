import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import type { KernelFeatures } from '../../src/lowering/index.js';
import { lowerPolicy } from '../../src/lowering/index.js';
import { kernelTypes } from '../../src/native/index.js';
import type { RingAct } from '../../src/policy/index.js';
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

type Entries = readonly (readonly [name: string, number: number])[];

/** Both enumerations of a header, as far as they stand for something. */
function ofHeader(file: string): { readonly operations: Entries; readonly registrations: Entries } {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const from = text.indexOf('IORING_OP_NOP');
  const operations = [...text.slice(from, text.indexOf('}', from)).matchAll(/(IORING_OP_[A-Z0-9_]+)/g)];
  const registrations = text.matchAll(/^\t(IORING_(?:UN)?REGISTER_[A-Z0-9_]+)\s*= (\d+),/gm);
  return {
    operations: operations.map(([, name = ''], number) => [name, number]),
    registrations: [...registrations].map(([, name = '', number]) => [name, Number(number)]),
  };
}

/** The same of the running kernel, by its own types. */
function ofKernel(data: Buffer): ReturnType<typeof ofHeader> {
  const KIND_ENUM = 6;
  const named = (wanted: string): Entries => {
    for (const { kind, name, members, textAt } of kernelTypes(data)) {
      if (kind !== KIND_ENUM || name() !== wanted) continue;
      return Array.from({ length: members.length / 8 }, (_, index) => [
        textAt(members.readUInt32LE(index * 8)),
        members.readUInt32LE(index * 8 + 4),
      ]);
    }
    return [];
  };
  return { operations: named('io_uring_op'), registrations: named('io_uring_register_op') };
}

/** As the tables have it; the kernel calls both kinds IORING_(UN)REGISTER. */
function wordOf(name: string): string | undefined {
  if (/_(?:LAST|USE_REGISTERED_RING)$/.test(name)) return undefined;
  return name
    .replace(/^IORING_OP_/, '')
    .replace(/^IORING_UNREGISTER_/, 'register/UNREGISTER_')
    .replace(/^IORING_REGISTER_/, 'register/');
}

/** What a kernel or a header has and the tables do not have so. */
function unknown({ operations, registrations }: ReturnType<typeof ofHeader>): readonly string[] {
  const differ = (entries: Entries, table: readonly RingAct[]): readonly string[] =>
    entries.flatMap(([name, number]) => {
      const word = wordOf(name);
      return word === undefined || table[number]?.word === word ? [] : [`${name} = ${number}`];
    });
  return [...differ(operations, RING_OPERATIONS), ...differ(registrations, RING_REGISTRATIONS)];
}

/** Headers that may be at hand: of the C library's package, another machine's, liburing's, those that modules are built with. */
function headers(): readonly string[] {
  const sources = existsSync('/usr/src') ? readdirSync('/usr/src') : [];
  return [
    ...['', 'aarch64-linux-gnu/'].map((machine) => `/usr/${machine}include/linux/io_uring.h`),
    '/usr/include/liburing/io_uring.h',
    ...sources.map((name) => `/usr/src/${name}/include/uapi/linux/io_uring.h`),
  ].filter((file) => existsSync(file));
}

/** The highest that is known, which is Linux 7.0's: a newer kernel's have to be looked at, and written into the tables, one by one. */
test('the tables end where they are said to', (t) => {
  t.is(RING_OPERATIONS.length, 65);
  t.is(RING_OPERATIONS.at(-1)?.word, 'URING_CMD128');
  t.is(RING_REGISTRATIONS.length, 38);
  t.is(RING_REGISTRATIONS.at(-1)?.word, 'register/BPF_FILTER');
});

test('the tables have all that the headers have that are at hand', (t) => {
  const files = headers();
  t.true(files.includes('/usr/include/linux/io_uring.h'));
  for (const file of files) {
    const found = ofHeader(file);
    t.true(found.operations.length >= 48 && found.registrations.length >= 26, file);
    t.deepEqual(unknown(found), [], file);
  }
});

test('the tables have all that the running kernel has', (t) => {
  const file = '/sys/kernel/btf/vmlinux';
  if (!existsSync(file)) {
    t.log(`this kernel does not tell its types: there is no ${file}`);
    return t.pass();
  }
  const found = ofKernel(readFileSync(file));
  t.true(found.operations.length >= 48 && found.registrations.length >= 26);
  t.deepEqual(unknown(found), []);
});

test('what is newer than the tables is noticed', (t) => {
  const newer: Entries = [
    ['IORING_OP_NOP', 0],
    ['IORING_OP_TELEPORT', RING_OPERATIONS.length],
    ['IORING_OP_LAST', RING_OPERATIONS.length + 1],
  ];
  t.deepEqual(unknown({ operations: newer, registrations: [['IORING_REGISTER_FILES', 3]] }), [
    `IORING_OP_TELEPORT = ${RING_OPERATIONS.length}`,
    'IORING_REGISTER_FILES = 3',
  ]);
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
