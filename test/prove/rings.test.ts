import test from 'ava';
import type { Policy } from '../../src/policy/index.js';
import { findDifference, ringDifferences, startSolver } from '../../src/prove/index.js';
import { lower, worldOf } from '../lowering/helpers.js';
import { ownQuestion, policyOf } from './helpers.js';

/* What a ring is told to do is held against the policy for all arguments; each seeded hole is found. */

const solver = await startSolver();
test.after.always(() => solver.close());

const POLICY = policyOf(`
calls:
  permit: [io_uring_setup, io_uring_enter, io_uring_register, openat, close, listen, bind, fsync, fdatasync, preadv2]
  when:
    socket: [{domain: [AF_UNIX, AF_INET]}]
    pwritev2: [{flags: {without: 0x20}}]
  quiet:
    connect: [{fd: 7, errno: EACCES}]
    bind: [{fd: 0x7fffffff, errno: EACCES}]
accept-unenforced: ["network:accept", "network:connect", "network:raw", "network:udp", "files:unix-sockets", "scope:abstract-unix"]
`);

async function differences(
  rings: readonly string[],
  policy: Policy = POLICY,
  supervised: readonly string[] = ['listen', 'io_uring_setup'],
): Promise<readonly string[]> {
  return await ringDifferences(policy, { rings, supervised }, 'x86_64', solver);
}

test('what lowering lists does nothing that the policy refuses', async (t) => {
  const { rings, supervised } = lower(POLICY, worldOf('/'), { rings: true });
  t.true(rings.includes('OPENAT'));
  t.deepEqual(await differences(rings, POLICY, supervised), []);
});

const HOLES: readonly [string, string, RegExp][] = [
  ['a call that no rule names', 'UNLINKAT', /^a ring may do UNLINKAT: the profile refuses unlinkat\(/],
  ['a call that has rows', 'SOCKET', /the profile refuses socket\(domain: 0x/],
  [
    'one value of one flag',
    'WRITE',
    /the profile refuses pwritev2\(.*flags: 0x[0-9a-f]*[2367abef]?[0-9a-f]\)/,
  ],
  ['one quiet row', 'BIND', /the profile refuses bind\(fd: 0x[0-9a-f]*7fffffff/],
  ['a call that the supervisor performs', 'LISTEN', /the supervisor looks at each listen/],
  ['half of what an operation does', 'READ_FIXED', /^$/],
  ['many calls in one', 'URING_CMD', /it is many calls under one number/],
  ['another ring', 'MSG_RING', /it reaches into another ring/],
  ['rights for later', 'register/PERSONALITY', /it would keep the rights/],
  ['a registration of another call', 'register/IOWQ_AFF', /the profile refuses sched_setaffinity/],
  ['what there is not', 'TELEPORT', /no operation that VXE knows/],
];

for (const [what, word, pattern] of HOLES) {
  test(`a seeded hole is found: ${what}`, async (t) => {
    const found = await differences(['NOP', 'OPENAT', word]);
    t.regex(found.join('\n'), pattern);
    t.is(found.length, pattern.test('') ? 0 : 1);
  });
}

test('rings that no profile asks for are a hole, and so is a filter that lets programs make their own', async (t) => {
  const without = policyOf('calls: {permit: [openat]}\n');
  t.deepEqual(await differences(['OPENAT'], without), ['rings are made: the profile refuses io_uring_setup']);
  const question = ownQuestion(POLICY);
  t.is(await findDifference(question, solver), undefined);
  // A policy in which another call has its number's place permits it plainly; the list of supervised calls does not excuse it.
  const found = await findDifference(
    { ...question, filter: permitting(question.filter), loader: { kind: 'vxe', supervised: ['listen'] } },
    solver,
  );
  t.is(found?.call, 'io_uring_setup');
});

/** The filter, whose answer to io_uring_setup is made ALLOW: of its returns that raise, the ones that only that call comes to. */
function permitting(filter: Uint8Array): Uint8Array {
  const view = new DataView(filter.buffer.slice(filter.byteOffset, filter.byteOffset + filter.byteLength));
  // Put before: ld nr; jeq 425 ? allow. Jumps are relative, so that the rest stays as it is.
  const bytes = new Uint8Array(view.byteLength + 24);
  const head = new DataView(bytes.buffer);
  const put = (at: number, code: number, jt: number, jf: number, k: number): void => {
    head.setUint16(at, code, true);
    head.setUint8(at + 2, jt);
    head.setUint8(at + 3, jf);
    head.setUint32(at + 4, k, true);
  };
  put(0, 0x20, 0, 0, 0);
  put(8, 0x15, 0, 1, 425);
  put(16, 0x06, 0, 0, 0x7fff_0000);
  bytes.set(new Uint8Array(view.buffer), 24);
  return bytes;
}
