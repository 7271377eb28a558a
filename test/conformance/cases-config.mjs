// config.md: what holds on every platform, and the process.
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { act, answers, ask, lines, mount, mountAt, process_, refused, statusLine } from './case.mjs';
import { equal, expect } from './subject.mjs';

const mountinfo = ['read:/proc/self/mountinfo'];

/** CAP_CHOWN 0, CAP_DAC_OVERRIDE 1, CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7 */
const base = '00000000000000e3';

export const configuration = [
  refused('config.md, Specification version', 'MUST', 'no ociVersion is refused', (config) => {
    delete config.ociVersion;
  }),
  refused(
    'config.md, Specification version',
    'MUST',
    'an ociVersion that is no version is refused',
    (config) => {
      config.ociVersion = 'one';
    },
  ),
  refused('config.md, Root', 'MUST', 'a rootfs that is not there is refused', (config) => {
    config.root.path = 'nowhere';
  }),
  ask(
    'config.md, Root',
    'MUST',
    'root.readonly makes the root read-only',
    ['write:/data/x', 'read:/etc/file'],
    (config) => {
      config.root.readonly = true;
    },
    (result) => {
      equal(result.refused('write:/data/x'), 'EROFS', 'the refusal');
      equal(result.value('read:/etc/file'), 'content\n', 'the file');
    },
  ),
  answers(
    'config.md, Root',
    'SHOULD',
    'a root that is not readonly can be written',
    'write:/data/x',
    undefined,
    '',
  ),
  answers(
    'config.md, Root',
    'MUST',
    'an absolute root.path is that folder',
    'read:/etc/file',
    (config, { rootfs }) => {
      config.root.path = rootfs;
    },
    'content\n',
  ),
  act('config.md, Mounts', 'MUST', 'mounts are made in the order of the list', async (subject) => {
    const result = await subject.run([...mountinfo, 'stat:/data/below'], (config) => {
      config.mounts.push({ destination: '/data', type: 'tmpfs', source: 'first', options: ['mode=700'] });
      config.mounts.push({
        destination: '/data/below',
        type: 'tmpfs',
        source: 'second',
        options: ['mode=711'],
      });
    });
    expect(
      result.value('stat:/data/below').startsWith('folder 711'),
      'the second mount is not on top of the first',
    );
  }),
  refused(
    'config.md, Mounts',
    'MUST',
    'a bind mount of a source that is not there is refused',
    mount({ destination: '/data', type: 'bind', source: '/nowhere/at/all', options: ['bind'] }),
  ),
  answers(
    'config.md, Mounts',
    'MUST',
    'a relative source of a bind mount is relative to the bundle',
    'read:/data/etc/file',
    mount({ destination: '/data', type: 'bind', source: 'rootfs', options: ['bind'] }),
    'content\n',
  ),
  answers(
    'config.md, Mounts',
    'MUST',
    'a bind mount of a file',
    'read:/tmp/bound',
    mount({ destination: '/tmp/bound', type: 'bind', source: 'rootfs/etc/file', options: ['bind', 'ro'] }),
    'content\n',
  ),
  answers(
    'config.md, Mounts',
    'MUST',
    'the option bind suffices, whatever the type',
    'read:/data/etc/file',
    mount({ destination: '/data', type: 'none', source: 'rootfs', options: ['rbind'] }),
    'content\n',
  ),
  ask(
    'config.md, Mounts',
    'SHOULD',
    'a mount point that is missing is made',
    ['stat:/made/for/this'],
    mount({ destination: '/made/for/this', type: 'tmpfs', source: 'tmpfs' }),
    (result) => expect(result.value('stat:/made/for/this').startsWith('folder'), 'it is no folder'),
  ),
  ...[
    ['a file', 'etc/file', '../run/service/generated/file', '/run/service/generated/file'],
    ['a folder', 'etc', '/run/jump/etc', '/run/elsewhere/etc'],
    ['a file by a link out of the rootfs', 'etc/file', '../../../run/file', '/run/file'],
  ].map(([what, source, target, real]) =>
    ask(
      'config.md, Mounts',
      'habit',
      `${what} is mounted on a link of the image that leads to nothing`,
      [`stat:${real}`, ...mountinfo],
      (config, { rootfs }) => {
        symlinkSync(target, join(rootfs, 'etc/linked'));
        mkdirSync(join(rootfs, 'run'), { recursive: true });
        symlinkSync('elsewhere', join(rootfs, 'run/jump'));
        const options = ['rbind'];
        config.mounts.push({
          destination: '/etc/linked',
          type: 'bind',
          source: join(rootfs, source),
          options,
        });
      },
      (result) => mountAt(result, real),
    ),
  ),
  ask(
    'config.md, Mounts',
    'MUST',
    'a destination that is relative is one from the root',
    ['read:/data/etc/file', ...mountinfo],
    (config) => {
      config.process.cwd = '/etc';
      config.mounts.push({ destination: 'data', type: 'bind', source: 'rootfs', options: ['rbind'] });
    },
    (result) => {
      mountAt(result, '/data');
      equal(result.value('read:/data/etc/file'), 'content\n', 'the file');
    },
  ),
  refused('config.md, Mounts', 'MUST', 'a mount on links in a circle is refused', (config, { rootfs }) => {
    symlinkSync('linked/linked', join(rootfs, 'etc/linked'));
    config.mounts.push({ destination: '/etc/linked', type: 'tmpfs', source: 'tmpfs' });
  }),
  ask(
    'config.md, Mounts',
    'habit',
    'a tmpfs without a mode has 1777 where its folder has to be made',
    ['stat:/made/for/this'],
    mount({ destination: '/made/for/this', type: 'tmpfs', source: 'tmpfs' }),
    (result) => equal(result.value('stat:/made/for/this').split(' ')[1], '1777', 'the mode'),
  ),
  ...[
    ['ro', 'ro'],
    ['nosuid', 'nosuid'],
    ['nodev', 'nodev'],
    ['noexec', 'noexec'],
    ['noatime', 'noatime'],
    ['nodiratime', 'nodiratime'],
    ['relatime', 'relatime'],
    ['nosymfollow', 'nosymfollow'],
  ].map(([option, shown]) =>
    ask(
      'config.md, Linux mount options',
      'MUST',
      `the mount option ${option}`,
      mountinfo,
      mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: [option] }),
      (result) => expect(mountAt(result, '/data').options.includes(shown), `${shown} is not set`),
    ),
  ),
  ...[
    ['rw', 'ro'],
    ['suid', 'nosuid'],
    ['dev', 'nodev'],
    ['exec', 'noexec'],
    ['atime', 'noatime'],
    ['diratime', 'nodiratime'],
    ['symfollow', 'nosymfollow'],
    ['strictatime', 'relatime'],
    ['relatime', 'noatime'],
  ].map(([option, other]) =>
    ask(
      'config.md, Linux mount options',
      'MUST',
      `the mount option ${option} takes ${other} back`,
      mountinfo,
      mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: [other, option] }),
      (result) => expect(!mountAt(result, '/data').options.includes(other), `${other} is set`),
    ),
  ),
  ask(
    'config.md, Linux mount options',
    'MUST',
    'the mount option defaults',
    mountinfo,
    mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['defaults'] }),
    (result) => equal(mountAt(result, '/data').options.join(), 'rw,relatime', 'the options'),
  ),
  ...['sync', 'dirsync', 'lazytime'].map((option) =>
    ask(
      'config.md, Linux mount options',
      'MUST',
      `the mount option ${option} is the file system's`,
      mountinfo,
      mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: [option] }),
      (result) => expect(mountAt(result, '/data').data.includes(option), `${option} is not set`),
    ),
  ),
  ...[
    ['async', 'sync'],
    ['nolazytime', 'lazytime'],
  ].map(([option, other]) =>
    ask(
      'config.md, Linux mount options',
      'MUST',
      `the mount option ${option} takes ${other} back from the file system`,
      mountinfo,
      mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: [other, option] }),
      (result) => expect(!mountAt(result, '/data').data.includes(other), `${other} is set`),
    ),
  ),
  ask(
    'config.md, Linux mount options',
    'MUST',
    'mount options that change nothing here are known: mand nomand silent loud iversion noiversion',
    mountinfo,
    mount({
      destination: '/data',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['mand', 'nomand', 'silent', 'loud', 'iversion', 'noiversion'],
    }),
    (result) => equal(mountAt(result, '/data').type, 'tmpfs', 'the type'),
  ),
  ask(
    'config.md, Linux mount options',
    'MUST',
    'remount changes the options of what is mounted there',
    [...mountinfo, 'write:/data/file'],
    (config) => {
      const data = { destination: '/data', type: 'tmpfs', source: 'tmpfs' };
      config.mounts.push({ ...data, options: ['mode=711', 'nosuid'] });
      config.mounts.push({ ...data, options: ['remount', 'ro'] });
    },
    (result) => {
      equal(result.refused('write:/data/file'), 'EROFS', 'the refusal');
      const mounts = lines(result.value('read:/proc/self/mountinfo'));
      equal(mounts.filter((line) => line.split(' ')[4] === '/data').length, 1, 'the mounts there');
    },
  ),
  refused(
    'config.md, Linux mount options',
    'MUST',
    'remount where nothing is mounted is refused',
    mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['remount', 'ro'] }),
  ),
  act('features.md, mountOptions', 'SHOULD', 'what features names can be mounted with', async (subject) => {
    const { stdout } = await subject.must(['features']);
    const options = JSON.parse(stdout).mountOptions;
    expect(options.length > 40, `it names ${options.length} options`);
    // These three ask for something to be there first; they have cases of their own.
    const plain = options.filter((option) => !['remount', 'idmap', 'ridmap'].includes(option));
    const binds = plain.filter((option) => option.endsWith('bind'));
    const result = await subject.run(mountinfo, (config) => {
      for (const [at, option] of plain.entries())
        config.mounts.push({
          destination: `/tmp/${at}`,
          ...(binds.includes(option)
            ? { type: 'none', source: 'rootfs' }
            : { type: 'tmpfs', source: 'tmpfs' }),
          options: [option],
        });
    });
    for (const at of plain.keys()) mountAt(result, `/tmp/${at}`);
  }),
  ask(
    'config.md, Linux mount options',
    'MUST',
    'ro on a bind mount',
    ['write:/data/etc/x'],
    mount({ destination: '/data', type: 'bind', source: 'rootfs', options: ['bind', 'ro'] }),
    (result) => equal(result.refused('write:/data/etc/x'), 'EROFS', 'the refusal'),
  ),
  ask(
    'config.md, Linux mount options',
    'MUST',
    'rro reaches the mounts below',
    mountinfo,
    (config) => {
      config.mounts.push({ destination: '/data', type: 'bind', source: '/dev', options: ['rbind', 'rro'] });
    },
    (result) => {
      const below = lines(result.value('read:/proc/self/mountinfo')).filter((line) =>
        line.split(' ')[4].startsWith('/data'),
      );
      expect(
        below.every((line) => line.split(' ')[5].split(',').includes('ro')),
        'a mount below is not read-only',
      );
    },
  ),
  ...['private', 'shared', 'slave', 'unbindable', 'rprivate', 'rshared', 'rslave', 'runbindable'].map(
    (option) =>
      ask(
        'config.md, Linux mount options',
        'MUST',
        `the mount option ${option}`,
        mountinfo,
        mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: [option] }),
        (result) => {
          const { tags } = mountAt(result, '/data');
          const is = (word) => tags.some((tag) => tag.startsWith(word));
          if (option.includes('shared')) expect(is('shared:'), 'it is not shared');
          else if (option.includes('unbindable')) expect(is('unbindable'), 'it is not unbindable');
          else expect(!is('shared:'), 'it is shared');
        },
      ),
  ),
  ask(
    'config.md, Linux mount options',
    'MUST',
    "options that are the file system's go to it",
    mountinfo,
    mount({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['size=64k', 'mode=700'] }),
    (result) => expect(mountAt(result, '/data').data.includes('size=64k'), 'size=64k is not set'),
  ),
  answers(
    'config.md, Linux mount options',
    'SHOULD',
    'tmpcopyup fills a tmpfs with what it covers',
    'read:/etc/file',
    mount({ destination: '/etc', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] }),
    'content\n',
  ),

  answers(
    'config.md, Process',
    'MUST',
    'cwd is the working folder',
    'cwd',
    process_({ cwd: '/data' }),
    '/data',
  ),
  refused('config.md, Process', 'MUST', 'a cwd that is not absolute is refused', process_({ cwd: 'data' })),
  answers(
    'config.md, Process',
    'SHOULD',
    'a cwd that is missing is made, as engines expect',
    'cwd',
    process_({ cwd: '/data/made/here' }),
    '/data/made/here',
  ),
  answers(
    'config.md, Process',
    'habit',
    'a cwd that is missing is made on a root that is read-only, too',
    'cwd',
    (config) => {
      config.process.cwd = '/made/here';
      config.root.readonly = true;
    },
    '/made/here',
  ),
  act('config.md, Process', 'MUST', 'a cwd by a descriptor of the runtime is refused', async (subject) => {
    for (let fd = 3; fd < 14; fd++) {
      const result = await subject.run(
        ['cwd', 'read:../config.json'],
        process_({ cwd: `/proc/self/fd/${fd}` }),
      );
      expect(result.code !== 0 || result.answers.get('cwd')?.ok, `descriptor ${fd} led out of the container`);
      expect(
        !result.answers.get('read:../config.json')?.ok,
        `a file of the host was read by descriptor ${fd}`,
      );
    }
  }),
  refused('config.md, Process', 'MUST', 'no args are refused', process_({ args: [] })),
  ask(
    'config.md, Process',
    'MUST',
    'env is the environment, and all of it',
    ['read:/proc/self/environ'],
    process_({ env: ['PATH=/bin', 'PROBE=a b=c'] }),
    (result) => {
      const found = lines(result.value('read:/proc/self/environ'));
      expect(found.includes('PROBE=a b=c'), 'PROBE is not as given');
      expect(
        found.every((line) => /^(PATH|PROBE|HOME)=/.test(line)),
        `there is more: ${found.join(' ')}`,
      );
    },
  ),
  ask(
    'config.md, Process',
    'MUST',
    'args are the arguments',
    ['read:/proc/self/cmdline', 'ids'],
    (config) => {
      config.process.args.splice(1, 0, 'ids');
    },
    (result) => equal(lines(result.value('read:/proc/self/cmdline'))[1], 'ids', 'the first argument'),
  ),
  act('config.md, Process', 'MUST', 'a program without a slash is searched in PATH', async (subject) => {
    const result = await subject.run(['ids'], (config) => {
      config.process.args[0] = 'probe';
    });
    equal(result.code, 0, 'the exit code');
  }),
  ask(
    'config.md, User',
    'MUST',
    'uid and gid',
    ['ids'],
    process_({ user: { uid: 1000, gid: 1001 } }),
    (result) =>
      equal(result.value('ids').split(' ').slice(0, 6).join(' '), '1000 1000 1000 1001 1001 1001', 'the ids'),
  ),
  ask(
    'config.md, User',
    'MUST',
    'additionalGids',
    ['ids'],
    process_({ user: { uid: 1000, gid: 1001, additionalGids: [5, 7] } }),
    (result) => {
      const groups = result.value('ids').split(' ').slice(6);
      expect(groups.includes('5') && groups.includes('7'), `the groups are ${groups}`);
    },
  ),
  answers(
    'config.md, User',
    'MUST',
    'umask',
    'umask',
    process_({ user: { uid: 0, gid: 0, umask: 0o27 } }),
    String(0o27),
  ),
  ask(
    'config.md, Linux process',
    'MUST',
    'noNewPrivileges',
    ['read:/proc/self/status'],
    undefined,
    (result) => equal(statusLine(result, 'NoNewPrivs'), '1', 'NoNewPrivs'),
  ),
  ask(
    'config.md, Linux process',
    'MUST',
    'without noNewPrivileges it is off',
    ['read:/proc/self/status'],
    process_({ noNewPrivileges: false }),
    (result) => equal(statusLine(result, 'NoNewPrivs'), '0', 'NoNewPrivs'),
  ),
  ...[
    ['bounding', 'CapBnd'],
    ['effective', 'CapEff'],
    ['permitted', 'CapPrm'],
  ].map(([set, line]) =>
    ask(
      'config.md, Linux process',
      'MUST',
      `the ${set} capabilities`,
      ['read:/proc/self/status'],
      undefined,
      (result) => equal(statusLine(result, line), base, line),
    ),
  ),
  ask(
    'config.md, Linux process',
    'MUST',
    'ambient capabilities reach a user who is not root',
    ['read:/proc/self/status'],
    (config) => {
      const set = ['CAP_KILL'];
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities = {
        bounding: set,
        effective: set,
        permitted: set,
        inheritable: set,
        ambient: set,
      };
    },
    (result) => {
      equal(statusLine(result, 'CapAmb'), '0000000000000020', 'CapAmb');
      equal(statusLine(result, 'CapEff'), '0000000000000020', 'CapEff');
    },
  ),
  act(
    'config.md, Linux process',
    'SHOULD',
    'a capability that cannot be granted is a warning and no failure',
    async (subject) => {
      const result = await subject.run(['read:/proc/self/status'], (config) => {
        for (const set of ['bounding', 'effective', 'permitted'])
          config.process.capabilities[set].push('CAP_NONESUCH');
      });
      equal(result.code, 0, 'the exit code');
      expect(result.stderr.includes('CAP_NONESUCH'), 'there is no warning');
      equal(statusLine(result, 'CapEff'), base, 'CapEff');
    },
  ),
  ask(
    'config.md, POSIX process',
    'MUST',
    'rlimits',
    ['rlimit:NOFILE', 'rlimit:CORE'],
    process_({
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ],
    }),
    (result) => {
      equal(result.value('rlimit:NOFILE'), '100 200', 'NOFILE');
      equal(result.value('rlimit:CORE'), '0 0', 'CORE');
    },
  ),
  refused(
    'config.md, POSIX process',
    'MUST',
    'an rlimit that nobody knows is refused',
    process_({ rlimits: [{ type: 'RLIMIT_NONESUCH', soft: 1, hard: 1 }] }),
  ),
  refused(
    'config.md, POSIX process',
    'MUST',
    'an rlimit given twice is refused',
    process_({
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
        { type: 'RLIMIT_NOFILE', soft: 100, hard: 100 },
      ],
    }),
  ),
  answers(
    'config.md, Linux process',
    'MUST',
    'oomScoreAdj',
    'read:/proc/self/oom_score_adj',
    process_({ oomScoreAdj: 100 }),
    '100\n',
  ),
  act('config.md, Linux process', 'MUST', 'without oomScoreAdj the score stays', async (subject) => {
    const result = await subject.run(['read:/proc/self/oom_score_adj']);
    const own = readFileSync('/proc/self/oom_score_adj', 'utf8');
    equal(result.value('read:/proc/self/oom_score_adj'), own, 'the score');
  }),
  answers(
    'config.md, Linux process',
    'MUST',
    'scheduler with a nice value',
    'nice',
    process_({ scheduler: { policy: 'SCHED_BATCH', nice: 5 } }),
    '25',
  ),
  ask('config.md, Hostname', 'MUST', 'hostname', ['hostname'], undefined, (result) =>
    equal(result.value('hostname'), 'conformance', 'the name'),
  ),
  answers(
    'config.md, Domainname',
    'MUST',
    'domainname',
    'domainname',
    (config) => {
      config.domainname = 'example.org';
    },
    'example.org',
  ),
  ask(
    'config.md, Extensibility',
    'MUST',
    'unknown fields are ignored',
    ['ids'],
    (config) => {
      config.unheardOf = { deep: [1] };
      config.process.unheardOf = true;
    },
    (result) => expect(result.value('ids'), 'it did not run'),
  ),
  refused('config.md', 'MUST', 'a config.json that is no JSON is refused', () => '{"ociVersion": "1.0.2", '),
];
