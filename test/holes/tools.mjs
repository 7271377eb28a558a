// What attempts and controls are made of: commands, containers that try something, races, and what an outcome is.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { eventually, expect, tag } from '../conformance/subject.mjs';

/** How often a race is tried. */
export const rounds = 60;

export const digest = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
export const jsonLines = (text) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const held = (how) => ({ held: true, how });
export const open = (how) => ({ held: false, how });
/** The part of a refusal that says what was refused. */
export const reason = (result) => `refused: ${result.stderr.trim().split('\n').at(-1).slice(-110)}`;

export function command(...words) {
  const done = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

export const everything = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'NET_BIND_SERVICE',
    'NET_RAW',
    'NET_ADMIN',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_ADMIN',
    'MKNOD',
    'SETFCAP',
  ],
].map((name) => `CAP_${name}`);

/** All that a container's root may be given: what holds must not rest on it being weak. */
export function powerful(config) {
  for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set] = everything;
  config.process.noNewPrivileges = false;
}

export const intrude =
  (world, words, change = () => {}) =>
  (config, place) => {
    copyFileSync(world.intruder, join(place.rootfs, 'bin/intruder'));
    config.process.args = ['/bin/intruder', ...words];
    return change(config, place);
  };

/** A second process that exchanges two names as fast as it can, for as long as `during` takes. */
export async function swapping(world, a, b, during) {
  const child = spawn(world.intruder, ['swap', a, b], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await new Promise((done) => child.stdout.once('data', done));
    return await during();
  } finally {
    child.kill('SIGKILL');
    await new Promise((done) => child.once('close', done));
  }
}

/** Opening a program to write, although it is refused, makes it busy for that moment: it is executed again. */
export async function patiently(execute) {
  for (let tries = 0; ; tries++) {
    try {
      return await execute();
    } catch (error) {
      if (error.code !== 'ETXTBSY' || tries === 100) throw error;
      await wait(5);
    }
  }
}

/** Mounts of a control are made here, and taken off. */
export function mounted(argv, points, test) {
  try {
    const done = command('mount', ...argv);
    expect(done.code === 0, `mount: ${done.stderr.trim()}`);
    return test();
  } finally {
    for (const point of points) command('umount', '-l', point);
  }
}

/** A folder with the files of /proc that a runtime writes to, which are none of the kernel's. */
export function fakeProc(folder) {
  for (const name of ['sys/net/ipv4', 'self/attr/apparmor', 'thread-self/attr/apparmor'])
    mkdirSync(join(folder, name), { recursive: true });
  const files = [
    'sys/net/ipv4/ip_forward',
    'self/attr/exec',
    'self/attr/apparmor/exec',
    'thread-self/attr/apparmor/exec',
  ];
  for (const name of files) writeFileSync(join(folder, name), 'fake\n');
  return () => files.filter((name) => readFileSync(join(folder, name), 'utf8') !== 'fake\n');
}

export const forwarding = (config) => {
  config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
};
export const trueProc = { destination: '/data', type: 'proc', source: 'proc' };
export const inForce = ['read:/data/sys/net/ipv4/ip_forward'];

/** A container with a fake /proc and a setting that is written through /proc: it fails, or the setting is the kernel's. */
export function redirected(result, changed) {
  if (changed().length > 0) return open(`wrote ${changed().join(', ')} in the fake /proc`);
  if (result.code !== 0) return held(reason(result));
  const value = result.answers.get(inForce[0]);
  return value?.value === '1\n' ? held('the setting is in force') : open('ran without the setting');
}

/** A container whose /proc is a link to `target`, where a fake one is. */
export async function linkedProc(subject, target) {
  let changed;
  const result = await subject.run(inForce, (config, { rootfs }) => {
    changed = fakeProc(join(rootfs, 'tmp/fake'));
    rmdirSync(join(rootfs, 'proc'));
    symlinkSync(target, join(rootfs, 'proc'));
    config.mounts.shift();
    config.mounts.push(trueProc);
    forwarding(config);
  });
  return redirected(result, changed);
}

/** Where a proc file system is, as the container sees it. */
export function procPoints(result) {
  const table = places
    .map((place) => result.answers.get(`read:${place}/self/mountinfo`)?.value)
    .find(Boolean);
  return (table ?? '')
    .split('\n')
    .filter((line) => line.includes(' - proc '))
    .map((line) => line.split(' ')[4]);
}

export const places = ['/proc', '/data/other', '/link'];
export const procQuestions = places.flatMap((place) => [
  `read:${place}/self/mountinfo`,
  `read:${place}/uptime`,
]);
export const masked = (config) => {
  config.linux.maskedPaths = ['/proc/uptime'];
};

/** A container that runs has its proc file system on what was /proc when it was made, and what is masked in it is so wherever that is now. */
export function procPlace(result, racing = false) {
  if (result.code !== 0) return held(reason(result));
  const points = procPoints(result);
  const bare = places.find((place) => result.answers.get(`read:${place}/uptime`)?.value);
  if (bare) return open(`a masked file can be read in ${bare}`);
  if (points.includes('/data/other')) return open('a proc file system is in the volume');
  if (points.length > 0) return held('masked');
  // The places are asked one after the other: whoever exchanges them meanwhile can hide it at each. Such a round shows nothing either way.
  return racing ? held('not seen') : open('there is no proc file system, and the container runs');
}

/**
 * Rounds of a race: the first that got through counts, else how often which was held. One at least has to have got as far as `wanted`: a runtime
 * that is mostly refused gets more rounds for it.
 */
export async function race(wanted, round) {
  const seen = new Map();
  for (let i = 0; i < rounds || (i < 20 * rounds && !seen.has(wanted)); i++) {
    const result = await round(i);
    if (!result.held) return { held: false, how: `${result.how} (round ${i + 1})` };
    const how = result.how.split(':')[0];
    seen.set(how, (seen.get(how) ?? 0) + 1);
  }
  if (!seen.has(wanted))
    return open(`no container ran, so that nothing was tried: ${[...seen.keys()].join(', ')}`);
  return held([...seen].map(([how, count]) => `${how} ${count} times`).join(', '));
}

/** The intruder at a terminal: alone, or under what calls it. */
export function typed(stdout) {
  const told = jsonLines(stdout.replaceAll('\r', '')).at(-1);
  if (!told) return open(`nothing was tried: ${stdout.trim().slice(-110)}`);
  if (!told.terminal) return held('no terminal');
  return told.done ? open(`a key was typed by ${told.step}`) : held(told.errno);
}

/** A cgroup of the host that belongs to the user whom the container's root is. */
export function delegate(name) {
  const folder = `/sys/fs/cgroup/holes-${name}-${tag}`;
  mkdirSync(folder);
  chownSync(folder, 100000, 100000);
  return folder;
}

/** Whether what is made by a path comes to be elsewhere while a folder on the way is exchanged for a link. */
export async function madeOutside(world, name, make) {
  const [inside, outside] = [join(world.place, name), join(world.place, `${name}-outside`)];
  mkdirSync(join(inside, 'a'), { recursive: true });
  mkdirSync(outside);
  symlinkSync(outside, join(inside, 'b'));
  return swapping(world, join(inside, 'a'), join(inside, 'b'), async () => {
    for (let i = 0; i < 100_000 && readdirSync(outside).length === 0; i++) {
      try {
        make(join(inside, 'a', `made-${i}`));
      } catch (error) {
        if (!['EEXIST', 'ENOENT'].includes(error.code)) throw error;
      }
    }
    return readdirSync(outside).length > 0;
  });
}

/** Containers made while a folder on the way to a mount point is exchanged for a link out of the rootfs. */
export async function outsideRace(subject, world, name, change) {
  const outside = join(world.place, `${name}-out-${subject.name}`);
  mkdirSync(outside);
  const outcome = await race('stayed inside', async () => {
    let paths;
    const bundle = subject.bundle(['list:/data/a'], (config, place) => {
      const volume = join(place.rootfs, 'data');
      mkdirSync(join(volume, 'a'));
      // Out of any rootfs by names, and in no rootfs as an absolute one.
      symlinkSync(`${'../'.repeat(24)}${outside.slice(1)}`, join(volume, 'b'));
      paths = [join(volume, 'a'), join(volume, 'b')];
      return change(config, place);
    });
    return swapping(world, ...paths, async () => {
      const result = await subject.runBundle(bundle);
      if (readdirSync(outside).length > 0) return open('something was made outside of the rootfs');
      return result.code === 0 ? held('stayed inside') : held(reason(result));
    });
  });
  rmSync(outside, { recursive: true, force: true });
  return outcome;
}

/** A container's root that is nobody's on the host, with all that it can have in a user namespace. */
export function mapped(config) {
  powerful(config);
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
}

/** The first of several ways that is open counts, else how each was held. */
export async function eachWay(ways, attempt) {
  const how = [];
  for (const way of ways) {
    const outcome = await attempt(way);
    const short = `${Array.isArray(way) ? way[0] : way}: ${outcome.how}`;
    if (!outcome.held) return open(short);
    how.push(outcome.how.split(':')[0]);
  }
  return held(how.join(', '));
}

/** What the intruder gets of a runtime that executes `programs` in its container, and of what else is executed by it. */
export async function overwritten(subject, world, programs, change = () => {}, ms = 9000) {
  const copy = join(subject.folder, 'runtime', subject.command[0].split('/').at(-1));
  mkdirSync(join(subject.folder, 'runtime'));
  copyFileSync(subject.command[0], copy);
  const before = digest(copy);
  subject.command = [copy, ...subject.command.slice(1)];
  const container = await subject.started(
    [],
    intrude(world, ['overwrite', String(ms)], (config, place) => {
      powerful(config);
      return change(config, place);
    }),
  );
  await wait(200);
  let ran = 0;
  for (let i = 0; i < 12; i++) {
    const done = await patiently(() => subject.call(['exec', container.id, '/bin/probe', 'exit:0']));
    ran += done.code === 0 ? 1 : 0;
    const program = programs[i % programs.length];
    await patiently(() => subject.call(['exec', ...program.slice(1), container.id, program[0]]));
  }
  const hasStopped = async () => (await subject.state(container.id)).status === 'stopped';
  await eventually(() => patiently(hasStopped), 'the intruder does not end');
  if (digest(copy) !== before) return open('the program of the runtime is another');
  const words = jsonLines(readFileSync(container.outFile, 'utf8')).at(-1);
  if (ran === 0) return open('no exec ran, so that nothing was tried');
  return held(`${words.programs} programs opened, ${words.written} written, last ${words.errno || 'none'}`);
}

/** Working folders and programs by descriptors that the runtime may have left open: the names of each are what `namesOf` says. */
export async function leaked(subject, namesOf, change = () => {}) {
  const marker = join(subject.folder, 'marker');
  writeFileSync(marker, 'marker\n');
  const ups = [1, 2, 3, 4, 5, 6].map((n) => '../'.repeat(n));
  const questions = [...ups.flatMap((up) => [`read:${up}marker`, `read:${up}${marker.slice(1)}`]), 'fds'];
  const running = await subject.started(['sleep:100000'], change);
  const file = join(subject.folder, 'process.json');
  let refused = 0;
  let inside = 0;
  const look = (result) => {
    const words = jsonLines(result.stdout);
    if (words.some(({ ask, ok }) => ask.startsWith('read:') && ok)) return true;
    if (result.code === 0) inside++;
    else refused++;
    return false;
  };
  for (let fd = 3; fd < 16; fd++) {
    for (const [index, cwd] of namesOf(fd).entries()) {
      const run = await subject.run(questions, (config, place) => {
        config.process.cwd = cwd;
        return change(config, place);
      });
      if (look(run)) return open(`run with the working folder ${cwd} read a file of the host`);
      const exec = await subject.call(['exec', '--cwd', cwd, running.id, '/bin/probe', ...questions]);
      if (look(exec)) return open(`exec with the working folder ${cwd} read a file of the host`);
      writeFileSync(
        file,
        JSON.stringify({ user: { uid: 0, gid: 0 }, args: ['/bin/probe', ...questions], cwd }),
      );
      if (look(await subject.call(['exec', '--process', file, running.id])))
        return open(`exec of a process whose working folder is ${cwd} read a file of the host`);
      for (const up of index === 0 ? ups.slice(0, 5) : []) {
        const program = await subject.run([], (config, place) => {
          config.process.args = [`${cwd}/${up}${process.execPath.slice(1)}`, '--version'];
          return change(config, place);
        });
        if (/^v\d/m.test(program.stdout)) return open(`a program of the host ran by ${cwd}`);
      }
    }
  }
  const { answers } = await subject.run(['fds']);
  if (answers.get('fds')?.value !== '0 1 2') return open(`descriptors ${answers.get('fds')?.value} are open`);
  return held(`${refused} refused, ${inside} inside`);
}
