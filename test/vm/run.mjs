// Boots Debian's kernels in virtual machines with the working tree's build inside.
//   node test/vm/run.mjs test MACHINE [TEST...]  runs tests in one (all of them by default) and prints TAP
//   node test/vm/run.mjs short                   the short list of machines.json, in its machine; what cannot be fetched is a skip
//   node test/vm/run.mjs boot [MACHINE...]       holds how long they take until the first test could begin
//   node test/vm/run.mjs shell [MACHINE]         a prompt in one
//   node test/vm/run.mjs prepare [MACHINE|short] makes kernels and images, and starts nothing
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { command, killAll, NotFetched } from './command.mjs';
import { blankDisk, diskOf, partitionOffset } from './disk.mjs';
import { kernel, systemImage } from './image.mjs';
import { endMachines, lastWords, runMachine, shellMachine } from './machine.mjs';
import { Report } from './report.mjs';

const here = import.meta.dirname;
process.chdir(join(here, '../..'));
const machines = JSON.parse(readFileSync(join(here, 'machines.json'), 'utf8'));

class Misuse extends Error {}

function machineNamed(name) {
  for (const known of [machines.machines, machines.seeded])
    if (Object.hasOwn(known, name)) return known[name];
  const names = Object.keys(machines.machines).join(', ');
  throw new Misuse(`${name ?? 'no machine'} is no machine of machines.json; there are ${names}`);
}

/** The tests of a machine: programs of its folder that print TAP and, where it has them, the native unit tests. */
function allTests(machine) {
  const shell = readdirSync(join(here, machine.tests))
    .filter((file) => file.endsWith('.test.sh'))
    .map((file) => `${machine.tests}/${file.slice(0, -'.test.sh'.length)}`);
  if (!machine.native) return shell.sort();
  const native = readdirSync('build/native-test').filter((file) => /^(test|replay)_[a-z0-9_]+$/.test(file));
  return [...shell.sort(), ...native.sort().map((file) => `native/${file}`)];
}

/** A folder below build/ for one run, and the disk of the working tree's build in it. */
async function workFolder(name) {
  mkdirSync('build/vm', { recursive: true });
  const work = mkdtempSync(resolve('build/vm', `.${name}-`));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  const tree = join(work, 'tree');
  await command(['bash', join(here, 'tree.sh'), tree], {
    env: { VXE_CACHE: process.env.VXE_CACHE ?? resolve('build/cache') },
  });
  const disk = join(work, 'tree.img');
  await diskOf('tree', tree, disk, 512);
  rmSync(tree, { recursive: true });
  return { work, disk };
}

async function describe(name, words) {
  const machine = machineNamed(name);
  const described = machines.kernels[machine.kernel];
  const files = await kernel(machine.kernel, described);
  const system = await systemImage(machine.image, machines.images[machine.image]);
  const { work, disk } = await workFolder(name);
  return {
    work,
    vmlinuz: files.vmlinuz,
    disks: [{ file: system }, { file: files.modules }, { file: disk }],
    words: [
      ...words,
      ...(machine.words ?? []),
      `vxe.kernel=${files.release}`,
      `vxe.landlock=${described.landlock}`,
    ],
  };
}

async function runTests(name, chosen) {
  const machine = machineNamed(name);
  const there = allTests(machine);
  const named = chosen.map((test) => (test.includes('/') ? test : `${machine.tests}/${test}`));
  const unknown = named.find((test) => !there.includes(test));
  if (unknown) throw new Misuse(`there is no test ${unknown}; there are ${there.join(', ')}`);
  const leftOut = Object.entries(machines.leftOut).filter(([test]) => there.includes(test));
  const tests = named.length > 0 ? named : there.filter((test) => !Object.hasOwn(machines.leftOut, test));

  const { boot, test: limit, long, grace } = { ...machines.limits, ...machine.limits };
  const listed = tests.map((test) => (Object.hasOwn(long, test) ? `${test}@${long[test]}` : test));
  const words = ['vxe.vm=test', `vxe.tests=${listed.join(',')}`, `vxe.limit=${limit}`];
  const description = await describe(name, words);
  const kept = resolve('build/vm', name);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(join(kept, 'logs'), { recursive: true });
  const log = join(kept, 'console.log');
  const out = join(description.work, 'out.img');
  description.disks.push({ file: out, keep: true });

  const lastConsole = () => ['the console ends with:', ...lastWords(log, 40)];
  const report = new Report(name, tests, (text) => console.log(text), lastConsole);
  if (chosen.length === 0) for (const [test, reason] of leftOut) report.skip(test, reason);
  const attempt = () => {
    blankDisk('out', out, 64);
    const started = performance.now();
    return runMachine(description, {
      console: log,
      patience: boot * 1000,
      line(text) {
        const before = report.up;
        report.line(text);
        if (report.up && !before)
          console.log(`# ${name}: up after ${((performance.now() - started) / 1000).toFixed(1)} s`);
        // The test itself is ended in the machine; this is for a machine that does not do that any more.
        return ((report.running && long[report.running]) ?? limit) * 1000 + grace * 1000;
      },
    });
  };
  let problem = await attempt();
  if (!report.up) {
    // No test has begun, so that nothing is hidden by another attempt.
    console.log(`# ${name}: it did not come up: ${problem ?? 'it went off before'}; once more`);
    for (const text of lastConsole()) console.log(`#   ${text}`);
    problem = await attempt();
  }
  keepResults(name, description.words, report.results);
  const well = report.finish(problem, lastConsole());
  // Of a machine that broke off the archive is not whole, and its console has been shown.
  const skip = `skip=${partitionOffset / 512}`;
  await command(['dd', `if=${out}`, `of=${out}.tar`, 'bs=512', skip, 'conv=sparse', 'status=none']);
  await command(['tar', '-C', join(kept, 'logs'), '--no-same-owner', '-xf', `${out}.tar`]).catch(() => {});
  if (!well) console.log(`# console and logs: build/vm/${name}`);
  return well ? 0 : 1;
}

/** Seconds of processor time so far: what ended below this process, and what everybody took, in hundredths as Linux counts. */
function processorTime() {
  const fields = (file, from) => readFileSync(file, 'utf8').slice(from).split(/\s+/).map(Number);
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const own = fields('/proc/self/stat', stat.lastIndexOf(')') + 2);
  const [, user, nice, system, , , interrupts, soft, stolen] = fields('/proc/stat', 0);
  return { own: (own[13] + own[14]) / 100, all: (user + nice + system + interrupts + soft + stolen) / 100 };
}

/** Boots a machine that has nothing to do: the seconds until a test could begin, and how many processors others took meanwhile. */
async function boot(description, patience, log) {
  const before = processorTime();
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1000;
  let seconds = null;
  const problem = await runMachine(description, {
    console: log,
    patience: patience * 1000,
    line(text) {
      if (text === '@up') seconds = passed();
    },
  });
  const after = processorTime();
  if (problem || seconds === null)
    throw new Error(`the machine ${problem ?? 'went off before'}:\n${lastWords(log, 40).join('\n')}`);
  const own = after.own - before.own;
  return { seconds, own, others: (after.all - before.all - own) / passed() };
}

/** Holds how long machines take to boot. Where others have the processors, a boot that takes longer tells nothing. */
async function boots(names) {
  const { up: wanted, boot: patience } = machines.limits;
  let failures = 0;
  for (const [index, name] of names.entries()) {
    const description = await describe(name, ['vxe.vm=test', 'vxe.tests=']);
    const out = join(description.work, 'out.img');
    description.disks.push({ file: out, keep: true });
    const done = [];
    while (done.length < 3 && !done.some(({ seconds }) => seconds < wanted)) {
      blankDisk('out', out, 64);
      done.push(await boot(description, patience, resolve('build/vm', 'boot.log')));
    }
    const best = done.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    const times = done.map(({ seconds }) => seconds.toFixed(1)).join(', ');
    const told = `${name} is up within ${wanted} s (${times}; ${best.own.toFixed(1)} s of processors)`;
    if (best.seconds < wanted) console.log(`ok ${index + 1} - ${told}`);
    else if (done.every(({ others }) => others > 0.3))
      console.log(
        `ok ${index + 1} - ${told} # SKIP others have ${best.others.toFixed(1)} processors of this host`,
      );
    else {
      failures += 1;
      console.log(`not ok ${index + 1} - ${told}`);
    }
  }
  console.log(`1..${names.length}`);
  return failures === 0 ? 0 : 1;
}

/** The latest outcome of each test in a machine, which `make measured` makes a table of. */
function keepResults(name, words, results) {
  const file = resolve('build/vm', `${name}.json`);
  const kernel = words.find((word) => word.startsWith('vxe.kernel=')).slice('vxe.kernel='.length);
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).results : {};
  writeFileSync(file, `${JSON.stringify({ kernel, results: { ...before, ...results } }, null, 2)}\n`);
}

async function shell(name) {
  const size = `${process.stdout.rows ?? 24}x${process.stdout.columns ?? 80}`;
  return shellMachine(await describe(name, ['vxe.vm=shell', `vxe.size=${size}`]));
}

async function prepare(names, limit) {
  const wanted = names.map(machineNamed);
  for (const name of new Set(wanted.map((machine) => machine.kernel)))
    await kernel(name, machines.kernels[name], limit);
  for (const name of new Set(wanted.map((machine) => machine.image)))
    await systemImage(name, machines.images[name], limit);
  return 0;
}

/** Here a slow archive is given up soon. */
function prepareShort() {
  return prepare([machines.short.machine], machines.short.fetch * 1000);
}

/** What `make test` has of the machines. An archive that does not answer says nothing of what is tested. */
async function short() {
  const { machine, tests } = machines.short;
  if (process.arch !== 'x64') {
    console.log(`1..0 # skip the machines are x86-64, and this host is ${process.arch}`);
    return 0;
  }
  const missing = ['qemu-system-x86_64', 'mmdebstrap'].find(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  if (missing) {
    console.log(`1..0 # skip ${missing} is missing; scripts/setup.sh vm installs what the machines need`);
    return 0;
  }
  try {
    await prepareShort();
  } catch (error) {
    if (!(error instanceof NotFetched)) throw error;
    for (const text of error.message.split('\n')) console.log(`# ${text}`);
    console.log(`1..0 # skip what the machine ${machine} is made of cannot be fetched: ${error.reason}`);
    return 0;
  }
  return runTests(machine, tests);
}

async function main([verb, ...rest]) {
  if (process.getuid?.() !== 0) {
    if (['test', 'short', 'boot'].includes(verb)) {
      console.log('1..0 # skip not root: the disks hold files of root');
      return 0;
    }
    throw new Misuse('the disks hold files of root, so this has to be started as root');
  }
  if (verb === 'test') return runTests(rest[0], rest.slice(1));
  if (verb === 'shell') return shell(rest[0] ?? '6.12');
  if (verb === 'short') return short();
  if (verb === 'boot') return boots(rest.length > 0 ? rest : Object.keys(machines.machines));
  if (verb === 'prepare' && rest[0] === 'short') return prepareShort();
  if (verb === 'prepare') return prepare(rest.length > 0 ? rest : Object.keys(machines.machines));
  throw new Misuse(
    'test MACHINE [TEST...], short, boot [MACHINE...], shell [MACHINE] or prepare [MACHINE|short]',
  );
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])
  process.on(signal, () => {
    endMachines();
    killAll();
    process.exit(code);
  });

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`vm: ${error.message}`);
  process.exitCode = error instanceof Misuse ? 2 : 1;
}
