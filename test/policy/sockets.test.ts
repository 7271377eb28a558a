import test from 'ava';
import fc from 'fast-check';
import type { Policy } from '../../src/policy/index.js';
import { decide, narrowPolicy, parseEvent, parseSocketObject, socketText } from '../../src/policy/index.js';
import { policyOf } from './helpers.js';
import { events, socketBodies } from './random-sockets.js';

const CALLS = 'calls: {permit: [bind, connect, sendto, sendmsg, kill, ptrace, clone, unshare, execve]}\n';

function verdict(policy: Policy, text: string): string {
  const event = parseEvent(text);
  if (!event.ok) throw new Error(event.diagnostics[0]?.message);
  const decision = decide(policy, event.value);
  return `${decision.verdict === 'allow' ? 'allow' : decision.errno} ${decision.rule}`;
}

const web = policyOf(
  `files: {/run: write, /run/secret: none, /tmp: read}
network:
  interface: host
  accept: [tcp/443, udp/53]
  sockets:
    tcp/10.0.0.0/8: connect
    tcp/10.1.0.0/16:5432-5440: none
    tcp/10.1.0.0/16:5435: connect
    "tcp/[fd00::]/8:443": connect
    tcp/8000-8099: accept connect
    tcp/127.0.0.1:8080: none
    udp/10.0.0.53:53: connect send
    udp/192.0.2.0/24: send
    unix:/run/bus: none
    unix:/tmp/x: connect
    unix:@open: connect send
exec: any
${CALLS}`,
);

const rows: readonly [string, string][] = [
  ['connect(tcp/10.2.3.4:5432)', 'allow network:tcp/10.0.0.0/8'],
  ['connect(tcp/10.1.3.4:5432)', 'EACCES network:tcp/10.1.0.0/16:5432-5440'],
  ['connect(tcp/10.1.3.4:5435)', 'allow network:tcp/10.1.0.0/16:5435'],
  ['connect(tcp/10.1.3.4:80)', 'allow network:tcp/10.0.0.0/8'],
  ['connect(tcp/[::ffff:10.1.3.4]:5432)', 'EACCES network:tcp/10.1.0.0/16:5432-5440'],
  ['connect(tcp/[::ffff:10.2.3.4]:5432)', 'allow network:tcp/10.0.0.0/8'],
  ['connect(tcp/11.0.0.1:80)', 'EACCES network:connect'],
  ['connect(tcp/[fd12::1]:443)', 'allow network:tcp/[fd00::]/8:443'],
  ['connect(tcp/[fd12::1]:444)', 'EACCES network:connect'],
  ['connect(tcp/203.0.113.1:8001)', 'allow network:tcp/8000-8099'],
  ['connect(tcp/127.0.0.1:8080)', 'EACCES network:tcp/127.0.0.1:8080'],
  // Whichever address it may be: one of them is refused.
  ['connect(tcp/8080)', 'EACCES network:tcp/127.0.0.1:8080'],
  ['connect(tcp/0.0.0.0:8080)', 'EACCES network:tcp/127.0.0.1:8080'],
  ['connect(tcp/[::]:8080)', 'EACCES network:tcp/127.0.0.1:8080'],
  ['connect(tcp/[::ffff:0.0.0.0]:8080)', 'EACCES network:tcp/127.0.0.1:8080'],
  ['connect(tcp/8081)', 'allow network:tcp/8000-8099'],
  ['connect(tcp/5435)', 'EACCES network:connect'],
  ['bind(tcp/443)', 'EACCES network:tcp/10.0.0.0/8'],
  ['bind(udp/53)', 'EACCES network:udp/10.0.0.53:53'],
  ['bind(udp/127.0.0.1:53)', 'allow network:udp/53'],
  ['bind(udp/10.0.0.53:53)', 'EACCES network:udp/10.0.0.53:53'],
  ['connect(udp/10.0.0.53:53)', 'allow network:udp/10.0.0.53:53'],
  ['sendto(udp/10.0.0.53:53)', 'allow network:udp/10.0.0.53:53'],
  ['sendmsg(3, udp/192.0.2.1:9, 0)', 'allow network:udp/192.0.2.0/24'],
  ['connect(udp/192.0.2.1:9)', 'EACCES network:udp/192.0.2.0/24'],
  ['sendto(udp/192.0.3.1:9)', 'EACCES network:udp'],
  // Sending over TCP to an address is connecting to it.
  ['sendto(3, _, 1, MSG_FASTOPEN, tcp/10.2.0.1:80)', 'allow network:tcp/10.0.0.0/8'],
  ['sendto(3, _, 1, MSG_FASTOPEN, tcp/11.2.0.1:80)', 'EACCES network:connect'],
  ['connect(unix:/run/x)', 'allow files:/run'],
  ['connect(unix:/run/bus)', 'EACCES network:unix:/run/bus'],
  ['connect(unix:/run/bus/below)', 'EACCES network:unix:/run/bus'],
  ['connect(unix:/run/secret/x)', 'EACCES files:/run/secret'],
  ['connect(unix:/tmp/x)', 'allow network:unix:/tmp/x'],
  ['connect(unix:/tmp/y)', 'EACCES files:/tmp'],
  ['sendto(unix:/tmp/x)', 'EACCES network:unix:/tmp/x'],
  ['connect(unix:@open)', 'allow network:unix:@open'],
  ['connect(unix:@other)', 'EPERM scope:abstract-unix'],
  ['bind(unix:@mine)', 'allow scope:abstract-unix'],
  ['kill(instance, SIGTERM)', 'allow calls:kill'],
  ['kill(other, SIGTERM)', 'EPERM scope:signal'],
  ['ptrace(PTRACE_ATTACH, other)', 'EPERM scope:trace'],
];

for (const [text, wanted] of rows) {
  test(`${text} is ${wanted}`, (t) => {
    t.is(verdict(web, text), wanted);
  });
}

// Members drawn at random seldom agree to permit: these do, whatever else is drawn.
const AGREED = ['"tcp/*": accept connect', '"tcp/10.0.0.0/8": connect'].map(
  (rules) => `network: {sockets: {${rules}}, interface: host}\n`,
);
const PERMITTED: string[] = Array(60).fill('connect(tcp/10.1.2.3:88)');

test('a stack of random members permits what all of them do, address by address', (t) => {
  let allowed = 0;
  let decided = 0;
  fc.assert(
    fc.property(
      fc.array(socketBodies, { minLength: 2, maxLength: 3 }),
      fc.array(events, { minLength: 20, maxLength: 20 }),
      (bodies, texts) => {
        const members = bodies.map((body) => policyOf(`${body}exec: any\n${CALLS}`));
        const stack = members.reduce((all, member) => narrowPolicy(all, member));
        for (const text of texts) {
          const together = members.every((member) => verdict(member, text).startsWith('allow'));
          decided++;
          if (together) allowed++;
          if (verdict(stack, text).startsWith('allow') !== together)
            throw new Error(`${text}: ${together}, but ${verdict(stack, text)}\n${bodies.join('\n')}`);
        }
      },
    ),
    { numRuns: 500, examples: [[AGREED, PERMITTED]] },
  );
  t.true(decided >= 10_000 && allowed > 50, `${allowed} of ${decided}`);
});

test('the text of an object is read as that object', (t) => {
  fc.assert(
    fc.property(socketBodies, (body) => {
      for (const rule of policyOf(body).network.sockets)
        t.deepEqual(parseSocketObject(socketText(rule.object)), rule.object);
    }),
    { numRuns: 100 },
  );
});

const narrowed: readonly [string, readonly [string, string][]][] = [
  [
    'exec: [/bin/sh, /opt]\nfiles: {/bin: read execute, /opt: read execute, /usr: read execute}\n',
    [
      ['execve("/bin/sh")', 'allow exec:/bin/sh'],
      ['execve("/opt/tool/x")', 'allow files:/opt'],
      ['execve("/bin/ls")', 'EACCES files:/bin'],
      ['execve("/usr/bin/x")', 'EACCES files:/usr'],
    ],
  ],
  ['exec: []\nfiles: {/bin: read execute}\n', [['execve("/bin/sh")', 'EACCES files:/bin']]],
  [
    'exec: any\nprocesses: {signal: none, trace: none}\n',
    [
      ['kill(instance, SIGTERM)', 'EPERM calls:kill'],
      ['ptrace(0, instance)', 'EPERM calls:ptrace'],
    ],
  ],
  [
    'exec: any\nnamespaces: [user]\n',
    [
      ['unshare(CLONE_NEWUSER)', 'allow calls:unshare'],
      ['unshare(CLONE_NEWUSER|CLONE_NEWNS)', 'EPERM calls:unshare'],
      ['unshare(CLONE_NEWTIME)', 'EPERM calls:unshare'],
      ['clone(CLONE_NEWUSER|17)', 'allow calls:clone'],
      ['clone(CLONE_NEWNET|17)', 'EPERM calls:clone'],
      // The exit signal's bits, one of which means a time namespace to unshare.
      ['clone(0x80)', 'allow calls:clone'],
    ],
  ],
];

for (const [body, expected] of narrowed) {
  for (const [text, wanted] of expected) {
    test(`${text} is ${wanted} with ${body.split('\n')[0]}`, (t) => {
      t.is(verdict(policyOf(`${body}${CALLS}`), text), wanted);
    });
  }
}

test('a filesystem profile traces and makes namespaces only where it says so', (t) => {
  const usual = policyOf('exec: any\n', 'filesystem');
  const open = policyOf('exec: any\nprocesses: {trace: instance}\nnamespaces: [user]\n', 'filesystem');
  const quiet = policyOf('exec: any\nprocesses: {signal: none}\n', 'filesystem');
  for (const text of ['ptrace(0, instance)', 'process_vm_readv(instance)', 'unshare(CLONE_NEWUSER)']) {
    t.regex(verdict(usual, text), /^EPERM/, text);
    t.regex(verdict(open, text), /^allow/, text);
  }
  t.regex(verdict(usual, 'kill(1, 9)'), /^allow/);
  for (const call of ['kill', 'tgkill', 'pidfd_send_signal']) t.regex(verdict(quiet, `${call}(1)`), /^EPERM/);
});

test('a filesystem profile makes UDP sockets where a rule speaks of UDP', (t) => {
  const text = 'socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)';
  t.regex(verdict(policyOf('exec: any\n', 'filesystem'), text), /^EPERM/);
  const dns = policyOf('exec: any\nnetwork: {connect: [udp/53], interface: host}\n', 'filesystem');
  t.regex(verdict(dns, text), /^allow/);
  t.regex(verdict(dns, 'socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)'), /^EPERM/);
  t.regex(verdict(dns, 'socket(AF_INET, SOCK_RAW, 0)'), /^EPERM/);
});
