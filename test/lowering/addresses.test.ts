import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import {
  addressRows,
  addressText,
  parseAddressRows,
  rowsPermit,
} from '../../src/lowering/addresses/index.js';
import { addressPlan } from '../../src/lowering/socket-plan.js';
import type { CallEvent, SocketAccess } from '../../src/policy/index.js';
import { decideEndpoint, internetRules, parseEvent } from '../../src/policy/index.js';
import { events, socketBodies } from '../policy/random-sockets.js';
import { policyOf } from './helpers.js';

const WORDS: Readonly<Record<string, SocketAccess>> = { bind: 'accept', connect: 'connect', sendto: 'send' };

function endpointOf(event: CallEvent) {
  for (const argument of event.arguments) {
    if (argument.kind !== 'address' || !('port' in argument.value)) continue;
    const { family, address, port } = argument.value;
    return address === undefined ? undefined : { protocol: family, address, port };
  }
  return undefined;
}

test('the lines of a table permit what the evaluator does, read back from their text', (t) => {
  let compared = 0;
  fc.assert(
    fc.property(socketBodies, fc.array(events, { minLength: 30, maxLength: 30 }), (body, texts) => {
      const rules = internetRules(policyOf(body).network);
      for (const text of texts) {
        const event = unwrap(parseEvent(text));
        const endpoint = endpointOf(event);
        const word = WORDS[event.call];
        if (endpoint === undefined || word === undefined) continue;
        if (endpoint.protocol === 'tcp' && word === 'send') continue;
        const rows = addressRows(rules, word, endpoint.protocol);
        const read = parseAddressRows(addressText(rows));
        t.deepEqual(read, rows);
        const granted = decideEndpoint(rules, word, endpoint).granted;
        if (rowsPermit(rows, word, endpoint) !== granted)
          throw new Error(`${text}: ${granted}\n${body}\n${addressText(rows)}`);
        compared++;
      }
    }),
    { numRuns: 300 },
  );
  t.true(compared > 4000, `${compared}`);
});

const features = { landlockAbi: 7, seccompActions: [], userNamespaces: true };
const cgroup = { addresses: true, unix: true, controllers: [], paths: [] };

const plans: readonly [string, string, readonly string[]][] = [
  ['ports alone are left to Landlock', 'accept: [tcp/80], connect: [tcp/443]', []],
  [
    'UDP takes the cgroup where Landlock has no right for it',
    'connect: [udp/53]',
    [
      'accept udp 0.0.0.0/32 0-65535 refuse',
      'connect udp 0.0.0.0/32 53-53 allow',
      'connect udp 0.0.0.0/32 0-65535 refuse',
    ],
  ],
  [
    'an address takes the cgroup for its word alone',
    'accept: [tcp/80], sockets: {tcp/10.0.0.0/8:443: connect}',
    [
      'connect tcp 0.0.0.0/32 0-65535 refuse',
      'connect tcp ::/128 0-65535 refuse',
      'connect tcp 10.0.0.0/8 443-443 allow',
    ],
  ],
  ['every port of every address is nothing to hold', 'sockets: {"*": accept connect}', []],
  [
    'a wide range of ports takes the cgroup',
    'sockets: {tcp/1024-65535: connect}',
    [
      'connect tcp 0.0.0.0/32 1024-65535 allow',
      'connect tcp 0.0.0.0/32 0-65535 refuse',
      'connect tcp ::/128 1024-65535 allow',
      'connect tcp ::/128 0-65535 refuse',
      'connect tcp * 1024-65535 allow',
    ],
  ],
];

for (const [what, network, wanted] of plans) {
  test(`${what}`, (t) => {
    const policy = policyOf(`network: {${network}, interface: host}\n`);
    const rows = addressPlan(policy, { ...features, cgroup });
    const lines = addressText(rows)
      .split('\n')
      .filter((line) => line !== '');
    const tcp = lines.filter((line) => wanted.some((each) => each.split(' ')[1] === line.split(' ')[1]));
    for (const line of wanted) t.true(lines.includes(line), `${line} is not in\n${lines.join('\n')}`);
    if (!network.includes('udp')) t.deepEqual(tcp, wanted);
    t.deepEqual(addressPlan(policy, features), []);
  });
}
