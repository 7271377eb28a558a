import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { applyEdit, diagnose } from '../../src/learning/index.js';
import { parseEvent } from '../../src/policy/index.js';
import type { Seed } from './seeded.js';
import { PROGRAM, Seeded, seededTests, serial } from './seeded.js';

/** Refusals of every kind, seeded in one bundle: each really happens, has the cause that it was seeded with, and is gone with the fix. */

const call = (act: string, event = `${act}()`): Seed => ({ act, event, errno: 'EPERM', cause: 'seccomp' });
const file = (act: string, event: string): Seed => ({ act, event, errno: 'EACCES', cause: 'landlock' });
const power = (act: string, event: string, errno = 'EPERM'): Seed => ({
  act,
  event,
  errno,
  cause: 'capability',
});

const SEEDS: readonly Seed[] = [
  ...['getppid', 'sysinfo', 'uname', 'getrusage', 'times', 'sched_yield'].map((act) => call(act)),
  call('umask', 'umask(022)'),
  call('getsid', 'getsid(0)'),
  call('eventfd', 'eventfd2(0, 0x80000)'),
  call('epoll', 'epoll_create1(EPOLL_CLOEXEC)'),
  call('timerfd', 'timerfd_create(CLOCK_MONOTONIC, 0x80000)'),
  call('inotify', 'inotify_init1(0x80000)'),
  call('memfd', 'memfd_create("x", 1)'),
  call('personality', 'personality(0xffffffff)'),
  call('socketpair', 'socketpair(AF_UNIX, SOCK_STREAM, 0, _)'),
  call('socket-dgram', 'socket(AF_UNIX, SOCK_DGRAM, 0)'),
  call('getfl', 'fcntl(1, F_GETFL)'),
  call('dumpable', 'prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)'),
  call('mprotect-exec', 'mprotect(0x7f0000000000, 4096, PROT_READ|PROT_EXEC)'),
  file('read-unruled', 'openat("/other/file", O_RDONLY)'),
  file('list-unruled', 'openat("/other", O_RDONLY|O_DIRECTORY)'),
  file('write-readable', 'openat("/data/readable", O_WRONLY)'),
  file('truncate', 'truncate("/data/readable", 0)'),
  file('create', 'openat("/data/new", O_WRONLY|O_CREAT)'),
  file('unlink', 'unlink("/data/spare")'),
  file('mkdir', 'mkdir("/data/folder", 0700)'),
  file('mkfifo', 'mknod("/data/fifo", S_IFIFO|0600)'),
  file('symlink', 'symlink("nowhere", "/data/link")'),
  file('socket-file', 'bind(unix:/data/socket)'),
  file('rename', 'rename("/data/spare", "/data/renamed")'),
  file('hard-link', 'link("/data/spare", "/data/linked")'),
  { act: 'bind-port', event: 'bind(tcp/8081)', errno: 'EACCES', cause: 'network' },
  {
    act: 'connect-port',
    event: 'connect(tcp/127.0.0.1:9999)',
    errno: 'EACCES',
    cause: 'network',
    after: 'ENETUNREACH',
  },
  {
    act: 'no-interface',
    event: 'connect(tcp/127.0.0.1:9998)',
    errno: 'ENETUNREACH',
    cause: 'network',
    after: 'ECONNREFUSED',
  },
  power('low-port', 'bind(tcp/81)', 'EACCES'),
  power('chown', 'chown("/data/mine", 1, 1)'),
  power('setuid', 'setuid(1000)'),
  power('setgid', 'setgid(1000)'),
  power('setgroups', 'setgroups(1, _)'),
  power('chroot', 'chroot("/data")'),
  power('priority', 'setpriority(0, 0, -5)', 'EACCES'),
  { act: 'nofile', event: 'dup(1)', errno: 'EMFILE', cause: 'limit' },
  { act: 'fsize', event: 'pwrite64(3, _, 4096, 8192)', errno: 'EFBIG', cause: 'limit' },
  {
    act: 'as',
    event: 'mmap(0, 209715200, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)',
    errno: 'ENOMEM',
    cause: 'limit',
  },
  { act: 'memlock', event: 'mlock(_, 1048576)', errno: 'ENOMEM', cause: 'limit' },
  { act: 'ro-write', event: 'openat("/ro/file", O_WRONLY)', errno: 'EROFS', cause: 'mount' },
  { act: 'ro-create', event: 'openat("/ro/new", O_WRONLY|O_CREAT)', errno: 'EROFS', cause: 'mount' },
  {
    act: 'missing',
    event: 'openat("/data/absent", O_RDONLY)',
    errno: 'ENOENT',
    cause: 'missing',
    byHand: (folder) => writeFileSync(join(folder, 'data/absent'), 'x'),
  },
  {
    act: 'mode-read',
    event: 'openat("/data/locked", O_RDONLY)',
    errno: 'EACCES',
    cause: 'permission',
    byHand: (folder) => chmodSync(join(folder, 'data/locked'), 0o600),
  },
  {
    act: 'mode-write',
    event: 'openat("/data/mine", O_WRONLY)',
    errno: 'EACCES',
    cause: 'permission',
    byHand: (folder) => chmodSync(join(folder, 'data/mine'), 0o600),
  },
  {
    act: 'mode-folder',
    event: 'openat("/data/closed/file", O_RDONLY)',
    errno: 'EACCES',
    cause: 'permission',
    byHand: (folder) => chmodSync(join(folder, 'data/closed'), 0o700),
  },
  {
    act: 'mode-create',
    event: 'openat("/data/sealed/new", O_WRONLY|O_CREAT)',
    errno: 'EACCES',
    cause: 'permission',
    byHand: (folder) => chmodSync(join(folder, 'data/sealed'), 0o700),
  },
];

const PROFILE = `vxed: 1
name: refusals
description: refuses one of each
type: strict
program: ${PROGRAM}
files:
  ${PROGRAM}: read execute
  /data: read
  /data/mine: read write
  /data/grows: read write
  /data/sealed/: read write create
  /ro/: read write create
network: {accept: [tcp/81], connect: [tcp/9998], interface: none}
exec: once
limits: {nofile: 16, fsize: 8K, as: 128M, memlock: 64K}
calls:
  permit: [read, write, pwrite64, close, fstat, newfstatat, open, openat, brk, munmap, arch_prctl, set_tid_address, set_robust_list, rseq, prlimit64, getrandom,
    readlink, readlinkat, wait4, dup, rt_sigaction, rt_sigprocmask, unlink, mkdir, mknod, symlink, truncate, bind, connect, rename, link, chown, setuid, setgid,
    setgroups, chroot, setpriority, mlock]
  when:
    mmap: [{prot: {without: PROT_EXEC}}]
    mprotect: [{prot: {without: PROT_EXEC}}]
    clone: [{flags: {without: CLONE_NEWNS|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET|CLONE_NEWIPC|CLONE_NEWUTS|CLONE_NEWCGROUP}}]
    socket: [{domain: [AF_INET, AF_UNIX], type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}]
`;

const stand = new Seeded('refusals', () => PROFILE);
const { folder, env } = stand;

/** What the acts find: made anew for each run, since fixes change it. */
function world(): void {
  for (const name of ['data', 'other', 'ro']) rmSync(join(folder, name), { recursive: true, force: true });
  for (const name of ['data/closed', 'data/sealed', 'other', 'ro'])
    mkdirSync(join(folder, name), { recursive: true });
  for (const name of [
    'data/readable',
    'data/spare',
    'data/locked',
    'data/mine',
    'data/grows',
    'data/closed/file',
    'other/file',
    'ro/file',
  ])
    writeFileSync(join(folder, name), 'x');
  chmodSync(join(folder, 'data/locked'), 0);
  chmodSync(join(folder, 'data/mine'), 0o444);
  chmodSync(join(folder, 'data/closed'), 0);
  chmodSync(join(folder, 'data/sealed'), 0o500);
}

seededTests(stand, SEEDS, ['/data=data:rw', '/other=other:rw', '/ro=ro:ro'], world);
test('there are fifty of them', (t) => t.true(SEEDS.length >= 50, `${SEEDS.length}`));

serial('the verb says it within a second or two, without an audit daemon', (t) => {
  world();
  stand.put(stand.base());
  const ask = (record: string): { answers: { cause: string; fix: string }[] } =>
    JSON.parse(stand.vxe('why', 'refusals', record, '--json'));
  t.like(ask('openat("/other/file", O_RDONLY) = EACCES').answers[0], {
    cause: 'landlock',
    fix: 'files: /other/file: read',
  });
  t.like(ask('getppid() = EPERM').answers[0], { cause: 'seccomp', fix: 'calls: permit: [getppid]' });
  const wrong = spawnSync('build/bin/vxe', ['why', 'refusals', 'getppid() = ENONSENSE'], {
    env,
    encoding: 'utf8',
  });
  t.is(wrong.status, 2);
});

serial('what soft mode recorded and was taken over is nothing to explain', (t) => {
  world();
  const log = join(folder, 'log/refusals');
  const output = join(log, 'output.log');
  mkdirSync(log, { recursive: true });
  rmSync(output, { force: true });
  t.teardown(() => rmSync(log, { recursive: true, force: true }));
  const record = (verdict: 'performed' | 'refused'): string =>
    `${JSON.stringify({
      time: '2026-01-01T00:00:00.000000000Z',
      vxe: 'refusals',
      instance: 'refusals',
      comm: 'refusals',
      exe: '/refusals',
      arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
      call: 'sysinfo',
      args: ['0x0', '0x0', '0x0', '0x0', '0x0', '0x0'],
      rule: 'calls',
      verdict,
      ...(verdict === 'refused' ? { errno: 'EPERM' } : {}),
      mechanism: 'seccomp',
      count: 1,
    })}\n`;
  const told = (verdict: 'performed' | 'refused', ...words: string[]) => {
    writeFileSync(join(log, 'violations.ndjson'), record(verdict));
    return stand.vxe('why', 'refusals', ...words);
  };
  stand.put(stand.base());
  t.regex(told('performed'), /^sysinfo[\s\S]*seccomp:[\s\S]*permit it by calls: permit: \[sysinfo\]/);
  const cause = diagnose(unwrap(parseEvent('sysinfo()')), 'EPERM', stand.base(), stand.facts());
  const fix = cause.fix;
  t.is(fix?.kind, 'rule');
  stand.put(fix?.kind === 'rule' ? fix.edits.reduce(applyEdit, stand.base()) : stand.base(), cause);
  t.is(
    told('performed'),
    'refusals: one kind of call that soft mode recorded, and the profile permits by now\n',
  );
  // By its number it is answered, and what was refused is too: neither is laid at the kernel's door.
  for (const [text, past] of [
    [told('performed', '1'), 'would have refused'],
    [told('refused'), 'refused'],
  ] as const) {
    t.true(
      text.includes(
        `calls ${past} sysinfo when it was recorded; the profile as it is now refuses nothing of it.`,
      ),
      text,
    );
    t.notRegex(text, /kernel's own answer/);
  }
});
