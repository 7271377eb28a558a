/** A change to a profile's text; the old text must be there exactly once. */
export type Edit = readonly [from: string, to: string];

/** A mistake that an administrator might make in a profile that ships, and the question that finds it. */
export interface Hole {
  readonly name: string;
  /** Of the folder `profiles`. */
  readonly profile: string;
  /** What the administrator had, where it is more than what ships. */
  readonly before?: readonly Edit[];
  readonly mistake: readonly Edit[];
  /** `--never QUESTION`; or `--implies`, against the profile without the mistake. */
  readonly question: { readonly never: string } | 'implies';
  /** The call that shows it. */
  readonly example: RegExp;
  /** What the control says where the refusal is no error: the call's own answer. */
  readonly control?: string;
}

const accept = (...ports: readonly string[]): string => `accept: [${ports.join(', ')}]`;
const permitToo = (...calls: readonly string[]): Edit => [
  'calls:\n  permit:\n',
  `calls:\n  permit:\n${calls.map((call) => `    - ${call}\n`).join('')}`,
];
/** nginx as a proxy: a connection to one place is its work. */
const PROXY: readonly Edit[] = [
  ['connect: []', 'connect: []\n  sockets: {"tcp/10.0.0.0/8:8080": connect}'],
  permitToo('connect'),
];

export const HOLES: readonly Hole[] = [
  {
    name: 'a mask too short lets O_WRONLY pass for reading',
    profile: 'popd',
    before: [
      ['    - openat\n', ''],
      ['  when:\n', '  when:\n    openat:\n      - {flags: {is: O_RDONLY, mask: O_ACCMODE}}\n'],
    ],
    mistake: [['{is: O_RDONLY, mask: O_ACCMODE}', '{is: O_RDONLY, mask: O_RDWR}']],
    question: { never: 'openat(_, _, O_WRONLY)' },
    example: /^openat\(.*"\/var\/mail.*O_WRONLY/,
  },
  {
    name: 'a path rule is one level too wide',
    profile: 'popd',
    mistake: [['/var/mail: read write', '/var: read write']],
    question: { never: 'write outside /var/mail' },
    example: /^openat\(.*"\/var\/any-other-name"/,
  },
  {
    name: 'what can be written can be executed',
    profile: 'nginx',
    mistake: [
      ['/run/: read write create remove', '/run/: read write create remove execute'],
      ['exec: once', 'exec: any'],
      permitToo('execve'),
    ],
    question: { never: 'exec where writable' },
    example: /^execve\("\/run/,
  },
  {
    name: 'a shell for a script, and with it every program',
    profile: 'apache-php',
    mistake: [
      ['/usr/lib: read\n', '/usr/lib: read\n  /usr/bin: read execute\n'],
      ['exec: once', 'exec: any'],
      permitToo('execve'),
    ],
    question: { never: 'execute outside /usr/sbin, /lib64' },
    example: /^execve\("\/usr\/bin/,
  },
  {
    name: 'a range of ports off by one',
    profile: 'memcached',
    before: [['connect: []', 'connect: []\n  sockets: {"tcp/11212-11213": accept}']],
    mistake: [['tcp/11212-11213', 'tcp/11212-11214']],
    question: { never: 'bind to any port not 11211-11213' },
    example: /^bind\(.*tcp\/.*:11214/,
  },
  {
    name: 'any port may be bound',
    profile: 'redis',
    mistake: [['connect: []', 'connect: []\n  sockets: {"tcp/*": accept}']],
    question: { never: 'bind to any port not 6379' },
    example: /^bind\(/,
  },
  {
    name: 'a port of every address, not of the own network',
    profile: 'nginx',
    before: PROXY,
    mistake: [
      ['connect: []\n', 'connect: [tcp/8080]\n'],
      ['  sockets: {"tcp/10.0.0.0/8:8080": connect}\n', ''],
    ],
    question: { never: 'connect to not 10.0.0.0/8' },
    example: /^connect\(.*tcp\/192\.0\.2\.\d+:8080/,
  },
  {
    name: 'the prefix of an address is too short',
    profile: 'nginx',
    before: PROXY,
    mistake: [['tcp/10.0.0.0/8:8080', 'tcp/0.0.0.0/4:8080']],
    question: { never: 'connect to not 10.0.0.0/8' },
    example: /^connect\(.*tcp\/\d+\.\d+\.\d+\.\d+:8080/,
  },
  {
    name: 'no none below what may be read',
    profile: 'nginx',
    before: [['  /etc/nginx: read\n', '  /etc/nginx: read\n  /etc/nginx/private: none\n']],
    mistake: [['  /etc/nginx/private: none\n', '']],
    question: { never: 'read of /etc/nginx/private' },
    example: /^openat\(.*"\/etc\/nginx\/private/,
  },
  {
    name: 'the configuration may be written',
    profile: 'redis',
    mistake: [['/etc/redis: read', '/etc/redis: read write']],
    question: { never: 'write outside /var/lib/redis' },
    example: /^open(at)?\(.*"\/etc\/redis/,
  },
  {
    name: 'ptrace, for a debugger that was needed once',
    profile: 'redis',
    mistake: [permitToo('ptrace')],
    question: { never: 'ptrace(_)' },
    example: /^ptrace\(/,
  },
  {
    name: 'CAP_SYS_ADMIN, since something was refused',
    profile: 'popd',
    mistake: [['capabilities:\n', 'capabilities:\n  - CAP_SYS_ADMIN\n']],
    question: {
      never: 'capability not CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_SETUID, CAP_SETGID',
    },
    example: /^prctl\(PR_CAPBSET_READ, CAP_SYS_ADMIN\)/,
    control: 'call 0 0',
  },
  {
    name: 'memory is made executable',
    profile: 'nginx',
    mistake: [['{prot: {only: PROT_READ}}', '{prot: {without: PROT_WRITE}}']],
    question: { never: 'mprotect where prot with PROT_EXEC' },
    example: /^mprotect\(/,
  },
  {
    name: 'a mapping that is writable and executable',
    profile: 'apache-php',
    mistake: [
      [
        '{prot: {only: PROT_READ|PROT_EXEC}, flags: {without: MAP_ANONYMOUS}}',
        '{prot: {with: PROT_EXEC}, flags: {without: MAP_ANONYMOUS}}',
      ],
    ],
    question: { never: 'mmap where prot with PROT_WRITE|PROT_EXEC' },
    example: /^mmap\(/,
  },
  {
    name: 'a user namespace of its own',
    profile: 'popd',
    mistake: [
      [
        '{only: CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD}',
        '{only: CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|CLONE_NEWUSER|SIGCHLD}',
      ],
    ],
    question: { never: 'clone where flags with CLONE_NEWUSER' },
    example: /^clone\(/,
  },
  {
    name: 'every socket below a folder, not the one',
    profile: 'apache-php',
    before: [
      ['      - {domain: AF_UNIX, errno: EACCES}\n', ''],
      ['    connect:\n      - {errno: ECONNREFUSED}\n', ''],
      [
        '    socket:\n      - {domain: [AF_INET',
        '    socket:\n      - {domain: AF_UNIX, type: {is: SOCK_STREAM, mask: SOCK_TYPE_MASK}}\n      - {domain: [AF_INET',
      ],
    ],
    mistake: [['connect: []', 'connect: []\n  sockets: {"unix:/srv": connect send}'], permitToo('connect')],
    question: { never: 'connect to unix:/srv/backup' },
    example: /^connect\(.*unix:\/srv/,
  },
  {
    name: 'a range of requests that has TIOCSTI in it',
    profile: 'dnsmasq',
    mistake: [['      - {request: TCGETS}\n', '      - {request: {from: TCGETS, to: 0x5421}}\n']],
    question: { never: 'ioctl(_, TIOCSTI)' },
    example: /^ioctl\(.*TIOCSTI/,
  },
  {
    name: 'datagrams too, where streams were meant',
    profile: 'memcached',
    mistake: [
      [accept('tcp/11211'), accept('tcp/11211', 'udp/11211')],
      [
        'protocol: [0, IPPROTO_TCP]}\n',
        'protocol: [0, IPPROTO_TCP]}\n      - {domain: AF_INET, type: {is: SOCK_DGRAM, mask: SOCK_TYPE_MASK}, protocol: [0, IPPROTO_UDP]}\n',
      ],
    ],
    question: { never: 'bind to any by udp' },
    example: /^bind\(.*udp\/.*:11211/,
  },
  {
    name: 'a connection by the way, with what is sent',
    profile: 'popd',
    mistake: [['{addr: 0, flags: {without: MSG_FASTOPEN}}', '{addr: 0}']],
    question: { never: 'sendto where flags with MSG_FASTOPEN' },
    example: /^sendto\(/,
  },
  {
    name: 'a mask that takes one option for many',
    profile: 'popd',
    mistake: [['{level: SOL_SOCKET, name: SO_REUSEADDR}', '{level: SOL_SOCKET, name: {with: SO_REUSEADDR}}']],
    question: 'implies',
    example: /^setsockopt\(/,
  },
  {
    name: 'any signal where four were meant',
    profile: 'nginx',
    mistake: [['{sig: [SIGKILL, SIGTERM, SIGQUIT, SIGUSR1]}', '{sig: {from: SIGHUP, to: SIGTERM}}']],
    question: { never: 'kill where sig is SIGABRT' },
    example: /^kill\(/,
  },
  {
    name: 'a file by its handle, past every path rule',
    profile: 'redis',
    mistake: [
      permitToo('open_by_handle_at'),
      ['capabilities: []', 'capabilities: [CAP_DAC_READ_SEARCH]\naccept-unenforced: ["files:handles"]'],
    ],
    question: 'implies',
    example: /^open_by_handle_at\(/,
  },
];
