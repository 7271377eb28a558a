import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { formOf } from '../../src/language/index.js';
import type { CoverageRow, FileWorld, HostLister, KernelFeatures } from '../../src/lowering/index.js';
import { coverPolicy, lowerPolicy } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import { decideCall, scalarEvent } from '../../src/policy/index.js';
import { bodies } from '../language/acl-helpers.js';
import { policyOf, targetOf, worldOf } from './helpers.js';

/** A kernel that is not this one, and its user. */
interface Kernel extends KernelFeatures {
  readonly name: string;
  readonly notify: boolean;
  readonly namespaces: boolean;
  /** No rule of a profile rests on it: limits of a profile are rlimits. Present, so that this is held. */
  readonly cgroup2: boolean;
}

const YES_NO = [true, false];
const KERNELS: readonly Kernel[] = Array.from({ length: 12 }, (_, abi) => abi).flatMap((landlockAbi) =>
  YES_NO.flatMap((notify) =>
    YES_NO.flatMap((namespaces) =>
      YES_NO.map((cgroup2): Kernel => {
        const words = [`ABI ${landlockAbi}`, notify ? '' : 'no notify', namespaces ? '' : 'no namespaces'];
        return {
          name: [...words, cgroup2 ? '' : 'no cgroup v2'].filter((word) => word !== '').join(', '),
          landlockAbi,
          notify,
          namespaces,
          cgroup2,
          userNamespaces: namespaces,
          seccompActions: notify ? ['errno', 'user_notif', 'allow'] : ['errno', 'allow'],
        };
      }),
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
type Need = 'filter' | 'namespaces' | number;

function needsOf(policy: Policy, row: CoverageRow, isHost: boolean): readonly (readonly Need[])[] {
  const apart: (readonly Need[])[] = policy.network.interface === 'host' ? [] : [['namespaces']];
  const inside: (readonly Need[])[] = isHost ? [] : [['namespaces']];
  const byFilter = (holds: boolean): (readonly Need[])[] => (holds ? [['filter']] : []);
  const [kind = '', rest = ''] = row.rule.split(/:(.*)/s);
  switch (kind === 'network' && rest.includes(':') ? 'port' : kind) {
    case 'calls':
    case 'exec':
    case 'services':
      return [['filter']];
    case 'port':
      return [[4]];
    case 'capabilities':
    case 'limits':
      return [[]];
    case 'scope':
      return rest === 'signal'
        ? [[6], ...inside, ...byFilter(refused(policy, ...SIGNALS))]
        : [[6], ...apart, ...byFilter(noSocket(policy, ['AF_UNIX']) || addressesNobody(policy))];
    case 'network':
      return networkNeeds(policy, rest, apart, byFilter);
    default:
      return fileNeeds(policy, rest, isHost);
  }
}

function networkNeeds(
  policy: Policy,
  rest: string,
  apart: readonly (readonly Need[])[],
  byFilter: (holds: boolean) => (readonly Need[])[],
): readonly (readonly Need[])[] {
  const noTcp = noSocket(policy, ['AF_INET', 'AF_INET6']);
  if (rest === 'interface') return policy.network.interface === 'host' ? [[]] : apart;
  if (rest === 'udp') {
    const streams = noSocket(
      policy,
      ['AF_INET', 'AF_INET6'],
      ['SOCK_DGRAM', 'SOCK_RAW', 'SOCK_SEQPACKET', 'SOCK_RDM'],
    );
    const datagrams = noSocket(policy, ['AF_INET', 'AF_INET6'], ['SOCK_RAW', 'SOCK_SEQPACKET', 'SOCK_RDM']);
    return streams ? [['filter'], ...apart] : [...apart, ...(datagrams ? [[10] as const] : [])];
  }
  if (rest === 'connect') return [[4], ...apart, ...byFilter(noTcp || refused(policy, 'connect'))];
  const listens = !refused(policy, 'listen');
  const bound = listens ? ([[4, 'filter']] as const) : ([[4]] as const);
  return [...bound, ...apart, ...byFilter(noTcp || refused(policy, 'bind'))];
}

function fileNeeds(policy: Policy, rest: string, isHost: boolean): readonly (readonly Need[])[] {
  if (rest === 'default') return [[3]];
  if (rest === 'unix-sockets')
    return [
      [9],
      ...(isHost ? [] : [['namespaces'] as const]),
      ...(noSocket(policy, ['AF_UNIX']) || addressesNobody(policy) ? [['filter'] as const] : []),
    ];
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

function addressesNobody(policy: Policy): boolean {
  const pointer = 0x7000_0000_0000n;
  const sendto = scalarEvent('sendto', [3n, pointer, 1n, 0n, pointer, 16n]);
  return refused(policy, 'connect', 'sendmsg', 'sendmmsg') && decideCall(policy, sendto).verdict === 'refuse';
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

function noSocket(policy: Policy, families: readonly string[], types = Object.keys(TYPES)): boolean {
  return families.every((family) =>
    types.every((type) =>
      PROTOCOLS.every((protocol) => {
        const event = scalarEvent('socket', [FAMILIES[family] ?? 0n, TYPES[type] ?? 0n, protocol]);
        return decideCall(policy, event).verdict === 'refuse';
      }),
    ),
  );
}

function has(kernel: Kernel, need: Need): boolean {
  if (need === 'filter') return kernel.notify;
  if (need === 'namespaces') return kernel.namespaces;
  return kernel.landlockAbi >= need;
}

/** What the lowering said wrongly of one policy on one kernel; empty where it is right. */
function mistakes(
  policy: Policy,
  world: World,
  kernel: Kernel,
  rules: ReadonlySet<string>,
): { readonly found: readonly string[]; readonly refuses: boolean } {
  const { coverage, problems } = coverPolicy(policy, { features: kernel, world });
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
    // The one rule that is told as partly held, and does not stop a start.
    const told = row.rule === 'files:unix-sockets' && row.status === 'partial';
    if (!held && !named && !accepted.has(row.rule) && !told) found.push(`${row.rule} starts in silence`);
    if (held && named) found.push(`${row.rule} is refused though it is held`);
    if (row.accepted !== (row.status === 'none' && accepted.has(row.rule)))
      found.push(`${row.rule}: accepted`);
  }
  return { found, refuses: problems.length > 0 };
}

function checkAll(
  policy: Policy,
  world: World,
  kernels = KERNELS,
): { wrong: readonly string[]; refusals: number } {
  const full: Kernel = { ...kernelNamed('ABI 11') };
  const rules = new Set(coverPolicy(policy, { features: full, world }).coverage.map((row) => row.rule));
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
    const file = { name, text: readFileSync(`profiles/${name}`, 'utf8') };
    return form === undefined ? [] : [[name, unwrap(form.parse(file), [file])]];
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
    'loopback',
    policyOf('network: {interface: loopback}\ncalls: {permit: [socket, connect, bind, listen]}\n'),
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
  t.is(new Set(KERNELS.map((kernel) => kernel.name)).size, 96);
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
        t.deepEqual(checkAll(policy, host ? { host: HOST } : TREE, kernels).wrong, []);
      },
    ),
    { numRuns: 40, seed: 40 },
  );
});

test('what coverage names stops the lowering as a whole', (t) => {
  const policy = policyOf('files: {/etc: read}\n');
  for (const kernel of KERNELS.filter((each) => each.cgroup2)) {
    const { problems } = coverPolicy(policy, { features: kernel, world: TREE });
    const lowered = lowerPolicy(policy, targetOf(TREE, kernel));
    t.is(lowered.ok, problems.length === 0, kernel.name);
  }
});

test('cgroup v2 holds no rule of a profile', (t) => {
  for (const [, policy] of POLICIES) {
    for (const landlockAbi of [0, 7]) {
      const [withIt, without] = YES_NO.map((cgroup2) => {
        const found = KERNELS.find((each) => each.landlockAbi === landlockAbi && each.cgroup2 === cgroup2);
        return found === undefined
          ? undefined
          : coverPolicy(policy, { features: found, world: TREE }).coverage;
      });
      t.deepEqual(withIt, without);
    }
  }
});
