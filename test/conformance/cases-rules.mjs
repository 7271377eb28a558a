// Rules that the specification's text has for single fields and for single steps of the lifecycle.
import { chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { act, ask, hooks_, linux_, refused, sleeps } from './case.mjs';
import { equal, eventually, expect } from './subject.mjs';

const id = 'command line';
const hooked = 'config.md, POSIX-platform Hooks';

/** What the runtimes and a small program need, and no mkdir. */
const permitted =
  `access arch_prctl brk capget capset chdir clock_gettime clock_nanosleep clone close close_range dup dup2 dup3 epoll_create1
  epoll_ctl epoll_pwait eventfd2 execve execveat exit exit_group faccessat faccessat2 fchdir fcntl fstat fstatfs futex getcwd getdents64 getegid
  geteuid getgid getpgrp getpid getppid getrandom gettid getuid ioctl keyctl lseek madvise mmap mprotect munmap nanosleep newfstatat open openat
  openat2 pipe2 poll ppoll prctl pread64 prlimit64 read readlink readlinkat recvfrom recvmsg restart_syscall rseq rt_sigaction rt_sigprocmask
  rt_sigreturn sched_getaffinity sched_yield seccomp sendmsg sendto set_robust_list set_tid_address setgid setgroups setresgid setresuid setsid
  setuid sigaltstack stat statfs statx tgkill umask wait4 write writev`.split(/\s+/);

/** A container whose start has to fail: its poststop hooks run then or with delete, and no program of it is left. */
const startFails = (name, made) => async (subject) => {
  let log;
  const container = await subject.created(['write:/data/ran', ...sleeps], (config, { folder }) => {
    log = join(folder, 'stopped');
    config.hooks = {
      [name]: [made],
      poststop: [{ path: '/bin/sh', args: ['sh', '-c', `cat >${log}`] }],
    };
  });
  const { pid } = await subject.state(container.id);
  const { code, stderr } = await subject.call(['start', container.id]);
  expect(code !== 0, 'start succeeded');
  expect(stderr.trim() !== '', 'start failed without a word');
  const ended = () => {
    try {
      return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return true;
    }
  };
  await eventually(ended, 'its process goes on');
  await subject.call(['delete', container.id]);
  await eventually(() => existsSync(log), 'the poststop hook did not run');
  return container;
};

/** A container whose root is user 100000 of the host, with its cgroup mounted by these options; `change` is done besides. */
const owned = (subject, options, change = () => {}) =>
  subject.started(
    ['mkdir:/sys/fs/cgroup/below', 'write:/sys/fs/cgroup/memory.max', ...sleeps],
    (config, { rootfs }) => {
      const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.namespaces.push({ type: 'user' }, { type: 'cgroup' });
      config.linux.uidMappings = map;
      config.linux.gidMappings = map;
      for (const folder of ['', 'sys', 'dev', 'proc', 'data'])
        chownSync(join(rootfs, folder), 100000, 100000);
      config.mounts.push(
        { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] },
        { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options },
      );
      subject.inCgroup(config);
      change(config);
    },
  );
/** What of the case's cgroup is not root's. */
const givenAway = (subject) => {
  const folder = `/sys/fs/cgroup/${subject.cgroup}`;
  const of = (name) => statSync(join(folder, name)).uid;
  const others = ['.', ...readdirSync(folder)].filter((name) => name !== 'below' && of(name) !== 0);
  expect(
    others.every((name) => of(name) === 100000),
    `another user has of it: ${others}`,
  );
  return others.sort().join(' ');
};
const ownership = 'config-linux.md, Cgroup ownership';

export const rules = [
  ...[
    ['a call with a number behind all that the filter names gets ENOSYS', undefined, 'ENOSYS'],
    ['so it does where the filter says EPERM itself', 1, 'ENOSYS'],
    ['and another errno, where the filter says that', 95, 'EOPNOTSUPP'],
  ].map(([title, defaultErrnoRet, wanted]) =>
    ask(
      id,
      'habit',
      title,
      ['call:1000', 'mkdir:/data/x'],
      linux_({
        seccomp: {
          defaultAction: 'SCMP_ACT_ERRNO',
          defaultErrnoRet,
          architectures: [process.arch === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64'],
          syscalls: [{ names: permitted, action: 'SCMP_ACT_ALLOW' }],
        },
      }),
      (result) => {
        equal(result.refused('call:1000'), wanted, 'what it gets');
        equal(
          result.refused('mkdir:/data/x'),
          defaultErrnoRet === 95 ? wanted : 'EPERM',
          'what a known one gets',
        );
      },
    ),
  ),
  act(ownership, 'SHOULD', "a cgroup that can be written to is the program's user's", async (subject) => {
    const container = await owned(subject, ['rw', 'nosuid', 'noexec', 'nodev']);
    await eventually(() => container.said().answers.size === 2, 'it does not answer');
    const list = '/sys/kernel/cgroup/delegate';
    const names = existsSync(list)
      ? readFileSync(list, 'utf8').trim().split('\n')
      : ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
    const there = names.filter((name) => existsSync(`/sys/fs/cgroup/${subject.cgroup}/${name}`));
    equal(givenAway(subject), ['.', ...there].sort().join(' '), 'what it has');
    container.said().value('mkdir:/sys/fs/cgroup/below');
    container.said().refused('write:/sys/fs/cgroup/memory.max');
  }),
  ...[
    ['is read-only', ['ro'], undefined],
    [
      'is seen from outside',
      ['rw'],
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
      },
    ],
  ].map(([what, options, change]) =>
    act(ownership, 'SHOULD', `one that ${what} stays as it is`, async (subject) => {
      const container = await owned(subject, options, change);
      await eventually(() => container.said().answers.size === 2, 'it does not answer');
      equal(givenAway(subject), '', 'what it has');
      container.said().refused('mkdir:/sys/fs/cgroup/below');
    }),
  ),
  refused('config-linux.md, Namespaces', 'MUST', 'a path that is not absolute is refused', (config) => {
    config.linux.namespaces.find(({ type }) => type === 'uts').path = 'proc/self/ns/uts';
  }),
  act(
    'runtime.md, Lifecycle',
    'MUST',
    'a startContainer hook that fails is an error, and the program does not run',
    async (subject) => {
      const { bundle } = await startFails('startContainer', {
        path: '/bin/probe',
        args: ['probe', 'exit:3'],
      })(subject);
      expect(!existsSync(join(bundle, 'rootfs/data/ran')), 'the program ran');
    },
  ),
  act(
    'runtime.md, Lifecycle',
    'MUST',
    'a poststart hook that fails is an error and stops the container',
    startFails('poststart', { path: '/bin/false' }),
  ),
  refused(
    hooked,
    'MUST',
    'a hook whose path is not absolute is refused',
    hooks_({ createRuntime: [{ path: 'bin/true' }] }),
  ),
  ...[0, -1].map((timeout) =>
    refused(
      hooked,
      'MUST',
      `a hook's timeout of ${timeout} is refused`,
      hooks_({ createRuntime: [{ path: '/bin/true', timeout }] }),
    ),
  ),
  act(hooked, 'MUST', "a hook's args are its arguments, the first one too", async (subject) => {
    let file;
    await subject.created(sleeps, (config, { folder }) => {
      file = join(folder, 'args');
      // cat tells of itself, by the name that it was given.
      config.hooks = {
        createRuntime: [
          { path: '/bin/sh', args: ['named', '-c', `cat /proc/$$/cmdline >${file}`, 'second', 'third'] },
        ],
      };
    });
    const [first, ...rest] = readFileSync(file, 'utf8').split('\0');
    equal(first, 'named', 'the first');
    equal(rest.slice(2, 4).join(' '), 'second third', 'the last');
  }),

  refused(
    'config-linux.md, Devices',
    'MUST',
    'a file that is there already and is no such device is an error',
    (config, { rootfs }) => {
      writeFileSync(join(rootfs, 'etc/device'), 'a file\n');
      config.linux.devices = [{ path: '/etc/device', type: 'c', major: 1, minor: 5 }];
    },
  ),
  refused(
    'config-linux.md, Devices',
    'MUST',
    'a type of device that nobody knows is refused',
    linux_({ devices: [{ path: '/dev/made', type: 'x', major: 1, minor: 5 }] }),
  ),
  refused('config-linux.md, Namespaces', 'MUST', 'a type that nobody knows is refused', (config) => {
    config.linux.namespaces.push({ type: 'nonesuch' });
  }),
  refused(
    'config-linux.md, Readonly Paths',
    'MUST',
    'a readonly path that is not absolute is refused',
    linux_({ readonlyPaths: ['etc/file'] }),
  ),
  ask(
    'config-linux.md, Readonly Paths',
    'SHOULD',
    'a readonly path that is missing is no error',
    ['ids'],
    linux_({ readonlyPaths: ['/nowhere'] }),
    (result) => expect(result.value('ids'), 'it did not run'),
  ),
  ...['slave', 'unbindable'].map((kind) =>
    ask(
      'config-linux.md, Rootfs Mount Propagation',
      'MUST',
      `rootfsPropagation ${kind}`,
      ['read:/proc/self/mountinfo'],
      linux_({ rootfsPropagation: kind }),
      (result) => {
        const [, , , , point, , ...rest] = result
          .value('read:/proc/self/mountinfo')
          .split('\n')
          .find((line) => line.split(' ')[4] === '/')
          .split(' ');
        equal(point, '/', 'the mount');
        const tags = rest.slice(0, rest.indexOf('-')).map((tag) => tag.split(':')[0]);
        // Of what nobody shares nothing is received: a slave of none is private.
        expect(
          kind === 'unbindable' ? tags.includes('unbindable') : !tags.includes('shared'),
          `it is ${tags}`,
        );
      },
    ),
  ),
  ask(
    'config-linux.md, Seccomp',
    'MUST',
    'defaultErrnoRet is what a call gets that is in no list',
    ['mkdir:/data/x'],
    linux_({
      seccomp: {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 28,
        syscalls: [{ names: permitted, action: 'SCMP_ACT_ALLOW' }],
      },
    }),
    (result) => equal(result.refused('mkdir:/data/x'), 'ENOSPC', 'the errno'),
  ),
  refused(
    'config-linux.md, Seccomp',
    'MUST',
    'an architecture that nobody knows is refused',
    linux_({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_NONESUCH'] } }),
  ),
  refused(
    'config-linux.md, Seccomp',
    'MUST',
    'a comparison that nobody knows is refused',
    linux_({
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [
          { names: ['umask'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 1, op: 'SCMP_CMP_NONE' }] },
        ],
      },
    }),
  ),
  act('config-linux.md, Seccomp', 'MUST', 'SCMP_ACT_KILL_PROCESS ends the program', async (subject) => {
    const { code } = await subject.run(['umask', 'exit:0'], (config) => {
      config.linux.namespaces = config.linux.namespaces.filter((ns) => ns.type !== 'pid');
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['umask'], action: 'SCMP_ACT_KILL_PROCESS' }],
      };
    });
    equal(code, 128 + 31, 'the code');
  }),
  ...[
    ['Memory', 'disableOOMKiller', { memory: { disableOOMKiller: true } }],
    ['CPU', 'realtimeRuntime', { cpu: { realtimeRuntime: 1000, realtimePeriod: 10000 } }],
    ['Block IO', 'leafWeight', { blockIO: { leafWeight: 100 } }],
    ['Network', 'priorities', { network: { priorities: [{ name: 'lo', priority: 5 }] } }],
  ].map(([section, name, resources]) =>
    refused(
      `config-linux.md, ${section}`,
      'MUST',
      `${name}, which version 2 does not have, is refused`,
      linux_({ resources }),
    ),
  ),

  ask(
    'config.md, Process',
    'MUST',
    'consoleSize without a terminal is passed over',
    ['ids'],
    (config) => {
      config.process.consoleSize = { height: 33, width: 77 };
    },
    (result) => expect(result.value('ids'), 'it did not run'),
  ),
  act(id, 'habit', 'kill without a signal sends SIGTERM', async (subject) => {
    const { id: name } = await subject.started(sleeps, (config) => {
      config.linux.namespaces = config.linux.namespaces.filter((ns) => ns.type !== 'pid');
    });
    await subject.must(['kill', name]);
    await subject.until(name, 'stopped');
  }),
  act(id, 'habit', 'create --no-pivot and --no-new-keyring', async (subject) => {
    await subject.created(sleeps, undefined, { flags: ['--no-pivot', '--no-new-keyring'] });
  }),
  act(id, 'habit', 'exec --no-new-privs and --preserve-fds', async (subject) => {
    const { id: name } = await subject.started(sleeps, (config) => {
      config.process.noNewPrivileges = false;
    });
    const status = async (...flags) =>
      (await subject.must(['exec', ...flags, name, '/bin/probe', 'read:/proc/self/status'])).stdout;
    expect(/NoNewPrivs:\\u00090/.test(await status()), 'without it, it is set');
    expect(/NoNewPrivs:\\u00091/.test(await status('--no-new-privs')), 'it is not set');
    const { stdout } = await subject.must(['exec', '--preserve-fds', '0', name, '/bin/probe', 'fds']);
    expect(stdout.includes('"0 1 2"'), `the descriptors are ${stdout}`);
  }),
  act(id, 'habit', 'what a terminal is resized to, its program is told', (subject) =>
    subject.withPeer('resizes', async (socket, text, until) => {
      const container = await subject.created(
        ['terminal', 'resized'],
        (config) => {
          config.process.terminal = true;
          config.process.consoleSize = { height: 12, width: 34 };
        },
        { flags: ['--console-socket', socket] },
      );
      await subject.must(['start', container.id]);
      await until(() => text().includes('"44 55"'));
      expect(text().includes('"12 34"'), `before it was another: ${text()}`);
    }),
  ),
];
