import test from 'ava';
import type { Policy } from '../../src/policy/index.js';
import { narrowPolicy } from '../../src/policy/index.js';
import { stackDifferences, startSolver, widerThan } from '../../src/prove/index.js';
import { policyOf, popd } from './helpers.js';

const solver = await startSolver();
test.after.always(() => solver.close());

const BASE = `
files: {/srv: read, /srv/secret: none}
exec: once
network: {accept: [tcp/80], connect: [], interface: loopback}
capabilities: [CAP_SETUID]
limits: {nofile: 64}
calls:
  permit: [read]
  when: {socket: [{domain: [AF_UNIX, AF_INET], type: SOCK_STREAM}], lseek: [{offset: {to: 4095}}]}
`;

async function widening(change: (text: string) => string): Promise<readonly string[]> {
  const changed = change(BASE);
  if (changed === BASE) throw new Error('nothing was changed');
  const found = await widerThan(policyOf(changed), policyOf(BASE), solver);
  return found.map(({ what }) => what);
}

test('a policy is nowhere wider than itself, nor than one with more', async (t) => {
  t.deepEqual(await widerThan(policyOf(BASE), policyOf(BASE), solver), []);
  t.deepEqual(await widerThan(popd(), popd(), solver), []);
  const more = policyOf(BASE.replace('/srv: read', '/srv: read write').replace('[read]', '[read, write]'));
  t.deepEqual(await widerThan(policyOf(BASE), more, solver), []);
});

const PATTERNS: readonly [string, string, string | undefined][] = [
  ['/srv/*.html: read', '/srv: read', undefined],
  ['/srv: read', '/srv/*.html: read', '/srv may be used for read'],
  ['/srv/*: read', '/srv/?*: read', undefined],
  ['/srv: read, /srv/*/x: none', '/srv: read, /srv/a/x: none', undefined],
  ['/srv: read, /srv/a/x: none', '/srv: read, /srv/*/x: none', '/x may be used for read'],
  ['/a*: read, /**/b: none', '/a*: read, /a/b: none', undefined],
  ['/a*: read, /a/b: none', '/a*: read, /**/b: none', '/b may be used for read'],
];

for (const [mine, theirs, wider] of PATTERNS) {
  test(`patterns: {${mine}} against {${theirs}}`, async (t) => {
    const found = await widerThan(policyOf(`files: {${mine}}`), policyOf(`files: {${theirs}}`), solver);
    if (wider === undefined) t.deepEqual(found, []);
    else
      t.true(
        found.some(({ text }) => text.includes(wider)),
        JSON.stringify(found),
      );
  });
}

test('who permits no call that traces traces nobody, whatever it says of processes', async (t) => {
  const closed = policyOf('processes: {trace: none}\nexec: any\n', 'filesystem');
  t.deepEqual(await widerThan(policyOf('calls: {permit: [read]}\n'), closed, solver), []);
  const open = await widerThan(policyOf('calls: {permit: [kcmp]}\n'), closed, solver);
  t.true(open.some(({ text }) => text === 'processes.trace reaches the instance'));
});

const HOLES: readonly [string, string, string, string][] = [
  ['one more call', 'permit: [read]', 'permit: [read, ptrace]', 'call'],
  ['one more domain', '[AF_UNIX, AF_INET]', '[AF_UNIX, AF_INET, AF_PACKET]', 'call'],
  ['a condition dropped', ', type: SOCK_STREAM', '', 'call'],
  ['a mask', 'type: SOCK_STREAM', 'type: {is: SOCK_STREAM, mask: 0xf}', 'call'],
  ['a bound moved by one', '4095', '4096', 'call'],
  ['a word more', '/srv: read', '/srv: read write', 'file'],
  ['an exception gone', ', /srv/secret: none', '', 'file'],
  ['an exception moved', '/srv/secret', '/srv/secrets', 'file'],
  ['a folder more', 'files: {', 'files: {/etc/shadow: read, ', 'file'],
  ['a port to bind', 'accept: [tcp/80]', 'accept: [tcp/80, tcp/81]', 'port'],
  ['a port to connect to', 'connect: []', 'connect: [tcp/25]', 'port'],
  ["the host's network", 'interface: loopback', 'interface: host', 'network'],
  ['a capability', '[CAP_SETUID]', '[CAP_SETUID, CAP_SYS_ADMIN]', 'capability'],
  ['exec', 'exec: once', 'exec: any', 'exec'],
  ['a limit raised', 'nofile: 64', 'nofile: 65', 'limit'],
  ['a limit dropped', 'limits: {nofile: 64}', 'limits: {}', 'limit'],
  ['a service', 'exec: once', 'exec: once\nservices: [notify]', 'service'],
];

for (const [what, from, to, kind] of HOLES) {
  test(`a new version that is wider is found: ${what}`, async (t) => {
    const kinds = await widening((text) => text.replace(from, to));
    t.true(kinds.includes(kind as (typeof kinds)[number]), kinds.join(' '));
  });
}

test('a widening comes with a call that shows it', async (t) => {
  const found = await widerThan(policyOf(BASE.replace('4095', '4096')), policyOf(BASE), solver);
  t.deepEqual(
    found.map(({ text }) => text.replace(/whence: .*\)/, 'whence)').replace(/fd: 0x[0-9a-f]+/, 'fd')),
    ['lseek(fd, offset: 0x1000, whence) is permitted'],
  );
});

test('a stack permits exactly what both members permit', async (t) => {
  const other = policyOf(`
files: {/: read execute, /srv/secret/key: read, /srv/www: write}
exec: any
network: {accept: [tcp/80, tcp/443], connect: [tcp/25], interface: host}
calls:
  permit: [read, write]
  when: {socket: [{domain: AF_INET}, {protocol: 6}], lseek: [{offset: {from: 1, to: 8191}}]}
  quiet: {socket: [{protocol: 7, errno: EACCES}]}
`);
  t.deepEqual(await stackDifferences(policyOf(BASE), other, solver), []);
  t.deepEqual(await stackDifferences(other, policyOf(BASE), solver), []);
  t.deepEqual(await stackDifferences(popd(), policyOf('exec: any\n', 'filesystem'), solver), []);
});

test('a stack that is no intersection is found', async (t) => {
  const a = policyOf(BASE);
  const b = policyOf(BASE.replace('4095', '100').replace('/srv: read', '/srv: write'));
  const stack = narrowPolicy(a, b);
  const broken: readonly Policy[] = [
    { ...stack, calls: a.calls },
    { ...stack, files: a.files },
    { ...stack, calls: policyOf('').calls },
    { ...stack, exec: 'any' },
  ];
  for (const policy of broken) t.true((await stackDifferences(a, b, solver, policy)).length > 0);
});
