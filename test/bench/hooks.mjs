// What hooks after calls cost: the tracepoint that each call of the host passes while an instance with hooks runs, and a call that is told. The
// storm of the recorders, in turns. Part of make bench; alone: node test/bench/hooks.mjs [ROUNDS]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const vxe = resolve('build/bin/vxe');
const storm = resolve('build/trace/storm');
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Profiles over the host's own tree: without hooks, with one on a call that nobody makes, with one on the storm's. */
function profiles(folder) {
  for (const [name, hooks] of [
    ['none', ''],
    ['another', 'calls: {after: {getpriority: [{}]}}'],
    ['stormed', 'calls: {after: {getppid: [{}]}}'],
  ])
    writeFileSync(
      join(folder, `${name}.vxed.yaml`),
      `vxed: 1\nname: ${name}\ntype: filesystem\nfiles: {/: read write execute}\nexec: any\nnetwork: {interface: none}\naccept-unenforced: [files:unix-sockets]\n${hooks}\n`,
    );
}

function worldOf(folder) {
  const below = (name) => join(folder, name);
  return {
    ...process.env,
    VXE_PROFILES: folder,
    VXE_COMPILED: below('compiled'),
    VXE_ROOT: below('run'),
    VXE_LOGS: below('logs'),
  };
}

/** Nanoseconds a call of the storm, what it takes to start taken away. */
function perCall(argv, env, calls) {
  const run = (count) => {
    const begun = performance.now();
    execFileSync(argv[0], [...argv.slice(1), String(count)], { stdio: 'ignore', env });
    return performance.now() - begun;
  };
  const some = Math.min(run(1), run(1));
  return ((run(calls) - some) * 1e6) / calls;
}

async function besideHooks(env, measure) {
  const other = spawn(vxe, ['run', '--name', 'beside', 'another', 'sleep', '1000'], { stdio: 'ignore', env });
  const ended = new Promise((done) => other.on('exit', done));
  try {
    const runs = () => {
      try {
        return execFileSync(vxe, ['status', 'beside'], { encoding: 'utf8', env, stdio: 'pipe' }).includes(
          'running',
        );
      } catch {
        return false;
      }
    };
    for (let tries = 0; !runs(); tries++) {
      if (tries > 200 || other.exitCode !== null)
        throw new Error('an instance with hooks does not start here');
      await sleep(50);
    }
    return measure();
  } finally {
    if (other.exitCode === null) other.kill('SIGTERM');
    await ended;
  }
}

/** The section of the results, as lines of Markdown. */
export async function measureHooks(rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-bench-hooks-'));
  try {
    profiles(folder);
    const env = worldOf(folder);
    const inside = (profile) => [vxe, 'run', profile, storm];
    const ways = [
      ['outside, no hooks on the host', () => perCall([storm], env, 3_000_000)],
      [
        'outside, an instance with hooks runs',
        () => besideHooks(env, () => perCall([storm], env, 3_000_000)),
      ],
      ['in an instance without hooks', () => perCall(inside('none'), env, 3_000_000)],
      ['in one with hooks, of other calls', () => perCall(inside('another'), env, 3_000_000)],
      ['in one with hooks, of this call', () => perCall(inside('stormed'), env, 1_000_000)],
    ];
    const found = new Map(ways.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++)
      for (const [name, measure] of ways) found.get(name).push(await measure());
    const base = median(found.get(ways[0][0]));
    const rows = [...found].map(([name, values]) => {
      const value = median(values);
      return `| ${name} | ${value.toFixed(0)} | ${(value / base).toFixed(2)} |`;
    });
    const head = `Medians of ${rounds} rounds in turns. A call that is told is folded with those like it, and its companion reads the ring on another processor.`;
    return [
      '## Hooks after calls',
      '',
      head,
      '',
      '| a call (getppid) | ns | times none |',
      '| --- | ---: | ---: |',
      ...rows,
      '',
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log((await measureHooks(Number(process.argv[2] ?? 3))).join('\n'));
