// config-linux.md and config.md in a user namespace: what its root, who is nobody on the host, cannot reach or make by itself.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { act, answers, ask, sleeps } from './case.mjs';
import { equal, expect } from './subject.mjs';

const mounts = 'config.md, Mounts';
const devices = 'config-linux.md, Devices';
const defaults = 'config-linux.md, Default Devices';
const outside = 100000;

const inUserNamespace = (config) => {
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = [{ containerID: 0, hostID: outside, size: 1000 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 2 * outside, size: 1000 }];
};

/** In the mount namespace of the runtime, in which its root has no rights; the folder for devices is its own. */
function inUserNamespaceAlone(config, rootfs) {
  inUserNamespace(config);
  config.mounts = [];
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
  chownSync(join(rootfs, 'dev'), outside, 2 * outside);
}

const defaultDevices = [
  ['null', '1', '3'],
  ['zero', '1', '5'],
  ['full', '1', '7'],
  ['random', '1', '8'],
  ['urandom', '1', '9'],
  ['tty', '5', '0'],
];

/** A folder that nobody but its owner, root of the host, goes through; in it one that is open to all, with a file. */
function closedFolder(folder) {
  const inner = join(folder, 'closed', 'open');
  mkdirSync(inner, { recursive: true });
  chmodSync(join(folder, 'closed'), 0o700);
  writeFileSync(join(inner, 'file'), 'content\n');
  return inner;
}

const bind = (source, options = ['rbind']) => ({ destination: '/data', type: 'bind', source, options });

export const userNamespaces = [
  ...[
    ['a folder', ''],
    ['a file', 'file'],
  ].map(([what, name]) =>
    ask(
      mounts,
      'MUST',
      `${what} below a folder that root of the user namespace cannot search is mounted`,
      [name ? 'read:/etc/file' : 'read:/data/file'],
      (config, { folder }) => {
        inUserNamespace(config);
        const source = join(closedFolder(folder), name);
        config.mounts.push({ ...bind(source), destination: name ? '/etc/file' : '/data' });
      },
      (result) => equal([...result.answers.values()][0].value, 'content\n', 'the file'),
    ),
  ),
  answers(
    mounts,
    'MUST',
    "a source below such a folder by a link of root's is mounted",
    'read:/data/file',
    (config, { folder }) => {
      inUserNamespace(config);
      symlinkSync(closedFolder(folder), join(folder, 'link'));
      config.mounts.push(bind(join(folder, 'link')));
    },
    'content\n',
  ),
  act(
    mounts,
    'habit',
    'a link of the container in a source leads to nothing that its root could not search',
    async (subject) => {
      const run = (owner) =>
        subject.run(['read:/data/file'], (config, { folder }) => {
          inUserNamespace(config);
          const link = join(folder, 'link');
          symlinkSync(closedFolder(folder), link);
          lchownSync(link, owner, owner);
          config.mounts.push(bind(join(link)));
        });
      equal((await run(0)).value('read:/data/file'), 'content\n', "by root's link, the file");
      const { code, stdout } = await run(outside);
      expect(code !== 0 && !stdout.includes('content'), "by the container's link the file could be read");
    },
  ),
  act(
    'config.md, Root',
    'MUST',
    'the rootfs is below a folder that root of the user namespace cannot search',
    async (subject) => {
      const bundle = subject.bundle(['read:/etc/file'], inUserNamespace);
      const closed = join(subject.folder, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      renameSync(bundle, join(closed, 'bundle'));
      const result = await subject.runBundle(join(closed, 'bundle'));
      equal(result.code, 0, `the code (${result.stderr.trim()})`);
      equal(result.value('read:/etc/file'), 'content\n', 'the file');
    },
  ),
  ...[
    ['what is read-only on the host stays so for root of a user namespace', ['rbind']],
    ['so does what is read-only there and mounted with mapped ids', ['bind', 'idmap']],
  ].map(([title, options]) =>
    act(mounts, 'SHOULD', title, async (subject) => {
      const place = join(subject.folder, 'readonly');
      mkdirSync(place);
      chmodSync(place, 0o777);
      execFileSync('mount', ['--bind', place, place]);
      execFileSync('mount', ['-o', 'remount,bind,ro', place]);
      const run = (name, change, words) =>
        subject.run(['remount:/data', `mkdir:/data/${name}`], (config) => {
          change(config);
          for (const set of ['bounding', 'effective', 'permitted'])
            config.process.capabilities[set].push('CAP_SYS_ADMIN');
          config.mounts.push(bind(place, words));
        });
      // The act itself: root of the host is not kept from it.
      const control = await run('control', () => {}, ['rbind']);
      control.value('remount:/data');
      control.value('mkdir:/data/control');
      const result = await run('made', inUserNamespace, options);
      equal(result.refused('remount:/data'), 'EPERM', 'mounting it once more');
      equal(result.refused('mkdir:/data/made'), 'EROFS', 'a folder after it');
    }),
  ),

  act(
    mounts,
    'habit',
    'in a mount namespace by path a source that root of its user namespace cannot search stays closed',
    async (subject) => {
      // The first container has the rootfs of the second in its own, and a folder beside it.
      const bundle = subject.bundle(sleeps, inUserNamespace);
      const rootfs = join(bundle, 'rootfs');
      const closed = join(rootfs, 'closed');
      for (const name of ['bin', 'dev', 'data', 'proc'])
        mkdirSync(join(rootfs, 'inner', name), { recursive: true });
      for (const name of ['dev', 'data', 'proc']) chmodSync(join(rootfs, 'inner', name), 0o777);
      copyFileSync(subject.probe, join(rootfs, 'inner/bin/probe'));
      mkdirSync(join(closed, 'open'), { recursive: true });
      writeFileSync(join(closed, 'open/file'), 'content\n');
      const first = subject.id();
      await subject.must(['create', '--bundle', bundle, first]);
      await subject.must(['start', first]);
      const { pid } = await subject.state(first);
      const run = () =>
        subject.run(['read:/data/file'], (config) => {
          inUserNamespace(config);
          config.root.path = '/inner';
          config.mounts = [{ ...bind('/closed/open'), destination: '/data' }];
          const joined = { user: 'user', mount: 'mnt' };
          for (const entry of config.linux.namespaces)
            if (joined[entry.type]) entry.path = `/proc/${pid}/ns/${joined[entry.type]}`;
        });
      chmodSync(closed, 0o755);
      const control = await run();
      equal(control.code, 0, `where it is open, the code (${control.stderr.trim()})`);
      equal(control.value('read:/data/file'), 'content\n', 'where it is open, the file');
      chmodSync(closed, 0o700);
      const { code, stdout } = await run();
      expect(code !== 0 && !stdout.includes('content'), 'the file could be read');
    },
  ),

  ...[
    ['owner, group and mode', { path: '/dev/made', fileMode: 0o640, uid: 12, gid: 34 }],
    ['a path outside of /dev', { path: '/data/made', fileMode: 0o640, uid: 12, gid: 34 }],
    ['the path of a default device', { path: '/dev/zero', fileMode: 0o640, uid: 12, gid: 34 }],
  ].map(([what, fields]) =>
    ask(
      devices,
      'MUST',
      `a device in a user namespace: ${what}`,
      [`stat:${fields.path}`, `openread:${fields.path}`, 'mknod:/dev/own'],
      (config, { rootfs }) => {
        inUserNamespace(config);
        chmodSync(join(rootfs, 'data'), 0o777);
        config.linux.devices = [{ type: 'c', major: 1, minor: 5, ...fields }];
        for (const set of ['bounding', 'effective', 'permitted'])
          config.process.capabilities[set].push('CAP_MKNOD');
      },
      (result) => {
        equal(result.value(`stat:${fields.path}`), 'char 640 1:5 12:34', 'the device');
        equal(result.value(`openread:${fields.path}`), '', 'opening it');
        equal(result.refused('mknod:/dev/own'), 'EPERM', 'making another');
      },
    ),
  ),
  act(
    devices,
    'MUST',
    'a device whose owner has no number in the user namespace is an error',
    async (subject) => {
      for (const field of ['uid', 'gid']) {
        const { code, stderr } = await subject.create(['exit:0'], (config) => {
          inUserNamespace(config);
          config.linux.devices = [{ path: '/dev/made', type: 'c', major: 1, minor: 5, [field]: 5000 }];
        });
        expect(code !== 0, `${field} was passed over`);
        expect(stderr.trim() !== '', 'without a word');
      }
    },
  ),
  ask(
    defaults,
    'MUST',
    'where none can be made or mounted, those of the rootfs serve',
    defaultDevices.map(([name]) => `stat:/dev/${name}`),
    (config, { rootfs }) => {
      inUserNamespaceAlone(config, rootfs);
      for (const [name, major, minor] of defaultDevices)
        execFileSync('mknod', ['-m', '666', join(rootfs, 'dev', name), 'c', major, minor]);
    },
    (result) => {
      for (const [name, major, minor] of defaultDevices)
        expect(
          result.value(`stat:/dev/${name}`).startsWith(`char 666 ${major}:${minor} `),
          `/dev/${name} is another`,
        );
    },
  ),
  ...[
    ['a default device', '/dev/null', undefined],
    ['a device', '/dev/made', [{ path: '/dev/made', type: 'c', major: 1, minor: 5 }]],
  ].map(([what, path, listed]) =>
    act(
      listed ? devices : defaults,
      'MUST',
      `${what} that can be neither made nor mounted is an error that names it`,
      async (subject) => {
        const { code, stderr } = await subject.create(['exit:0'], (config, { rootfs }) => {
          inUserNamespaceAlone(config, rootfs);
          if (!listed) return;
          config.linux.devices = listed;
          for (const [name, major, minor] of defaultDevices)
            execFileSync('mknod', ['-m', '666', join(rootfs, 'dev', name), 'c', major, minor]);
        });
        expect(code !== 0, 'it was passed over');
        expect(stderr.includes(path) && /namespace/.test(stderr), `it says ${stderr.trim()}`);
        equal(subject.mounts().join(' '), '', 'what is mounted on the host');
      },
    ),
  ),
  answers(
    devices,
    'MUST',
    'a default device with a mode of its own',
    'stat:/dev/full',
    (config) => {
      config.linux.devices = [{ path: '/dev/full', type: 'c', major: 1, minor: 7, fileMode: 0o600, uid: 12 }];
    },
    'char 600 1:7 12:0',
  ),
];
