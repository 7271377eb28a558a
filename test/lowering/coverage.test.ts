import test from 'ava';
import type { HostLister } from '../../src/lowering/index.js';
import { lowerPolicy } from '../../src/lowering/index.js';
import { lower, policyOf, targetOf, worldOf } from './helpers.js';

const world = worldOf('/', '/etc/', '/etc/passwd', '/dev/', '/dev/null*');

/** The rules that cannot be held on a kernel, as the error names them. */
function lacking(body: string, abi: number, type = 'strict', features: object = {}): readonly string[] {
  const lowered = lowerPolicy(policyOf(body, type), targetOf(world, { landlockAbi: abi, ...features }));
  if (lowered.ok) return [];
  return lowered.diagnostics.map((diagnostic) => `${diagnostic.code} ${diagnostic.message.split(' ')[0]}`);
}

const TCP = 'network: {accept: [tcp/110], interface: host}\ncalls: {permit: [bind, socket, connect]}\n';
const SERVER =
  'network: {accept: [tcp/110], interface: host}\ncalls: {permit: [bind], when: {socket: [{domain: AF_INET, type: SOCK_STREAM, protocol: 0}]}}\n';

const rows: readonly [string, string, number, readonly string[], string?][] = [
  [
    'files, no Landlock',
    'files: {/etc: read}\n',
    0,
    ['missing-feature files:default', 'missing-feature files:/etc'],
  ],
  ['files, ABI 2', 'files: {/etc: read}\n', 2, ['missing-feature files:default']],
  ['files, ABI 3', 'files: {/etc: read}\n', 3, []],
  [
    'files by their handles',
    'capabilities: [CAP_DAC_READ_SEARCH]\ncalls: {permit: [open_by_handle_at]}\n',
    7,
    ['missing-feature files:handles'],
  ],
  ['handles without the capability', 'calls: {permit: [open_by_handle_at]}\n', 7, []],
  [
    'the capability without the call',
    'capabilities: [CAP_DAC_READ_SEARCH]\ncalls: {permit: [name_to_handle_at]}\n',
    7,
    [],
  ],
  [
    'files by their handles, in a filesystem profile',
    'exec: any\ncapabilities: [CAP_DAC_READ_SEARCH]\n',
    7,
    [],
    'filesystem',
  ],
  ['a server, ABI 3', SERVER, 3, ['missing-feature network:tcp/110', 'missing-feature network:accept']],
  ['a server, ABI 4', SERVER, 4, []],
  ['any socket, ABI 7', TCP, 7, ['missing-feature network:udp', 'missing-feature network:raw']],
  ['any socket, in a network of its own', TCP.replace('host', 'loopback'), 7, []],
  ['a filesystem profile, ABI 6', 'exec: any\n', 6, [], 'filesystem'],
  [
    'a filesystem profile on the host network, ABI 7',
    'exec: any\nnetwork: {interface: host}\n',
    7,
    [],
    'filesystem',
  ],
  [
    'a filesystem profile on the host network, ABI 5',
    'exec: any\nnetwork: {interface: host}\n',
    5,
    ['missing-feature scope:abstract-unix'],
    'filesystem',
  ],
];

for (const [what, body, abi, expected, type] of rows) {
  test(`coverage: ${what}`, (t) => {
    t.deepEqual(lacking(body, abi, type), expected);
  });
}

test('without user notification no call is ruled', (t) => {
  const found = lacking('', 7, 'strict', { seccompActions: ['errno', 'allow'] });
  t.true(found.includes('missing-feature calls:default'));
});

test('an accepted rule is no error, and the table says that it is accepted', (t) => {
  const lowered = lower(policyOf('files: {/etc: read}\naccept-unenforced: ["files:default"]\n'), world, {
    landlockAbi: 2,
  });
  const row = lowered.coverage.find((candidate) => candidate.rule === 'files:default');
  t.is(row?.status, 'none');
  t.true(row?.accepted);
  t.true(lowered.coverage.filter((candidate) => candidate.accepted).length === 1);
});

test('only that very rule is accepted', (t) => {
  const body = 'files: {/etc: read}\naccept-unenforced: ["files:default"]\n';
  t.deepEqual(lacking(body, 0), ['missing-feature files:/etc']);
});

test('accepting a rule that is not there is an error', (t) => {
  const lowered = lowerPolicy(
    policyOf('accept-unenforced: ["files:/ect"]\nfiles: {/etc: read}\n'),
    targetOf(world),
  );
  t.is(lowered.ok ? '' : lowered.diagnostics[0]?.hint, 'did you mean files:/etc?');
});

test('every rule of the profile has a row, and no row has two meanings', (t) => {
  const body = `files: {/etc: read, /etc/passwd: none}
network: {accept: [tcp/110], interface: host}
limits: {nofile: 3}
services: [syslog]
capabilities: [CAP_CHOWN]
calls:
  permit: [read]
  when: {socket: [{domain: AF_INET, type: SOCK_STREAM, protocol: 0}]}
  quiet: {getpid: [{errno: EPERM}]}
`;
  const { coverage } = lower(policyOf(body), world);
  const rules = coverage.map((row) => row.rule);
  const wanted = [
    'files:/etc',
    'files:/etc/passwd',
    'network:tcp/110',
    'limits:nofile',
    'services:syslog',
    'capabilities',
    'calls:read',
    'calls:socket',
    'calls:getpid',
    'exec:once',
    'calls:default',
    'files:default',
    'scope:signal',
    'network:interface',
  ];
  for (const rule of wanted) t.true(rules.includes(rule), rule);
  t.is(new Set(rules).size, rules.length);
});

test('listening without a bind is held by the supervisor', (t) => {
  const { coverage, supervised } = lower(policyOf(SERVER.replace('[bind]', '[bind, listen]')), world);
  const row = coverage.find(({ rule }) => rule === 'network:accept');
  t.is(row?.status, 'full');
  t.true(row?.mechanism.includes('supervisor'));
  t.deepEqual(supervised, ['listen']);
});

test('listen for some arguments only cannot be told apart from what is refused', (t) => {
  const some = SERVER.replace('when: {', 'when: {listen: [{backlog: 5}], ');
  const result = lowerPolicy(policyOf(some), targetOf(world));
  t.false(result.ok);
  t.true(
    !result.ok &&
      result.diagnostics.some(({ code, message }) => code === 'not-expressible' && /listen/.test(message)),
  );
});

test('over a host tree a narrower rule is held by its siblings, also where nothing is there yet', (t) => {
  const tree: Readonly<Record<string, readonly string[]>> = {
    '/': ['home'],
    '/home': ['me'],
    '/home/me': ['a', 'b', '.ssh'],
  };
  const lister: HostLister = {
    kind: (path) => {
      if (tree[path] !== undefined || path === '/home/me/.ssh') return 'directory';
      return ['/home/me/a', '/home/me/b'].includes(path) ? 'file' : undefined;
    },
    link: () => '',
    list: (path) => tree[path] ?? [],
  };
  const body = 'files:\n  /home/me: read write\n  /home/me/.ssh: none\n  /home/me/.later: none\nexec: any\n';
  const cgroup = { addresses: true, unix: true, controllers: [], paths: ['/sys/fs/cgroup'] };
  const lowered = lower(policyOf(body, 'filesystem'), { host: lister }, { cgroup });
  t.deepEqual(lowered.landlock.rules.pathBeneath, [
    {
      allowedAccess: ['write_file', 'read_file', 'truncate'],
      paths: ['/home/me/a', '/home/me/b'],
      // No rule names them, so that they may be gone when the program starts.
      optional: true,
    },
  ]);
  t.deepEqual(lowered.maskedPaths, []);
});

test('the coverage table tells that no ring passes by the filter', (t) => {
  for (const type of ['strict', 'filesystem']) {
    const body = type === 'strict' ? '' : 'exec: any\n';
    const { coverage } = lower(policyOf(body, type), worldOf('/'), {
      cgroup: { addresses: true, unix: true, controllers: [], paths: [] },
    });
    const row = coverage.find(({ rule }) => rule === 'calls:io_uring_setup');
    t.is(row?.status, 'full');
    t.regex(
      row?.note ?? '',
      /^refused, 1 quiet, so that no operation of a ring passes by the filter: there no rule on .* socket is asked$/,
    );
  }
});

const HOST: HostLister = { kind: () => 'directory', link: () => '', list: () => [] };
const TREE_PATHS = ['/sys/fs/cgroup'];
const offering = (controllers: readonly string[], diskWeights = false) => ({
  cgroup: { addresses: true, unix: true, controllers, diskWeights, paths: TREE_PATHS },
});

test('a weight of io is held where a disk is divided by it, and not by the controller alone', (t) => {
  const body = 'resources: {io: 50, pids: 9}\n';
  t.deepEqual(lacking(body, 7, 'strict', offering(['pids', 'io'], true)), []);
  t.deepEqual(lacking(body, 7, 'strict', offering(['pids', 'io'])), ['missing-feature resources:io']);
  t.deepEqual(lacking(body, 7, 'strict', offering(['pids'], true)), ['missing-feature resources:io']);
});

test('a limit that is accepted as held by nothing is not asked of the launcher', (t) => {
  const body = 'resources: {memory: 1M, pids: 9}\naccept-unenforced: ["resources:memory"]\n';
  const asked = (controllers: readonly string[]) =>
    lower(policyOf(body), world, offering(controllers)).resources.map(({ resource }) => resource);
  t.deepEqual(asked(['pids']), ['pids']);
  t.deepEqual(asked(['pids', 'memory']), ['memory', 'pids']);
});

test('over a host tree the cgroups are read-only for who has limits: a process would leave its own', (t) => {
  const body = 'exec: any\nfiles: {/: read write}\naccept-unenforced: ["files:unix-sockets"]\n';
  const { cgroup } = offering(['pids']);
  const features = { cgroup: { ...cgroup, unix: false } };
  const kept = (more: string) =>
    lower(policyOf(`${body}${more}`, 'filesystem'), { host: HOST }, features).readonlyPaths;
  t.deepEqual(kept('resources: {pids: 9}\n'), TREE_PATHS);
  t.deepEqual(kept(''), []);
});
