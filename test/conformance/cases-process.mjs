// config.md: schedulers, clocks, capabilities, labels, and the mounts that need more than flags.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { act, ask, lines, process_, refused, statusLine } from './case.mjs';
import { equal, expect } from './subject.mjs';

const map = (host, size = 10) => [{ containerID: 0, hostID: host, size }];
const scheduled = 'config.md, Linux process';
const mounted = 'config.md, Linux mount options';
const mountinfo = ['read:/proc/self/mountinfo'];

/** A tree of several mounts on /data, with these options. */
const below =
  (...options) =>
  (config) => {
    config.mounts.push({
      destination: '/data',
      type: 'bind',
      source: '/dev',
      options: ['rbind', ...options],
    });
  };

/** The options of each mount on and below /data. */
function optionsBelow(result) {
  const found = lines(result.value('read:/proc/self/mountinfo'))
    .map((line) => line.split(' '))
    .filter((fields) => fields[4].startsWith('/data'))
    .map((fields) => fields[5].split(','));
  expect(found.length > 1, 'nothing is mounted below');
  return found;
}

/** A folder of the host with a file of root, bound to /data with what `entry` adds. */
const bound =
  (entry, change = () => {}) =>
  (config, { folder }) => {
    const source = join(folder, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'content\n');
    config.mounts.push({ destination: '/data', type: 'bind', source, options: ['bind'], ...entry });
    change(config);
  };

export const processes = [
  ...[
    [{ policy: 'SCHED_BATCH', nice: 7 }, '3 0 7'],
    [{ policy: 'SCHED_IDLE' }, '5 0'],
    [{ policy: 'SCHED_OTHER', nice: 3, flags: ['SCHED_FLAG_RESET_ON_FORK'] }, '0 1 3'],
  ].map(([scheduler, wanted]) =>
    ask(
      scheduled,
      'MUST',
      `scheduler ${Object.values(scheduler).flat().join(' ')}`,
      ['scheduler'],
      process_({ scheduler }),
      // Policy, flags and, where the policy has one, the nice value.
      (result) => expect(`${result.value('scheduler')} `.startsWith(`${wanted} `), result.value('scheduler')),
    ),
  ),
  refused(
    scheduled,
    'MUST',
    'a scheduling policy that nobody knows is refused',
    process_({ scheduler: { policy: 'SCHED_NONESUCH' } }),
  ),
  refused(
    scheduled,
    'MUST',
    'a scheduler flag that nobody knows is refused',
    process_({ scheduler: { policy: 'SCHED_OTHER', flags: ['SCHED_FLAG_NONESUCH'] } }),
  ),
  ...[
    [{ class: 'IOPRIO_CLASS_BE', priority: 6 }, '2 6'],
    [{ class: 'IOPRIO_CLASS_IDLE', priority: 0 }, '3 0'],
  ].map(([ioPriority, wanted]) =>
    ask(scheduled, 'MUST', `ioPriority ${ioPriority.class}`, ['ioprio'], process_({ ioPriority }), (result) =>
      equal(result.value('ioprio'), wanted, 'class and level'),
    ),
  ),
  refused(
    scheduled,
    'MUST',
    'an I/O class that nobody knows is refused',
    process_({ ioPriority: { class: 'IOPRIO_CLASS_NONESUCH', priority: 1 } }),
  ),
  act(scheduled, 'MUST', 'execCPUAffinity of a process that exec adds', async (subject) => {
    const last = availableParallelism() - 1;
    const { id } = await subject.started(['sleep:100000']);
    const file = join(subject.folder, 'process.json');
    writeFileSync(
      file,
      JSON.stringify({
        user: { uid: 0, gid: 0 },
        args: ['/bin/probe', 'cpus'],
        cwd: '/',
        execCPUAffinity: { initial: '0', final: `${last}` },
      }),
    );
    const { stdout } = await subject.must(['exec', '--process', file, id]);
    equal(JSON.parse(stdout).value, `${last}`, 'the CPUs');
  }),
  ask(
    scheduled,
    'MUST',
    'a capability that is ambient and not permitted is a warning and no failure',
    ['read:/proc/self/status'],
    (config) => {
      config.process.capabilities.ambient = ['CAP_NET_RAW'];
    },
    (result) => equal(statusLine(result, 'CapAmb'), '0000000000000000', 'the ambient set'),
  ),
  act(scheduled, 'MUST', 'the warning about a capability is in the log', async (subject) => {
    const log = join(subject.folder, 'log');
    const { code } = await subject.run(
      ['exit:0'],
      (config) => config.process.capabilities.bounding.push('CAP_NONESUCH') && undefined,
      { globals: ['--log', log, '--log-format', 'json'] },
    );
    equal(code, 0, 'the exit code');
    const words = readFileSync(log, 'utf8');
    const told = lines(words).map((line) => JSON.parse(line));
    expect(
      told.some(({ level, msg }) => level === 'warning' && msg.includes('CAP_NONESUCH')),
      `no warning names it: ${words}`,
    );
    equal(new Set(told.map(({ msg }) => msg)).size, told.length, 'what is told, each once');
  }),
  act(scheduled, 'MUST', 'apparmorProfile holds, or is an error where the kernel cannot', async (subject) => {
    const enabled = '/sys/module/apparmor/parameters/enabled';
    const here = existsSync(enabled) && readFileSync(enabled, 'utf8').startsWith('Y');
    const result = await subject.run(
      ['read:/proc/self/attr/apparmor/current'],
      process_({ apparmorProfile: 'unconfined' }),
    );
    if (!here) {
      expect(result.code !== 0 && /apparmor/i.test(result.stderr), 'it was passed over');
      return;
    }
    equal(result.value('read:/proc/self/attr/apparmor/current'), 'unconfined\n', 'the profile');
    const missing = await subject.run(['exit:0'], process_({ apparmorProfile: 'no-such-profile' }));
    expect(missing.code !== 0, 'a profile that is not loaded was passed over');
  }),

  ask(
    'config-linux.md, Offset for Time Namespace',
    'MUST',
    'the clocks of the program are ahead',
    ['clock:monotonic', 'clock:boottime'],
    (config) => {
      config.linux.namespaces.push({ type: 'time' });
      config.linux.timeOffsets = { monotonic: { secs: 1000000 }, boottime: { secs: 2000000, nanosecs: 5 } };
    },
    (result) => {
      const up = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
      const ahead = (clock) => Number(result.value(`clock:${clock}`)) - up;
      expect(ahead('monotonic') > 900000 && ahead('monotonic') < 1100000, 'monotonic is elsewhere');
      expect(ahead('boottime') > 1900000 && ahead('boottime') < 2100000, 'boottime is elsewhere');
    },
  ),
  ask(
    'config-linux.md, Offset for Time Namespace',
    'MUST',
    'timeOffsets beside a user namespace',
    ['read:/proc/self/timens_offsets'],
    (config) => {
      config.linux.namespaces.push({ type: 'time' }, { type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 1000 }];
      config.linux.timeOffsets = { monotonic: { secs: 1000000 } };
    },
    (result) => {
      const offsets = result.value('read:/proc/self/timens_offsets');
      expect(/monotonic\s+1000000\s+0/.test(offsets), offsets);
    },
  ),
  refused(
    'config-linux.md, Offset for Time Namespace',
    'MUST',
    'timeOffsets without a new time namespace are refused',
    (config) => {
      config.linux.timeOffsets = { monotonic: { secs: 1 } };
    },
  ),

  ask(
    mounted,
    'SHOULD',
    'tmpcopyup keeps owners, modes, folders and links',
    ['stat:/etc/deep/file', 'link:/etc/deep/link', 'stat:/etc/deep', 'read:/etc/deep/link'],
    (config, { rootfs }) => {
      const deep = join(rootfs, 'etc/deep');
      mkdirSync(deep, { mode: 0o710 });
      writeFileSync(join(deep, 'file'), 'deep\n', { mode: 0o640 });
      chownSync(join(deep, 'file'), 12, 34);
      symlinkSync('file', join(deep, 'link'));
      config.mounts.push({
        destination: '/etc',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['tmpcopyup', 'ro'],
      });
    },
    (result) => {
      expect(/^file 640 \S+ 12:34$/.test(result.value('stat:/etc/deep/file')), 'the file is another');
      equal(result.value('link:/etc/deep/link'), 'file', 'the link');
      expect(result.value('stat:/etc/deep').startsWith('folder 710'), 'the mode of the folder');
      equal(result.value('read:/etc/deep/link'), 'deep\n', 'the content');
    },
  ),
  ask(
    mounted,
    'habit',
    'a tmpfs without a mode has that of the folder it covers',
    ['stat:/data', 'stat:/tmp'],
    (config, { rootfs }) => {
      chmodSync(join(rootfs, 'data'), 0o1710);
      for (const [place, options] of [
        ['/data', ['nosuid', 'ro']],
        ['/tmp', ['nosuid', 'mode=700']],
      ])
        config.mounts.push({ destination: place, type: 'tmpfs', source: 'tmpfs', options });
    },
    (result) => {
      expect(result.value('stat:/data').startsWith('folder 1710'), result.value('stat:/data'));
      expect(result.value('stat:/tmp').startsWith('folder 700'), result.value('stat:/tmp'));
    },
  ),
  ask(
    mounted,
    'MUST',
    'uidMappings and gidMappings of a mount show its files as others',
    ['stat:/data/file', 'write:/data/new'],
    bound({ uidMappings: map(1000), gidMappings: map(2000) }),
    (result) => {
      expect(/ 1000:2000$/.test(result.value('stat:/data/file')), result.value('stat:/data/file'));
    },
  ),
  ask(
    mounted,
    'MUST',
    "idmap without mappings takes those of the container's user namespace",
    ['stat:/data/file'],
    bound({ options: ['bind', 'idmap'] }, (config) => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = map(100000, 1000);
      config.linux.gidMappings = map(200000, 1000);
    }),
    (result) => expect(/ 0:0$/.test(result.value('stat:/data/file')), result.value('stat:/data/file')),
  ),
  refused(mounted, 'MUST', 'idmap without any mappings is an error', bound({ options: ['bind', 'idmap'] })),
  refused(mounted, 'MUST', 'uidMappings without gidMappings is an error', bound({ uidMappings: map(1000) })),
  ...[
    ['rnosuid', 'nosuid'],
    ['rnodev', 'nodev'],
    ['rnoexec', 'noexec'],
    ['rnoatime', 'noatime'],
    ['rnodiratime', 'nodiratime'],
    ['rrelatime', 'relatime'],
    ['rnosymfollow', 'nosymfollow'],
  ].map(([option, shown]) =>
    ask(mounted, 'SHOULD', `${option} reaches the mounts below`, mountinfo, below(option), (result) => {
      expect(
        optionsBelow(result).every((options) => options.includes(shown)),
        `a mount below is not ${shown}`,
      );
    }),
  ),
  ...[
    ['rrw', 'ro'],
    ['rsuid', 'nosuid'],
    ['rdev', 'nodev'],
    ['rexec', 'noexec'],
    ['ratime', 'noatime'],
    ['rdiratime', 'nodiratime'],
    ['rstrictatime', 'relatime'],
    ['rrelatime', 'noatime'],
    ['rsymfollow', 'nosymfollow'],
  ].map(([option, other]) =>
    ask(
      mounted,
      'SHOULD',
      `${option} takes ${other} back from the mounts below`,
      mountinfo,
      below(other, option),
      (result) => {
        expect(
          optionsBelow(result).every((options) => !options.includes(other)),
          `a mount below is ${other}`,
        );
      },
    ),
  ),
  refused(mounted, 'MUST', 'an option of a bind mount that nobody knows is refused', (config) => {
    config.mounts.push({ destination: '/data', type: 'bind', source: '/dev', options: ['bind', 'nonesuch'] });
  }),
  ...['intelRdt', 'mountLabel', 'netDevices', 'memoryPolicy'].map((field) =>
    act('config-linux.md', 'SHOULD', `${field} holds, or is refused by its name`, async (subject) => {
      const values = {
        intelRdt: { closID: 'conformance', l3CacheSchema: 'L3:0=f' },
        mountLabel: 'system_u:object_r:svirt_sandbox_file_t:s0:c1,c2',
        netDevices: { nonesuch0: {} },
        memoryPolicy: { mode: 'MPOL_BIND', nodes: '0' },
      };
      const { code, stderr } = await subject.create(['exit:0'], (config) => {
        config.linux[field] = values[field];
      });
      // None of these machines has the hardware, the label or the device; what is left is to say so.
      expect(code !== 0, `${field} was passed over`);
      expect(stderr.trim() !== '', 'without a word');
    }),
  ),
];
