import test from 'ava';
import fc from 'fast-check';
import type { Policy } from '../../src/policy/index.js';
import { decide, narrowPolicy, parseEvent } from '../../src/policy/index.js';
import { policyOf } from './helpers.js';

const members: readonly Policy[] = [
  policyOf(
    'files: {/etc: read, /etc/shadow: none}\nexec: any\ncalls: {permit: [openat, execve, read], when: {kill: [{sig: 9}]}}\n',
  ),
  policyOf('files: {/: read, /etc/ssl: none, /bin: read execute}\nexec: any\n', 'filesystem'),
  policyOf(
    'files: {/etc: read write}\ncalls: {permit: [openat, kill], quiet: {kill: [{sig: 9, errno: ESRCH}]}}\n',
  ),
  policyOf('network: {accept: [tcp/110, tcp/25], interface: host}\nexec: any\n', 'filesystem'),
  policyOf('network: {accept: [tcp/110], interface: none}\ncalls: {permit: [bind, socket, kill]}\n'),
];

const events = [
  'openat("/etc/passwd", O_RDONLY)',
  'openat("/etc/passwd", O_RDWR)',
  'openat("/etc/shadow", O_RDONLY)',
  'openat("/etc/ssl/x", O_RDONLY)',
  'openat("/home/x", O_RDONLY)',
  'execve("/bin/x")',
  'read(0)',
  'kill(1, 9)',
  'kill(1, 15)',
  'getpid()',
  'mount("a", "/b")',
  'clone3(0, 0)',
  'bind(3, tcp/110)',
  'bind(3, tcp/25)',
  'socket(AF_INET, SOCK_DGRAM, 0)',
  'socket(AF_INET, SOCK_STREAM, 0)',
  'exit_group(0)',
];

function permits(policy: Policy, text: string): boolean {
  const event = parseEvent(text);
  if (!event.ok) throw new Error(event.diagnostics[0]?.message);
  return decide(policy, event.value).verdict === 'allow';
}

test('a stack permits exactly what every member permits', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...members), { minLength: 2, maxLength: 4 }),
      fc.constantFrom(...events),
      (stack, event) => {
        const together = stack.reduce((all, member) => narrowPolicy(all, member));
        t.is(
          permits(together, event),
          stack.every((member) => permits(member, event)),
          event,
        );
      },
    ),
    { numRuns: 1000 },
  );
  t.pass();
});

test('limits, capabilities, services and acceptances of a stack are the narrower ones', (t) => {
  const a = policyOf(
    'limits: {nofile: 10}\ncapabilities: [CAP_SETUID, CAP_CHOWN]\naccept-unenforced: [x]\nservices: [syslog]\n',
  );
  const b = policyOf('limits: {nofile: 20, nproc: 3}\ncapabilities: [CAP_CHOWN]\n');
  const both = narrowPolicy(a, b);
  t.deepEqual(
    both.limits.map(({ type, value }) => [type, value]),
    [
      ['RLIMIT_NOFILE', 10n],
      ['RLIMIT_NPROC', 3n],
    ],
  );
  t.deepEqual(both.capabilities, ['CAP_CHOWN']);
  t.deepEqual(both.acceptUnenforced, []);
  t.deepEqual(both.services, []);
});
