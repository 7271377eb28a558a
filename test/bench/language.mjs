// What the language and its proofs cost: a permitted call under a filter against none, profiles from 300 to 10,000 rules, `vxe prove`, and the
// lengths of filters beside libseccomp's. Part of make bench; alone: node test/bench/language.mjs
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseProfile } from '../../build/ts/src/language/index.js';
import { lowerPolicy } from '../../build/ts/src/lowering/index.js';
import { ownFilter } from '../../build/ts/src/lowering/seccomp/filter.js';
import { planCalls } from '../../build/ts/src/lowering/seccomp/plan.js';
import { nativePorts } from '../../build/ts/src/native/index.js';
import { libraryFilter } from '../../build/ts/test/lowering/library.js';
import { shippedProfiles } from '../../build/ts/test/lowering/shipped.js';
import { strictProfile, strictWorld } from './front-ends.mjs';

const SIZES = [300, 1000, 3000, 10_000];
const ROUNDS = 5;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function taken(result) {
  if (!result.ok) throw new Error(result.diagnostics[0]?.message);
  return result.value;
}

/** What this host can do is asked for once in a process. */
function target() {
  const { compiler, calls, features } = nativePorts();
  return { arch: 'x86_64', features: features(), compiler, calls };
}

function filterOf(policy, world, place = target()) {
  return taken(lowerPolicy(policy, { ...place, world }));
}

/** A shipped profile. */
function shipped(name) {
  return shippedProfiles().find(({ path }) => path.endsWith(`/${name}.vxed.yaml`)).policy;
}

/** return SECCOMP_RET_ALLOW; and the same behind a load of an argument, which has to be run at each call. */
const ALLOW_ALL = Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);
const ASKING = Buffer.concat([Buffer.from([0x20, 0, 0, 0, 0x10, 0, 0, 0]), ALLOW_ALL]);

/** In the order of the columns that test/bench/filter.c prints. */
const UNDER = ['no filter', 'a hook', 'permits all', "popd's", "nginx's", 'asks'];

const CALLS = 8;

/** So many of the calls under each filter, loaded so: nanoseconds and ratios to none, over rounds in turns. */
function measureTurns(calls, loaded) {
  const words = ['151', String(calls), ...loaded];
  const answer = execFileSync(resolve('build/bench/filter'), words, { encoding: 'utf8' });
  return answer
    .trim()
    .split('\n')
    .map((line) => {
      const [call, ...numbers] = line.split('\t');
      // Before the filters stand no filter, and another hook.
      const cells = Array.from({ length: loaded.length + 2 }, (_, at) => {
        const [median, least, ratio, leastRatio] = numbers.slice(4 * at, 4 * at + 4).map(Number);
        return Number.isNaN(median) ? undefined : { median, least, ratio, leastRatio };
      });
      return { call, cells };
    });
}

/** Calls that filters permit, each under each. */
function measurePermitted(folder) {
  const compiled = (name) => filterOf({ ...shipped(name), ...NO_FILES }, strictWorld(0)).seccomp.filter;
  const filters = [ALLOW_ALL, compiled('popd'), compiled('nginx'), ASKING];
  const paths = filters.map((filter, at) => {
    const path = join(folder, `${at}.bpf`);
    writeFileSync(path, filter);
    return path;
  });
  const rows = measureTurns(CALLS, paths);
  if (rows.every(({ cells }) => cells[3] === undefined)) throw new Error('popd permits none of the calls');
  return rows;
}

/** How one instruction that permits all may be loaded, by the words of test/bench/filter.c. VXE's filters have a listener that waits. */
const LOADED = [
  ['plain', ''],
  ['SPEC_ALLOW', 'spec@'],
  ['LOG', 'log@'],
  ['TSYNC', 'tsync@'],
  ['a listener', 'listener@'],
  ['as VXE does', 'listener,waiting@'],
  ['two filters', 'twice@'],
  ['four filters', 'fourfold@'],
];

function measureLoaded(folder) {
  const path = join(folder, 'loaded.bpf');
  writeFileSync(path, ALLOW_ALL);
  const [row] = measureTurns(
    1,
    LOADED.map(([, how]) => how + path),
  );
  return ['no filter', 'a hook', ...LOADED.map(([name]) => name)].map((name, at) => ({
    name,
    ...row.cells[at],
  }));
}

/** Reading with all checks, lowering for a bundle of so many files, and writing what is started from; all in this process. */
function measureSize(rules, folder) {
  const text = strictProfile(rules);
  const world = strictWorld(rules);
  const place = target();
  const steps = { check: [], lower: [], write: [], all: [], processor: [] };
  // The first time is no measure of the work: everything is compiled then.
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    const begun = performance.now();
    const policy = taken(parseProfile({ name: 'big', text }));
    const checked = performance.now();
    const lowered = filterOf(policy, world, place);
    const low = performance.now();
    writeFileSync(join(folder, 'filter.bpf'), lowered.seccomp.filter);
    writeFileSync(join(folder, 'soft.bpf'), lowered.seccomp.soft);
    const rest = [lowered.seccomp.oci, lowered.landlock, lowered.coverage, lowered.judge];
    const json = JSON.stringify(rest, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    writeFileSync(join(folder, 'plans.json'), json);
    const ended = performance.now();
    const used = process.cpuUsage(before);
    if (round === 0) continue;
    steps.check.push(checked - begun);
    steps.lower.push(low - checked);
    steps.write.push(ended - low);
    steps.all.push(ended - begun);
    steps.processor.push((used.user + used.system) / 1000);
  }
  const medians = Object.fromEntries(Object.entries(steps).map(([name, values]) => [name, median(values)]));
  return { rules, ...medians };
}

/** Seconds of the whole command, the start of Node and of the prover included. */
function measureProve(folder) {
  const big = join(folder, 'big.vxed.yaml');
  writeFileSync(big, strictProfile(300));
  return [
    ['popd', './profiles/popd.vxed.yaml'],
    ['a strict profile of 300 rules', big],
  ].map(([name, path]) => {
    const times = [1, 2, 3].map(() => {
      const begun = performance.now();
      const done = spawnSync(process.execPath, [resolve('bin/vxe-author.js'), 'prove', path], {
        encoding: 'utf8',
      });
      if (done.status !== 0) throw new Error(`vxe prove ${name}: ${(done.stderr || done.stdout).trim()}`);
      return (performance.now() - begun) / 1000;
    });
    return { name, seconds: median(times) };
  });
}

function measureLengths() {
  return shippedProfiles().map(({ path, policy }) => ({
    name: path.replace('profiles/', ''),
    own: taken(ownFilter(taken(planCalls(policy, 'x86_64')), 'x86_64')).byteLength / 8,
    library: libraryFilter(policy).byteLength / 8,
  }));
}

/** A filter has nothing of files, nor of what needs some. */
const NO_FILES = { files: [], patterns: [], program: undefined };

/** Each by itself: what fails is told and takes nothing with it. */
export function measureLanguage() {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-bench-language-'));
  const failed = [];
  const attempt = (what, measure) => {
    try {
      return measure();
    } catch (error) {
      failed.push(`${what}: ${error.message.split('\n')[0]}`);
      return undefined;
    }
  };
  try {
    return {
      permitted: attempt('a permitted call', () => measurePermitted(folder)),
      loaded: attempt('how a filter is loaded', () => measureLoaded(folder)),
      sizes: SIZES.flatMap((rules) => attempt(`${rules} rules`, () => measureSize(rules, folder)) ?? []),
      prove: attempt('vxe prove', () => measureProve(folder)) ?? [],
      lengths: attempt('lengths of filters', measureLengths) ?? [],
      failed,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function table(head, rows) {
  const columns = head.split('|').length;
  return [`| ${head} |`, `| --- |${' ---: |'.repeat(columns - 1)}`, ...rows, ''];
}

/** What any hook of the entry costs is the kernel's; what is left is what this filter costs, remembered by the kernel or run. */
function permittedTables(rows) {
  const cell = (value, digits) => (value === undefined ? 'refused' : value.toFixed(digits));
  const line = (call, cells, pick, digits) =>
    `| ${call} | ${cells.map((each) => cell(each === undefined ? undefined : pick(each), digits)).join(' | ')} |`;
  const own = rows.flatMap(({ call, cells: [, , any, ...ours] }) =>
    ours
      .slice(0, 2)
      .flatMap((each, at) =>
        each === undefined
          ? []
          : [{ call, whose: UNDER[3 + at], ratio: each.ratio / any.ratio, least: each.least / any.least }],
      ),
  );
  const head = UNDER.join(' | ');
  return [
    ...table(
      `a permitted call, median ns | ${head}`,
      rows.map(({ call, cells }) => line(call, cells, ({ median }) => median, 1)),
    ),
    ...table(
      `the same, median of the ratios to no filter in one round | ${head}`,
      rows.map(({ call, cells }) => line(call, cells, ({ ratio }) => ratio, 3)),
    ),
    ...table(
      'a permitted call under a filter of VXE, to that under one that permits all | filter | medians | least times | wanted',
      own.map(
        ({ call, whose, ratio, least }) =>
          `| ${call} | ${whose} | ${ratio.toFixed(3)} | ${least.toFixed(3)} | at most 1.02 |`,
      ),
    ),
    'A hook: another one than seccomp (syscall user dispatch), which catches nothing. Permits all: one instruction. Asks: loads an argument first, so that it has to be run at each call.',
    '',
  ];
}

function loadedTable(rows) {
  return [
    ...table(
      'getppid under one instruction that permits all, loaded | median ns | median of the ratios to no filter | of the least times',
      rows.map(
        ({ name, median, ratio, leastRatio }) =>
          `| ${name} | ${median.toFixed(1)} | ${ratio.toFixed(3)} | ${leastRatio.toFixed(3)} |`,
      ),
    ),
    'No flag takes the cost away, and further filters add none to a call that all of them always permit: it is the way on which the kernel comes to what it remembers of them.',
    '',
  ];
}

export function languageTables({ permitted, loaded, sizes, prove, lengths }) {
  const ms = (value) => value.toFixed(1);
  const times = sizes.map(
    ({ rules, check, lower, write, all, processor }) =>
      `| ${rules} | ${ms(check)} | ${ms(lower)} | ${ms(write)} | ${ms(all)} | ${ms(processor)} | ${((processor / rules) * 1000).toFixed(0)} | ${rules === 300 ? 'under 200 ms' : ''} |`,
  );
  return [
    '## The language',
    '',
    ...(permitted === undefined ? [] : permittedTables(permitted)),
    ...(loaded === undefined ? [] : loadedTable(loaded)),
    ...table(
      'rules of a strict profile | check ms | lower ms | write ms | all ms | of it processor ms | processor µs a rule | wanted',
      times,
    ),
    ...table(
      '`vxe prove`, whole command | measured | wanted',
      prove.map(({ name, seconds }) => `| ${name} | ${seconds.toFixed(2)} s | under 10 s |`),
    ),
    ...table(
      "filter of | instructions, VXE | libseccomp's for the same rules",
      lengths.map(({ name, own, library }) => `| ${name} | ${own} | ${library} |`),
    ),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const measured = measureLanguage();
  console.log(languageTables(measured).join('\n'));
  for (const text of measured.failed) console.log(`not measured: ${text}`);
  if (measured.failed.length > 0) process.exitCode = 1;
}
