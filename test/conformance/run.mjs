// Runs the cases against OCI runtimes and writes the table: one row a case, one column a runtime.
//   node test/conformance/run.mjs [--tap [--record NAME]] [--case TEXT] [--jobs N] [--out FOLDER] [RUNTIME...]
// Without names, every runtime of subjects.json that is there. --tap prints TAP for the first, with its known gaps as skips, and compares
// it with what docs/measured has of it (conformance, or NAME); then the table is written only where --out says. It needs root, and works in
// namespaces of its own in which cgroup v2 alone is mounted on /sys/fs/cgroup. Cases run beside each other, one more than there are CPUs:
// each has an id, a state folder and a cgroup of its own.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cases } from './cases.mjs';
import { reasonFor } from './reasons.mjs';
import { compareWithRecord } from './recorded.mjs';
import { chooseRuntimes, runSuite, subjects, suiteOptions, top } from './runtimes.mjs';
import { Failure, Subject } from './subject.mjs';
import { removeCgroups } from './world.mjs';

const { values: options, positionals } = suiteOptions();

/** One line of what a runtime said: where it began with warnings (runc), the error behind them. */
function firstLine(message) {
  const [first, ...others] = message.split('\n');
  const error = others.find((line) => line.includes(' level=error '));
  return error === undefined ? first : first.replace(/time=\S+ level=warning.*/, error);
}

async function outcomeOf(entry, name, command, place, probe) {
  const subject = new Subject(name, command, place, probe);
  const started = performance.now();
  try {
    await entry.test(subject);
    return { outcome: 'pass', ms: performance.now() - started };
  } catch (error) {
    if (!(error instanceof Failure)) {
      if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
      // A document that is not what the case reads in it.
      return { outcome: 'fail', why: `${error.message}`, ms: performance.now() - started };
    }
    return { outcome: 'fail', why: firstLine(error.message), ms: performance.now() - started };
  } finally {
    await subject.close();
  }
}

/** Does `work` for every item, `width` of them at a time; `done` gets the results in the items' order, each as early as it can. */
async function inParallel(items, width, work, done) {
  const results = [];
  let next = 0;
  let told = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      results[at] = await work(items[at]);
      for (; told < next && results[told] !== undefined; told++) done(items[told], results[told], told);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function tapLine(number, entry, result, gap) {
  const title = `${entry.id}: ${entry.title}`;
  if (gap && result.outcome === 'pass')
    console.log(
      `not ok ${number} - ${title} (a known gap that is none any more: take it out of subjects.json)`,
    );
  else if (gap) console.log(`ok ${number} - ${title} # SKIP known gap: ${gap}`);
  else if (result.outcome === 'pass') console.log(`ok ${number} - ${title}`);
  else console.log(`not ok ${number} - ${title}\n#   ${result.why}`);
  return result.outcome === 'pass' ? !gap : Boolean(gap);
}

function markdown(table, names) {
  const cell = (result) => (result === undefined ? '' : result.outcome);
  const lines = [
    `| section | case | level | ${names.join(' | ')} |`,
    `| --- | --- | --- |${' --- |'.repeat(names.length)}`,
  ];
  for (const row of table)
    lines.push(
      `| ${row.id} | ${row.title} | ${row.level} | ${names.map((n) => cell(row.results[n])).join(' | ')} |`,
    );
  lines.push(
    '',
    ...names.map((name) => {
      const passed = table.filter((row) => row.results[name]?.outcome === 'pass').length;
      return `- ${name}: ${passed} of ${table.length}`;
    }),
  );
  // What was found, without what differs from run to run.
  const found = (why) =>
    why
      .replace(/time="[^"]*" /g, '')
      .replace(/conf(ormance)?-[0-9a-f]{8}-\d+/g, 'ID')
      .replace(/(\/[\w.-]+)*\/vxe-conformance-\w+(\/[a-z-]+-\d+)?/g, 'PLACE')
      .replace(/\b(bundle|source)-\d+/g, '$1');
  const failures = table.flatMap((row) => {
    const failed = names.filter((name) => row.results[name]?.outcome === 'fail');
    if (failed.length === 0) return [];
    const others = names.includes('vxe-runtime') && !failed.includes('vxe-runtime');
    const reason = reasonFor(row.title) ?? 'NO REASON IS GIVEN in test/conformance/reasons.mjs';
    return [
      `- ${row.id}, ${row.title}${others ? `: ${reason}` : ''}`,
      ...failed.map((name) => `  - ${name}: ${found(row.results[name].why)}`),
    ];
  });
  if (failures.length > 0)
    lines.push('', 'What failed, and why `vxe-runtime` does it otherwise:', '', ...failures);
  return `${lines.join('\n')}\n`;
}

async function inside(place) {
  const probe = join(place, 'probe');
  copyFileSync(join(top, 'build/conformance/probe'), probe);
  const chosen = chooseRuntimes('conformance', positionals);
  if (chosen === undefined) return 2;
  const entries = cases.filter(
    (entry) => !options.case || `${entry.id} ${entry.title}`.includes(options.case),
  );
  const table = entries.map(({ id, title, level }) => ({ id, title, level, results: {} }));
  let good = chosen.size > 0;
  const [first] = chosen.keys();
  const width = Number(options.jobs ?? availableParallelism() + 1);
  const compared = options.tap && !options.case;
  if (options.tap) console.log(`1..${entries.length + (compared ? 1 : 0)}`);
  // The others in turns, so that what waits in one has the other's work beside it.
  const others = [...chosen.keys()].slice(1);
  const work = [
    ...entries.map((_, index) => ({ name: first, index })),
    ...entries.flatMap((_, index) => others.map((name) => ({ name, index }))),
  ];
  const one = ({ name, index }) => outcomeOf(entries[index], name, chosen.get(name), place, probe);
  const done = ({ name, index }, result) => {
    const entry = entries[index];
    table[index].results[name] = result;
    const gap = subjects[name].gaps[entry.title];
    if (options.tap && name === first) good = tapLine(index + 1, entry, result, gap) && good;
    else if (name === 'vxe-runtime' && result.outcome === 'fail' && !gap) good = false;
  };
  const say = (text) => (options.tap ? console.log(`# ${text}`) : console.error(text));
  const started = performance.now();
  if (chosen.size > 0) await inParallel(work, width, one, done);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  for (const name of chosen.keys()) {
    const results = table.map((row) => row.results[name]);
    const passed = results.filter(({ outcome }) => outcome === 'pass').length;
    const spent = results.reduce((sum, { ms }) => sum + ms, 0) / 1000;
    say(`${name}: ${passed} of ${entries.length} cases passed, ${spent.toFixed(1)} s of cases`);
  }
  say(`all in ${seconds} s, ${width} at a time`);
  removeCgroups();
  const out = options.out ?? (options.tap ? null : join(top, 'build/conformance'));
  if (out && !options.case) {
    mkdirSync(out, { recursive: true });
    const versions = Object.fromEntries(
      [...chosen].map(([name, command]) => [
        name,
        execFileSync(command[0], ['--version'], { encoding: 'utf8' }).split('\n')[0],
      ]),
    );
    writeFileSync(join(out, 'table.json'), `${JSON.stringify({ versions, table }, null, 2)}\n`);
    writeFileSync(join(out, 'table.md'), markdown(table, [...chosen.keys()]));
  }
  if (compared) {
    const passed = table.filter((row) => row.results[first]?.outcome === 'pass');
    const well = compareWithRecord({
      number: entries.length + 1,
      name: options.record ?? 'conformance',
      column: first,
      keys: 2,
      good: (cell) => cell === 'pass',
      now: new Set(passed.map((row) => `${row.id} | ${row.title}`)),
    });
    good = well && good;
  }
  for (const { title, results } of table)
    if (Object.values(results).some(({ outcome }) => outcome === 'fail') && !reasonFor(title)) {
      console.error(`why is ours right? test/conformance/reasons.mjs has no reason for: ${title}`);
      good = false;
    }
  if (!options.tap) console.log(markdown(table, [...chosen.keys()]));
  return good ? 0 : 1;
}

await runSuite('conformance', options, inside);
