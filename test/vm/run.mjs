// Boots Debian's kernels in virtual machines with the working tree's build inside.
//   node test/vm/run.mjs test MACHINE [TEST...]  runs tests in one (all of them by default) and prints TAP
//   node test/vm/run.mjs shell [MACHINE]         a prompt in one
//   node test/vm/run.mjs prepare                 makes kernels and image, and starts nothing
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
import { command, killAll } from './command.mjs';
import { blankDisk, diskOf, partitionOffset } from './disk.mjs';
import { kernel, systemImage } from './image.mjs';
import { endMachines, lastWords, runMachine, shellMachine } from './machine.mjs';
import { Report } from './report.mjs';

const here = import.meta.dirname;
process.chdir(join(here, '../..'));
const machines = JSON.parse(readFileSync(join(here, 'machines.json'), 'utf8'));

class Misuse extends Error {}

function machineNamed(name) {
  if (Object.hasOwn(machines.machines, name)) return machines.machines[name];
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
    words: [...words, `vxe.kernel=${files.release}`, `vxe.landlock=${described.landlock}`],
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

  const { boot, test: limit, long } = machines.limits;
  const listed = tests.map((test) => (Object.hasOwn(long, test) ? `${test}@${long[test]}` : test));
  const words = ['vxe.vm=test', `vxe.tests=${listed.join(',')}`, `vxe.limit=${limit}`];
  const description = await describe(name, words);
  const kept = resolve('build/vm', name);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(join(kept, 'logs'), { recursive: true });
  const log = join(kept, 'console.log');
  const out = join(description.work, 'out.img');
  blankDisk('out', out, 64);
  description.disks.push({ file: out, keep: true });

  const lastConsole = () => ['the console ends with:', ...lastWords(log, 40)];
  const report = new Report(name, tests, (text) => console.log(text), lastConsole);
  if (chosen.length === 0) for (const [test, reason] of leftOut) report.skip(test, reason);
  const started = performance.now();
  const problem = await runMachine(description, {
    console: log,
    patience: boot * 1000,
    line(text) {
      const before = report.up;
      report.line(text);
      if (report.up && !before)
        console.log(`# ${name}: up after ${((performance.now() - started) / 1000).toFixed(1)} s`);
      // The test itself is ended in the machine; this is for a machine that does not do that any more.
      return ((report.running && long[report.running]) ?? limit) * 1000 + 30_000;
    },
  });
  keepResults(name, description.words, report.results);
  const well = report.finish(problem, problem ? lastConsole() : []);
  // Of a machine that broke off the archive is not whole, and its console has been shown.
  const skip = `skip=${partitionOffset / 512}`;
  await command(['dd', `if=${out}`, `of=${out}.tar`, 'bs=512', skip, 'conv=sparse', 'status=none']);
  await command(['tar', '-C', join(kept, 'logs'), '--no-same-owner', '-xf', `${out}.tar`]).catch(() => {});
  if (!well) console.log(`# console and logs: build/vm/${name}`);
  return well ? 0 : 1;
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

async function prepare() {
  for (const [name, described] of Object.entries(machines.kernels)) await kernel(name, described);
  for (const [name, described] of Object.entries(machines.images)) await systemImage(name, described);
  return 0;
}

async function main([verb, ...rest]) {
  if (process.getuid?.() !== 0) {
    if (verb === 'test') {
      console.log('1..0 # skip not root: the disks hold files of root');
      return 0;
    }
    throw new Misuse('the disks hold files of root, so this has to be started as root');
  }
  if (verb === 'test') return runTests(rest[0], rest.slice(1));
  if (verb === 'shell') return shell(rest[0] ?? '6.12');
  if (verb === 'prepare') return prepare();
  throw new Misuse('test MACHINE [TEST...], shell [MACHINE] or prepare');
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
