// Bundles whose program tells all that confines it: FOLDER/full, FOLDER/waiting and FOLDER/apart, and FOLDER/process.json for exec.
// Prints the question.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';

const [folder, probe] = process.argv.slice(2);
const outside = readdirSync('/proc/self/ns').map((name) => readlinkSync(`/proc/self/ns/${name}`));
const standing = `standing:${outside.filter((each) => !each.startsWith('user')).join(',')}`;
const asked = [
  'getpriority',
  'open:/masked',
  'write:/unwritten/file',
  'openread:/refused',
  'openread:/dev/made',
  'write:/proc/sys/kernel/domainname',
];
const caps = ['CAP_KILL', 'CAP_SETGID'];
const program = {
  args: ['/probe', standing, ...asked],
  cwd: '/tmp',
  env: ['PATH=/', 'NAME=value'],
  user: { uid: 7, gid: 8, additionalGids: [9, 10], umask: 0o27 },
  noNewPrivileges: true,
  oomScoreAdj: 300,
  rlimits: [
    { type: 'RLIMIT_NOFILE', soft: 50, hard: 60 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
  ],
  capabilities: {
    bounding: caps,
    effective: caps,
    permitted: caps,
    inheritable: caps,
    ambient: ['CAP_KILL'],
  },
  landlock: {
    ruleset: { handledAccessFS: ['read_file', 'execute'], scoped: ['signal'] },
    rules: {
      pathBeneath: [
        { allowedAccess: ['read_file', 'execute'], paths: ['/probe'] },
        { allowedAccess: ['read_file'], paths: ['/proc', '/sys', '/dev', '/masked'] },
      ],
    },
    disableBestEffort: true,
  },
};
const namespaces = ['mount', 'pid', 'ipc', 'uts', 'network', 'cgroup', 'time'].map((type) => ({ type }));
const config = (rootfs) => ({
  ociVersion: '1.2.0',
  root: { path: rootfs, readonly: true },
  hostname: 'inside',
  domainname: 'there',
  process: program,
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'nodev', 'noexec'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
    {
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'noexec', 'mode=1777'],
    },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['ro', 'nosuid', 'nodev', 'noexec'],
    },
    {
      destination: '/given',
      type: 'bind',
      source: `${folder}/given`,
      options: ['rbind', 'ro', 'nosuid', 'nodev'],
    },
  ],
  linux: {
    namespaces,
    timeOffsets: { monotonic: { secs: 1000 } },
    maskedPaths: ['/masked', '/proc/kcore'],
    readonlyPaths: ['/proc/sys', '/unwritten'],
    resources: { devices: [{ allow: false, access: 'rwm' }] },
    devices: [{ path: '/dev/made', type: 'c', major: 10, minor: 229, uid: 12, fileMode: 0o644 }],
    sysctl: { 'net.ipv4.ip_forward': '1' },
    seccomp: {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['getpriority'], action: 'SCMP_ACT_ERRNO', errnoRet: 85 }],
    },
  },
});
for (const name of ['full', 'waiting', 'apart']) {
  const rootfs = `${folder}/${name}/rootfs`;
  for (const each of ['proc', 'dev', 'tmp', 'sys/fs/cgroup', 'given', 'unwritten'])
    mkdirSync(`${rootfs}/${each}`, { recursive: true });
  copyFileSync(probe, `${rootfs}/probe`);
  chmodSync(`${rootfs}/unwritten`, 0o777);
  for (const each of ['masked', 'refused']) writeFileSync(`${rootfs}/${each}`, 'text', { mode: 0o644 });
  const own = config(rootfs);
  if (name === 'waiting') own.process = { ...program, args: ['/probe', 'sleep:1000000'] };
  if (name === 'apart') {
    const map = [{ containerID: 0, hostID: 100000, size: 1000 }];
    own.linux.namespaces = [...namespaces.filter(({ type }) => type !== 'time'), { type: 'user' }];
    delete own.linux.timeOffsets;
    // Where there is no cgroup to be had, a user namespace does without device rules.
    delete own.linux.resources.devices;
    Object.assign(own.linux, { uidMappings: map, gidMappings: map });
  }
  writeFileSync(`${folder}/${name}/config.json`, JSON.stringify(own));
}
mkdirSync(`${folder}/given`, { recursive: true });
writeFileSync(`${folder}/process.json`, JSON.stringify(program));
writeFileSync(
  `${folder}/resources.json`,
  JSON.stringify({ devices: [{ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }] }),
);
console.log(standing);
