// What the suites over several runtimes share: their options, the runtimes that are there, and the start in a world of their own.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startOver } from './world.mjs';

export const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const subjects = JSON.parse(readFileSync(join(top, 'test/conformance/subjects.json'), 'utf8'));

/** The command line of a suite. */
export function suiteOptions() {
  return parseArgs({
    allowPositionals: true,
    options: {
      tap: { type: 'boolean', default: false },
      case: { type: 'string' },
      out: { type: 'string' },
      jobs: { type: 'string' },
      record: { type: 'string' },
      inside: { type: 'string' },
    },
  });
}

function commandOf(name) {
  const [program, ...rest] = subjects[name].command;
  if (program.includes('/')) return [resolve(top, program), ...rest];
  const found = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' });
  return found.status === 0 ? [found.stdout.trim(), ...rest] : null;
}

/** The commands of the runtimes that are named, or of all; of those alone that are installed. Undefined where a name is none. */
export function chooseRuntimes(suite, names) {
  const chosen = new Map();
  for (const name of names.length > 0 ? names : Object.keys(subjects)) {
    if (!Object.hasOwn(subjects, name)) {
      console.error(`${suite}: there is no runtime ${name} in subjects.json`);
      return undefined;
    }
    const command = commandOf(name);
    if (command) chosen.set(name, command);
    else console.error(`${suite}: ${name} is not installed`);
  }
  return chosen;
}

/** Runs `inside` in namespaces of its own; not as root, or without cgroup v2, it says so. */
export async function runSuite(suite, options, inside) {
  if (options.inside) process.exitCode = await inside(options.inside);
  else if (process.geteuid() !== 0) console.log('1..0 # skip not root');
  else {
    const status = startOver(suite);
    if (status === 77) console.log('1..0 # skip no cgroup v2 on this host');
    else process.exitCode = status ?? 1;
  }
}
