import test from 'ava';
import type { Lowered } from '../../src/lowering/index.js';
import { parseAddressRows } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import { networkDifferences, settingDifferences, startSolver } from '../../src/prove/index.js';
import { lower, worldOf } from '../lowering/helpers.js';
import { policyOf } from './helpers.js';

const solver = await startSolver();
test.after.always(() => solver.close());

const WORLD = worldOf('/');
const TCP =
  '{domain: [AF_INET, AF_INET6], type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}, protocol: [0, IPPROTO_TCP]}';
const SERVER = policyOf(`
network: {accept: [tcp/110], connect: [tcp/25], interface: host}
calls:
  permit: [bind, listen, accept4, connect]
  when: {socket: [${TCP}], sendto: [{flags: {without: MSG_FASTOPEN}}]}
`);

type Plans = Pick<Lowered, 'landlock' | 'supervised' | 'networkInterface' | 'addresses'>;

async function rules(
  policy: Policy,
  { landlock, supervised, networkInterface, addresses }: Plans,
): Promise<readonly string[]> {
  const apart = networkInterface !== 'host';
  const rows = parseAddressRows(addresses) ?? [];
  const plan = { landlock: [landlock], addresses: rows, supervised, apart };
  const found = await networkDifferences(policy, plan, solver);
  return found.map(({ rule, call }) => {
    const [name] = call.split('(');
    const to = /(tcp|udp)\/.*:(\d+), /.exec(call);
    return to === null ? `${rule} ${name}` : `${rule} ${to[1]}/${to[2]}`;
  });
}

test('what is lowered reaches no port that the profile refuses', async (t) => {
  t.deepEqual(await rules(SERVER, lower(SERVER, WORLD)), []);
});

function granting(plans: Plans, right: string, port: number): Plans {
  const { landlock } = plans;
  const netPort = [...landlock.rules.netPort, { allowedAccess: [right], ports: [port] }];
  return { ...plans, landlock: { ...landlock, rules: { ...landlock.rules, netPort } } };
}

function handling(plans: Plans, change: (right: string) => boolean): Plans {
  const { ruleset } = plans.landlock;
  const handledAccessNet = ruleset.handledAccessNet.filter(change);
  const scoped = ruleset.scoped.filter(change);
  return { ...plans, landlock: { ...plans.landlock, ruleset: { ...ruleset, handledAccessNet, scoped } } };
}

const HOLES: readonly [string, (plans: Plans) => Plans, string][] = [
  ['a port more to bind', (plans) => granting(plans, 'bind_tcp', 111), 'network:accept tcp/111'],
  ['the port of the kernel', (plans) => granting(plans, 'bind_tcp', 0), 'network:accept tcp/0'],
  ['a port more to connect to', (plans) => granting(plans, 'connect_tcp', 80), 'network:connect tcp/80'],
  ['a right exchanged', (plans) => granting(plans, 'connect_tcp', 110), 'network:connect tcp/110'],
  [
    'a right not handled',
    (plans) => handling(plans, (right) => right !== 'connect_tcp'),
    'network:connect tcp/1',
  ],
  ['nobody who looks at listen', (plans) => ({ ...plans, supervised: [] }), 'network:accept listen'],
];

for (const [what, change, wanted] of HOLES) {
  test(`a hole in the plans is found: ${what}`, async (t) => {
    const found = await rules(SERVER, change(lower(SERVER, WORLD)));
    t.true(found.includes(wanted), found.join('\n'));
  });
}

const UDP = '{domain: AF_INET, type: {is: SOCK_DGRAM, mask: SOCK_TYPE_MASK}, protocol: [0, IPPROTO_UDP]}';
const PROFILES: readonly [string, string, readonly string[]][] = [
  ['another protocol', 'calls: {permit: [socket]}', ['network:raw socket']],
  [
    'datagrams',
    `calls: {permit: [bind, sendto], when: {socket: [${UDP}]}}`,
    ['network:udp udp/1', 'network:udp udp/1'],
  ],
  ['no socket at all', 'calls: {permit: [bind, connect, sendmsg]}', []],
  [
    'a connection that no connect call makes',
    `calls: {permit: [sendmsg], when: {socket: [${TCP}]}}`,
    ['network:connect sendmsg'],
  ],
  [
    'a network of its own',
    'network: {interface: loopback}\ncalls: {permit: [socket, bind, connect, sendmsg]}',
    [],
  ],
];

for (const [what, body, wanted] of PROFILES) {
  test(`what no mechanism holds is found: ${what}`, async (t) => {
    const accepted = 'accept-unenforced: ["network:udp", "network:raw", "network:connect"]\n';
    const network = body.includes('network:') ? '' : 'network: {interface: host}\n';
    const policy = policyOf(`${network}${body}\n${accepted}`);
    t.deepEqual(await rules(policy, lower(policy, WORLD, { landlockAbi: 7 })), wanted);
  });
}

test("the cgroup's programs hold addresses, and a line of theirs that is wrong is found", async (t) => {
  const policy = policyOf(`
network: {sockets: {"tcp/10.0.0.0/8:443": connect}, interface: host}
calls: {permit: [connect, sendmsg], when: {socket: [${TCP}]}}
`);
  const plans = lower(policy, WORLD, { cgroup: { addresses: true, unix: true, controllers: [], paths: [] } });
  t.deepEqual(await rules(policy, plans), []);
  const without = await rules(policy, { ...plans, addresses: '' });
  t.deepEqual(without, ['network:connect tcp/443', 'network:connect sendmsg']);
  const wider = plans.addresses.replace('10.0.0.0/8', '10.0.0.0/7');
  t.not(wider, plans.addresses);
  const found = await rules(policy, { ...plans, addresses: wider });
  t.deepEqual(found, ['network:connect tcp/443', 'network:connect sendmsg']);
});

test('a bind to port 0, which Landlock grants for what is sent, is found where no program of the cgroup refuses it', async (t) => {
  const policy = policyOf(`
network: {sockets: {"udp/53": connect send}, interface: host}
calls: {permit: [bind, sendto], when: {socket: [${UDP}]}}
`);
  const cgroup = { addresses: true, unix: true, controllers: [], paths: [] };
  const plans = lower(policy, WORLD, { landlockAbi: 10, cgroup });
  t.deepEqual(await rules(policy, plans), []);
  t.deepEqual(await rules(policy, { ...plans, addresses: '' }), ['network:udp udp/0']);
});

test('abstract names are kept within by scope, or by programs of the cgroup', async (t) => {
  const policy = policyOf(
    'network: {interface: host}\ncalls: {permit: [connect], when: {socket: [{domain: AF_UNIX}]}}\n',
  );
  const plans = lower(policy, WORLD);
  t.deepEqual(await rules(policy, plans), []);
  t.deepEqual(
    await rules(
      policy,
      handling(plans, () => false),
    ),
    ['scope:abstract-unix connect'],
  );
  // Programs of the cgroup that refuse unix sockets every address refuse these, too.
  const { addresses, supervised } = plans;
  const without = {
    landlock: [handling(plans, () => false).landlock],
    addresses: [],
    apart: false,
    supervised,
  };
  t.is(addresses, '');
  const held = await networkDifferences(policy, { ...without, refusesUnix: true }, solver);
  t.deepEqual(
    held.map(({ rule }) => rule),
    [],
  );
});

test('settings that are wider than the profile are found', (t) => {
  const policy = policyOf('capabilities: [CAP_SETUID]\nlimits: {nofile: 64}\nnetwork: {interface: none}\n');
  const kept = {
    capabilities: ['CAP_SETUID'],
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 64n }],
    noNewPrivileges: true,
    apart: true,
  };
  t.deepEqual(settingDifferences(policy, kept), []);
  t.is(settingDifferences(policy, { ...kept, capabilities: ['CAP_SETUID', 'CAP_SYS_ADMIN'] }).length, 1);
  t.is(settingDifferences(policy, { ...kept, rlimits: [] }).length, 1);
  t.is(settingDifferences(policy, { ...kept, rlimits: [{ type: 'RLIMIT_NOFILE', hard: 65n }] }).length, 1);
  t.is(settingDifferences(policy, { ...kept, noNewPrivileges: false }).length, 1);
  t.is(settingDifferences(policy, { ...kept, apart: false }).length, 1);
});
