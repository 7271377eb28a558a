// Tries the known holes of OCI runtimes on each runtime and writes the table: one row a hole, one column a runtime.
//   node test/holes/run.mjs [--tap] [--case TEXT] [--out FOLDER] [RUNTIME...]
// --tap prints TAP for the first runtime. A hole whose control fails counts as failed: its attempt would prove nothing.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareWithRecord } from '../conformance/recorded.mjs';
import { chooseRuntimes, runSuite, suiteOptions, top } from '../conformance/runtimes.mjs';
import { Failure, Subject } from '../conformance/subject.mjs';
import { removeCgroups } from '../conformance/world.mjs';
import { holes } from './holes.mjs';

const { values: options, positionals } = suiteOptions();

async function outcomeOf(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { held: false, how: error.message.split('\n')[0] };
  }
}

function markdown(rows, names) {
  const cell = (outcome) =>
    outcome ? `${outcome.held ? 'held' : '**open**'}: ${outcome.how}`.replaceAll('|', '\\|') : '';
  return [
    `| hole | what is tried | control | ${names.join(' | ')} |`,
    `| --- | --- | --- |${' --- |'.repeat(names.length)}`,
    ...rows.map(
      (row) =>
        `| ${row.cve} | ${row.title} | ${row.control || '**failed**'} | ${names.map((name) => cell(row.outcomes[name])).join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

async function inside(place) {
  const probe = join(place, 'probe');
  const intruder = join(place, 'intruder');
  copyFileSync(join(top, 'build/conformance/probe'), probe);
  copyFileSync(join(top, 'build/holes/intruder'), intruder);
  const chosen = chooseRuntimes('holes', positionals);
  if (chosen === undefined) return 2;
  const [first] = chosen.keys();
  /** A container for a control, by whichever runtime is there. */
  class Root {
    subject = Object.assign(new Subject('control', chosen.get(first), place, probe), { shared: false });
    close() {
      return this.subject.close();
    }
  }
  const world = { place, intruder, Root };
  const entries = holes.filter(({ cve, title }) => !options.case || `${cve} ${title}`.includes(options.case));
  const rows = [];
  let good = chosen.size > 0;
  const compared = options.tap && !options.case;
  if (options.tap) console.log(`1..${entries.length + (compared ? 1 : 0)}`);
  const controls = new Map();
  for (const [index, { cve, title, control, attempt }] of entries.entries()) {
    const row = { cve, title, control: '', outcomes: {} };
    rows.push(row);
    if (!controls.has(control))
      controls.set(control, await outcomeOf(async () => ({ held: true, how: await control(world) })));
    const shown = controls.get(control);
    row.control = shown.held && shown.how ? shown.how : '';
    for (const [name, command] of chosen) {
      const subject = new Subject(name, command, place, probe);
      subject.shared = false;
      row.outcomes[name] = await outcomeOf(() => attempt(subject, world));
      await subject.close();
    }
    const own = row.outcomes[first];
    const well = own.held && row.control !== '';
    good &&= well;
    if (!options.tap) continue;
    console.log(`${well ? 'ok' : 'not ok'} ${index + 1} - ${cve}: ${title}`);
    console.log(
      `#   control: ${row.control || `failed: ${shown.how}`}\n#   ${own.held ? 'held' : 'open'}: ${own.how}`,
    );
  }
  removeCgroups();
  if (compared) {
    const held = rows.filter((row) => row.outcomes[first].held && row.control !== '');
    const well = compareWithRecord({
      number: entries.length + 1,
      name: 'holes',
      column: first,
      keys: 2,
      good: (cell) => cell.startsWith('held'),
      now: new Set(held.map(({ cve, title }) => `${cve} | ${title}`)),
    });
    good &&= well;
  }
  if (options.tap) return good ? 0 : 1;
  const table = markdown(rows, [...chosen.keys()]);
  console.log(table);
  if (!options.case) {
    const out = options.out ?? join(top, 'build/holes');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'table.md'), table);
    writeFileSync(join(out, 'table.json'), `${JSON.stringify(rows, null, 2)}\n`);
  }
  return good ? 0 : 1;
}

await runSuite('holes', options, inside);
