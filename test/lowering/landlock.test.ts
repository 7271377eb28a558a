import { readFileSync } from 'node:fs';
import test from 'ava';
import { ABI_TABLE, lowerPolicy } from '../../src/lowering/index.js';
import { rightsOf } from '../../src/lowering/landlock/abi.js';
import { landlockLines, lower, policyOf, targetOf, worldOf } from './helpers.js';

const RO = 'read_file read_dir';
const FILE = 'read_file';
const ALL_CREATE = 'make_dir make_reg make_sock make_fifo make_sym';

const world = worldOf(
  '/',
  '/etc/',
  '/etc/passwd',
  '/etc/shadow',
  '/etc/ssl/',
  '/etc/ssl/cert',
  '/etc/ssl/private/',
  '/etc/ssl/private/key',
  '/etc/link -> passwd',
  '/lib -> usr/lib',
  '/usr/',
  '/usr/lib/',
  '/usr/lib/a.so',
  '/dev/',
  '/dev/null*',
  '~/data/',
  '~/proc/',
);

const rows: readonly [string, string, readonly string[]][] = [
  ['a folder', '/etc: read', [`${RO}: /etc`]],
  ['a file takes file rights alone', '/etc/passwd: read', [`${FILE}: /etc/passwd`]],
  ['words add up', '/data: read write', ['write_file read_file read_dir truncate: /data']],
  ['create', '/data: create', [`${ALL_CREATE}: /data`]],
  ['moving needs both', '/data: create remove', [`remove_dir remove_file ${ALL_CREATE} refer: /data`]],
  ['execute', '/usr/lib/a.so: read execute', ['execute read_file: /usr/lib/a.so']],
  ['a device', '/dev/null: read write ioctl', ['write_file read_file truncate ioctl_dev: /dev/null']],
  ['links are followed', '/lib: read', [`${RO}: /usr/lib`]],
  ['what is missing gets nothing', '/nowhere: read', []],
  ['none alone grants nothing', '/etc: none', []],
  [
    'a file that is none: its siblings may be read, and the folder listed',
    '/etc: read\n  /etc/shadow: none',
    ['read_dir: /etc', `${FILE}: /etc/passwd /etc/ssl`],
  ],
  [
    'a folder that is none: the siblings alone',
    '/etc: read\n  /etc/ssl/private: none',
    [`${FILE}: /etc/passwd /etc/shadow /etc/ssl/cert`],
  ],
  [
    'a grant below none',
    '/etc: read\n  /etc/ssl: none\n  /etc/ssl/cert: read',
    [`${FILE}: /etc/passwd /etc/shadow /etc/ssl/cert`],
  ],
  [
    'narrower, not none',
    '/etc: read write\n  /etc/ssl: read',
    [`${RO}: /etc /etc/ssl`, 'write_file truncate: /etc/passwd /etc/shadow'],
  ],
  ['a file of proc', '/proc/filesystems: read', [`${FILE}: /proc/filesystems`]],
  ['a folder of proc is written with a slash', '/proc/sys/: read', [`${RO}: /proc/sys`]],
];

for (const [what, files, expected] of rows) {
  test(`landlock: ${what}`, (t) => {
    const lowered = lower(policyOf(`files:\n  ${files}\n`), world);
    t.deepEqual([...landlockLines(lowered)].sort(), [...expected].sort());
  });
}

/** Every right that a path really gets, as the kernel adds them up on the way to the root. */
function effective(lines: ReturnType<typeof landlockLines>, path: string): Set<string> {
  const rights = new Set<string>();
  for (const line of lines) {
    const [words = '', paths = ''] = line.split(': ');
    for (const granted of paths.split(' ')) {
      if (path === granted || granted === '/' || path.startsWith(`${granted}/`))
        for (const right of words.split(' ')) rights.add(right);
    }
  }
  return rights;
}

test('whatever the rules, no path of the rootfs gets a right that its most specific rule lacks', (t) => {
  const files =
    '/: read\n  /etc: read write create remove\n  /etc/shadow: none\n  /etc/ssl: read execute\n  /etc/ssl/private: none\n  /usr: none\n  /usr/lib/a.so: read execute';
  const lines = landlockLines(
    lower(
      policyOf(`files:\n  ${files}\n`),
      worldOf(
        '/',
        '/etc/',
        '/etc/passwd',
        '/etc/shadow',
        '/etc/ssl/',
        '/etc/ssl/cert',
        '/etc/ssl/private/',
        '/etc/ssl/private/key',
        '/usr/',
        '/usr/lib/',
        '/usr/lib/a.so',
        '/usr/lib/b.so',
      ),
    ),
  );
  t.deepEqual(
    [...effective(lines, '/etc/shadow')].filter((right) => right !== 'read_dir'),
    [],
  );
  t.deepEqual([...effective(lines, '/etc/ssl/private/key')], []);
  t.deepEqual([...effective(lines, '/usr/lib/b.so')], []);
  t.deepEqual([...effective(lines, '/usr/lib/a.so')].sort(), ['execute', 'read_file']);
  t.false(effective(lines, '/etc/ssl/cert').has('write_file'));
  t.true(effective(lines, '/etc/ssl/cert').has('execute'));
  t.true(effective(lines, '/etc/passwd').has('write_file'));
  // Whoever may remove from /etc could remove the shadow file.
  t.false(effective(lines, '/etc').has('remove_file'));
});

test('ports', (t) => {
  const policy = policyOf('network: {accept: [tcp/110, tcp/25], connect: [tcp/53], interface: host}\n');
  t.deepEqual(lower(policy, world).landlock.rules.netPort, [
    { allowedAccess: ['bind_tcp'], ports: [25, 110] },
    { allowedAccess: ['connect_tcp'], ports: [53] },
  ]);
});

const abis: readonly [number, number, number, number][] = [
  [0, 0, 0, 0],
  [1, 13, 0, 0],
  [2, 14, 0, 0],
  [3, 15, 0, 0],
  [4, 15, 2, 0],
  [5, 16, 2, 0],
  [6, 16, 2, 2],
  [7, 16, 2, 2],
  [8, 16, 2, 2],
  [9, 17, 2, 2],
  [10, 17, 4, 2],
  [11, 17, 4, 2],
  [99, 17, 4, 2],
];

for (const [abi, fs, net, scoped] of abis) {
  test(`ABI ${abi} handles ${fs} file rights, ${net} of the network and ${scoped} scopes`, (t) => {
    const rights = rightsOf(abi);
    t.deepEqual([rights.fs.length, rights.net.length, rights.scoped.length], [fs, net, scoped]);
  });
}

test('the table has one row for each version, in order', (t) => {
  t.deepEqual(
    ABI_TABLE.map((row) => row.abi),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
});

test('everything that the kernel knows is handled, whatever the rules', (t) => {
  const { ruleset } = lower(policyOf(''), world).landlock;
  t.deepEqual(ruleset.handledAccessFS, rightsOf(7).fs);
  t.deepEqual(ruleset.handledAccessNet, ['bind_tcp', 'connect_tcp']);
  t.deepEqual(ruleset.scoped, ['abstract_unix_socket', 'signal']);
});

const SENDS = 'network: {interface: host, accept: [udp/7], sockets: {"udp/53": connect send}}\n';

test('who may send from a socket that is not bound needs port 0, and a bind to it is refused by the cgroup', (t) => {
  const bound = (body: string): readonly number[] | undefined =>
    lower(policyOf(body), world, { landlockAbi: 10 }).landlock.rules.netPort.find(({ allowedAccess }) =>
      allowedAccess.includes('bind_udp'),
    )?.ports;
  t.deepEqual(bound('network: {interface: host, accept: [udp/7]}\n'), [7]);
  t.deepEqual(bound(SENDS.replace('[udp/7]', '[udp/0, udp/7]')), [0, 7]);
  const policy = policyOf(
    `${SENDS}calls: {permit: [bind, connect, socket]}\naccept-unenforced: ["network:raw"]\n`,
  );
  const lowered = (cgroup: boolean): ReturnType<typeof lowerPolicy> =>
    lowerPolicy(
      policy,
      targetOf(world, {
        landlockAbi: 10,
        ...(cgroup ? { cgroup: { addresses: true, unix: true, controllers: [], paths: [] } } : {}),
      }),
    );
  const held = lowered(true);
  t.true(held.ok);
  if (!held.ok) return;
  t.regex(held.value.addresses, /^accept udp \* 7-7 allow$/m);
  t.notRegex(held.value.addresses, /^accept udp .* 0-0 allow$/m);
  t.deepEqual(
    held.value.landlock.rules.netPort.map(
      ({ allowedAccess, ports }) => `${allowedAccess.join()} ${ports.join()}`,
    ),
    ['bind_udp 0,7', 'connect_send_udp 53'],
  );
  const not = lowered(false);
  t.false(not.ok);
  if (!not.ok) t.regex(not.diagnostics.map(({ message }) => message).join('\n'), /network:udp.*port 0/s);
});

function problems(body: string, where = world, abi = 7): readonly string[] {
  const lowered = lowerPolicy(policyOf(body), targetOf(where, { landlockAbi: abi }));
  return lowered.ok ? [] : lowered.diagnostics.map(({ code, message }) => `${code}: ${message}`);
}

const refused: readonly [string, string, RegExp][] = [
  [
    'one object with two rules',
    'files:\n  /lib: read\n  /usr/lib: read write\n',
    /^conflict: \/lib and \/usr\/lib are the same file/,
  ],
  [
    'writing to what is not there',
    'files:\n  /nowhere: read write\n',
    /^missing-file: \/nowhere is to be changed/,
  ],
  [
    'a program that may not run',
    'program: /usr/lib/a.so\nfiles:\n  /usr/lib: read\n',
    /^conflict: .* does not let its own program run/,
  ],
  [
    'less than read in an open mount',
    'files:\n  /data: read execute\n  /data/x: read\n',
    /^not-enforceable: files:\/data\/x is narrower/,
  ],
];

for (const [what, body, expected] of refused) {
  test(`${what} is refused`, (t) => {
    const found = problems(body);
    t.is(found.length, 1);
    t.regex(found[0] ?? '', expected);
  });
}

test('one object with two rules that say the same is no conflict', (t) => {
  t.deepEqual(problems('files:\n  /lib: read\n  /usr/lib: read\n'), []);
});

test('in an open mount none is a mask, and less writing a read-only mount', (t) => {
  const lowered = lower(
    policyOf('files:\n  /data: read write create remove\n  /data/keys: none\n  /data/old: read\n'),
    world,
  );
  t.true(lowered.maskedPaths.includes('/data/keys'));
  t.true(lowered.readonlyPaths.includes('/data/old'));
  t.deepEqual(lowered.writablePaths, ['/data']);
  const row = lowered.coverage.find((candidate) => candidate.rule === 'files:/data/keys');
  t.deepEqual(row?.mechanism, ['landlock', 'mount']);
});

test('a bundle masks what /proc and /sys tell of the host, unless the profile means it', (t) => {
  const masked = lower(policyOf(''), world).maskedPaths;
  t.true(['/proc/kcore', '/proc/keys', '/sys/firmware'].every((path) => masked.includes(path)));
  const meant = lower(policyOf('files:\n  /proc/interrupts: read\n'), world).maskedPaths;
  t.false(meant.includes('/proc/interrupts'));
  t.true(meant.includes('/proc/kcore'));
});

test('each right that a ruleset may handle has a name and an ABI in the launcher', (t) => {
  const source = (name: string): string => readFileSync(`runtime-native/runtime/${name}.c`, 'utf8');
  const names = new Set(
    [...source('config_landlock').matchAll(/\{"([a-z_]+)", LANDLOCK_/g)].map(([, name]) => name),
  );
  const rows = new Set([...source('ruleset').matchAll(/^\t\{([0-9]+), /gm)].map(([, abi]) => Number(abi)));
  for (const { abi, fs, net, scoped } of ABI_TABLE) {
    const rights = [...fs, ...net, ...scoped];
    t.deepEqual(
      rights.filter((right) => !names.has(right)),
      [],
    );
    if (rights.length > 0) t.true(rows.has(abi), `ABI ${abi}`);
  }
});
