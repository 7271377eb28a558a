import test from 'ava';
import { decide, explainEvent, parseEvent } from '../../src/policy/index.js';
import { policyOf } from './helpers.js';

const strict = policyOf(`
files:
  /etc: read
  /etc/shadow: none
  /etc/ssl/private: none
  /etc/ssl/private/open: read
  /var/mail: read write
  /var/spool: read write create remove
  /usr/bin/tool: read execute
network: {accept: [tcp/110], connect: [tcp/25], interface: host}
exec: any
calls:
  permit: [openat, open, unlink, rename, mkdir, mknod, execve, bind, connect, stat, creat, truncate, linkat]
  when:
    socket:
      - {domain: AF_INET, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}, protocol: [0, IPPROTO_TCP]}
    prctl:
      - {option: {from: 1, to: 3}}
      - {option: PR_SET_NAME}
    sendto:
      - {addr: 0, flags: {without: MSG_FASTOPEN}}
    kill:
      - {sig: {from: -1, to: 1}}
  quiet:
    socket:
      - {domain: AF_UNIX, errno: EACCES}
    prctl:
      - {option: 2, errno: EINVAL}
`);

const filesystem = policyOf(
  'files: {/: read}\nexec: any\ncalls: {when: {kill: [{sig: SIGTERM}]}}\n',
  'filesystem',
);

type Row = readonly [string, 'allow' | string, string];

const strictRows: readonly Row[] = [
  ['openat("/etc/passwd", O_RDONLY)', 'allow', 'files:/etc'],
  ['openat("/etc/passwd", O_RDWR)', 'EACCES', 'files:/etc'],
  ['openat("/etc/passwd", O_RDONLY|O_TRUNC)', 'EACCES', 'files:/etc'],
  ['openat("/etc/shadow", O_RDONLY)', 'EACCES', 'files:/etc/shadow'],
  ['openat("/etc/shadow-", O_RDONLY)', 'allow', 'files:/etc'],
  ['openat("/etc/../etc/./shadow", O_RDONLY)', 'EACCES', 'files:/etc/shadow'],
  ['openat("/etc/ssl/private/key", O_RDONLY)', 'EACCES', 'files:/etc/ssl/private'],
  ['openat("/etc/ssl/private/open", O_RDONLY)', 'allow', 'files:/etc/ssl/private/open'],
  ['openat("/etc/shadow", O_PATH)', 'allow', 'calls:openat'],
  ['openat("/root/x", O_RDONLY)', 'EACCES', 'files:default'],
  ['openat("x", O_RDONLY)', 'EACCES', 'files:default'],
  ['openat("/var/mail/new", O_WRONLY|O_CREAT, 0600)', 'EACCES', 'files:/var/mail'],
  ['openat("/var/spool", O_TMPFILE|O_RDWR, 0600)', 'allow', 'files:/var/spool'],
  ['creat("/var/spool/x", 0600)', 'allow', 'files:/var/spool'],
  ['truncate("/etc/passwd", 0)', 'EACCES', 'files:/etc'],
  ['unlink("/var/mail/joe")', 'EACCES', 'files:/var/mail'],
  ['rename("/var/spool/a", "/var/spool/b")', 'allow', 'files:/var/spool'],
  ['rename("/var/spool/a", "/etc/b")', 'EACCES', 'files:/etc'],
  ['linkat("/etc/shadow", "/var/spool/x")', 'allow', 'files:/var/spool'],
  ['mknod("/var/spool/f", S_IFIFO|0600)', 'allow', 'files:/var/spool'],
  ['mknod("/var/spool/d", S_IFCHR|0600, 0x101)', 'EACCES', 'files:/var/spool'],
  ['stat("/etc/shadow")', 'allow', 'calls:stat'],
  ['execve("/usr/bin/tool")', 'allow', 'files:/usr/bin/tool'],
  ['execve("/etc/passwd")', 'EACCES', 'files:/etc'],
  ['socket(AF_INET, SOCK_STREAM, 0)', 'allow', 'calls:socket'],
  ['socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP)', 'allow', 'calls:socket'],
  ['socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)', 'EPERM', 'calls:socket'],
  ['socket(AF_INET, SOCK_DGRAM, 0)', 'EPERM', 'calls:socket'],
  ['socket(0x100000002, SOCK_STREAM, 0)', 'allow', 'calls:socket'],
  ['socket(AF_UNIX, SOCK_STREAM, 0)', 'EACCES', 'calls:socket'],
  ['socket(AF_INET)', 'EPERM', 'calls:socket'],
  ['bind(3, tcp/110)', 'allow', 'network:tcp/110'],
  ['bind(3, tcp/25)', 'EACCES', 'network:tcp/25'],
  ['bind(3, udp/110)', 'EACCES', 'network:udp'],
  ['bind(3, unix:/var/spool/s)', 'allow', 'files:/var/spool'],
  ['connect(3, tcp/10.0.0.1:25)', 'allow', 'network:tcp/25'],
  ['connect(3, tcp/10.0.0.1:110)', 'EACCES', 'network:tcp/110'],
  ['connect(3, unix:/etc/s)', 'EACCES', 'files:/etc'],
  ['connect(3, unix:@x)', 'EPERM', 'scope:abstract-unix'],
  ['prctl(1)', 'allow', 'calls:prctl'],
  ['prctl(2)', 'EINVAL', 'calls:prctl'],
  ['prctl(4)', 'EPERM', 'calls:prctl'],
  ['prctl(PR_SET_NAME, 1)', 'allow', 'calls:prctl'],
  ['kill(5, -1)', 'allow', 'calls:kill'],
  ['kill(5, 2)', 'EPERM', 'calls:kill'],
  ['sendto(3, 0, 0, 0, NULL, 0)', 'allow', 'calls:sendto'],
  ['sendto(3, 0, 0, MSG_NOSIGNAL, 0, 0)', 'allow', 'calls:sendto'],
  ['sendto(3, 0, 0, MSG_FASTOPEN, 0, 0)', 'EPERM', 'calls:sendto'],
  ['sendto(3, 0, 0, 0, tcp/1.2.3.4:80, 16)', 'EPERM', 'calls:sendto'],
  ['sendto(3, 0, 0, 0, 0x100000000, 0)', 'EPERM', 'calls:sendto'],
  ['ptrace(PTRACE_ATTACH, 1)', 'EPERM', 'calls:default'],
  ['clone3(0, 0)', 'ENOSYS', 'calls:clone3'],
  ['openat2("/etc/passwd")', 'ENOSYS', 'calls:openat2'],
  ['io_uring_setup(1)', 'ENOSYS', 'calls:io_uring_setup'],
  ['exit_group(0)', 'allow', 'calls:always'],
  ['rt_sigreturn()', 'allow', 'calls:always'],
];

const filesystemRows: readonly Row[] = [
  ['getpid()', 'allow', 'calls:default'],
  ['openat("/etc/passwd", O_RDONLY)', 'allow', 'files:/'],
  ['openat("/etc/passwd", O_RDWR)', 'EACCES', 'files:/'],
  ['mount("x", "/y")', 'EPERM', 'calls:mount'],
  ['unshare(CLONE_NEWUSER)', 'EPERM', 'calls:unshare'],
  ['unshare(CLONE_FILES)', 'allow', 'calls:unshare'],
  ['clone(SIGCHLD)', 'allow', 'calls:clone'],
  ['clone(CLONE_NEWUSER|SIGCHLD)', 'EPERM', 'calls:clone'],
  ['clone3(0, 0)', 'ENOSYS', 'calls:clone3'],
  ['io_uring_setup(1)', 'ENOSYS', 'calls:io_uring_setup'],
  ['bpf(0)', 'EPERM', 'calls:bpf'],
  ['ioctl(0, TCGETS, 0)', 'allow', 'calls:ioctl'],
  ['ioctl(0, TIOCSTI, 0)', 'EPERM', 'calls:ioctl'],
  ['ioctl(0, 0x100005412, 0)', 'EPERM', 'calls:ioctl'],
  ['socket(AF_INET, SOCK_STREAM, 0)', 'allow', 'calls:socket'],
  ['socket(AF_INET, SOCK_DGRAM, 0)', 'EPERM', 'calls:socket'],
  ['kill(1, SIGTERM)', 'allow', 'calls:kill'],
  ['kill(1, SIGKILL)', 'EPERM', 'calls:kill'],
];

for (const [name, policy, rows] of [
  ['strict', strict, strictRows],
  ['filesystem', filesystem, filesystemRows],
] as const) {
  for (const [text, expected, rule] of rows) {
    test(`${name}: ${text} is ${expected} by ${rule}`, (t) => {
      const event = parseEvent(text);
      if (!event.ok) return t.fail(event.diagnostics[0]?.message);
      const decision = decide(policy, event.value);
      t.is(decision.verdict === 'allow' ? 'allow' : decision.errno, expected, decision.reason);
      t.is(decision.rule, rule);
    });
  }
}

test('exec: once keeps every way to execute for the launch', (t) => {
  const policy = policyOf('files: {/bin/x: read execute}\n');
  for (const text of ['execve("/bin/x")', 'execveat("/bin/x")']) {
    const explained = explainEvent(policy, text);
    t.is(explained.ok && explained.value.decision.rule, 'exec:once');
  }
});

test('the syslog service grants the one connection that the supervisor makes', (t) => {
  const policy = policyOf('services: [syslog]\n');
  const texts = ['connect(3, unix:/dev/log)', 'connect(3, unix:/dev/other)', 'connect(3, tcp/1.1.1.1:514)'];
  const verdicts = texts.map((text) => {
    const explained = explainEvent(policy, text);
    return explained.ok && explained.value.decision.verdict;
  });
  t.deepEqual(verdicts, ['allow', 'refuse', 'refuse']);
});

test('links are followed and what exists is not created, where the world tells', (t) => {
  const policy = policyOf('files: {/real: read write}\ncalls: {permit: [openat]}\n');
  const world = {
    exists: (path: string) => path.endsWith('/file'),
    resolve: (path: string) => path.replace(/^\/link/, '/real'),
  };
  const verdict = (text: string): string => {
    const explained = explainEvent(policy, text, world);
    return explained.ok ? explained.value.decision.verdict : '';
  };
  t.is(verdict('openat("/link/file", O_RDWR|O_CREAT)'), 'allow');
  t.is(verdict('openat("/link/other", O_RDWR|O_CREAT)'), 'refuse');
});

test('an explanation names the line of the profile', (t) => {
  const explained = explainEvent(strict, 'openat("/etc/shadow", O_RDONLY)');
  t.regex(
    explained.ok ? explained.value.text : '',
    /refused with EACCES \(files:\/etc\/shadow\).*test\.vxed\.yaml:7:3/,
  );
});
