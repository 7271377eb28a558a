// Runs the test suites one after the other, passes their TAP through, and counts.
//   node scripts/test.mjs [SUITE | PROGRAM...]     suites: native, unit, e2e, fuzz, conformance, holes, demo, machine, vm; a program is named by its path and prints TAP
// The last line is `N passed, N failed`. Exit 1 if a test failed, a program broke off, or nothing ran at all.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const minute = 60_000;

// The limits are there for what hangs. They are far above what a test takes, since a busy machine can stand still for minutes.

/** Programs below a folder that print TAP, in a stable order. */
function programs(folder, accept) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(accept)
    .sort()
    .map((name) => `${folder}/${name}`);
}

/** The unit test files by the words that ava puts before the titles of their tests. */
function unitFiles() {
  const base = 'build/ts/test';
  if (!existsSync(base)) return [];
  return readdirSync(base, { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => name.slice(0, -'.test.js'.length).split('/'))
    .map((path) => [...path.slice(0, -1), path.at(-1).replace(/^test-/, '')].join(' › '))
    .sort();
}

/** The virtual machines there are; KERNEL in the environment asks for one of them. */
function machinesOf(file) {
  return process.env.KERNEL
    ? [process.env.KERNEL]
    : Object.keys(JSON.parse(readFileSync(file, 'utf8')).machines);
}

const suites = {
  native: () =>
    programs('build/native-test', (name) => /^(test|replay)_[a-z0-9_]+$/.test(name)).map((file) => ({
      title: file,
      argv: [file],
      limit: 10 * minute,
    })),
  unit: () => [
    { title: 'ava', argv: ['node_modules/.bin/ava', '--tap'], limit: 40 * minute, files: unitFiles() },
  ],
  e2e: () =>
    programs('test/e2e', (name) => name.endsWith('.test.sh')).map((file) => ({
      title: file,
      argv: ['bash', file],
      limit: 20 * minute,
    })),
  // A few seconds for each: what a change broke, not what nobody found so far. CI and make fuzz take a minute. Beside programs that mostly
  // wait they take what those leave of the processors, and then the rest of their time alone.
  fuzz: () => [
    {
      title: 'the fuzz targets',
      argv: ['bash', 'scripts/fuzz.sh', process.env.FUZZ_SECONDS ?? '3'],
      beside: 'e2e',
      environment: { VXE_FUZZ_IDLE: '1' },
      limit: 60 * minute,
    },
  ],
  vm: () => {
    const machines = machinesOf('test/vm/machines.json');
    const harness = (title, ...words) => ({ title, argv: [process.execPath, ...words], limit: 30 * minute });
    return [
      harness('how fast the virtual machines boot', 'test/vm/run.mjs', 'boot', ...machines),
      ...machines.map((machine) => ({
        title: `the virtual machine ${machine}`,
        argv: [process.execPath, 'test/vm/run.mjs', 'test', machine],
        limit: 90 * minute,
      })),
      // Its machines are of that kernel.
      ...(machines.includes('6.12')
        ? [harness('the harness of the virtual machines', 'test/vm/harness.mjs')]
        : []),
    ];
  },
  conformance: () => [
    {
      title: 'the OCI runtime',
      argv: [process.execPath, 'test/conformance/run.mjs', '--tap', 'vxe-runtime'],
      limit: 15 * minute,
    },
  ],
  holes: () => [
    {
      title: 'known holes of OCI runtimes',
      argv: [process.execPath, 'test/holes/run.mjs', '--tap', 'vxe-runtime'],
      limit: 15 * minute,
    },
  ],
  demo: () => [{ title: 'the demo', argv: ['bash', 'test/demo/demo.sh'], limit: 15 * minute, whole: true }],
  machine: () => [
    {
      title: 'the short list of the virtual machines',
      argv: [process.execPath, 'test/vm/run.mjs', 'short'],
      ahead: [process.execPath, 'test/vm/run.mjs', 'prepare', 'short'],
      limit: 20 * minute,
    },
  ],
};

/** Suites that run when they are asked for, and why. */
const apart = {
  vm: 'all of the virtual machines, which take many minutes without KVM; make vm-test runs them',
};

/** What one line of TAP says: nothing, or the outcome of one test. Subtests are indented and their parent counts. */
function outcomeOf(line) {
  const match = /^(not )?ok\b\s*\d*\s*(?:- )?(.*)$/.exec(line);
  if (!match) return null;
  const [, not, text] = match;
  const skip = /#\s*skip\b[:\s]*(.*)$/i.exec(text);
  if (skip)
    return { kind: 'skipped', name: text.slice(0, skip.index).trim(), reason: skip[1] || 'no reason given' };
  if (/#\s*todo\b/i.test(text)) return { kind: 'skipped', name: text, reason: 'to do' };
  return { kind: not ? 'failed' : 'passed', name: text };
}

/** The shared part of a program's result and the line reader that fills it. */
function tapReader(title, files = []) {
  const result = { passed: 0, failed: [], skipped: [] };
  const silent = new Set(files);
  let planned = null;
  return {
    result,
    line(text) {
      const plan = /^1\.\.(\d+)\s*(?:#\s*skip\b[:\s]*(.*))?$/i.exec(text);
      if (plan) {
        planned = Number(plan[1]);
        if (planned === 0) result.skipped.push(`${title}: ${plan[2] || 'no reason given'}`);
        return;
      }
      const outcome = outcomeOf(text);
      if (outcome && silent.size > 0) silent.delete(outcome.name.slice(0, outcome.name.lastIndexOf(' › ')));
      if (outcome?.kind === 'passed') result.passed += 1;
      if (outcome?.kind === 'failed') result.failed.push(`${title}: ${outcome.name}`);
      if (outcome?.kind === 'skipped') result.skipped.push(`${title}: ${outcome.name} (${outcome.reason})`);
    },
    /** Called at the end: a program that broke off is a failure, whatever it printed before. */
    end(problem) {
      const seen = result.passed + result.failed.length + result.skipped.length;
      // A file that hung before its first test leaves no other trace in the output.
      for (const file of silent) result.failed.push(`${title}: no test of ${file} ran`);
      if (problem && result.failed.length === 0) result.failed.push(`${title}: ${problem}`);
      else if (!problem && planned === null) result.failed.push(`${title}: printed no plan, so it broke off`);
      else if (!problem && planned > 0 && planned !== seen)
        result.failed.push(`${title}: ${planned} tests planned, ${seen} ran`);
    },
  };
}

/** For a program that is one test by itself: what it prints is for the reader, its exit code is the outcome. */
function wholeReader(title) {
  const result = { passed: 0, failed: [], skipped: [] };
  return {
    result,
    line() {},
    end(problem) {
      if (problem) result.failed.push(`${title}: ${problem}`);
      else result.passed += 1;
    },
  };
}

let interrupted = false;

/** Signals a program that was started with a process group of its own, and all that it started. */
function endGroup(child, signal) {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Runs a program to its end; what it prints goes to `say`, line by line. */
function run({ title, argv, limit, whole, files }, say = (line) => console.log(line), environment = {}) {
  const begun = performance.now();
  const reader = whole ? wholeReader(title) : tapReader(title, files);
  return new Promise((resolve) => {
    // Its own process group, so that a program that hangs is ended with everything that it started.
    const child = spawn(argv[0], argv.slice(1), {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      env: { ...process.env, ...environment },
    });
    const stop = () => {
      interrupted = true;
      endGroup(child, 'SIGTERM');
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child, 'SIGTERM');
      setTimeout(() => endGroup(child, 'SIGKILL'), 10_000).unref();
    }, limit);

    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      say(line);
      reader.line(line);
    });
    const read = new Promise((done) => lines.on('close', done));
    let startError = null;
    child.on('error', (error) => {
      startError = error;
    });
    child.on('close', async (code, signal) => {
      await read;
      clearTimeout(timer);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      let problem = null;
      if (startError) problem = startError.message;
      else if (late) problem = `ended after ${limit / 1000} s`;
      else if (signal) problem = `ended by ${signal}`;
      else if (code !== 0) problem = `exit code ${code}`;
      reader.end(problem);
      resolve({ ...reader.result, seconds: (performance.now() - begun) / 1000 });
    });
  });
}

/**
 * Starts what a program wants to have been made before its turn. Gives what it said, at its end; that it failed is for the program to find
 * out, which makes the same where it is missing.
 */
function startAhead(argv) {
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const said = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => said.push(line.replace(/^(?:# )?/, '# ')));
  const stop = () => {
    interrupted = true;
    endGroup(child, 'SIGTERM');
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return new Promise((resolve) => {
    child.on('error', (error) => said.push(`# ${error.message}`));
    child.on('close', () => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve(said);
    });
  });
}

/** Starts a program before its turn. Gives, at its end, what it said and what came of it. */
async function runBeside(program) {
  const said = [];
  const result = await run(program, (line) => said.push(line), program.environment);
  return { said, result };
}

/** A suite's programs; a name with a slash is a program itself. */
function programsOf(name) {
  if (!name.includes('/')) return suites[name]();
  return [{ title: name, argv: name.endsWith('.sh') ? ['bash', name] : [name], limit: 20 * minute }];
}

async function main(names) {
  const chosen = names.length > 0 ? names : Object.keys(suites).filter((name) => !Object.hasOwn(apart, name));
  for (const name of chosen) {
    if (!name.includes('/') && !Object.hasOwn(suites, name)) {
      console.error(`test: there is no suite ${name}; there are ${Object.keys(suites).join(', ')}`);
      return 2;
    }
  }
  let passed = 0;
  const failed = [];
  const skipped = [];
  const ahead = new Map();
  for (const { argv, ahead: first } of chosen.flatMap(programsOf))
    if (first) ahead.set(argv.join(' '), startAhead(first));
  const beside = new Map();
  for (const [index, name] of chosen.entries()) {
    for (const program of chosen.slice(index + 1).flatMap(programsOf)) {
      if (program.beside !== name) continue;
      console.log(`# ${program.title}: beside ${name}`);
      beside.set(program.title, runBeside(program));
    }
    const started = performance.now();
    let ran = 0;
    for (const program of programsOf(name)) {
      console.log(`# ${name}: ${program.title}`);
      for (const line of (await ahead.get(program.argv.join(' '))) ?? []) console.log(line);
      if (interrupted) return 130;
      const before = await beside.get(program.title);
      for (const line of before?.said ?? []) console.log(line);
      const result = before?.result ?? (await run(program));
      if (interrupted) return 130;
      console.log(`# ${program.title}: ${result.seconds.toFixed(1)} s`);
      passed += result.passed;
      ran += result.passed + result.failed.length;
      failed.push(...result.failed);
      skipped.push(...result.skipped);
    }
    console.log(`# ${name}: ${ran} tests in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  if (names.length === 0)
    for (const [name, reason] of Object.entries(apart)) skipped.push(`${name} (${reason})`);
  for (const line of skipped) console.log(`skipped: ${line}`);
  for (const line of failed) console.log(`failed: ${line}`);
  if (passed + failed.length === 0) console.log('nothing ran');
  console.log(`${passed} passed, ${failed.length} failed`);
  return failed.length === 0 && passed > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
