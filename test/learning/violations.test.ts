import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { editProfile, parseProfile } from '../../src/language/index.js';
import type { Violation } from '../../src/learning/index.js';
import { applyEdit, decisionsOf, readViolations } from '../../src/learning/index.js';
import { decide, parseEvent } from '../../src/policy/index.js';

const TEXT = `vxed: 1
name: web
description: a server
type: strict
files:
  /srv: read
  /srv/private: none
  /srv/*.secret: none
  /usr/bin/web: read execute
network: {accept: [tcp/80], interface: host}
exec: once
calls:
  permit: [read, write, openat, connect, bind]
  when:
    socket:
      - {domain: AF_INET, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}
`;
const file = { name: 'web.vxed.yaml', text: TEXT };
const policy = unwrap(parseProfile(file));

function record(fields: Record<string, unknown>): string {
  return JSON.stringify({
    time: '2026-01-01T00:00:00.000000000Z',
    vxe: 'web',
    instance: 'web',
    mode: 'soft',
    pid: 1,
    comm: 'web',
    exe: '/usr/bin/web',
    arch: 'x86_64',
    call: 'openat',
    nr: 257,
    args: ['0xffffff9c', '0x7ffe00000000', '0x0', '0x0', '0x0', '0x0'],
    detail: null,
    path: null,
    rule: 'calls:default',
    verdict: 'performed',
    errno: 'EPERM',
    mechanism: 'seccomp',
    count: 1,
    ...fields,
  });
}

function log(...records: readonly Record<string, unknown>[]): readonly Violation[] {
  return readViolations(records.map(record).join('\n')).records;
}

const readsFile = (path: string, needs = 'read'): Record<string, unknown> => ({
  path,
  needs,
  rule: 'files:default',
  mechanism: 'landlock',
  errno: 'EACCES',
});

test('a line that a full disk cut is counted, not read', (t) => {
  const text = `${record({})}\n{"time":"2026-0`;
  t.like(readViolations(text), { unreadable: 1 });
  t.is(readViolations(text).records.length, 1);
});

test('counts of one kind are added, the most frequent comes first', (t) => {
  const decisions = decisionsOf(
    log(
      readsFile('/etc/hosts'),
      { call: 'getppid', nr: 110, count: 7 },
      { call: 'getppid', nr: 110, verdict: 'refused' },
    ),
    policy,
  );
  t.deepEqual(
    decisions.map(({ key, count, performed, refused }) => [key, count, performed, refused]),
    [
      ['call:getppid', 8, 7, 1],
      ['file:/etc/hosts', 1, 1, 0],
    ],
  );
});

test('the narrowest row has the values that rules speak of, and no others', (t) => {
  const [decision] = decisionsOf(
    log(
      { call: 'socket', nr: 41, args: ['0x1', '0x80002', '0x0', '0x7ffe', '0x1', '0x2'] },
      { call: 'socket', nr: 41, args: ['0x1', '0x2', '0x0', '0x9', '0x3', '0x4'] },
    ),
    policy,
  );
  t.is(
    decision?.choices[0]?.rule,
    'calls: when: socket: [{domain: AF_UNIX, type: {is: SOCK_DGRAM, mask: SOCK_TYPE_MASK}, protocol: 0}]',
  );
  t.is(decision?.choices[1]?.rule, 'calls: permit: [socket]');
});

const reaches = (call: string, to: string, rule: string): Record<string, unknown> => ({
  call,
  to,
  rule,
  mechanism: 'cgroup',
  errno: 'EACCES',
});

test('an address is a rule of its own, and where no rule spoke of it, its port the wider one', (t) => {
  const own = policyWith('"tcp/10.0.0.0/8:443": none');
  const cases: readonly [string, string, string, readonly string[], string][] = [
    [
      'sendmsg',
      'udp/10.0.0.53:53',
      'network:udp',
      ['udp/10.0.0.53:53: send', 'udp/53: send'],
      'sendto(udp/10.0.0.53:53)',
    ],
    [
      'connect',
      'udp/[fd00::1]:53',
      'network:udp',
      ['udp/[fd00::1]:53: connect', 'udp/53: connect'],
      'connect(udp/[fd00::1]:53)',
    ],
    ['bind', 'udp/0.0.0.0:68', 'network:udp', ['udp/68: accept'], 'bind(udp/68)'],
    [
      'connect',
      'tcp/10.1.2.3:443',
      'network:tcp/10.0.0.0/8:443',
      ['tcp/10.1.2.3:443: connect'],
      'connect(tcp/10.1.2.3:443)',
    ],
    ['connect', 'unix:/run/x', 'files:default', ['unix:/run/x: connect send'], 'connect(unix:/run/x)'],
  ];
  for (const [call, to, rule, rules, event] of cases) {
    const [decision] = decisionsOf(log(reaches(call, to, rule)), own);
    t.deepEqual(
      decision?.choices.map((each) => each.rule),
      rules.map((each) => `network: sockets: ${each}`),
    );
    t.is(decide(own, unwrap(parseEvent(event))).verdict, 'refuse', event);
    for (const choice of decision?.choices ?? [])
      t.is(
        decide(choice.edits.reduce(applyEdit, own), unwrap(parseEvent(event))).verdict,
        'allow',
        choice.rule,
      );
  }
});

const BY_ADDRESS = '"tcp/10.0.0.0/8:443": connect, "tcp/[fd00::]/8:443": connect, "tcp/10.0.0.5:80": accept';
const offered: readonly [string, string, string, readonly string[], string][] = [
  [
    'connect',
    'tcp/192.0.2.7:443',
    'network:connect',
    ['tcp/192.0.2.7:443: connect', 'tcp/192.0.2.0/24:443: connect'],
    'tcp/203.0.113.9:443',
  ],
  // Of another port of an address that has a rule none spoke either.
  [
    'connect',
    'ip/10.1.2.3:80',
    'network:connect',
    ['tcp/10.1.2.3:80: connect', 'tcp/10.1.2.0/24:80: connect'],
    'tcp/10.1.3.3:80',
  ],
  [
    'connect',
    'tcp/[2001:db8::1]:443',
    'network:connect',
    ['tcp/[2001:db8::1]:443: connect', 'tcp/[2001:db8::]/64:443: connect'],
    'tcp/[2001:db8:0:1::1]:443',
  ],
  [
    'bind',
    'tcp/10.0.0.5:8080',
    'network:accept',
    ['tcp/10.0.0.5:8080: accept', 'tcp/10.0.0.0/24:8080: accept'],
    'tcp/127.0.0.1:8080',
  ],
  // Every address is what was asked for.
  ['bind', 'tcp/0.0.0.0:8080', 'network:accept', ['tcp/8080: accept'], 'tcp/127.0.0.1:8081'],
];

for (const [call, to, rule, rules, other] of offered) {
  test(`a profile that rules by address is offered rules on addresses: ${call} ${to}`, (t) => {
    const own = policyWith(BY_ADDRESS);
    const [decision] = decisionsOf(log(reaches(call, to, rule)), own);
    t.deepEqual(
      decision?.choices.map((each) => each.rule),
      rules.map((each) => `network: sockets: ${each}`),
    );
    for (const choice of decision?.choices ?? []) {
      const wider = choice.edits.reduce(applyEdit, own);
      const verdict = (address: string): string =>
        decide(wider, unwrap(parseEvent(`${call}(${address})`))).verdict;
      t.is(verdict(to.replace('ip/', 'tcp/')), 'allow', choice.rule);
      t.is(verdict(other), 'refuse', choice.rule);
    }
  });
}

test('one that rules by port is offered the port, also where rules on addresses are of another protocol', (t) => {
  for (const own of [policy, policyWith('"udp/10.0.0.53:53": send')])
    t.deepEqual(
      decisionsOf(log(reaches('connect', 'tcp/192.0.2.7:443', 'network:connect')), own)[0]?.choices.map(
        (each) => each.rule,
      ),
      ['network: connect: [tcp/443]'],
    );
});

function policyWith(sockets: string) {
  const text = TEXT.replace('network: {', `network: {sockets: {${sockets}}, `).replace(
    'connect, bind]',
    'connect, bind, sendto, sendmsg]',
  );
  return unwrap(parseProfile({ name: 'web.vxed.yaml', text }));
}

test('what makes a name is asked of its folder; many files of a folder are one question', (t) => {
  const made = decisionsOf(log(readsFile('/srv/new', 'write create')), policy);
  t.deepEqual(
    made[0]?.choices.map(({ rule }) => rule),
    ['files: /srv: read write create'],
  );
  const told = decisionsOf(log({ ...readsFile('/srv/new', 'create'), folder: true }), policy);
  t.deepEqual(
    told[0]?.choices.map(({ rule }) => rule),
    ['files: /srv/new: read create', 'files: /srv: read create'],
  );
  const many = decisionsOf(
    log(...Array.from({ length: 9 }, (_, index) => readsFile(`/opt/web/${index}`))),
    policy,
  );
  t.deepEqual(
    many.map(({ key, count }) => [key, count]),
    [['file:/opt/web', 9]],
  );
});

test('a folder that is opened to be listed gets a rule for a folder, which below a mount is another one than a file of that name', (t) => {
  const flags = (value: string): Record<string, unknown> => ({
    ...readsFile('/opt/site'),
    args: ['0xffffff9c', '0x7ffe00000000', value, '0x0', '0x0', '0x0'],
  });
  const folders = (fields: Record<string, unknown>): readonly unknown[] =>
    decisionsOf(log(fields), policy)[0]?.choices[0]?.edits.map((edit) => 'folder' in edit && edit.folder) ??
    [];
  t.deepEqual(folders(flags('0x90800')), [true]);
  t.deepEqual(folders(flags('0x80000')), [false]);
});

test("threads' files of one name are one question, and files of the process each their own", (t) => {
  const names = ['stat', 'status', 'maps', 'smaps', 'limits', 'io', 'cgroup', 'mounts'];
  const records = [
    readsFile('/proc/self/task/7/comm', 'write'),
    readsFile('/proc/self/task/8/comm', 'read'),
    ...names.map((name) => readsFile(`/proc/self/${name}`)),
  ];
  const rules = decisionsOf(log(...records), policy).map(({ choices }) => choices.map(({ rule }) => rule));
  t.deepEqual(rules[0], ['files: /proc/self/task/*/comm: read write']);
  t.deepEqual(rules.slice(1).flat(), names.map((name) => `files: /proc/self/${name}: read`).sort());
});

const dangerous: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['what the profile forbids by name', readsFile('/srv/private'), /forbids it by name/],
  ['what a pattern forbids', readsFile('/srv/web.secret'), /forbids it by files:\/srv\/\*\.secret/],
  ['accounts', readsFile('/etc/shadow'), /accounts/],
  ['keys', readsFile('/etc/ssl/private/web.pem'), /keys/],
  ['devices', readsFile('/dev/sda'), /devices/],
  ['the kernel', readsFile('/proc/kcore'), /the kernel/],
  ['a shell', readsFile('/bin/sh', 'execute'), /whatever it is told/],
  ['another program', readsFile('/usr/bin/convert', 'execute'), /one more program/],
  ['writing a program', readsFile('/usr/bin/web', 'write'), /executed/],
  ['a further execution', { call: 'execve', nr: 59, rule: 'exec:once', path: '/bin/ls' }, /after the launch/],
  [
    'an outward connection',
    { call: 'connect', to: 'tcp/192.0.2.1:443', rule: 'network:connect', mechanism: 'landlock' },
    /outward/,
  ],
  ['ptrace', { call: 'ptrace', nr: 101 }, /other processes/],
  [
    'executable memory',
    { call: 'mprotect', nr: 10, args: ['0x7ffe00000000', '0x1000', '0x7', '0x0', '0x0', '0x0'] },
    /executable/,
  ],
  ['raw packets', { call: 'socket', nr: 41, args: ['0x11', '0x3', '0x300', '0x0', '0x0', '0x0'] }, /kernel/],
];
for (const [what, fields, reason] of dangerous) {
  test(`marked: ${what}`, (t) => {
    const [decision] = decisionsOf(log(fields), policy);
    t.regex(decision?.choices[0]?.danger ?? 'not marked', reason);
  });
}

for (const [what, fields] of [
  ['a file of its own', readsFile('/var/lib/web/state')],
  ['a port', { call: 'bind', to: 'tcp/0.0.0.0:8080', rule: 'network:accept', mechanism: 'landlock' }],
  ['getppid', { call: 'getppid', nr: 110 }],
] as const) {
  test(`not marked: ${what}`, (t) => {
    const [decision] = decisionsOf(log(fields), policy);
    t.is(decision?.choices[0]?.danger, undefined);
    t.true((decision?.choices.length ?? 0) > 0);
  });
}

const RING = {
  call: 'io_uring_setup',
  nr: 425,
  rule: 'calls:io_uring_setup',
  detail: 'io_uring_setup(8, {flags=IORING_SETUP_SQPOLL})',
};
test('rings that are not given are told by what was asked for', (t) => {
  const decisions = decisionsOf(
    log(
      { ...RING, mechanism: 'supervisor' },
      { ...RING, mechanism: 'supervisor', detail: 'io_uring_setup(8192, {cq_entries=0})' },
      { ...RING, mechanism: 'kernel', detail: 'io_uring_setup(8)' },
    ),
    policy,
  );
  t.deepEqual(decisions.map(({ subject }) => subject).sort(), [
    'io_uring_setup(8): the kernel makes no rings any more, as kernel.io_uring_disabled may say',
    'io_uring_setup(8, {flags=IORING_SETUP_SQPOLL}): such a ring could do more than the profile permits, and no rule gives it',
    'io_uring_setup(8192, {cq_entries=0}): such a ring could do more than the profile permits, and no rule gives it',
  ]);
});

test('what no rule can permit says why, and offers none', (t) => {
  for (const fields of [
    { arch: 'x86' },
    { call: 'nr 999', nr: 999 },
    { ...readsFile('/srv/x', 'create'), narrowed: true },
    readsFile('/proc/17/mem'),
    readsFile('/proc/self/mem'),
    readsFile('/proc/self/stat', 'read write'),
    { ...RING, errno: 'EINVAL', mechanism: 'supervisor' },
    { ...RING, errno: 'EPERM', mechanism: 'kernel' },
  ]) {
    const [decision] = decisionsOf(log(fields), policy);
    t.deepEqual(decision?.choices, []);
    t.true((decision?.subject.length ?? 0) > 10);
  }
});

const fixes: readonly (readonly [Record<string, unknown>, string])[] = [
  [readsFile('/var/lib/web/state', 'read write'), 'openat("/var/lib/web/state", O_RDWR)'],
  [readsFile('/srv/new', 'write create'), 'openat("/srv/new", O_WRONLY|O_CREAT)'],
  [readsFile('/proc/self/stat'), 'openat("/proc/self/stat", O_RDONLY)'],
  [readsFile('/proc/self/task/7/comm', 'read write'), 'openat("/proc/self/task/9/comm", O_RDWR)'],
  [{ call: 'getppid', nr: 110 }, 'getppid()'],
  [
    { call: 'socket', nr: 41, args: ['0x1', '0x2', '0x0', '0x0', '0x0', '0x0'] },
    'socket(AF_UNIX, SOCK_DGRAM, 0)',
  ],
  [{ call: 'bind', to: 'tcp/0.0.0.0:8080', rule: 'network:accept', mechanism: 'landlock' }, 'bind(tcp/8080)'],
  [{ call: 'execve', nr: 59, rule: 'exec:once', path: '/usr/bin/web' }, 'execve("/usr/bin/web")'],
];
for (const [fields, event] of fixes) {
  test(`the narrowest choice permits it, in the policy and in its text: ${event}`, (t) => {
    const wanted = unwrap(parseEvent(event));
    t.is(decide(policy, wanted).verdict, 'refuse');
    const [decision] = decisionsOf(log(fields), policy);
    const changed = (decision?.choices[0]?.edits ?? []).reduce(applyEdit, policy);
    t.is(decide(changed, wanted).verdict, 'allow');
    const text = unwrap(editProfile(file, changed));
    t.is(decide(unwrap(parseProfile({ ...file, text })), wanted).verdict, 'allow');
    // A rule that is more specific keeps what the one above it gives.
    t.is(decide(changed, unwrap(parseEvent('openat("/srv/new", O_RDONLY)'))).verdict, 'allow');
    t.is(decide(changed, unwrap(parseEvent('openat("/srv/private/x", O_RDONLY)'))).verdict, 'refuse');
  });
}
