import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { coverPolicy, holdingRow } from '../../src/lowering/index.js';
import { decide, parseEvent } from '../../src/policy/index.js';
import { bodies } from '../language/acl-helpers.js';
import { events } from '../language/random-events.js';
import { policyOf, targetOf, worldOf } from './helpers.js';

const world = worldOf('/', '/etc/', '/etc/passwd', '/bin/', '/bin/sh', '/run/', '~/proc/');

const BODY =
  'files: {/run: read write}\nnetwork: {accept: [tcp/80], interface: host}\ncalls: {permit: [connect, bind, openat], when: {socket: [{domain: AF_UNIX}]}}\n';

// Sampled profiles need not come to each kind of rule: these events do, whatever else is drawn.
const EXAMPLE = ['openat("/run/x", O_RDONLY)', 'bind(tcp/80)', 'connect(unix:@x)', 'getpid()'].map((call) =>
  unwrap(parseEvent(call)),
);

for (const type of ['strict', 'filesystem'] as const) {
  test(`every decision rests on a rule that the coverage table has: ${type}`, (t) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        bodies(type === 'strict').chain((body) => {
          const policy = policyOf(body, type);
          return fc.tuple(fc.constant(policy), fc.array(events(policy), { minLength: 30, maxLength: 30 }));
        }),
        ([policy, all]) => {
          const { coverage } = coverPolicy(policy, targetOf(world));
          for (const event of all) {
            const decision = decide(policy, event);
            const row = holdingRow(coverage, event, decision);
            t.truthy(row, `${event.call}: ${decision.rule}: ${decision.reason}`);
            seen.add(decision.rule.replace(/:.*/, ''));
          }
        },
      ),
      { numRuns: 80, examples: [[[policyOf(BODY, type), EXAMPLE]]] },
    );
    for (const kind of ['files', 'calls', 'network', 'scope']) t.true(seen.has(kind), kind);
  });
}

const rows: readonly [string, string, number, string][] = [
  ['openat("/run/x", O_RDONLY)', 'a file', 7, 'files:/run full landlock'],
  [
    'connect(unix:/run/x)',
    'a socket by path, where Landlock does not know of them',
    7,
    'files:unix-sockets full rootfs',
  ],
  [
    'connect(unix:/run/x)',
    'a socket by path, where Landlock knows of them',
    9,
    'files:unix-sockets full landlock+rootfs',
  ],
  ['connect(unix:@x)', 'a name', 7, 'scope:abstract-unix full landlock'],
  ['bind(tcp/80)', 'a port', 7, 'network:tcp/80 full landlock'],
  ['bind(tcp/80)', 'a port, without Landlock for it', 3, 'network:tcp/80 none '],
  ['connect(udp/10.0.0.1:53)', 'a datagram', 7, 'network:udp full seccomp'],
];

for (const [call, what, landlockAbi, expected] of rows) {
  test(`what holds ${what}: ${call}, ABI ${landlockAbi}`, (t) => {
    const policy = policyOf(BODY);
    const event = unwrap(parseEvent(call));
    const { coverage } = coverPolicy(policy, targetOf(world, { landlockAbi }));
    const row = holdingRow(coverage, event, decide(policy, event));
    t.is(`${row?.rule} ${row?.status} ${row?.mechanism.join('+')}`, expected);
  });
}
