import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { maskOf, unwrap } from '../../src/common/index.js';
import { formOf } from '../../src/language/index.js';
import type { CoverageRow, FileWorld, HostLister, KernelFeatures } from '../../src/lowering/index.js';
import { bundleTree, coverPolicy, hostTree, lowerPolicy, settlePatterns } from '../../src/lowering/index.js';
import type { Condition, Policy, SocketAccess } from '../../src/policy/index.js';
import {
  conditionHolds,
  decideCall,
  decideEndpoint,
  internetRules,
  isOwnFile,
  parseAddress,
  scalarEvent,
} from '../../src/policy/index.js';
import { bodies } from '../language/acl-helpers.js';
import { policyOf, targetOf, worldOf } from './helpers.js';

/** A kernel that is not this one, and its user. */
interface Kernel extends KernelFeatures {
  readonly name: string;
  readonly notify: boolean;
  readonly namespaces: boolean;
  readonly cgroup2: boolean;
  readonly tracepoints: boolean;
}

const YES_NO = [true, false];
const KERNELS: readonly Kernel[] = Array.from({ length: 12 }, (_, abi) => abi).flatMap((landlockAbi) =>
  YES_NO.flatMap((notify) =>
    YES_NO.flatMap((namespaces) =>
      YES_NO.flatMap((cgroup2) =>
        YES_NO.map((tracepoints): Kernel => {
          const words = [`ABI ${landlockAbi}`, notify ? '' : 'no notify', namespaces ? '' : 'no namespaces'];
          words.push(cgroup2 ? '' : 'no cgroup v2', tracepoints ? '' : 'no tracepoints');
          return {
            name: words.filter((word) => word !== '').join(', '),
            landlockAbi,
            notify,
            namespaces,
            cgroup2,
            tracepoints,
            userNamespaces: namespaces,
            seccompActions: notify ? ['errno', 'user_notif', 'allow'] : ['errno', 'allow'],
            ...(cgroup2
              ? { cgroup: { addresses: true, unix: true, controllers: ['memory', 'pids', 'cpu'], paths: [] } }
              : {}),
          };
        }),
      ),
    ),
  ),
);

const TREE = worldOf(
  '/',
  '/etc/',
  '/etc/passwd',
  '/srv/',
  '/srv/a',
  '/dev/',
  '/dev/null*',
  '~/var/mail/',
  '~/proc/',
);
const HOST: HostLister = {
  kind: (path) => {
    const entry = TREE.entries.find((each) => each.path === path);
    return entry?.kind;
  },
  link: () => '',
  list: (path) =>
    TREE.entries
      .map((each) => each.path)
      .filter((each) => each !== '/' && each.slice(0, Math.max(1, each.lastIndexOf('/'))) === path)
      .map((each) => each.slice(each.lastIndexOf('/') + 1)),
};
type World = FileWorld | { readonly host: HostLister };

/**
 * Written down apart from the lowering: what would have to be there for a rule to be held. Each line is a list of
 * alternatives; an alternative is what must all be there.
 */
type Need = 'filter' | 'namespaces' | 'cgroup' | 'tracepoints' | 'never' | number;
type Needs = readonly (readonly Need[])[];

function needsOf(policy: Policy, row: CoverageRow, isHost: boolean): Needs {
  const apart: Needs = policy.network.interface === 'host' ? [] : [['namespaces']];
  const inside: Needs = isHost ? [] : [['namespaces']];
  const byFilter = (holds: boolean): Needs => (holds ? [['filter']] : []);
  const [kind = '', rest = ''] = row.rule.split(/:(.*)/s);
  switch (kind) {
    case 'exec':
      return rest === 'once' ? [['filter']] : [[1]];
    case 'calls':
    case 'services':
    case 'namespaces':
      return [['filter']];
    case 'after':
      return [['tracepoints']];
    case 'descriptors':
    case 'capabilities':
    case 'limits':
      return [[]];
    case 'resources':
      return [rest === 'io' ? ['never'] : ['cgroup']];
    case 'scope':
      if (rest === 'trace') return [[1], ...inside, ...byFilter(refused(policy, ...TRACING))];
      if (rest === 'signal') return [[6], ...inside, ...byFilter(refused(policy, ...SIGNALS))];
      return othersNeeds(policy, isHost, apart, byFilter);
    case 'network':
      if (rest.startsWith('unix:')) return unixNeeds(policy, row.rule, isHost, apart, byFilter);
      return networkNeeds(policy, rest, apart, byFilter);
    default:
      return fileNeeds(policy, rest, isHost);
  }
}

type ByFilter = (holds: boolean) => Needs;

/** Over the host's tree, a profile that grants no unix socket of others can have them all refused. */
function byPrograms(policy: Policy, isHost: boolean): Needs {
  const granted = policy.network.sockets.some(
    ({ object, access }) => object.kind !== 'internet' && access.size > 0,
  );
  const open = !granted && !policy.services.includes('syslog') && !addressesNobody(policy);
  return isHost && open ? [['cgroup']] : [];
}

/** What no rule grants: where one grants a single name, only a network of its own keeps back the others. */
function othersNeeds(policy: Policy, isHost: boolean, apart: Needs, byFilter: ByFilter): Needs {
  if (!grantsAbstract(policy)) return abstractNeeds(policy, isHost, apart, byFilter);
  const all = policy.network.sockets.some(
    ({ object, access }) => object.kind === 'abstract' && object.name === undefined && access.size === 2,
  );
  return all ? [[]] : apart;
}

function abstractNeeds(policy: Policy, isHost: boolean, apart: Needs, byFilter: ByFilter): Needs {
  return [[6], ...apart, ...byPrograms(policy, isHost), ...byFilter(addressesNobody(policy))];
}

function grantsAbstract(policy: Policy): boolean {
  return policy.network.sockets.some(({ object, access }) => object.kind === 'abstract' && access.size > 0);
}

/** The kernel has one right for connecting and sending by path, and one scope for all abstract names. */
function unixNeeds(policy: Policy, id: string, isHost: boolean, apart: Needs, byFilter: ByFilter): Needs {
  const rule = policy.network.sockets.find((each) => each.id === id);
  const words = rule?.access.size ?? 0;
  if (rule?.object.kind === 'abstract') {
    if (words === 0)
      return grantsAbstract(policy) ? [['never']] : abstractNeeds(policy, isHost, apart, byFilter);
    return words === 2 ? [[]] : [['never']];
  }
  if (words === 1) return [['never']];
  const closed: Needs = words === 2 && !isHost ? [['namespaces']] : [];
  return [[9], ...closed, ...byPrograms(policy, isHost), ...byFilter(addressesNobody(policy))];
}

function networkNeeds(policy: Policy, rest: string, apart: Needs, byFilter: ByFilter): Needs {
  const noTcp = noSocket(policy, ['AF_INET', 'AF_INET6']);
  const down: Needs = policy.network.interface === 'none' ? [['namespaces']] : [];
  const held = (protocol: 'tcp' | 'udp', words: readonly SocketAccess[]): Needs => [
    ...down,
    ...portNeeds(policy, protocol, words),
  ];
  if (rest === 'interface') return policy.network.interface === 'host' ? [[]] : apart;
  if (rest === 'udp')
    return [...byFilter(noUdp(policy)), ...apart, ...held('udp', ['accept', 'connect', 'send'])];
  if (rest === 'raw') return [...byFilter(nothingElse(policy)), ...apart];
  if (rest === 'connect')
    return [...held('tcp', ['connect']), ...apart, ...byFilter(noTcp || refused(policy, 'connect'))];
  if (rest === 'accept') {
    const bound = held('tcp', ['accept']);
    // Where every port is granted, whatever listen takes is granted.
    const listens = !refused(policy, 'listen') && !bound.some((each) => each.length === 0);
    return [
      ...(listens
        ? bound.map((each): readonly Need[] => [
            ...each,
            ...(each.includes('namespaces') ? [] : ['filter' as const]),
          ])
        : bound),
      ...apart,
      ...byFilter(noTcp || refused(policy, 'bind')),
    ];
  }
  const rule = policy.network.sockets.find((each) => each.id === `network:${rest}`);
  if (rule?.object.kind !== 'internet') throw new RangeError(`no rule ${rest}`);
  const { protocol } = rule.object;
  const words = (['accept', 'connect', 'send'] as const).filter(
    (word) =>
      (protocol === 'udp' || word !== 'send') &&
      (rule.access.has(word) ||
        policy.network.sockets.some(
          ({ id, object, access }) =>
            id !== rule.id && object.kind === 'internet' && object.protocol === protocol && access.has(word),
        )),
  );
  return words.length === 0 ? [[]] : held(protocol, words);
}

/** What holds all of these words on a protocol: ports alone do where no address and no long list is in the rules. */
function portNeeds(policy: Policy, protocol: 'tcp' | 'udp', words: readonly SocketAccess[]): Needs {
  const rules = internetRules(policy.network);
  const probes = [
    ...ADDRESSES,
    ...rules.flatMap(({ object }) => (object.address === undefined ? [] : [object.address])),
  ];
  const at = (word: SocketAccess, port: number): string => {
    const verdicts = probes.map(
      (address) => decideEndpoint(rules, word, { protocol, address, port }).granted,
    );
    return verdicts.every((granted) => granted)
      ? 'all'
      : verdicts.some((granted) => granted)
        ? 'some'
        : 'none';
  };
  const cuts = rules.flatMap(({ object }) => [object.ports.from, object.ports.to, object.ports.to + 1]);
  const starts = [...new Set([0, ...cuts])].filter((port) => port <= 65535).sort((a, b) => a - b);
  const pieces = starts.map((from, index) => ({ from, count: (starts[index + 1] ?? 65536) - from }));
  const one = (word: SocketAccess): Needs => {
    const together: readonly SocketAccess[] =
      protocol === 'udp' && word !== 'accept' ? ['connect', 'send'] : [word];
    const alike = pieces.every(({ from }) => new Set(together.map((each) => at(each, from))).size === 1);
    const simple = pieces.every(({ from }) => at(word, from) !== 'some');
    const granted = pieces
      .filter(({ from }) => at(word, from) === 'all')
      .reduce((sum, { count }) => sum + count, 0);
    if (alike && simple && granted === 65536) return [[]];
    const quick = protocol === 'tcp' && word === 'connect' && fastOpens(policy);
    // A socket that sends without being bound takes what Landlock calls port 0, and a bind to that one is another matter.
    const lent =
      protocol === 'udp' &&
      word === 'accept' &&
      at(word, 0) === 'none' &&
      rules.some(
        ({ object, access }) => object.protocol === 'udp' && (access.has('connect') || access.has('send')),
      );
    if (lent) return [['cgroup']];
    if (alike && simple && granted <= 1024 && !quick) return [[protocol === 'tcp' ? 4 : 10], ['cgroup']];
    return [['cgroup']];
  };
  // Each word by whatever holds it, all of them together.
  return words
    .map(one)
    .reduce<Needs>((all, next) => all.flatMap((left) => next.map((right) => [...left, ...right])), [[]]);
}

const ADDRESSES = [
  ...['192.0.2.77', '10.200.0.1', '10.1.0.77', '127.0.0.1', '127.0.0.2', '2001:db8::1', 'fd00::77', '::1'],
].map((text) => {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(text);
  return address;
});

function fastOpens(policy: Policy): boolean {
  const streams = ['AF_INET', 'AF_INET6'].some((family) =>
    [0n, 6n].some((protocol) => permits(policy, 'socket', [FAMILIES[family] ?? 0n, 1n, protocol])),
  );
  const ways = [
    ['sendto', 3, 4],
    ['sendmsg', 2, undefined],
    ['sendmmsg', 3, undefined],
  ] as const;
  return (
    streams && ways.some(([call, at, addressAt]) => permitsWith(policy, call, at, 0x2000_0000n, addressAt))
  );
}

/** Looks for arguments that some row wants, each by itself, and then for one or two that no quiet row takes back. */
function permitsWith(
  policy: Policy,
  call: string,
  at: number,
  flag: bigint,
  addressAt: number | undefined,
): boolean {
  const rule = policy.calls.get(call);
  const rows = rule === undefined || rule.permit === 'all' ? [{ tests: [] }] : rule.permit;
  const candidates = (index: number): readonly bigint[] =>
    spoken(policy, call, index)
      .map((value) => (index === at ? value | flag : value))
      .filter((value) => index !== addressAt || value !== 0n);
  return rows.some((row) => {
    const choices = [0, 1, 2, 3, 4, 5].map((index) =>
      candidates(index).filter((value) =>
        row.tests.every(
          (each) => each.index !== index || conditionHolds(each.condition, value & maskOf(each.width)),
        ),
      ),
    );
    const first = choices.map(([value]) => value);
    if (first.some((value) => value === undefined)) return false;
    const known = first.filter((value) => value !== undefined);
    const others = (from: readonly bigint[]): bigint[][] =>
      choices.flatMap((values, index) => values.map((value) => from.with(index, value)));
    // Two quiet rows are escaped by two arguments.
    return (
      others(known).some((each) => permits(policy, call, each)) ||
      others(known).some((each) => others(each).some((both) => permits(policy, call, both)))
    );
  });
}

/** Values of an argument that the conditions on it turn on, and some of no meaning. */
function spoken(policy: Policy, call: string, index: number): readonly bigint[] {
  const rule = policy.calls.get(call);
  const rows = [...(rule === undefined || rule.permit === 'all' ? [] : rule.permit), ...(rule?.quiet ?? [])];
  const values = rows
    .flatMap((row) => row.tests.filter((each) => each.index === index))
    .flatMap(({ condition }) => ends(condition));
  return [
    ...[0n, 0x4000n, 0xffff_ffffn, 0x7000_0000_0000n],
    ...values.flatMap((each) => [each, each + 1n, each | (1n << 46n)]),
  ];
}

function ends(condition: Condition): readonly bigint[] {
  switch (condition.kind) {
    case 'masked':
      return [condition.value, condition.value | (~condition.mask & 0xffff_ffff_ffff_ffffn)];
    case 'range':
      return [condition.from, condition.to];
    default:
      return condition.of.flatMap(ends);
  }
}

function permits(policy: Policy, call: string, values: bigint[]): boolean {
  return decideCall(policy, scalarEvent(call, values)).verdict === 'allow';
}

function noUdp(policy: Policy): boolean {
  return noSocket(policy, ['AF_INET', 'AF_INET6'], ['SOCK_DGRAM'], [0n, 17n]);
}

/** Neither raw sockets nor other protocols than TCP on streams and UDP on datagrams. */
function nothingElse(policy: Policy): boolean {
  const families = ['AF_INET', 'AF_INET6'];
  const but = (...usual: readonly bigint[]): readonly bigint[] =>
    PROTOCOLS.filter((each) => !usual.includes(each));
  return (
    noSocket(policy, families, ['SOCK_RAW', 'SOCK_RDM', 'SOCK_SEQPACKET']) &&
    noSocket(policy, families, ['SOCK_STREAM'], but(0n, 6n)) &&
    noSocket(policy, families, ['SOCK_DGRAM'], but(0n, 17n))
  );
}

function fileNeeds(policy: Policy, rest: string, isHost: boolean): readonly (readonly Need[])[] {
  if (rest === 'default') return [[3]];
  if (rest === 'unix-sockets')
    return [
      [9],
      ...byPrograms(policy, isHost),
      ...(isHost ? [] : [['namespaces'] as const]),
      ...(addressesNobody(policy) ? [['filter'] as const] : []),
    ];
  // The supervisor opens it, whatever else holds the files.
  if (isOwnFile(rest)) return [['filter']];
  if (policy.patterns.some((each) => each.id === `files:${rest}`)) {
    // What patterns come to is tried elsewhere; here it counts that each exact rule of one needs what a rule of its own would.
    const settled = settlePatterns(policy, isHost ? hostTree(HOST) : bundleTree(TREE)).policy;
    const exact = settled.files.filter((each) => each.id === `files:${rest}`);
    if (exact.length === 0) return isHost ? [[1]] : [[1, 'namespaces']];
    const devices = exact.some(({ path, access }) => path === '/dev/null' && !access.has('ioctl'));
    return [[devices ? 5 : 1]];
  }
  const rule = policy.files.find((each) => each.path === rest);
  const entry = TREE.entries.find((each) => each.path === rest);
  const open = ['/var/mail', '/proc'].some((mount) => rest.startsWith(`${mount}/`));
  const missing = entry === undefined && (isHost || !open);
  if (missing) return isHost ? [[1]] : [[1, 'namespaces']];
  if (open && !isHost && policy.files.some((other) => isNarrower(policy, other.path, rest)))
    return [[1, 'namespaces']];
  return [[entry?.kind === 'device' && rule?.access.has('ioctl') !== true ? 5 : 1]];
}

/** The rule at the path takes away something that the rule of a folder above it grants. */
function isNarrower(policy: Policy, above: string, path: string): boolean {
  const [wide, narrow] = [above, path].map((each) => policy.files.find((rule) => rule.path === each));
  if (above === path || !path.startsWith(above === '/' ? '/' : `${above}/`)) return false;
  return [...(wide?.access ?? [])].some((word) => narrow?.access.has(word) !== true);
}

const SIGNALS = ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo', 'pidfd_send_signal'];

function refused(policy: Policy, ...calls: readonly string[]): boolean {
  return calls.every((call) => {
    const rule = policy.calls.get(call);
    return rule === undefined
      ? policy.unnamed === 'refuse'
      : rule.permit !== 'all' && rule.permit.length === 0;
  });
}

/** Pairs of datagram sockets can be given another peer, other pairs cannot; addresses go with what datagram sockets send. */
function addressesNobody(policy: Policy): boolean {
  const makes = (call: string, types: readonly bigint[]): boolean =>
    types.some((type) =>
      [0n, 1n].some((protocol) =>
        [0n, 0x80000n, 0x800n, 0x80800n].some((flags) => permits(policy, call, [1n, type | flags, protocol])),
      ),
    );
  const datagrams = makes('socket', [2n, 3n]) || makes('socketpair', [2n, 3n]);
  const connects = (datagrams || makes('socket', [1n, 5n])) && !refused(policy, 'connect');
  const sends =
    datagrams && (!refused(policy, 'sendmsg', 'sendmmsg') || permitsWith(policy, 'sendto', 3, 0n, 4));
  return !connects && !sends;
}

const TYPES: Readonly<Record<string, bigint>> = {
  SOCK_STREAM: 1n,
  SOCK_DGRAM: 2n,
  SOCK_RAW: 3n,
  SOCK_RDM: 4n,
  SOCK_SEQPACKET: 5n,
};
const FAMILIES: Readonly<Record<string, bigint>> = { AF_UNIX: 1n, AF_INET: 2n, AF_INET6: 10n };

/** Up to IPPROTO_MPTCP, the kernel's last: a rule may speak of any of them. */
const PROTOCOLS = Array.from({ length: 263 }, (_, protocol) => BigInt(protocol));

const TRACING = ['ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'pidfd_getfd', 'kcmp'];

function noSocket(
  policy: Policy,
  families: readonly string[],
  types = Object.keys(TYPES),
  protocols: readonly bigint[] = PROTOCOLS,
): boolean {
  return families.every((family) =>
    types.every((type) =>
      protocols.every((protocol) => {
        const event = scalarEvent('socket', [FAMILIES[family] ?? 0n, TYPES[type] ?? 0n, protocol]);
        return decideCall(policy, event).verdict === 'refuse';
      }),
    ),
  );
}

function has(kernel: Kernel, need: Need): boolean {
  if (need === 'filter') return kernel.notify;
  if (need === 'namespaces') return kernel.namespaces;
  if (need === 'cgroup') return kernel.cgroup2;
  if (need === 'tracepoints') return kernel.tracepoints;
  if (need === 'never') return false;
  return kernel.landlockAbi >= need;
}

/** What the lowering said wrongly of one policy on one kernel; empty where it is right. */
function mistakes(
  policy: Policy,
  world: World,
  kernel: Kernel,
  rules: ReadonlySet<string>,
): { readonly found: readonly string[]; readonly refuses: boolean } {
  const { coverage, problems } = coverPolicy(policy, { arch: 'x86_64', features: kernel, world });
  const accepted = new Set(policy.acceptUnenforced.map((rule) => rule.id));
  const found: string[] = [];
  for (const rule of rules) if (!coverage.some((row) => row.rule === rule)) found.push(`${rule} has no row`);
  for (const row of coverage) {
    const needs = needsOf(policy, row, 'host' in world);
    const held = needs.some((all) => all.every((need) => has(kernel, need)));
    const named = problems.some(
      (each) => each.code === 'missing-feature' && each.message.startsWith(`${row.rule} cannot be held`),
    );
    if (held !== (row.status === 'full'))
      found.push(`${row.rule} is ${held ? '' : 'not '}held, and told as ${row.status}`);
    if (!held && !named && !accepted.has(row.rule)) found.push(`${row.rule} starts in silence`);
    if (held && named) found.push(`${row.rule} is refused though it is held`);
    if (row.accepted !== (row.status === 'none' && accepted.has(row.rule)))
      found.push(`${row.rule}: accepted`);
  }
  return { found, refuses: problems.length > 0 };
}

function checkAll(
  policy: Policy,
  world: World,
  // Nothing but hooks asks for tracepoints.
  kernels = KERNELS.filter(({ tracepoints }) => tracepoints || policy.hooks.length > 0),
): { wrong: readonly string[]; refusals: number } {
  const full: Kernel = { ...kernelNamed('ABI 11') };
  const rules = new Set(
    coverPolicy(policy, { arch: 'x86_64', features: full, world }).coverage.map((row) => row.rule),
  );
  const wrong: string[] = [];
  let refusals = 0;
  for (const kernel of kernels) {
    const { found, refuses } = mistakes(policy, world, kernel, rules);
    wrong.push(...found.map((each) => `${kernel.name}: ${each}`));
    if (refuses) refusals++;
  }
  return { wrong, refusals };
}

function kernelNamed(name: string): Kernel {
  const kernel = KERNELS.find((each) => each.name === name);
  if (kernel === undefined) throw new RangeError(name);
  return kernel;
}

const FILES =
  'files: {/: read, /etc/passwd: none, /dev/null: read write, /var/mail: read write, /var/mail/root: none}\n';
const POLICIES: readonly [string, Policy][] = [
  ...readdirSync('profiles').flatMap((name): [string, Policy][] => {
    const form = formOf(name);
    if (form === undefined) return [];
    const file = { name, text: readFileSync(`profiles/${name}`, 'utf8') };
    return [[name, unwrap(form.parse(file), [file])]];
  }),
  ['files of every kind', policyOf(FILES)],
  ['a filesystem profile', policyOf(`${FILES}exec: any\n`, 'filesystem')],
  [
    'one on the host network',
    policyOf(
      `${FILES}exec: any\nnetwork: {accept: [tcp/80], connect: [tcp/25], interface: host}\n`,
      'filesystem',
    ),
  ],
  [
    'a server',
    policyOf(
      `network: {accept: [tcp/80], interface: host}\ncalls: {permit: [bind, listen, kill], when: {socket: [{domain: AF_INET, type: SOCK_STREAM, protocol: 0}]}}\nservices: [syslog]\n`,
    ),
  ],
  ['any socket', policyOf('network: {interface: host}\ncalls: {permit: [socket, connect, bind, sendto]}\n')],
  [
    'datagrams',
    policyOf(
      'network: {interface: host}\ncalls: {permit: [connect], when: {socket: [{domain: AF_INET, type: SOCK_DGRAM, protocol: 0}]}}\n',
    ),
  ],
  [
    'addresses',
    policyOf(
      'network: {sockets: {"tcp/10.0.0.0/8:443": connect, "tcp/10.1.0.0/16": none, "udp/53": connect send}, interface: host}\nresources: {memory: 1M}\nexec: [/bin/sh]\n',
      'filesystem',
    ),
  ],
  [
    'sends that a row refuses, whatever they are given',
    policyOf(
      'network: {interface: host}\ncalls: {permit: [socket], when: {sendto: [{fd: {from: 1}}]}, quiet: {sendto: [{fd: [{is: 0, mask: 0}], errno: EACCES}]}}\n',
    ),
  ],
  [
    'loopback',
    policyOf('network: {interface: loopback}\ncalls: {permit: [socket, connect, bind, listen]}\n'),
  ],
  [
    'what is told after calls',
    policyOf(
      `${FILES}exec: any\ncalls: {after: {openat: [{flags: {with: O_CREAT}}], setuid: [{}]}}\naccept-unenforced: ["after:setuid"]\n`,
      'filesystem',
    ),
  ],
  [
    'what is accepted',
    policyOf(
      `${FILES}exec: any\nnetwork: {interface: host}\naccept-unenforced: ["files:default", "calls:default", "scope:signal"]\n`,
      'filesystem',
    ),
  ],
];

test('there are enough kernels', (t) => {
  t.is(new Set(KERNELS.map((kernel) => kernel.name)).size, 192);
});

for (const [name, policy] of POLICIES) {
  for (const [where, world] of [
    ['in a bundle', TREE],
    ['on the host', { host: HOST }],
  ] as const) {
    test(`on every kernel what is not held is named, and nothing else: ${name}, ${where}`, (t) => {
      const { wrong, refusals } = checkAll(policy, world);
      t.deepEqual(wrong, []);
      t.true(refusals >= 48, `${refusals}`);
    });
  }
}

test('random policies on random kernels', (t) => {
  fc.assert(
    fc.property(
      bodies(),
      fc.constantFrom('strict', 'filesystem'),
      fc.boolean(),
      fc.subarray([...KERNELS], { minLength: 1, maxLength: 6 }),
      (body, type, host, kernels) => {
        const policy = policyOf(body, type);
        const { wrong } = checkAll(policy, host ? { host: HOST } : TREE, kernels);
        t.deepEqual(wrong, [], body);
      },
    ),
    { numRuns: 80, seed: 40 },
  );
});

test('what coverage names stops the lowering as a whole', (t) => {
  const policy = policyOf('files: {/etc: read}\n');
  for (const kernel of KERNELS.filter((each) => each.cgroup2)) {
    const { problems } = coverPolicy(policy, { arch: 'x86_64', features: kernel, world: TREE });
    const lowered = lowerPolicy(policy, targetOf(TREE, kernel));
    t.is(lowered.ok, problems.length === 0, kernel.name);
  }
});
