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

/** The shipped profile with the most to say; its filter permits getppid with any arguments. */
function popd() {
  return shippedProfiles().find(({ path }) => path.endsWith('popd.vxed.yaml')).policy;
}

/** One instruction: return SECCOMP_RET_ALLOW. */
const ALLOW_ALL = Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);

/** Nanoseconds of a getppid and its ratio to that under no filter, medians of rounds in turns. */
function measurePermitted(folder) {
  const policy = popd();
  const rule = policy.calls.get('getppid');
  if (rule?.permit !== 'all') throw new Error('popd does not permit getppid any more: measure another call');
  const compiled = (calls) => filterOf({ ...policy, ...NO_FILES, calls }, strictWorld(0)).seccomp.filter;
  const condition = { kind: 'masked', mask: 1n << 63n, value: 0n };
  const test = { index: 5, name: 'none', width: 64, condition, text: '' };
  const asking = { ...rule, permit: [{ tests: [test], span: rule.span }] };
  const filters = [
    ['a filter of one instruction that permits everything', ALLOW_ALL],
    ["popd's filter", compiled(policy.calls)],
    ['the same, if the call depended on an argument', compiled(new Map(policy.calls).set('getppid', asking))],
  ];
  const paths = filters.map(([, filter], at) => {
    const path = join(folder, `${at}.bpf`);
    writeFileSync(path, filter);
    return path;
  });
  const answer = execFileSync(resolve('build/bench/filter'), ['301', '10000', ...paths], {
    encoding: 'utf8',
  });
  return answer
    .trim()
    .split('\n')
    .map((line, at) => {
      const [time, ratio] = line.split(' ').map(Number);
      return { name: at === 0 ? 'no filter' : filters[at - 1][0], time, ratio };
    });
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

/** What any filter costs is the kernel's; what is left is what this one costs, remembered by the kernel or not. */
function permittedTable(rows) {
  const [, any, own] = rows;
  return [
    ...table(
      'a permitted call (getppid) under | ns | ratio to no filter | wanted',
      rows.map(
        ({ name, time, ratio }, at) =>
          `| ${name} | ${time.toFixed(1)} | ${ratio.toFixed(4)} | ${at === 2 ? 'at most 1.02' : ''} |`,
      ),
    ),
    `popd's filter to that of one instruction: ${(own.ratio / any.ratio).toFixed(4)}.`,
    '',
  ];
}

export function languageTables({ permitted, sizes, prove, lengths }) {
  const ms = (value) => value.toFixed(1);
  const times = sizes.map(
    ({ rules, check, lower, write, all, processor }) =>
      `| ${rules} | ${ms(check)} | ${ms(lower)} | ${ms(write)} | ${ms(all)} | ${ms(processor)} | ${((processor / rules) * 1000).toFixed(0)} | ${rules === 300 ? 'under 200 ms' : ''} |`,
  );
  return [
    '## The language',
    '',
    ...(permitted === undefined ? [] : permittedTable(permitted)),
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
