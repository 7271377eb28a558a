// Lives of containers beside crun and runc: create, start, delete, exec; many at once; a refused call; the least memory.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const cycle = resolve('build/bench/cycle');
const nothing = resolve('build/bench/nothing');

function lines(args, options = {}) {
  const output = execFileSync(cycle, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function argument({ name, program, root }) {
  return `${name}=${program},${root}`;
}

export function measureLives(engines, bundle, runs) {
  return lines(['life', String(runs), bundle, ...engines.map(argument)]);
}

/** The same launches once a round, so that all share what the machine does meanwhile: each command's times in ms, round by round. */
export function measureTurns(rows, rounds) {
  const words = rows.flatMap(([, command], index) => (index === 0 ? command : ['---', ...command]));
  const times = lines(['turns', String(rounds), ...words]);
  return rows.map(([name], index) => ({ name, times: times[index] }));
}

export function measureExecs(engines, bundle, runs) {
  return lines(['exec', String(runs), bundle, nothing, ...engines.map(argument)]);
}

function middle(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Each engine alone, since memory of the kernel is counted for the whole machine; in turns, and of each figure the median. */
export function measureMany(engines, bundle, count, rounds = 3) {
  const all = Array.from({ length: rounds }, () =>
    engines.flatMap((engine) => lines(['many', String(count), bundle, argument(engine)])),
  ).flat();
  return engines.map(({ name }) => {
    const own = all.filter(({ engine }) => engine === name);
    const of = (pick) => middle(own.map(pick));
    const totals = own.map(({ kb }) => kb.total);
    return {
      engine: name,
      count,
      rounds,
      up: of(({ up }) => up),
      down: of(({ down }) => down),
      kb: Object.fromEntries(Object.keys(own[0].kb).map((kind) => [kind, of(({ kb }) => kb[kind])])),
      least: Math.min(...totals),
      most: Math.max(...totals),
    };
  });
}

/** Nanoseconds of a call that the filter raises, the supervisor records, and refuses; and of one that no filter stops. */
export function measureRefusal(runtime, bundle, root) {
  const run = (command, args) => Number(execFileSync(command, args, { encoding: 'utf8' }).trim());
  const plain = run(nothing, ['calls', '200000']);
  const refused = run(runtime, ['--root', root, 'run', '--bundle', bundle, 'calls']);
  return { plain, refused };
}

/** Where cgroups with a memory limit can be made, and how; null where no hierarchy has the controller. */
function memoryHierarchy(folder) {
  const controllers = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').split(/\s+/);
  if (controllers.includes('memory')) {
    writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
    return { root: '/sys/fs/cgroup', limit: 'memory.max', swap: ['memory.swap.max', '0'] };
  }
  const root = join(folder, 'memory');
  mkdirSync(root, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'cgroup', '-o', 'memory', 'none', root], { stdio: 'ignore' });
  return mounted.status === 0
    ? { root, limit: 'memory.limit_in_bytes', swap: ['memory.swappiness', '0'] }
    : null;
}

const sizes = [0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64];

/** An engine that was killed, or that ran out of memory, leaves processes behind; what is in this group is ours. */
function removeGroup(group) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (error.code !== 'EBUSY' || attempt === 100) throw error;
    }
    for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      spawnSync('kill', ['-KILL', pid], { stdio: 'ignore' });
    }
    spawnSync('sleep', ['0.05']);
  }
}

/** Does the engine, and its container with it, run three times of three in so many MiB? */
function runsIn({ root, limit, swap }, size, { name, program, root: state }, bundle) {
  const group = join(root, `vxe-bench-${name}-${size}`);
  const id = `${name}-memory`;
  const enter = ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', group];
  const command = [program, '--root', state, 'run', '--bundle', bundle, id];
  mkdirSync(group);
  try {
    writeFileSync(join(group, swap[0]), swap[1]);
    writeFileSync(join(group, limit), String(Math.round(size * 1024 * 1024)));
    return [1, 2, 3].every(() => {
      const options = { stdio: 'ignore', timeout: 20_000, killSignal: 'SIGKILL' };
      if (spawnSync('sh', [...enter, ...command], options).status === 0) return true;
      spawnSync(program, ['--root', state, 'delete', '--force', id], { stdio: 'ignore' });
      return false;
    });
  } finally {
    removeGroup(group);
  }
}

/** The least memory, in MiB, that each engine needs. */
export function measureLeastMemory(engines, bundle, folder) {
  const hierarchy = memoryHierarchy(folder);
  if (!hierarchy) return [];
  return engines.map((engine) => ({
    engine: engine.name,
    least: sizes.find((size) => runsIn(hierarchy, size, engine, bundle)) ?? null,
  }));
}
