// One machine: qemu with its disks, its console in a file, and what its second serial line says.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { partition } from './disk.mjs';

const machines = new Set();

/** Ends every machine that is running. */
export function endMachines() {
  for (const machine of machines) machine.kill('SIGKILL');
}

/** qemu's command line, but for the serial lines. There is no KVM where this has to work, and no network in the machine. */
function qemu({ vmlinuz, disks, words, memory = '2G', cpus = 2 }) {
  const drives = disks.flatMap(({ file, keep }, at) => [
    '-drive',
    `file=${file.replaceAll(',', ',,')},format=raw,if=none,id=disk${at},snapshot=${keep ? 'off' : 'on'}`,
    '-device',
    `nvme-ns,drive=disk${at},bus=nvme,nsid=${at + 1}`,
  ]);
  const append = [
    `root=${partition('system')}`,
    'rootwait',
    'rw',
    'console=ttyS0',
    'panic=-1',
    'quiet',
    'loglevel=4',
    // The emulator translates code once for each address that it is at: libraries at other addresses in each process are most of its work.
    'norandmaps',
    ...words,
  ];
  return [
    ...[
      'qemu-system-x86_64',
      '-accel',
      'tcg,thread=multi',
      '-cpu',
      'max',
      '-smp',
      String(cpus),
      '-m',
      memory,
    ],
    ...['-display', 'none', '-no-reboot', '-nic', 'none', '-device', 'nvme,serial=vxe,id=nvme', ...drives],
    ...['-kernel', vmlinuz, '-append', append.join(' ')],
  ];
}

/** A folder for what qemu writes to disks that are not kept, and the command in the form that dies with this process. */
function prepared(argv) {
  const temporary = mkdtempSync(join(tmpdir(), 'vxe-vm-'));
  const sweep = () => rmSync(temporary, { recursive: true, force: true });
  process.on('exit', sweep);
  return {
    argv: ['setpriv', '--pdeathsig', 'KILL', '--', ...argv],
    env: { ...process.env, TMPDIR: temporary },
    sweep() {
      process.off('exit', sweep);
      sweep();
    },
  };
}

/**
 * Runs a machine until it powers off. `line` gets each line of the second serial port; what it returns, where it is a number, is how many
 * milliseconds the machine has until its next word. Gives null, or why the machine had to be ended.
 */
export function runMachine(description, { console: log, line, patience }) {
  const { argv, env, sweep } = prepared([
    ...qemu(description),
    ...['-monitor', 'none', '-serial', `file:${log}`, '-chardev', 'stdio,id=results,signal=off'],
    ...['-serial', 'chardev:results'],
  ]);
  return new Promise((done) => {
    const child = spawn(argv[0], argv.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    machines.add(child);
    let problem = null;
    let timer = null;
    const wait = (milliseconds) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        problem = `said nothing for ${Math.round(milliseconds / 1000)} s and was ended`;
        child.kill('SIGKILL');
      }, milliseconds);
    };
    wait(patience);
    const words = [];
    child.stderr.on('data', (data) => words.push(data));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const next = line(text.replace(/\r$/, ''));
      if (typeof next === 'number') wait(next);
    });
    child.on('error', (error) => {
      problem = `${error.message}; scripts/setup.sh vm installs what the machines need`;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      machines.delete(child);
      sweep();
      if (!problem && code !== 0)
        problem = `qemu ended with ${code}: ${Buffer.concat(words).toString().trim()}`;
      done(problem);
    });
  });
}

/** Runs a machine with its console on this terminal; gives its exit code. */
export function shellMachine(description) {
  const { argv, env, sweep } = prepared([...qemu(description), '-serial', 'mon:stdio']);
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), { env, stdio: 'inherit' });
    machines.add(child);
    child.on('error', fail);
    child.on('close', (code) => {
      machines.delete(child);
      sweep();
      done(code ?? 1);
    });
  });
}

/** The last lines of a console, without what terminals make of them. */
export function lastWords(log, count) {
  let text = '';
  try {
    text = readFileSync(log, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
  const plain = text.replace(/\u001b\[[0-9;?]*[A-Za-z]|\r/g, '').trimEnd();
  return plain.split('\n').slice(-count);
}
