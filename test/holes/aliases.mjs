// The same holes by other names and ways than those that they became known by. The controls are those of the holes themselves.
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
import { eventually } from '../conformance/subject.mjs';
import {
  command,
  delegate,
  eachWay,
  fakeProc,
  forwarding,
  held,
  inForce,
  intrude,
  jsonLines,
  leaked,
  linkedProc,
  mapped,
  open,
  outsideRace,
  overwritten,
  reason,
  redirected,
  trueProc,
} from './tools.mjs';

/** A file of the rootfs that somebody could choose in the place of another, and whether it is still what it was. */
function chosenFile(rootfs) {
  const file = join(rootfs, 'etc/chosen');
  writeFileSync(file, 'chosen\n');
  return () => readFileSync(file, 'utf8') === 'chosen\n';
}

/** A folder as /dev, with the devices that a container has to have and no file system of its own. */
function ownDev(config, folder) {
  const dev = join(folder, 'dev');
  mkdirSync(dev, { recursive: true });
  for (const [name, minor] of Object.entries({ null: 3, zero: 5, full: 7, random: 8, urandom: 9 }))
    command('mknod', '-m', '666', join(dev, name), 'c', '1', String(minor));
  command('mknod', '-m', '666', join(dev, 'tty'), 'c', '5', '0');
  config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
  config.mounts.push({ destination: '/dev', type: 'bind', source: dev, options: ['bind'] });
  return dev;
}

export const aliases = [
  {
    cve: 'CVE-2019-5736',
    title: 'the same by its other names, and with what is to be loaded before it',
    attempt: (subject, world) =>
      overwritten(
        subject,
        world,
        [
          ['/bin/link'],
          ['/proc/self/exe'],
          ['/proc/thread-self/exe'],
          ['/bin/self', '--env', 'LD_PRELOAD=/bin/intruder'],
        ],
        (_, { rootfs }) => {
          symlinkSync('/proc/self/exe', join(rootfs, 'bin/link'));
          writeFileSync(join(rootfs, 'bin/self'), '#!/bin/link\n', { mode: 0o755 });
        },
        4000,
      ),
  },
  {
    cve: 'CVE-2019-16884',
    title: '/proc of the volume in other spellings, and an empty one',
    attempt: (subject) =>
      eachWay(['/proc/', '//proc', '/./proc', '/data/../proc', 'tmpfs'], async (way) => {
        let changed;
        const result = await subject.run(inForce, (config, { folder }) => {
          changed = fakeProc(join(folder, 'fake'));
          config.mounts[0] =
            way === 'tmpfs'
              ? { destination: '/proc', type: 'tmpfs', source: 'tmpfs' }
              : { destination: way, type: 'bind', source: join(folder, 'fake'), options: ['rbind'] };
          config.mounts.push(trueProc);
          forwarding(config);
        });
        return redirected(result, changed);
      }),
  },
  {
    cve: 'CVE-2019-19921',
    title: '/sys of the rootfs is a link',
    async attempt(subject) {
      const result = await subject.run(['read:/proc/self/mountinfo'], (config, { rootfs }) => {
        config.mounts.push({ destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] });
        mkdirSync(join(rootfs, 'data/other'));
        rmdirSync(join(rootfs, 'sys'));
        symlinkSync('data/other', join(rootfs, 'sys'));
      });
      if (result.code !== 0) return held(reason(result));
      const mounts = result.value('read:/proc/self/mountinfo');
      return / \/data\/other .* - sysfs /.test(mounts)
        ? open('a sysfs is in the volume')
        : held('it is elsewhere');
    },
  },
  {
    cve: 'CVE-2021-30465',
    title: 'a mount point in a volume, exchanged for a link while mounts are made',
    attempt: (subject, world) =>
      outsideRace(subject, world, 'c30465-volume', (config, { rootfs }) => {
        const volume = {
          destination: '/data',
          type: 'bind',
          source: join(rootfs, 'data'),
          options: ['rbind'],
        };
        config.mounts.push(volume, { destination: '/data/a/made/deep', type: 'tmpfs', source: 'tmpfs' });
      }),
  },
  {
    cve: 'CVE-2022-0492',
    title: 'the same with all capabilities in a user namespace',
    async attempt(subject, world) {
      const result = await subject.run([], intrude(world, ['release-agent'], mapped));
      const told = jsonLines(result.stdout).at(-1);
      if (!told) return open(`nothing was tried: ${result.stderr.trim()}`);
      return told.done ? open('it was set') : held(`${told.step}: ${told.errno}`);
    },
  },
  {
    cve: 'CVE-2023-25809',
    title: 'the same by the type cgroup2',
    async attempt(subject) {
      const delegated = delegate('25809-2');
      const made = join(delegated, 'made');
      const ask = `mkdir:${made}`;
      try {
        const result = await subject.run([ask], (config, { rootfs }) => {
          mkdirSync(join(rootfs, 'sys/fs/cgroup'), { recursive: true });
          mapped(config);
          const options = ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'];
          config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup2', source: 'cgroup2', options });
        });
        if (existsSync(made)) return open('a cgroup of the host was made');
        if (result.code !== 0) return held(reason(result));
        return held(`refused: ${result.refused(ask)}`);
      } finally {
        if (existsSync(made)) rmdirSync(made);
        rmdirSync(delegated);
      }
    },
  },
  {
    cve: 'CVE-2023-28642',
    title: '/proc is an absolute link',
    attempt: (subject) => linkedProc(subject, '/tmp/fake'),
  },
  {
    cve: 'CVE-2024-21626',
    title: 'the same by links and by other names of the folder of descriptors',
    attempt: (subject) =>
      leaked(
        subject,
        (fd) => [`/proc/thread-self/fd/${fd}`, `/proc/1/fd/${fd}`, `/tmp/fd-${fd}`],
        (_, { rootfs }) => {
          for (let fd = 3; fd < 16; fd++) symlinkSync(`/proc/self/fd/${fd}`, join(rootfs, `tmp/fd-${fd}`));
        },
      ),
  },
  {
    cve: 'CVE-2024-45310',
    title: 'device nodes made on the host by the same exchange',
    attempt: (subject, world) =>
      outsideRace(subject, world, 'c45310-device', (config) => {
        config.linux.devices = [{ path: '/data/a/made', type: 'c', major: 1, minor: 3, fileMode: 0o666 }];
      }),
  },
  {
    cve: 'CVE-2025-31133',
    title: "the container's /dev/null is something else from the start",
    attempt: (subject) =>
      eachWay(['a link', 'another device', 'a file'], async (way) => {
        const result = await subject.run(['read:/etc/file'], (config, { rootfs }) => {
          const null_ = join(rootfs, 'dev/null');
          chosenFile(rootfs);
          if (way === 'a link') symlinkSync('../etc/chosen', null_);
          if (way === 'another device') command('mknod', '-m', '666', null_, 'c', '1', '9');
          if (way === 'a file') copyFileSync(join(rootfs, 'etc/chosen'), null_);
          config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
          config.linux.maskedPaths = ['/etc/file'];
        });
        if (result.code !== 0) return held(reason(result));
        const { value, errno } = result.answers.get('read:/etc/file') ?? {};
        if (value) return open(`the masked file reads as ${JSON.stringify(value.slice(0, 20))}`);
        return held(value === '' ? 'masked' : (errno ?? 'did not answer'));
      }),
  },
  {
    cve: 'CVE-2025-52565',
    title: '/dev/pts/N is a link when the terminal is opened',
    attempt: (subject) =>
      subject.withPeer('console', async (socket, text) => {
        let kept;
        const asks = ['write:/dev/console', 'complain:of nothing', 'stat:/etc/chosen'];
        const container = await subject.create(
          asks,
          (config, { rootfs, folder }) => {
            kept = chosenFile(rootfs);
            const dev = ownDev(config, folder);
            for (const name of ['other', 'pts']) mkdirSync(join(dev, name));
            writeFileSync(join(dev, 'console'), '');
            symlinkSync('other/ptmx', join(dev, 'ptmx'));
            for (let n = 0; n < 64; n++) symlinkSync('../../etc/chosen', join(dev, 'pts', String(n)));
            config.mounts.push({
              destination: '/dev/other',
              type: 'devpts',
              source: 'devpts',
              options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
            });
            config.process.terminal = true;
          },
          { flags: ['--console-socket', socket] },
        );
        if (container.code === 0) {
          await subject.must(['start', container.id]);
          await eventually(
            () => !kept() || text().includes('"ask":"stat:/etc/chosen"'),
            'the container runs and says nothing',
          );
        }
        if (!kept()) return open('what was for the terminal is in the chosen file');
        return held(container.code === 0 ? 'the terminal is one' : reason(container));
      }),
  },
  {
    cve: 'CVE-2025-52881',
    title: 'the same by links in what is mounted there, and what confines the process',
    attempt: (subject) =>
      eachWay(['tmpfs', 'link', 'attr', 'oom_score_adj'], async (way) => {
        let changed;
        let kept;
        const own = 'read:/data/self/oom_score_adj';
        const result = await subject.run([...inForce, own], (config, { folder, rootfs }) => {
          const fake = join(folder, 'fake');
          const bind = (destination, name) =>
            config.mounts.push({ destination, type: 'bind', source: join(fake, name), options: ['bind'] });
          changed = fakeProc(fake);
          kept = chosenFile(rootfs);
          config.mounts.push(trueProc);
          if (way === 'tmpfs')
            config.mounts.push({ destination: '/proc/sys', type: 'tmpfs', source: 'tmpfs' });
          if (way === 'link') {
            mkdirSync(join(fake, 'linked/net/ipv4'), { recursive: true });
            symlinkSync('/etc/chosen', join(fake, 'linked/net/ipv4/ip_forward'));
            bind('/proc/sys', 'linked');
          }
          if (way === 'tmpfs' || way === 'link') forwarding(config);
          if (way === 'attr') {
            for (const name of ['self', 'thread-self']) bind(`/proc/${name}/attr`, `${name}/attr`);
            config.process.apparmorProfile = 'vxe-holes-nonesuch';
          }
          if (way === 'oom_score_adj') {
            writeFileSync(join(fake, 'self/oom_score_adj'), 'fake\n');
            bind('/proc/self/oom_score_adj', 'self/oom_score_adj');
            config.process.oomScoreAdj = 777;
          }
        });
        if (!kept()) return open('wrote to a file of the rootfs');
        if (way === 'tmpfs' || way === 'link') return redirected(result, changed);
        if (changed().length > 0) return open(`wrote ${changed().join(', ')} in the fake /proc`);
        if (result.code !== 0) return held(reason(result));
        if (way === 'attr') return open('ran without the profile');
        return result.value(own) === '777\n' ? held('it is in force') : open('ran without it');
      }),
  },
];
