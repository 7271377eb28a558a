import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { applyEdit, diagnose } from '../../src/learning/index.js';
import type { Policy } from '../../src/policy/index.js';
import type { Seed } from './seeded.js';
import { PROGRAM, Seeded, seededTests, serial } from './seeded.js';

/** More refusals that really happen: addresses, namespaces, calls that are answered by ENOSYS, roots of a process's own, programs on mounts. */

const PROFILE = `vxed: 1
name: further
description: refuses one of each
type: strict
program: ${PROGRAM}
files:
  ${PROGRAM}: read execute
  /data: read
  /data/program: read execute
network: {interface: loopback, sockets: {tcp/127.0.0.1:7001: connect, udp/127.0.0.1:5300: connect send}}
exec: any
namespaces: []
capabilities: [CAP_SETUID, CAP_SYS_CHROOT]
limits: {nproc: 4}
calls:
  permit: [read, write, close, fstat, newfstatat, openat, brk, munmap, arch_prctl, set_tid_address, set_robust_list, rseq, prlimit64, getrandom, readlink,
    readlinkat, wait4, rt_sigaction, rt_sigprocmask, bind, connect, sendto, execve, unshare, chdir, chroot, setuid, pipe2, pause, open]
  when:
    mmap: [{prot: {without: PROT_EXEC}}]
    mprotect: [{prot: {without: PROT_EXEC}}]
    clone: [{flags: {without: CLONE_NEWNET}}]
    socket: [{domain: AF_INET, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}, {domain: AF_INET, type: {is: SOCK_DGRAM, mask: SOCK_TYPE_MASK}}]
accept-unenforced: [network:raw]
`;

const CGROUP = /^The rules on addresses, held by programs on the cgroup, refuse /;
const LANDLOCK = /^Landlock refuses /;
const network = (act: string, event: string, says: RegExp, after = '0'): Seed => ({
  act,
  event,
  errno: 'EACCES',
  cause: 'network',
  says,
  after,
});

const SEEDS: readonly Seed[] = [
  network('udp-connect', 'connect(udp/127.0.0.1:5301)', CGROUP),
  network('udp-send', 'sendto(3, _, 1, 0, udp/127.0.0.1:5301)', CGROUP),
  network('udp-bind', 'bind(udp/5302)', CGROUP),
  network('tcp-address', 'connect(tcp/127.0.0.2:7001)', CGROUP, 'ECONNREFUSED'),
  {
    ...network('tcp-port', 'connect(tcp/127.0.0.1:7009)', LANDLOCK, 'ECONNREFUSED'),
    rule: 'network: sockets: tcp/127.0.0.1:7009: connect',
  },
  {
    ...network('bind-port', 'bind()', LANDLOCK),
    profile: (text) => text.replace('interface: loopback,', 'interface: loopback, accept: [tcp/8081],'),
  },
  {
    act: 'exec-noexec',
    event: 'execve("/data/program")',
    errno: 'EACCES',
    cause: 'mount',
    says: /^\/data is mounted noexec/,
  },
  {
    act: 'userns',
    event: 'unshare(CLONE_NEWUSER)',
    errno: 'EPERM',
    cause: 'seccomp',
    says: /namespaces of the kind user/,
    profile: (text) => text.replace('namespaces: []', 'namespaces: [user]'),
  },
  {
    act: 'openat2',
    event: 'openat2("/data/file")',
    errno: 'ENOSYS',
    cause: 'seccomp',
    says: /answers openat2 by ENOSYS/,
  },
  { act: 'clone3', event: 'clone3()', errno: 'ENOSYS', cause: 'seccomp', says: /answers clone3 by ENOSYS/ },
  {
    act: 'unknown',
    event: 'call_of_tomorrow()',
    errno: 'ENOSYS',
    cause: 'seccomp',
    says: /does not know call_of_tomorrow/,
    unfixable: true,
  },
  { act: 'nproc', event: 'fork()', errno: 'EAGAIN', cause: 'limit', says: /nproc/ },
  {
    act: 'relative',
    event: 'openat("../other/file", O_RDONLY)',
    errno: 'EACCES',
    cause: 'landlock',
    says: /on \/other\/file:/,
    places: [{ root: '/', folder: '/data' }],
  },
  {
    act: 'chrooted',
    event: 'openat("file", O_RDONLY)',
    errno: 'EACCES',
    cause: 'landlock',
    says: /on \/other\/file:/,
    places: [
      { root: '/', folder: '/' },
      { root: '/other', folder: '/other' },
    ],
  },
];

const stand = new Seeded('further', () => PROFILE);
const { folder } = stand;

function world(): void {
  for (const name of ['data', 'other']) {
    rmSync(join(folder, name), { recursive: true, force: true });
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'file'), 'x');
  }
  copyFileSync(PROGRAM, join(folder, 'data/program'));
}

seededTests(stand, SEEDS, ['/data=data:rw', '/other=other:rw'], world);

interface Answered {
  readonly answers: readonly {
    readonly cause: string;
    readonly fix: string | null;
    readonly sentence: string;
  }[];
}

/** Starts a bundle beside the test, and gives what is in its output once that is there. */
async function output(place: Seeded, wanted: RegExp): Promise<string> {
  const file = join(place.folder, 'log', place.name, 'output.log');
  rmSync(file, { force: true });
  place.vxe('start', '--detach', place.name);
  for (;;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (wanted.test(text)) return text;
    await setTimeout(20);
  }
}

const ask = (place: Seeded, ...words: readonly string[]): Answered['answers'] =>
  (JSON.parse(place.vxe('why', place.name, ...words, '--json')) as Answered).answers;

serial(
  'a library that cannot be read, and names that are not found, are told by the output alone',
  async (t) => {
    t.timeout(300_000);
    const naming = new Seeded(
      'naming',
      (at) => `vxed: 1
name: naming
description: looks names up
type: filesystem
program: ${join(at, 'naming')}
files: {/: read execute, ${join(at, 'libseed.so')}: none}
network: {interface: loopback, sockets: {udp/127.0.0.1:53: accept, udp/127.0.0.1:1024-65535: send}}
exec: once
capabilities: [CAP_NET_BIND_SERVICE]
`,
    );
    t.teardown(() => naming.remove());
    const at = naming.folder;
    const [library, program] = [join(at, 'libseed.so'), join(at, 'naming')];
    writeFileSync(join(at, 'seed.c'), 'int seed(void)\n{\n\treturn 7;\n}\n');
    execFileSync('gcc', ['-shared', '-fPIC', '-Wl,-soname,libseed.so', '-o', library, join(at, 'seed.c')]);
    execFileSync('gcc', ['-o', program, 'test/modes/fixtures/naming.c', library, `-Wl,-rpath,${at}`]);
    naming.create([], program);
    writeFileSync(join(naming.bundle, 'rootfs/etc/nsswitch.conf'), 'hosts: dns\n');
    writeFileSync(
      join(naming.bundle, 'rootfs/etc/resolv.conf'),
      'nameserver 127.0.0.1\noptions attempts:1 timeout:1\n',
    );
    naming.put(naming.base());

    await output(naming, /libseed\.so: cannot open shared object file/);
    const [unread] = ask(naming);
    t.like(unread, { cause: 'landlock', fix: `files: ${library}: read` });
    const readable = applied(naming, naming.base(), `openat("${library}", O_RDONLY)`);
    naming.put(readable);

    t.regex(await output(naming, /host\.test: /), /host\.test: Temporary failure in name resolution \(7\)/);
    const [unnamed] = ask(naming);
    t.like(
      unnamed,
      { cause: 'network', fix: 'network: sockets: udp/127.0.0.1:53: accept connect' },
      unnamed?.sentence,
    );
    naming.put(applied(naming, readable, 'connect(udp/127.0.0.1:53)'));
    t.regex(await output(naming, /host\.test: /), /host\.test: Name or service not known \(7\)/);
  },
);

/** The policy with what is said to permit the call. */
function applied(place: Seeded, policy: Policy, event: string): Policy {
  const { fix } = diagnose(place.event({ event }), 'EACCES', policy, place.facts());
  return fix?.kind === 'rule' ? fix.edits.reduce(applyEdit, policy) : policy;
}

serial('what a chrooted process cannot open is told by where it is', async (t) => {
  t.timeout(300_000);
  world();
  stand.put(stand.base());
  stand.setArguments([PROGRAM, 'chrooted-stays']);
  await output(stand, /chrooted/);
  t.teardown(() => stand.vxe('stop', '--timeout', '0', stand.name));
  for (const path of ['file', '/file']) {
    const [answer] = ask(stand, `openat("${path}", O_RDONLY) = EACCES`);
    t.like(answer, { cause: 'landlock', fix: 'files: /other/file: read' }, answer?.sentence);
  }
});

serial('of what is recorded the mechanism is told that refused it', (t) => {
  t.timeout(300_000);
  world();
  stand.put(stand.base());
  const log = join(folder, 'log/further/violations.ndjson');
  const acts = [
    'udp-connect',
    'udp-bind',
    'udp-send',
    'tcp-address',
    'tcp-port',
    'bind-port',
    'relative',
    'chrooted',
    'userns',
  ];
  stand.setArguments([PROGRAM, ...acts]);
  rmSync(log, { force: true });
  stand.vxe('start', '--record-files', stand.name);
  const records = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.is(records.length, acts.length);
  const told = records.map((_, index) => ask(stand, String(records.length - index))[0]);
  t.deepEqual(
    told.map((answer, index) => [acts[index], mechanismOf(answer?.sentence ?? '')]),
    records.map(({ mechanism }, index) => [acts[index], mechanism]),
  );
});

function mechanismOf(sentence: string): string {
  return CGROUP.test(sentence) ? 'cgroup' : LANDLOCK.test(sentence) ? 'landlock' : 'seccomp';
}
