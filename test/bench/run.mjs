// make bench: launch times in one hyperfine run, lives of containers, many at once, creation time, sizes and resident memory.
//   node test/bench/run.mjs [RUNS [COUNT]]      COUNT containers at once; writes build/bench/results.md and results.json
// Runs itself again in a mount namespace with cgroup version 2 alone on /sys/fs/cgroup, since crun refuses hybrid hosts, and with a
// tmpfs on /run, where all runtimes keep their state; all commands are measured there, in turns or in one run, so that they share
// whatever the machine does meanwhile.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  measureExecs,
  measureLeastMemory,
  measureLives,
  measureMany,
  measureRefusal,
  measureTurns,
} from './cycles.mjs';
import { frontEndTable, measureFrontEnds } from './front-ends.mjs';
import { measureHooks } from './hooks.mjs';
import { languageTables, measureLanguage } from './language.mjs';
import { measureRecording } from './record.mjs';

const out = resolve('build/bench');
const vxe = resolve('build/bin/vxe');
const runtime = resolve('build/bin/vxe-runtime');
const floor = resolve('build/bench/floor');
const nothing = resolve('build/bench/nothing');

function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(1);
}

function sh(command, args, options = {}) {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/** A folder with its own VXE places, so that the host's are not touched. */
function world(folder) {
  const places = { VXE_BUNDLES: 'bundles', VXE_COMPILED: 'compiled', VXE_ROOT: 'run', VXE_LOGS: 'log' };
  const env = { ...process.env, VXE_CACHE: process.env.VXE_CACHE ?? resolve('build/cache') };
  for (const [name, part] of Object.entries(places)) env[name] = join(folder, part);
  return { folder, env };
}

/** Bundles of the program that does nothing, from recipes and a strict profile, as any user would make them. */
function makeBundles({ folder, env }) {
  const sources = join(folder, 'sources');
  const programs = { idle: [], waiting: ['wait'], calls: ['calls', '100000'] };
  mkdirSync(sources, { recursive: true });
  const profile = readFileSync('test/bench/idle.vxed.yaml', 'utf8').replaceAll('@PROGRAM@', nothing);
  writeFileSync(join(sources, 'idle.vxed.yaml'), profile);
  const made = Object.entries(programs).map(([name, args]) => {
    const program = [nothing, ...args].map((word) => JSON.stringify(word)).join(', ');
    writeFileSync(
      join(sources, `${name}.yaml`),
      `recipe: 1\nname: ${name}\nsource: {exec: ${nothing}}\nprofile: idle\nprogram: [${program}]\n`,
    );
    sh(vxe, ['bundle', 'create', name], { env: { ...env, VXE_RECIPES: sources, VXE_PROFILES: sources } });
    return [name, join(env.VXE_BUNDLES, name)];
  });
  return Object.fromEntries(made);
}

/** The same without what is VXE's own: no Landlock, and nobody has to answer the filter, so that no supervisor stays. */
function plainBundle(bundle, folder) {
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
  const plain = join(folder, 'plain');
  delete config.annotations;
  delete config.process.landlock;
  config.root.path = join(bundle, 'rootfs');
  mkdirSync(plain);
  writeFileSync(join(plain, 'config.json'), JSON.stringify(config));
  return plain;
}

function quote(words) {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** The OCI runtimes that are here, each with a state folder of its own. */
function enginesHere() {
  const known = [
    ['vxe-runtime', runtime],
    ['crun', 'crun'],
    ['runc', 'runc'],
  ];
  return known
    .filter(([, program]) => has(program))
    .map(([name, program]) => ({ name, program, root: join('/run', `bench-${name}`) }));
}

/** One row per launcher: its name and the command that runs the idle program once. */
function launchers(bundle) {
  const rootfs = join(bundle, 'rootfs');
  const filter = join(bundle, 'vxe', 'filter.bpf');
  const run = (program, name, ...options) => [
    program,
    ...options,
    '--root',
    join('/run', name),
    'run',
    '--bundle',
    bundle,
    name,
  ];
  const rows = [
    ['vxe-runtime run', run(runtime, 'vxe')],
    ['vxe-runtime run, no cgroup', run(runtime, 'vxe', '--cgroup-manager=disabled')],
    ['plain spawn', [nothing]],
    ['floor (minimal C)', [floor, rootfs, nothing, filter, '/sys/fs/cgroup/vxe-bench-floor']],
  ];
  if (has('bwrap')) {
    const namespaces = ['ipc', 'pid', 'net', 'uts', 'cgroup'].map((name) => `--unshare-${name}`);
    const mounts = ['--ro-bind', rootfs, '/', '--proc', '/proc', '--dev', '/dev'];
    const command = [...namespaces, ...mounts, '--cap-drop', 'ALL', '--clearenv', '--', nothing];
    rows.push(['bwrap', ['bwrap', ...command]]);
    rows.push(['bwrap, no reaper', ['bwrap', '--as-pid-1', ...command]]);
  }
  // What other engines do not know of the bundle they ignore: Landlock, and the supervisor.
  if (has('crun')) {
    rows.push(['crun run', run('crun', 'crun')]);
    rows.push(['crun run, no cgroup', run('crun', 'crun', '--cgroup-manager=disabled')]);
  }
  if (has('runc')) rows.push(['runc run', run('runc', 'runc')]);
  if (has('firejail')) {
    const options = [
      '--quiet',
      '--noprofile',
      '--net=none',
      '--caps.drop=all',
      '--nonewprivs',
      '--seccomp',
      '--private-dev',
    ];
    // Where firejail thinks that it is in a sandbox already it runs the program as it is.
    const probe = ['readlink', '/proc/self/ns/mnt'];
    if (sh('firejail', [...options, ...probe]) === sh(probe[0], probe.slice(1)))
      console.log('left out: firejail: it does not confine here');
    else rows.push(['firejail', ['firejail', ...options, nothing]]);
  }
  return rows.filter(([name, command]) => {
    const done = spawnSync(command[0], command.slice(1), {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (done.status === 0) return true;
    const why = (done.stderr || done.error?.message || `exit ${done.status}`).trim().split('\n').at(-1);
    if (name === 'vxe-runtime run') fail(`vxe-runtime does not run the idle bundle: ${why}`);
    console.log(`left out: ${name}: ${why}`);
    return false;
  });
}

function measureLaunches(rows, folder, runs) {
  const report = join(folder, 'hyperfine.json');
  const commands = rows.map(([, command]) => quote(command));
  const args = [
    '-N',
    '--warmup',
    '20',
    '--runs',
    String(runs),
    '--style',
    'none',
    '--export-json',
    report,
    ...commands,
  ];
  sh('hyperfine', args);
  const { results } = JSON.parse(readFileSync(report, 'utf8'));
  return rows.map(([name, command], index) => {
    const { median, min, mean, stddev } = results[index];
    return { name, command: quote(command), median, min, mean, stddev };
  });
}

function treeSize(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Creation time, size and memory of popd, the bundle that ships. */
function measurePopd({ folder, env }) {
  const prepared = sh('bash', ['-c', '. test/demo/lib.sh; mail_world "$0"', folder], { env });
  if (prepared) console.log(prepared);
  const accounts = ['--account', 'alice', '--accounts-from', join(folder, 'accounts')];
  const mounts = ['--mount', `/etc/shadow=${folder}/accounts/shadow`, '--mount', `/var/mail=${folder}/mail`];
  const create = () => sh(vxe, ['bundle', 'create', 'popd', ...accounts, ...mounts], { env });
  const remove = () => sh(vxe, ['bundle', 'remove', 'popd'], { env });
  create();
  const times = [];
  for (let round = 0; round < 5; round += 1) {
    remove();
    const begun = performance.now();
    create();
    times.push((performance.now() - begun) / 1000);
  }
  const size = treeSize(join(env.VXE_BUNDLES, 'popd', 'rootfs'));
  sh(vxe, ['start', 'popd', '--detach'], { env, stdio: 'ignore' });
  try {
    const state = JSON.parse(readFileSync(join(env.VXE_ROOT, 'popd', 'state.json'), 'utf8'));
    const pid = state.supervisor?.pid ?? state.supervisor;
    const field = (file, name) =>
      Number(
        new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1],
      );
    return {
      create: median(times),
      rootfs: size,
      rss: field('status', 'VmRSS') * 1024,
      pss: field('smaps_rollup', 'Pss') * 1024,
    };
  } finally {
    sh(vxe, ['stop', 'popd'], { env });
  }
}

function mebibytes(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(2)} MiB`;
}

/** What is asked for: the first at most so much of the second. */
const demands = [
  ['vxe-runtime run, no cgroup', 'bwrap', 0.7],
  ['vxe-runtime run', 'crun run', 0.35],
  ['vxe-runtime run', 'runc run', 0.12],
  ['vxe-runtime run', 'floor (minimal C)', 1.4],
];

const blockRounds = 25;

/** The ratios of two launches' medians, over all rounds and over each block of them. */
function turnRatios(turns, first, second) {
  const [own, other] = [first, second].map((name) => turns.find((row) => row.name === name)?.times);
  if (!own || !other) return undefined;
  const over = (from, to) => median(own.slice(from, to)) / median(other.slice(from, to));
  const blocks = Array.from({ length: Math.floor(own.length / blockRounds) }, (_, block) =>
    over(block * blockRounds, (block + 1) * blockRounds),
  );
  return { all: over(0, own.length), least: Math.min(...blocks), most: Math.max(...blocks) };
}

function launchRatioRows(value, turns) {
  return demands.flatMap(([first, second, wanted]) => {
    const [own, other] = [value(first), value(second)];
    if (!own || !other) return [];
    const ratios = turnRatios(turns, first, second);
    const inTurns = ratios
      ? `${ratios.all.toFixed(2)} | ${ratios.least.toFixed(2)} to ${ratios.most.toFixed(2)}`
      : '- | -';
    return [`| ${first} / ${second} | ${(own / other).toFixed(2)} | ${inTurns} | at most ${wanted} |`];
  });
}

function ratioRows(values) {
  return values.flatMap(([own, other, wanted, ownValue, otherValue]) =>
    ownValue && otherValue
      ? [`| ${own} / ${other} | ${(ownValue / otherValue).toFixed(2)} | at most ${wanted} |`]
      : [],
  );
}

function table(head, rows) {
  const columns = head.split('|').length;
  return [`| ${head} |`, `| --- |${' ---: |'.repeat(columns - 1)}`, ...rows, ''];
}

function manyTable(many) {
  if (many.length === 0) return [];
  const row = ({ engine, up, down, kb, least, most }) => {
    const kinds = [kb.total, kb.processes, kb.own, kb.slab, kb.vmalloc, kb.tables, kb.percpu, kb.shmem];
    const [total, ...parts] = kinds.map((value) => value.toFixed(0));
    return `| ${[engine, up.toFixed(0), down.toFixed(0), total, `${least.toFixed(0)} to ${most.toFixed(0)}`, ...parts].join(' | ')} |`;
  };
  return [
    `${many[0].count} containers at once, medians of ${many[0].rounds} rounds in turns. Memory is kB of each container: what its processes hold, by their share (Pss), of that the runtime's own; and by how much the kernel's grew, with caches dropped: slab, vmalloc (stacks and filters), page tables, per-CPU, and the state folder's tmpfs.`,
    '',
    ...table(
      'many at once | started a second | removed a second | memory each | range | processes | of it the runtime | slab | vmalloc | page tables | per-CPU | tmpfs',
      many.map(row),
    ),
  ];
}

function lifeTables({ lives, execs, many, least, refusal }) {
  const of = (rows, name, field) => rows.find(({ engine }) => engine === name)?.[field];
  const half = (what, rows, field) =>
    ['crun', 'runc'].map((other) => [
      `${what}, vxe-runtime`,
      other,
      0.5,
      of(rows, 'vxe-runtime', field),
      of(rows, other, field),
    ]);
  return [
    ...table(
      'a container | create ms | start ms | delete ms | all ms | exec ms | peak memory of create MiB | least memory to run MiB',
      lives.map(({ engine, create, start, delete: end, all, peakKb }) => {
        const smallest = of(least, engine, 'least');
        const exec = of(execs, engine, 'exec')?.toFixed(2) ?? '-';
        return `| ${engine} | ${create.toFixed(2)} | ${start.toFixed(2)} | ${end.toFixed(2)} | ${all.toFixed(2)} | ${exec} | ${(peakKb / 1024).toFixed(2)} | ${smallest ?? '-'} |`;
      }),
    ),
    ...table(
      'ratio | measured | wanted',
      ratioRows([...half('create, start, delete', lives, 'all'), ...half('exec', execs, 'exec')]),
    ),
    ...manyTable(many),
    ...(refusal === undefined
      ? []
      : table('a call | ns', [
          `| permitted, no filter | ${refusal.plain} |`,
          `| refused and recorded by the supervisor | ${refusal.refused} |`,
        ])),
  ];
}

function markdown({ launches, turns, popd, host, runs, ...rest }) {
  const value = (name) => launches.find((row) => row.name === name)?.median;
  const own = value('vxe-runtime run');
  const rows = [...launches]
    .sort((a, b) => a.median - b.median)
    .map(
      (row) =>
        `| ${row.name} | ${(row.median * 1000).toFixed(2)} | ${(row.min * 1000).toFixed(2)} | ${(row.stddev * 1000).toFixed(2)} | ${(row.median / own).toFixed(2)} |`,
    );
  const lines = [
    '# Measurements',
    '',
    `${host.cpus} CPUs, Linux ${host.kernel}, ${runs} runs each in one hyperfine run; medians.`,
    '',
    ...table('launch of a program that does nothing | median ms | min ms | σ ms | ratio to VXE', rows),
    'bwrap makes no cgroup, loads no seccomp filter and no Landlock ruleset here; crun and runc load the seccomp list of config.json; firejail has its own.',
    '',
    `In turns: each launch once a round, ${turns[0]?.times.length ?? 0} rounds; the range is that of the ratios over each ${blockRounds} rounds.`,
    '',
    ...table('ratio | one after another | in turns | range | wanted', launchRatioRows(value, turns)),
    ...lifeTables(rest),
    ...(rest.frontEnds === undefined
      ? []
      : [
          'Reading and lowering profiles of many rules, in milliseconds:',
          '',
          frontEndTable(rest.frontEnds),
          '',
        ]),
    ...(popd === undefined
      ? []
      : table('popd | measured | wanted', [
          `| \`vxe bundle create popd\`, warm | ${popd.create.toFixed(2)} s | under 3 s |`,
          `| its rootfs | ${mebibytes(popd.rootfs)} | under 5 MB |`,
          `| the launcher's resident memory while it runs (VmRSS) | ${mebibytes(popd.rss)} | under 2 MB |`,
          `| of which its own share (Pss) | ${mebibytes(popd.pss)} | |`,
        ])),
    ...(rest.language === undefined ? [] : languageTables(rest.language)),
    ...(rest.recording ?? []),
    ...(rest.hooks ?? []),
    ...rest.failed.map((text) => `not measured: ${text}`),
  ];
  return lines.join('\n');
}

async function inside(runs, count, folder) {
  const place = world(folder);
  sh('mount', ['-t', 'cgroup2', 'none', '/sys/fs/cgroup']);
  sh('mount', ['-t', 'tmpfs', 'none', '/run']);
  sh('ip', ['link', 'set', 'lo', 'up']);
  const bundles = makeBundles(place);
  const engines = enginesHere();
  const few = Math.max(10, Math.floor(runs / 5));
  const two = engines.filter(({ name }) => name !== 'runc');
  const plain = two.map((engine) => ({ ...engine, name: `${engine.name} (plain bundle)` }));
  const failed = [];
  /** One measure that fails takes no other with it. */
  const attempt = async (what, measure, otherwise) => {
    try {
      return await measure();
    } catch (error) {
      failed.push(`${what}: ${String(error.message).split('\n')[0]}`);
      return otherwise;
    }
  };
  const host = { cpus: Number(sh('nproc', [])), kernel: sh('uname', ['-r']).trim() };
  const results = { runs, host, failed };
  mkdirSync(out, { recursive: true });
  const rows = launchers(bundles.idle);
  const compared = rows.filter(([name]) => demands.some((pair) => pair.includes(name)));
  const rounds = Math.max(blockRounds, Math.floor(runs / 2));
  const steps = [
    ['launches', 'launches', () => measureLaunches(rows, folder, runs), []],
    ['turns', 'launches in turns', () => measureTurns(compared, rounds), []],
    ['lives', 'lives of containers', () => measureLives(engines, bundles.idle, few), []],
    ['execs', 'exec', () => measureExecs(engines, bundles.waiting, few), []],
    [
      'many',
      'many at once',
      () => [
        ...measureMany(two, bundles.waiting, count),
        ...measureMany(plain, plainBundle(bundles.waiting, folder), count),
      ],
      [],
    ],
    ['least', 'least memory', () => measureLeastMemory(engines, bundles.idle, folder), []],
    ['refusal', 'a refused call', () => measureRefusal(runtime, bundles.calls, '/run/bench-vxe'), undefined],
    ['popd', 'popd', () => measurePopd(place), undefined],
    ['frontEnds', 'front ends', measureFrontEnds, undefined],
    ['language', 'the language', measureLanguage, undefined],
    ['recording', 'recording', () => measureRecording(3), undefined],
    ['hooks', 'hooks after calls', () => measureHooks(3), undefined],
  ];
  for (const [name, what, measure, otherwise] of steps) {
    const begun = performance.now();
    results[name] = await attempt(what, measure, otherwise);
    console.error(`bench: ${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    if (name === 'language') failed.push(...(results.language?.failed ?? []));
    // An interruption loses no more than what is being measured.
    writeFileSync(join(out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  }
  writeFileSync(join(out, 'results.md'), markdown(results));
  console.log(markdown(results));
  if (failed.length > 0) process.exitCode = 1;
}

/** Whatever becomes of the measurement, an interruption included, its server is stopped and its folder removed. */
function outside(runs, count) {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-bench-'));
  process.on('SIGINT', () => {}).on('SIGTERM', () => {});
  // Not a process namespace: firejail takes that for a sandbox of its own and does nothing.
  const flags = ['--mount', '--net', '--propagation', 'private'];
  const again = [process.execPath, process.argv[1], '--inside', String(runs), String(count), folder];
  try {
    return spawnSync('unshare', [...flags, '--', ...again], { stdio: 'inherit' }).status ?? 1;
  } finally {
    spawnSync(vxe, ['stop', 'popd'], { env: world(folder).env, stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
}

const [first, second, third, fourth] = process.argv.slice(2);
if (process.getuid() !== 0)
  fail('root is needed, as it is for the launchers that are measured; try again as root');
if (!has('hyperfine')) fail('hyperfine is missing; `make bench` installs it');
if (first === '--inside') {
  await inside(Number(second), Number(third), fourth);
} else {
  const runs = Number(first ?? 300);
  const count = Number(second ?? 1000);
  if (!Number.isInteger(runs) || runs < 10) fail(`${first} is no number of runs; 10 or more`);
  if (!Number.isInteger(count) || count < 1) fail(`${second} is no number of containers; 1 or more`);
  process.exitCode = outside(runs, count);
}
