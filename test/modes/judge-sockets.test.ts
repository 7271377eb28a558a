import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { nativePorts } from '../../src/native/index.js';
import { decide, fileVerdict, parseEvent } from '../../src/policy/index.js';
import { socketRule } from '../policy/random-sockets.js';
import { type Act, PROGRAM, type Run, Stage } from './acts.js';

/* Addresses, devices, signals: the reference evaluator, what soft mode and production record, and what the kernel refuses in production are one. */

const usable = process.getuid?.() === 0 && nativePorts().features().cgroup?.addresses === true;
const asRoot = usable ? test.serial : test.serial.skip;
if (!usable)
  test('the judge of addresses', (t) => t.pass('skipped: this user loads no programs into a cgroup v2 tree'));

const stage = new Stage();
const { folder } = stage;
test.after.always(() => stage.remove());

const EACCES = 13;
const EPERM = 1;

const CALLS = [
  ...[
    'read',
    'write',
    'readv',
    'writev',
    'openat',
    'close',
    'fstat',
    'newfstatat',
    'lseek',
    'brk',
    'mmap',
    'munmap',
  ],
  ...[
    'mprotect',
    'arch_prctl',
    'set_tid_address',
    'set_robust_list',
    'rseq',
    'prlimit64',
    'getrandom',
    'readlinkat',
  ],
  ...[
    'readlink',
    'clone',
    'wait4',
    'execve',
    'socket',
    'bind',
    'connect',
    'listen',
    'sendto',
    'sendmsg',
    'sendmmsg',
  ],
  ...[
    'ioctl',
    'kill',
    'tkill',
    'tgkill',
    'pidfd_open',
    'pidfd_send_signal',
    'getpid',
    'rt_sigprocmask',
    'rt_sigaction',
  ],
];

const profile = (
  network: string,
  files: readonly string[],
  accept: readonly string[] = [],
): string => `vxed: 1
name: acts
description: random
type: strict
exec: any
capabilities: [CAP_NET_BIND_SERVICE]
network: {${network}}
files:
  ${PROGRAM}: read execute
  ${join(folder, 'acts.txt')}: read
${files.map((each) => `  ${each}\n`).join('')}calls: {permit: [${CALLS.join(', ')}]}
accept-unenforced: [${['"network:raw"', ...accept].join(', ')}]
`;

/** What the kernel said, what was recorded in both modes, and what the evaluator says of the event. */
function differences(
  production: Run,
  soft: Run,
  acts: readonly Act[],
  granted: (act: Act) => boolean,
): readonly string[] {
  const recorded = (run: Run): ReadonlyMap<number, Run['records'][number]> =>
    new Map(run.records.map((record) => [record.act, record]));
  const [refusals, performed] = [recorded(production), recorded(soft)];
  return acts.flatMap((act, index) => {
    const errno = production.errnos[index] ?? 0;
    const [record, told] = [refusals.get(index + 1), performed.get(index + 1)];
    const what = `${act.call} ${act.path} ${act.other}`;
    const found: string[] = [];
    const refused = errno === EACCES || errno === EPERM;
    if (refused !== (record !== undefined))
      found.push(`kernel ${errno}, recorded by ${record?.rule}: ${what}`);
    if (refused === granted(act)) found.push(`kernel ${errno}, the evaluator otherwise: ${what}`);
    if (record?.rule !== told?.rule)
      found.push(`recorded by ${record?.rule}, in soft mode by ${told?.rule}: ${what}`);
    if (told !== undefined && told.verdict !== 'performed') found.push(`not performed in soft mode: ${what}`);
    const after = soft.errnos[index] ?? 0;
    if (after === EACCES || (after === EPERM && errno !== EPERM)) found.push(`refused in soft mode: ${what}`);
    return found;
  });
}

const HOSTS = [
  ...['127.0.0.1', '127.9.9.9', '10.1.2.3', '10.0.0.1', '0.0.0.0'],
  ...['::1', '::', 'fd00::1', '2001:db8::1', '::ffff:10.1.2.3', '::ffff:127.0.0.1'],
];
const WAYS = [
  ...['tcp-bind', 'tcp-connect', 'tcp-fast-sendto', 'tcp-fast-sendmsg', 'tcp-fast-sendmmsg', 'tcp-sendto'],
  ...['udp-bind', 'udp-connect', 'udp-sendto', 'udp-sendmsg', 'udp-sendmmsg'],
];
const socketAct: fc.Arbitrary<Act> = fc.record({
  call: fc.constantFrom(...WAYS),
  path: fc.constantFrom(...HOSTS),
  other: fc.constantFrom('79', '80', '85', '88', '90', '1023', '40000'),
});
const network = fc
  .uniqueArray(socketRule, {
    selector: ([name]) => name.replace(/\*:/, '').replace('tcp/*', 'tcp/'),
    maxLength: 6,
  })
  .map((all) => all.map(([name, words]) => `${JSON.stringify(name)}: ${words}`).join(', '));

/** As the evaluator is asked about it; undefined: a call that uses no address. */
function eventOf({ call, path, other }: Act): string | undefined {
  const [protocol = '', ...way] = call.split('-');
  if (call === 'tcp-sendto') return undefined;
  const where = `${protocol}/${path.includes(':') ? `[${path}]` : path}:${other}`;
  if (way[0] === 'fast') return `connect(${where})`;
  return `${way[0] === 'bind' || way[0] === 'connect' ? way[0] : 'sendto'}(${where})`;
}

asRoot('addresses: evaluator, records of both modes and the kernel are one', (t) => {
  t.timeout(600_000);
  const seed = Number(process.env.VXE_SEED ?? 4);
  const samples = fc.sample(fc.tuple(network, fc.array(socketAct, { minLength: 80, maxLength: 80 })), {
    numRuns: 12,
    seed,
  });
  const all = '"tcp/*": accept connect, "udp/*": accept connect send';
  const every = WAYS.flatMap((call) => ['127.0.0.1', '::1'].map((path) => ({ call, path, other: '88' })));
  const counts = new Map<string, number>();
  for (const [sockets, acts] of [['', every] as const, [all, every] as const, ...samples]) {
    const text = profile(`sockets: {${sockets}}, interface: loopback`, []);
    const [production, soft] = [stage.run(text, acts), stage.run(text, acts, 'soft')];
    const granted = (act: Act): boolean => {
      const event = eventOf(act);
      if (event === undefined) return true;
      const parsed = parseEvent(event);
      if (!parsed.ok) throw new Error(event);
      return decide(production.policy, parsed.value).verdict === 'allow';
    };
    t.deepEqual(differences(production, soft, acts, granted), [], `VXE_SEED=${seed} ${sockets}`);
    for (const [index, { call }] of acts.entries()) {
      const key = `${call} ${production.errnos[index] === EACCES}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  for (const way of WAYS) {
    if (way === 'tcp-sendto') continue;
    t.true((counts.get(`${way} true`) ?? 0) > 0 && (counts.get(`${way} false`) ?? 0) > 0, `${way} both ways`);
  }
});

const DEVICES = ['/dev/null', '/dev/zero', '/dev/full'];
/** FIONBIO, FIOCLEX, FIGETBSZ, FIOQSIZE, FIONREAD, TCGETS, FS_IOC_GETFLAGS, FIBMAP, BLKGETSIZE, FS_IOC_FIEMAP, FS_IOC_GETFSUUID. */
const REQUESTS = [
  '0x5421',
  '0x5451',
  '2',
  '0x5460',
  '0x541b',
  '0x5401',
  '0x80086601',
  '1',
  '0x1260',
  '0xc020660b',
  '0x80111500',
];
/** What Landlock leaves alone. */
const OF_DESCRIPTORS = new Set(['0x5421', '0x5451', '2', '0x5460', '0xc020660b', '0x80111500']);

asRoot('devices, signals and programs: evaluator, records of both modes and the kernel are one', (t) => {
  t.timeout(600_000);
  const acts: readonly Act[] = [
    ...DEVICES.flatMap((path) => REQUESTS.map((other) => ({ call: 'ioctl', path, other }))),
    ...['1', 'self'].flatMap((path) =>
      ['kill', 'tkill', 'tgkill', 'pidfd'].map((how) => ({ call: `signal-${how}`, path, other: '' })),
    ),
  ];
  const text = profile('interface: none', [
    '/dev/null: read write',
    '/dev/zero: read write ioctl',
    '/dev/full: read write',
  ]);
  const [production, soft] = [stage.run(text, acts), stage.run(text, acts, 'soft')];
  const granted = ({ call, path, other }: Act): boolean => {
    if (call !== 'ioctl') return path === 'self';
    return OF_DESCRIPTORS.has(other) || fileVerdict(production.policy, path)?.access.has('ioctl') === true;
  };
  t.deepEqual(differences(production, soft, acts, granted), []);
  t.is(
    soft.records.filter(({ rule }) => rule === 'files:/dev/null').length,
    REQUESTS.length - OF_DESCRIPTORS.size,
  );
  t.deepEqual(
    soft.records.filter(({ rule }) => rule === 'scope:signal').map(({ call }) => call),
    ['kill', 'tkill', 'tgkill', 'pidfd_send_signal'],
  );
});

const ABSTRACT =
  'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("\\0$ARGV[0]")) && listen(S, 9) || die; $| = 1; print "ready\\n"; sleep 600';

asRoot('unix sockets: of others they are refused and recorded, of its own they are not', async (t) => {
  const sockets = join(folder, 'sockets');
  mkdirSync(sockets);
  const outside = `vxe-judge-${process.pid}`;
  const server = createServer();
  await new Promise<void>((done) => server.listen(join(sockets, 's'), done));
  // Node pads such names with zeros, which are part of them.
  const named = spawn('perl', ['-MSocket', '-e', ABSTRACT, outside]);
  await once(named.stdout, 'data');
  t.teardown(() => {
    server.close();
    named.kill();
  });
  const acts: readonly Act[] = [
    { call: 'stream-connect', path: `@${outside}`, other: '' },
    { call: 'stream-connect', path: `@${outside}-absent`, other: '' },
    { call: 'own-stream-connect', path: '@mine', other: '' },
    ...['connect', 'sendto', 'sendmsg', 'sendmmsg'].map((how) => ({
      call: `own-dgram-${how}`,
      path: '@mine',
      other: '',
    })),
    { call: 'stream-connect', path: join(sockets, 's'), other: '' },
    { call: 'dgram-sendto', path: join(sockets, 's'), other: '' },
    { call: 'dgram-sendmsg', path: join(sockets, 'absent'), other: '' },
  ];
  const paths = new Set(acts.slice(-3));
  // A rule that grants sockets by path leaves the cgroup's programs out; this kernel's Landlock asks about none.
  const open = profile(
    `sockets: {"unix:${sockets}": connect send}, interface: host`,
    [`${sockets}: read`],
    [`"network:unix:${sockets}"`, '"files:unix-sockets"'],
  );
  const [production, soft] = [stage.run(open, acts), stage.run(open, acts, 'soft')];
  t.deepEqual(
    differences(production, soft, acts, ({ path }) => path !== `@${outside}`),
    [],
  );
  t.deepEqual(
    soft.records.map(({ rule, to, mechanism }) => [rule, to, mechanism]),
    [['scope:abstract-unix', `unix:@${outside}`, 'landlock']],
  );
  if (nativePorts().features().cgroup?.unix !== true) {
    t.log('no programs of cgroups refuse unix sockets here');
    return;
  }
  // Without one, none may be reached, those of its own included.
  const closed = profile('interface: host', [`${sockets}: read`, `${sockets}/s: read write`]);
  const [refusing, performing] = [stage.run(closed, acts), stage.run(closed, acts, 'soft')];
  t.deepEqual(
    differences(refusing, performing, acts, () => false),
    [],
  );
  t.deepEqual(
    performing.records
      .filter(({ act }) => paths.has(acts[act - 1] as Act))
      .map(({ rule, narrowed }) => [rule, narrowed]),
    [
      [`files:${sockets}/s`, true],
      [`files:${sockets}/s`, true],
      [`files:${sockets}`, false],
    ],
  );
});
