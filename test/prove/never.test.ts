import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import type { Policy } from '../../src/policy/index.js';
import { findInstance, startSolver } from '../../src/prove/index.js';
import { policyOf, popd } from './helpers.js';

const solver = await startSolver();
test.after.always(() => solver.close());

async function instance(policy: Policy, question: string): Promise<string | undefined> {
  return unwrap(await findInstance(policy, question, solver))?.text;
}

const TCP = 'calls: {permit: [connect], when: {socket: [{domain: AF_INET, type: SOCK_STREAM}]}}\n';

const QUESTIONS: readonly [string, string, string, RegExp | undefined][] = [
  [
    'a path both executable and writable',
    'exec: any\nfiles: {/opt: read write execute}',
    'exec where writable',
    /^\/opt$/,
  ],
  ['made, then run', 'exec: any\nfiles: {/opt: read execute create}', 'exec where writable', /^\/opt$/],
  [
    'a pattern both executable and writable',
    'exec: any\nfiles: {/opt/*: read execute, /opt/**/tmp: read execute write}',
    'exec where writable',
    /^\/opt\/tmp$|^\/tmp$|\/tmp$/,
  ],
  [
    "patterns of which each takes the other's right",
    'exec: any\nfiles: {/opt/*/x: read execute, /opt/a/*: read write}',
    'exec where writable',
    undefined,
  ],
  [
    'a writable folder in an executable one',
    'exec: any\nfiles: {/opt: read execute, /opt/tmp: write}',
    'exec where writable',
    undefined,
  ],
  [
    'nothing is run after the launch',
    'exec: once\nfiles: {/opt: read write execute}',
    'exec where writable',
    undefined,
  ],
  [
    'an address outside',
    `network: {connect: [tcp/25], interface: host}\n${TCP}`,
    'connect to not 10.0.0.0/8',
    /192\.0\.2\.1:25/,
  ],
  [
    'an address inside',
    `network: {connect: [tcp/25], interface: host}\n${TCP}`,
    'connect to 10.0.0.0/8',
    /10\.0\.0\.1:25/,
  ],
  [
    'the own machine is outside too',
    `network: {connect: [tcp/25], interface: loopback}\n${TCP}`,
    'connect to not 10.0.0.0/8',
    /127\.0\.0\.1:25/,
  ],
  [
    'loopback reaches nothing else',
    `network: {connect: [tcp/25], interface: loopback}\n${TCP}`,
    'connect to 10.0.0.0/8',
    undefined,
  ],
  [
    'another port',
    `network: {connect: [tcp/25], interface: host}\n${TCP}`,
    'connect to any port 26',
    undefined,
  ],
  ['no call', 'network: {connect: [tcp/25], interface: host}', 'connect to any', undefined],
  [
    'a connection without a call',
    `network: {interface: host}\n${TCP.replace('[connect]', '[sendto]')}`,
    'connect to any',
    undefined,
  ],
  [
    'a given path',
    'files: {/etc: read}\ncalls: {permit: [openat]}',
    'openat("/etc/shadow", O_RDONLY)',
    /shadow/,
  ],
  [
    'an exception',
    'files: {/etc: read, /etc/shadow: none}\ncalls: {permit: [openat]}',
    'openat("/etc/shadow", O_RDONLY)',
    undefined,
  ],
  [
    'any path',
    'files: {/etc: read, /srv: write}\ncalls: {permit: [openat]}',
    'openat(_, _, O_WRONLY)',
    /\/srv/,
  ],
  [
    'any path, and nothing to write',
    'files: {/etc: read}\ncalls: {permit: [openat]}',
    'openat(_, _, O_WRONLY)',
    undefined,
  ],
  [
    'flags that the calls refuse',
    'files: {/srv: read write}\ncalls: {when: {openat: [{flags: {without: O_WRONLY|O_RDWR|O_TRUNC}}]}}',
    'openat("/srv/x")',
    /openat/,
  ],
  [
    'a domain',
    'calls: {when: {socket: [{domain: [AF_INET, AF_NETLINK]}]}}',
    'socket(AF_NETLINK)',
    /^socket\(AF_NETLINK/,
  ],
  [
    'another domain',
    'calls: {when: {socket: [{domain: [AF_INET, AF_NETLINK]}]}}',
    'socket(AF_PACKET)',
    undefined,
  ],
  [
    'a quiet refusal',
    'calls: {permit: [socket], quiet: {socket: [{domain: AF_PACKET, errno: EACCES}]}}',
    'socket(AF_PACKET)',
    undefined,
  ],
  ['a call at all', 'calls: {permit: [ptrace]}', 'ptrace(_)', /^ptrace/],
  ['bits', 'calls: {permit: [clone]}', 'clone where flags with CLONE_NEWUSER', /^clone\(0x[0-9a-f]+/],
  [
    'bits that the row keeps out',
    'calls: {when: {clone: [{flags: {only: SIGCHLD}}]}}',
    'clone where flags with CLONE_NEWUSER',
    undefined,
  ],
  [
    'several conditions',
    'calls: {when: {mmap: [{prot: {without: PROT_EXEC}}, {flags: {with: MAP_SHARED}}]}}',
    'mmap where prot with PROT_WRITE|PROT_EXEC and flags without MAP_SHARED',
    undefined,
  ],
  [
    'one of the conditions',
    'calls: {when: {mmap: [{prot: {without: PROT_EXEC}}, {flags: {with: MAP_SHARED}}]}}',
    'mmap where prot with PROT_WRITE|PROT_EXEC and flags with MAP_SHARED',
    /^mmap/,
  ],
  [
    'the end of a range',
    'calls: {when: {lseek: [{offset: {from: 0, to: 4096}}]}}',
    'lseek where offset from 4096 to 9999',
    /^lseek\(0x[0-9a-f]+, 0x1000,/,
  ],
  [
    'beyond the range',
    'calls: {when: {lseek: [{offset: {from: 0, to: 4096}}]}}',
    'lseek where offset from 4097 to 9999',
    undefined,
  ],
  ['another value', 'calls: {when: {kill: [{sig: 15}]}}', 'kill where sig not SIGTERM', undefined],
  [
    'a value under a mask',
    'calls: {permit: [socket]}',
    'socket where type is SOCK_RAW mask SOCK_TYPE_MASK and domain is AF_INET',
    /^socket\(0x2, 0x[0-9a-f]*3,/,
  ],
  ['no address', 'calls: {when: {sendto: [{addr: 0}]}}', 'sendto where flags with MSG_FASTOPEN', /NULL/],
  [
    'written elsewhere',
    'files: {/srv: read write, /srv/a: read}\ncalls: {permit: [openat]}',
    'write outside /srv',
    undefined,
  ],
  [
    'written in a part',
    'files: {/srv: read write, /srv/a: read}\ncalls: {permit: [openat]}',
    'write outside /srv/b',
    /^openat\(.*"\/srv/,
  ],
  [
    'a part that cannot be written',
    'files: {/srv: read write, /srv/a: read}\ncalls: {permit: [openat]}',
    'write of /srv/a',
    undefined,
  ],
  ['no call that writes', 'files: {/srv: read write}\ncalls: {permit: [read]}', 'write of /srv', undefined],
  ['truncating', 'files: {/srv: read write}\ncalls: {permit: [truncate]}', 'write of /srv', /^truncate/],
  [
    'a pattern may be read',
    'files: {/srv/*/key: read}\ncalls: {permit: [openat]}',
    'read of /srv/www',
    /"\/srv\/www\/key/,
  ],
  ['made', 'files: {/srv/: create}\ncalls: {permit: [mkdir]}', 'create of /srv', /^mkdir\("\/srv/],
  ['removed', 'files: {/srv/: create}\ncalls: {permit: [mkdir, rmdir]}', 'remove of /srv', undefined],
  [
    'run from elsewhere',
    'exec: any\nfiles: {/opt: read execute, /usr: read execute}\ncalls: {permit: [execve]}',
    'execute outside /usr',
    /^execve\("\/opt/,
  ],
  ['a capability', 'capabilities: [CAP_SETUID]', 'capability CAP_SYS_ADMIN', undefined],
  ['another capability', 'capabilities: [CAP_SETUID]', 'capability not CAP_SETGID', /CAP_SETUID/],
  [
    'a port beside',
    'network: {accept: [tcp/80, tcp/81], interface: host}\ncalls: {permit: [bind], when: {socket: [{domain: AF_INET}]}}',
    'bind to any port not 80',
    /:81,/,
  ],
  [
    'the ports alone',
    'network: {accept: [tcp/80, tcp/81], interface: host}\ncalls: {permit: [bind], when: {socket: [{domain: AF_INET}]}}',
    'bind to any port not 80-81',
    undefined,
  ],
  [
    'another protocol',
    'network: {accept: [tcp/80], interface: host}\ncalls: {permit: [bind], when: {socket: [{domain: AF_INET}]}}',
    'bind to any by udp',
    undefined,
  ],
  [
    'a datagram',
    'network: {sockets: {"udp/10.0.0.0/8:53": send}, interface: host}\ncalls: {permit: [sendto], when: {socket: [{domain: AF_INET}]}}',
    'send to 10.0.0.0/8',
    /^sendto/,
  ],
  [
    'a socket beside',
    'network: {sockets: {"unix:/run/a": connect send}}\ncalls: {permit: [connect], when: {socket: [{domain: AF_UNIX}]}}',
    'connect to not unix:/run/a',
    undefined,
  ],
  [
    'a socket below',
    'network: {sockets: {"unix:/run": connect send}}\ncalls: {permit: [connect], when: {socket: [{domain: AF_UNIX}]}}',
    'connect to not unix:/run/a',
    /unix:\/run/,
  ],
];

for (const [what, body, question, wanted] of QUESTIONS) {
  test(`never ${question}: ${what}`, async (t) => {
    const found = await instance(policyOf(`${body}\n`), question);
    if (wanted === undefined) t.is(found, undefined);
    else t.regex(found ?? 'nothing', wanted);
  });
}

test('popd never does what it is not for', async (t) => {
  const questions = [
    'exec where writable',
    'connect to any',
    'ptrace(_)',
    'execve(_)',
    'socket(AF_NETLINK)',
    'openat("/etc/shadow", O_RDWR)',
  ];
  for (const question of [...questions, 'openat(_, _, O_WRONLY|O_APPEND)']) {
    const found = await instance(popd(), question);
    if (question.includes('O_APPEND')) t.regex(found ?? '', /\/var\/mail/);
    else t.is(found, undefined, question);
  }
});

test('a question that is none is refused', async (t) => {
  for (const question of [
    'connect to',
    'connect to not any',
    'connect to 10.0.0.0/33',
    'connect to 10.0.0',
    'frobnicate(_)',
    'openat(_, 5)',
    'clone where flag with CLONE_NEWUSER',
    'clone where flags with CLONE_NEWEVERYTHING',
    'lseek where offset from 7',
    'write outside',
    'write of mail',
    'append of /var/mail',
    'capability SYS_ADMIN',
    'bind to any port 70000',
    'bind to unix:/run/x',
    'connect to not unix',
  ])
    t.false((await findInstance(popd(), question, solver)).ok, question);
});

const UNLIKE: readonly [string, RegExp][] = [
  ['read /etc/shadow', /read \/etc\/shadow is not a question.*did you mean read of \/etc\/shadow\?/],
  ['exec /bin/sh', /did you mean execute of \/bin\/sh\?/],
  ['socket AF_NETLINK', /socket AF_NETLINK is not a question.*such as: write outside/],
  ['', /an empty text is not a question/],
  ['openat("/etc', /is not a call/],
];
for (const [question, wanted] of UNLIKE) {
  test(`what is said of a question that is none: ${question}`, async (t) => {
    const found = await findInstance(popd(), question, solver);
    const [said] = found.ok ? [] : found.diagnostics;
    t.regex(`${said?.message} ${said?.hint}`, wanted);
  });
}
