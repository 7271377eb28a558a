// config-linux.md: devices, namespaces, cgroups, seccomp, masks.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { act, answers, ask, linux_, mountAt, refused, sleeps, statusLine } from './case.mjs';
import { equal, eventually, expect } from './subject.mjs';

const kinds = {
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  mount: 'mnt',
  network: 'net',
  cgroup: 'cgroup',
  time: 'time_for_children',
};
const own = (kind) => readlinkSync(`/proc/self/ns/${kind}`);
const errnoFilter = (names, extra = {}) => ({
  seccomp: {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'].slice(0, process.arch === 'x64' ? 1 : 2),
    syscalls: [{ names, action: 'SCMP_ACT_ERRNO', ...extra }],
  },
});

/** A container with a cgroup of its own, running; the folder is given to the test. */
async function inCgroup(subject, ops, change, test) {
  const container = await subject.started(ops, (config) => {
    subject.inCgroup(config);
    config.linux.namespaces.push({ type: 'cgroup' });
    return change?.(config);
  });
  await test(container, `/sys/fs/cgroup/${subject.cgroup}`);
}

function membersOf(cgroup) {
  expect(existsSync(cgroup), 'the cgroup is gone');
  return readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean);
}

/** The case's cgroup is there before it, and has to be there after it. */
async function inOwnCgroup(subject, test) {
  const cgroup = `/sys/fs/cgroup/${subject.cgroup}`;
  mkdirSync(cgroup);
  try {
    await test(cgroup);
    membersOf(cgroup);
  } finally {
    // The kernel lets go of a cgroup a moment after its last process has ended.
    await subject.end();
    await eventually(() => {
      try {
        rmdirSync(cgroup);
      } catch (error) {
        return error.code === 'ENOENT';
      }
      return true;
    }, 'the cgroup cannot be removed');
  }
}

const deviceRules = (rules) => (config) => {
  config.linux.resources = { devices: rules };
};

export const linux = [
  ...[
    ['/proc', 'proc'],
    ['/dev/pts', 'devpts'],
    ['/dev/shm', 'tmpfs'],
  ].map(([point, type]) =>
    ask(
      'config-linux.md, Default Filesystems',
      'SHOULD',
      `${point} is a ${type}`,
      ['read:/proc/self/mountinfo'],
      undefined,
      (result) => equal(mountAt(result, point).type, type, 'the type'),
    ),
  ),
  ask(
    'config-linux.md, Default Filesystems',
    'SHOULD',
    'sysfs',
    ['read:/proc/self/mountinfo'],
    (config) => {
      config.mounts.push({
        destination: '/sys',
        type: 'sysfs',
        source: 'sysfs',
        options: ['nosuid', 'noexec', 'nodev', 'ro'],
      });
    },
    (result) => equal(mountAt(result, '/sys').type, 'sysfs', 'the type'),
  ),
  ask(
    'config-linux.md, Default Filesystems',
    'SHOULD',
    'mqueue',
    ['read:/proc/self/mountinfo'],
    (config) => {
      config.mounts.push({
        destination: '/dev/mqueue',
        type: 'mqueue',
        source: 'mqueue',
        options: ['nosuid', 'noexec', 'nodev'],
      });
    },
    (result) => equal(mountAt(result, '/dev/mqueue').type, 'mqueue', 'the type'),
  ),
  ...[
    ['null', '1:3'],
    ['zero', '1:5'],
    ['full', '1:7'],
    ['random', '1:8'],
    ['urandom', '1:9'],
    ['tty', '5:0'],
  ].map(([name, number]) =>
    ask(
      'config-linux.md, Default Devices',
      'MUST',
      `/dev/${name}`,
      [`stat:/dev/${name}`, `openread:/dev/${name}`],
      undefined,
      (result) =>
        expect(
          result.value(`stat:/dev/${name}`).startsWith(`char 666 ${number}`),
          result.value(`stat:/dev/${name}`),
        ),
    ),
  ),
  act('config-linux.md, Default Devices', 'MUST', 'without a mount on /dev, each time', async (subject) => {
    const names = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
    const bundle = subject.bundle(
      [...names.map((name) => `openread:/dev/${name}`), 'stat:/dev/null'],
      (config) => {
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
        config.linux.devices = [{ path: '/dev/made', type: 'c', major: 1, minor: 5, uid: 12 }];
      },
    );
    for (let i = 0; i < 2; i++) {
      const result = await subject.runBundle(bundle);
      equal(result.code, 0, `the code (${result.stderr.trim()})`);
      for (const name of names)
        if (name !== 'tty') equal(result.value(`openread:/dev/${name}`), '', `opening /dev/${name}`);
      expect(result.value('stat:/dev/null').startsWith('char 666 1:3'), 'the null device is another');
    }
  }),
  act(
    'config-linux.md, Devices',
    'MUST',
    "a device in a /dev of the host's stays as it is",
    async (subject) => {
      const source = join(subject.folder, 'dev');
      mkdirSync(source);
      for (const [name, minor] of [
        ['null', '3'],
        ['full', '7'],
      ])
        execFileSync('mknod', ['-m', '666', join(source, name), 'c', '1', minor]);
      const devices = (path, minor) => (config) => {
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
        config.mounts.push({ destination: '/dev', type: 'bind', source, options: ['rbind'] });
        config.linux.devices = [{ path, type: 'c', major: 1, minor, fileMode: 0o666, uid: 12 }];
      };
      const result = await subject.run(['stat:/dev/full'], devices('/dev/full', 7));
      expect(
        result.code !== 0 || result.value('stat:/dev/full').startsWith('char 666 1:7'),
        'the device is another',
      );
      const { uid } = statSync(join(source, 'full'));
      equal(uid, 0, "the owner of the host's device");
      const missing = await subject.run(['exit:0'], devices('/dev/nonesuch', 5));
      expect(missing.code !== 0, 'one that the host does not have was passed over');
    },
  ),
  ask(
    'config-linux.md, Default Devices',
    'MUST',
    '/dev is filled before it is read-only',
    ['stat:/dev/null', 'open:/dev/ptmx', 'fs:/dev/shm', 'mkdir:/dev/new'],
    (config) => {
      config.mounts.find((entry) => entry.destination === '/dev').options.push('ro');
    },
    (result) => {
      expect(result.value('stat:/dev/null').startsWith('char 666 1:3'), 'the null device is another');
      result.value('open:/dev/ptmx');
      equal(result.refused('mkdir:/dev/new'), 'EROFS', 'a folder that is made in it');
    },
  ),
  ask(
    'config-linux.md, Default Devices',
    'MUST',
    '/dev/ptmx is that of its devpts',
    ['stat:/dev/pts/ptmx', 'open:/dev/ptmx'],
    undefined,
    (result) => equal(result.value('open:/dev/ptmx'), '', 'the open'),
  ),
  ...[
    ['fd', '/proc/self/fd'],
    ['stdin', '/proc/self/fd/0'],
    ['stdout', '/proc/self/fd/1'],
    ['stderr', '/proc/self/fd/2'],
  ].map(([name, target]) =>
    ask(
      'runtime-linux.md, Dev symbolic links',
      'MUST',
      `/dev/${name} is a link`,
      [`link:/dev/${name}`],
      undefined,
      (result) => equal(result.value(`link:/dev/${name}`), target, 'the link'),
    ),
  ),
  answers(
    'runtime-linux.md, File descriptors',
    'MUST',
    'only the standard streams are open',
    'fds',
    undefined,
    '0 1 2',
  ),
  answers(
    'config-linux.md, Devices',
    'MUST',
    'a device of linux.devices',
    'stat:/dev/made',
    linux_({
      devices: [{ path: '/dev/made', type: 'c', major: 1, minor: 5, fileMode: 0o640, uid: 12, gid: 34 }],
    }),
    'char 640 1:5 12:34',
  ),
  answers(
    'config-linux.md, Devices',
    'MUST',
    "/dev/ptmx in linux.devices leaves that of the container's devpts",
    'open:/dev/ptmx',
    linux_({ devices: [{ path: '/dev/ptmx', type: 'c', major: 5, minor: 2, fileMode: 0o666 }] }),
    '',
  ),
  ask(
    'config-linux.md, Devices',
    'MUST',
    'a fifo of linux.devices',
    ['stat:/dev/pipe'],
    linux_({ devices: [{ path: '/dev/pipe', type: 'p', fileMode: 0o600 }] }),
    (result) => expect(result.value('stat:/dev/pipe').startsWith('fifo 600'), result.value('stat:/dev/pipe')),
  ),
  ask(
    'config-linux.md, Devices',
    'MUST',
    'a device in a folder that is missing',
    ['stat:/dev/deep/made'],
    linux_({ devices: [{ path: '/dev/deep/made', type: 'c', major: 1, minor: 3 }] }),
    (result) => expect(result.value('stat:/dev/deep/made').startsWith('char'), 'it is no device'),
  ),

  ...Object.entries(kinds).map(([type, file]) =>
    ask(
      'config-linux.md, Namespaces',
      'MUST',
      `a new ${type} namespace`,
      [`link:/proc/self/ns/${file.replace('_for_children', '')}`],
      (config) => {
        if (!config.linux.namespaces.some((ns) => ns.type === type)) config.linux.namespaces.push({ type });
      },
      (result) => {
        const name = file.replace('_for_children', '');
        expect(result.value(`link:/proc/self/ns/${name}`) !== own(name), "it is the runtime's");
      },
    ),
  ),
  ...['ipc', 'uts', 'network'].map((type) =>
    ask(
      'config-linux.md, Namespaces',
      'MUST',
      `without ${type} in the list the runtime's is inherited`,
      [`link:/proc/self/ns/${kinds[type]}`],
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter((ns) => ns.type !== type);
        if (type === 'uts') delete config.hostname;
      },
      (result) => equal(result.value(`link:/proc/self/ns/${kinds[type]}`), own(kinds[type]), 'the namespace'),
    ),
  ),
  ...[
    [
      'without mount in the list',
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
      },
    ],
    [
      'without linux in config.json',
      (config) => {
        delete config.linux;
        delete config.hostname;
      },
    ],
  ].map(([title, change]) =>
    act(
      'config-linux.md, Namespaces',
      'MUST',
      `${title} the runtime's mount namespace is inherited`,
      async (subject) => {
        const { id } = await subject.started(sleeps, (config) => {
          config.mounts = [];
          change(config);
        });
        const { pid } = await subject.state(id);
        equal(readlinkSync(`/proc/${pid}/ns/mnt`), own('mnt'), 'the namespace');
        const { said } = await subject.must(['exec', id, '/bin/probe', 'read:/etc/file', 'stat:/dev/null']);
        equal(said().value('read:/etc/file'), 'content\n', 'a file of the rootfs');
        expect(said().value('stat:/dev/null').startsWith('char 666 1:3'), 'the null device is another');
        await subject.must(['delete', '--force', id]);
        equal(subject.mounts().join(' '), '', 'what is mounted after delete');
      },
    ),
  ),
  act(
    'config-linux.md, Namespaces',
    'SHOULD',
    'without a mount namespace nothing stays mounted on the host',
    async (subject) => {
      const { code, stderr } = await subject.run(['stat:/data'], (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
        config.mounts = [{ destination: '/data', type: 'tmpfs', source: 'tmpfs' }];
      });
      expect(code === 0 || stderr.trim() !== '', 'it failed without a word');
      equal(subject.mounts().join(' '), '', 'what is mounted after it');
    },
  ),
  ...['maskedPaths', 'readonlyPaths', 'rootfsPropagation'].map((field) =>
    act(
      'config-linux.md, Namespaces',
      'SHOULD',
      `${field} without a mount namespace is an error`,
      async (subject) => {
        const { code, stderr } = await subject.create(['exit:0'], (config) => {
          config.mounts = [];
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
          config.linux[field] = field === 'rootfsPropagation' ? 'private' : ['/etc/file'];
        });
        expect(code !== 0, `${field} was passed over`);
        expect(stderr.trim() !== '', 'without a word');
      },
    ),
  ),
  act('config-linux.md, Namespaces', 'MUST', 'a user namespace by path, beside new ones', async (subject) => {
    const link = 'link:/proc/self/ns/user';
    const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
    const add = (entry) => (config) => {
      config.linux.namespaces.push({ type: 'user', ...entry });
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
    };
    const first = await subject.started(['sleep:100000'], add({}));
    const path = `/proc/${(await subject.state(first.id)).pid}/ns/user`;
    const ops = [link, 'read:/proc/self/uid_map', 'hostname', 'stat:/dev/null', 'pid'];
    const second = await subject.run(ops, add({ path }));
    equal(second.code, 0, `the code (${second.stderr.trim()})`);
    equal(second.value(link), readlinkSync(path), 'the namespace');
    equal(second.value('read:/proc/self/uid_map').trim().split(/\s+/).join(' '), '0 100000 1000', 'its map');
    equal(second.value('hostname'), 'conformance', 'the host name');
    equal(second.value('pid'), '1', 'its number');
    const third = await subject.started(['sleep:100000'], add({ path }));
    const exec = await subject.must(['exec', third.id, '/bin/probe', link]);
    equal(exec.said().value(link), readlinkSync(path), 'the namespace of exec');
  }),
  ...['ipc', 'uts', 'network', 'pid', 'cgroup'].map((type) =>
    act('config-linux.md, Namespaces', 'MUST', `a ${type} namespace by path is joined`, async (subject) => {
      const add = (config, entry) => {
        config.linux.namespaces = [...config.linux.namespaces.filter((ns) => ns.type !== type), entry];
        if (type === 'uts') delete config.hostname;
      };
      const first = await subject.started(['sleep:100000'], (config) => add(config, { type }));
      const { pid } = await subject.state(first.id);
      const path = `/proc/${pid}/ns/${kinds[type]}`;
      const wanted = readlinkSync(path);
      const second = await subject.run([`link:/proc/self/ns/${kinds[type]}`], (config) =>
        add(config, { type, path }),
      );
      equal(second.value(`link:/proc/self/ns/${kinds[type]}`), wanted, 'the namespace');
    }),
  ),
  ...['ipc', 'uts', 'network'].flatMap((type) =>
    [false, true].map((byPath) =>
      act(
        'config-linux.md, Namespaces',
        'MUST',
        `in a ${byPath ? 'user namespace by path' : 'new user namespace'}, a ${type} namespace that is another's is joined by path`,
        async (subject) => {
          const mapping = [{ containerID: 0, hostID: 100000, size: 1000 }];
          const add = (config, ...entries) => {
            const types = entries.map((entry) => entry.type);
            config.linux.namespaces = [
              ...config.linux.namespaces.filter((ns) => !types.includes(ns.type)),
              ...entries,
            ];
            // What is not the user namespace's own is neither named nor shown from in there.
            delete config.hostname;
            config.mounts = config.mounts.filter((entry) => !['sysfs', 'mqueue'].includes(entry.type));
          };
          const mapped = (config) =>
            Object.assign(config.linux, { uidMappings: mapping, gidMappings: mapping });
          const first = await subject.started(['sleep:100000'], (config) => add(config, { type }));
          const { pid } = await subject.state(first.id);
          const path = `/proc/${pid}/ns/${kinds[type]}`;
          const wanted = readlinkSync(path);
          const user = { type: 'user' };
          if (byPath) {
            const owner = await subject.started(['sleep:100000'], (config) => {
              add(config, user);
              mapped(config);
            });
            user.path = `/proc/${(await subject.state(owner.id)).pid}/ns/user`;
          }
          const second = await subject.run([`link:/proc/self/ns/${kinds[type]}`, 'pid'], (config) => {
            add(config, { type, path }, user);
            if (!byPath) mapped(config);
          });
          equal(second.value(`link:/proc/self/ns/${kinds[type]}`), wanted, 'the namespace');
          equal(second.value('pid'), '1', 'its number');
        },
      ),
    ),
  ),
  ...Object.entries({
    ipc: 'uts',
    uts: 'ipc',
    network: 'pid',
    mount: 'net',
    cgroup: 'ipc',
    pid: 'net',
    user: 'uts',
  }).map(([type, another]) =>
    refused(
      'config-linux.md, Namespaces',
      'MUST',
      `a path that is a namespace of another type is refused${type === 'ipc' ? '' : ` (${type})`}`,
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter((ns) => ns.type !== type);
        config.linux.namespaces.push({ type, path: `/proc/self/ns/${another}` });
        if (type === 'uts') delete config.hostname;
      },
    ),
  ),
  refused('config-linux.md, Namespaces', 'MUST', 'a type given twice is refused', (config) => {
    config.linux.namespaces.push({ type: 'ipc' });
  }),
  answers(
    'config-linux.md, Namespaces',
    'MUST',
    'in a new pid namespace the program is process 1',
    'pid',
    undefined,
    '1',
  ),
  ask(
    'config-linux.md, User namespace mappings',
    'MUST',
    'uidMappings and gidMappings',
    ['read:/proc/self/uid_map', 'read:/proc/self/gid_map', 'ids'],
    (config) => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 5000 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 6000 }];
    },
    (result) => {
      equal(result.value('read:/proc/self/uid_map').trim().split(/\s+/).join(' '), '0 0 5000', 'uid_map');
      equal(result.value('read:/proc/self/gid_map').trim().split(/\s+/).join(' '), '0 0 6000', 'gid_map');
    },
  ),
  ask(
    'config-linux.md, Offset for Time Namespace',
    'MUST',
    'timeOffsets',
    ['read:/proc/self/timens_offsets'],
    (config) => {
      config.linux.namespaces.push({ type: 'time' });
      config.linux.timeOffsets = { boottime: { secs: 100000, nanosecs: 0 } };
    },
    (result) =>
      expect(
        /boottime\s+100000\s+0/.test(result.value('read:/proc/self/timens_offsets')),
        'the offset is not set',
      ),
  ),

  answers(
    'config-linux.md, Masked Paths',
    'MUST',
    'a masked file reads as nothing',
    'read:/etc/file',
    linux_({ maskedPaths: ['/etc/file'] }),
    '',
  ),
  answers(
    'config-linux.md, Masked Paths',
    'MUST',
    'a masked folder is empty',
    'list:/etc',
    linux_({ maskedPaths: ['/etc'] }),
    '',
  ),
  ask(
    'config-linux.md, Masked Paths',
    'SHOULD',
    'a masked path that is missing is no error',
    ['ids'],
    linux_({ maskedPaths: ['/nowhere'] }),
    (result) => expect(result.value('ids'), 'it did not run'),
  ),
  ask(
    'config-linux.md, Readonly Paths',
    'MUST',
    'a readonly path',
    ['write:/etc/x', 'write:/data/x'],
    linux_({ readonlyPaths: ['/etc'] }),
    (result) => {
      equal(result.refused('write:/etc/x'), 'EROFS', 'the refusal');
      equal(result.value('write:/data/x'), '', 'elsewhere');
    },
  ),
  refused(
    'config-linux.md, Masked Paths',
    'MUST',
    'a masked path that is not absolute is refused',
    linux_({ maskedPaths: ['etc'] }),
  ),
  answers(
    'config-linux.md, Sysctl',
    'MUST',
    'sysctl of the network',
    'read:/proc/sys/net/ipv4/ip_forward',
    linux_({ sysctl: { 'net.ipv4.ip_forward': '1' } }),
    '1\n',
  ),
  answers(
    'config-linux.md, Sysctl',
    'MUST',
    'sysctl of ipc',
    'read:/proc/sys/kernel/msgmax',
    linux_({ sysctl: { 'kernel.msgmax': '9000' } }),
    '9000\n',
  ),
  refused(
    'config-linux.md, Sysctl',
    'SHOULD',
    'a sysctl of the host is refused',
    linux_({ sysctl: { 'vm.swappiness': '61' } }),
  ),
  refused(
    'config-linux.md, Sysctl',
    'habit',
    'kernel.hostname is no sysctl to set: hostname is there for it',
    linux_({ sysctl: { 'kernel.hostname': 'other' } }),
  ),
  ask(
    'config-linux.md, Rootfs Mount Propagation',
    'MUST',
    'rootfsPropagation private',
    ['read:/proc/self/mountinfo'],
    linux_({ rootfsPropagation: 'private' }),
    (result) =>
      expect(!mountAt(result, '/').tags.some((tag) => tag.startsWith('shared')), 'the root is shared'),
  ),
  ask(
    'config-linux.md, Rootfs Mount Propagation',
    'MUST',
    'rootfsPropagation shared',
    ['read:/proc/self/mountinfo'],
    linux_({ rootfsPropagation: 'shared' }),
    (result) =>
      expect(
        mountAt(result, '/').tags.some((tag) => tag.startsWith('shared')),
        'the root is not shared',
      ),
  ),
  refused(
    'config-linux.md, Rootfs Mount Propagation',
    'MUST',
    'a rootfsPropagation that nobody knows is refused',
    linux_({ rootfsPropagation: 'nonesuch' }),
  ),
  answers(
    'config-linux.md, Personality',
    'MUST',
    'personality LINUX32',
    'personality',
    linux_({ personality: { domain: 'LINUX32' } }),
    '8',
  ),

  ask(
    'config-linux.md, Seccomp',
    'MUST',
    'a refused call gives EPERM',
    ['mkdir:/data/x'],
    linux_(errnoFilter(['mkdir', 'mkdirat'])),
    (result) => equal(result.refused('mkdir:/data/x'), 'EPERM', 'the errno'),
  ),
  ask(
    'config-linux.md, Seccomp',
    'MUST',
    'errnoRet',
    ['mkdir:/data/x'],
    linux_(errnoFilter(['mkdir', 'mkdirat'], { errnoRet: 28 })),
    (result) => equal(result.refused('mkdir:/data/x'), 'ENOSPC', 'the errno'),
  ),
  answers(
    'config-linux.md, Seccomp',
    'MUST',
    'args are compared',
    'umask',
    linux_(errnoFilter(['umask'], { errnoRet: 1, args: [{ index: 0, value: 511, op: 'SCMP_CMP_EQ' }] })),
    '18',
  ),
  ask(
    'config-linux.md, Seccomp',
    'MUST',
    'calls that the kernel does not have are passed over',
    ['read:/proc/self/status'],
    linux_(errnoFilter(['mkdir', 'no_such_call_at_all'])),
    (result) => equal(statusLine(result, 'Seccomp'), '2', 'the mode'),
  ),
  refused(
    'config-linux.md, Seccomp',
    'MUST',
    'an action that nobody knows is refused',
    linux_({ seccomp: { defaultAction: 'SCMP_ACT_NONESUCH' } }),
  ),

  act(
    'config-linux.md, Control groups',
    'MUST',
    'an absolute cgroupsPath is from the root of the hierarchy',
    (subject) =>
      inCgroup(subject, ['sleep:100000'], undefined, async ({ id }, cgroup) => {
        const { pid } = await subject.state(id);
        expect(
          readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').includes(String(pid)),
          'it is not in there',
        );
      }),
  ),
  act(
    'config-linux.md, Control groups',
    'MUST',
    "a relative cgroupsPath is a place of the runtime's, the same each time",
    async (subject) => {
      const places = [];
      for (let i = 0; i < 2; i++) {
        const { id } = await subject.started(['sleep:100000'], linux_({ cgroupsPath: subject.cgroup }));
        const { pid } = await subject.state(id);
        places.push(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
        await subject.must(['delete', '--force', id]);
      }
      expect(places[0].includes(subject.cgroup), 'it is not in such a cgroup');
      equal(places[1], places[0], 'the second place');
    },
  ),
  act(
    'config-linux.md, Control groups',
    'MUST',
    'a cgroup that is there and empty is used, and not deleted with the container',
    (subject) =>
      inOwnCgroup(subject, async (cgroup) => {
        for (let i = 0; i < 2; i++) {
          const { id } = await subject.started(sleeps, subject.inCgroup);
          const { pid } = await subject.state(id);
          expect(membersOf(cgroup).includes(String(pid)), 'it is not in there');
          await subject.must(['delete', '--force', id]);
          equal(membersOf(cgroup).join(' '), '', 'who is in it after delete');
        }
      }),
  ),
  ...[true, false].map((there) =>
    act(
      'config-linux.md, Control groups',
      'MUST',
      `a container outlives the delete of one that ended before it in the same cgroup${there ? ', which was there' : ''}`,
      async (subject) => {
        const check = async () => {
          const first = await subject.started(['exit:0'], subject.inCgroup);
          await subject.until(first.id, 'stopped');
          const second = await subject.create(sleeps, subject.inCgroup);
          if (second.code !== 0) return expect(second.stderr.trim() !== '', 'create failed without a word');
          await subject.must(['start', second.id]);
          await subject.call(['delete', first.id]);
          equal((await subject.state(second.id)).status, 'running', 'the second one');
          await subject.must(['delete', '--force', second.id]);
        };
        await (there ? inOwnCgroup(subject, check) : check());
      },
    ),
  ),
  act(
    'config-linux.md, Control groups',
    'MUST',
    "another's process in the cgroup outlives the container",
    (subject) =>
      inOwnCgroup(subject, async (cgroup) => {
        const other = spawn('sleep', ['1000'], { stdio: 'ignore' });
        try {
          writeFileSync(`${cgroup}/cgroup.procs`, String(other.pid));
          const { code, id, stderr } = await subject.create(sleeps, subject.inCgroup);
          expect(code === 0 || stderr.trim() !== '', 'create failed without a word');
          await subject.call(['delete', '--force', id]);
          expect(membersOf(cgroup).includes(String(other.pid)), 'it was ended');
        } finally {
          other.kill('SIGKILL');
          await new Promise((resolve) =>
            (other.exitCode ?? other.signalCode) ? resolve() : other.on('exit', resolve),
          );
        }
      }),
  ),
  act(
    'config-linux.md, Allowed Device list',
    'MUST',
    'the device rules end with the container where the cgroup stays',
    (subject) =>
      inOwnCgroup(subject, async (cgroup) => {
        const node = join(subject.folder, 'node');
        execFileSync('mknod', [node, 'c', '10', '250']);
        const open = () =>
          spawnSync('bash', ['-c', `echo $$ >${cgroup}/cgroup.procs && : <${node}`], { encoding: 'utf8' })
            .stderr;
        const { id } = await subject.started(sleeps, (config) => {
          subject.inCgroup(config);
          deviceRules([{ allow: false, access: 'rwm' }])(config);
        });
        expect(/not permitted/.test(open()), 'while it runs, a device could be opened');
        await subject.must(['delete', '--force', id]);
        // 10:250 is nobody's.
        expect(/No such device/.test(open()), `after delete the rules are still there: ${open()}`);
      }),
  ),
  act('config-linux.md, Control groups', 'SHOULD', 'the cgroup is gone after delete', (subject) =>
    inCgroup(subject, ['sleep:100000'], undefined, async ({ id }, cgroup) => {
      await subject.must(['delete', '--force', id]);
      let there = true;
      try {
        readFileSync(`${cgroup}/cgroup.procs`);
      } catch {
        there = false;
      }
      expect(!there, 'it is still there');
    }),
  ),
  ask(
    'config-linux.md, Allowed Device list',
    'MUST',
    'a device that is not allowed is refused',
    ['open:/dev/kmsg-here', 'open:/dev/null'],
    (config) => {
      deviceRules([{ allow: false, access: 'rwm' }])(config);
      config.linux.devices = [{ path: '/dev/kmsg-here', type: 'c', major: 10, minor: 229, fileMode: 0o666 }];
    },
    (result) => {
      equal(result.refused('open:/dev/kmsg-here'), 'EPERM', 'the errno');
      equal(result.value('open:/dev/null'), '', '/dev/null');
    },
  ),
  ask(
    'config-linux.md, Allowed Device list',
    'MUST',
    'an allowed device can be opened as far as it is',
    ['openread:/dev/mem-here', 'open:/dev/mem-here'],
    (config) => {
      deviceRules([
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 11, access: 'rm' },
      ])(config);
      config.linux.devices = [{ path: '/dev/mem-here', type: 'c', major: 1, minor: 11, fileMode: 0o666 }];
      for (const set of ['bounding', 'effective', 'permitted'])
        config.process.capabilities[set].push('CAP_SYSLOG');
    },
    (result) => {
      expect(result.answers.get('openread:/dev/mem-here').errno !== 'EPERM', 'reading is refused');
      equal(result.refused('open:/dev/mem-here'), 'EPERM', 'the errno of reading and writing');
    },
  ),
  ask(
    'config-linux.md, Allowed Device list',
    'MUST',
    'the rules are applied in their order',
    ['openread:/dev/a', 'openread:/dev/b'],
    (config) => {
      deviceRules([
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, access: 'rwm' },
        { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
      ])(config);
      config.linux.devices = [
        { path: '/dev/a', type: 'c', major: 10, minor: 229, fileMode: 0o666 },
        { path: '/dev/b', type: 'c', major: 10, minor: 250, fileMode: 0o666 },
      ];
    },
    (result) => {
      equal(result.refused('openread:/dev/a'), 'EPERM', 'the errno of the one denied last');
      // 10:250 is nobody's: past the rules, the kernel says so.
      equal(result.refused('openread:/dev/b'), 'ENODEV', 'the errno of the one allowed');
    },
  ),
  refused(
    'config-linux.md, Unified',
    'MUST',
    'a unified key without a file in the cgroup is an error',
    linux_({ resources: { unified: { 'nonesuch.max': '1' } } }),
  ),
];
