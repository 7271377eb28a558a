// Writes the tables of docs/measured from what the last runs left below build/: make conformance, holes, learn-table, vm-test and bench.
//   node scripts/measured.mjs [NAME...]     conformance, conformance-vm, holes, learn, engines, bench; by default whatever is there
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

const read = (file) => readFileSync(file, 'utf8');
const versions = () =>
  ['runc', 'crun'].map((name) => execFileSync(name, ['--version'], { encoding: 'utf8' }).split('\n')[0]);
const host = () => `${cpus().length} processors, Linux ${release().split('-')[0]}; ${versions().join(', ')}.`;

function enginesTable() {
  const rows = ['engines', '6.12'].flatMap((machine) => {
    const file = `build/vm/${machine}.json`;
    if (!existsSync(file)) return [];
    const { kernel, results } = JSON.parse(read(file));
    // By name, whatever was run in which order.
    return Object.entries(results)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .filter(([test]) => /(^tests-engines\/(?!conformance|small-memory)|\/systemd-cgroup$)/.test(test))
      .flatMap(([, { subject, points }]) =>
        points.map(({ title, passed }) => [subject, kernel, title, passed ? 'pass' : '**fail**']),
      );
  });
  const passed = rows.filter((row) => row[3] === 'pass').length;
  return [
    `${passed} of ${rows.length} passed.`,
    '',
    '| engine | Linux | test | result |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
    '',
  ].join('\n');
}

/** What `vxe learn --minimize` says of rules that were learned from half a of the workloads. */
function minimized() {
  const file = 'build/learn/minimize.md';
  return existsSync(file) ? `\n## Rules that nothing misses\n\n${read(file)}` : '';
}

const tables = {
  conformance: {
    title: 'Conformance, on a host without controllers in cgroup version 2',
    made: 'make conformance',
    from: 'build/conformance/table.md',
    text: (file) => `${host()}\n\n${read(file)}`,
  },
  'conformance-vm': {
    title: 'Conformance, in the virtual machine with all controllers',
    made: 'make vm-test KERNEL=engines',
    from: 'build/vm/engines/logs/conformance/table.md',
    text: (file) => `Linux ${JSON.parse(read('build/vm/engines.json')).kernel}.\n\n${read(file)}`,
  },
  holes: {
    title: 'Known holes of OCI runtimes',
    made: 'make holes',
    from: 'build/holes/table.md',
    text: (file) => `${host()}\n\n${read(file)}`,
  },
  learn: {
    title: 'Learned profiles of six daemons',
    made: 'make learn-table',
    from: 'build/learn/table.md',
    text: (file) => `Linux ${release().split('-')[0]}.\n\n${read(file)}${minimized()}`,
  },
  engines: {
    title: 'Container engines with vxe-runtime',
    made: 'make vm-test KERNEL=engines',
    from: 'build/vm/engines.json',
    text: enginesTable,
  },
  bench: {
    title: 'Measurements',
    made: 'make bench',
    from: 'build/bench/results.md',
    text: (file) =>
      read(file)
        .replace(/^# .*\n\n/, '')
        .replace(/(Linux [0-9.]+)[^,]*/, '$1'),
  },
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(tables, name));
if (unknown) {
  console.error(`measured: there is no table ${unknown}; there are ${Object.keys(tables).join(', ')}`);
  process.exit(2);
}
mkdirSync('docs/measured', { recursive: true });
for (const [name, { title, made, from, text }] of Object.entries(tables)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  if (!existsSync(from)) {
    console.error(`measured: ${name} is left as it is: there is no ${from} (${made})`);
    if (asked.length > 0) process.exitCode = 1;
    continue;
  }
  const head = `# ${title}\n\nWritten by \`make measured\` after \`${made}\`: not to be changed by hand.\n\n`;
  writeFileSync(`docs/measured/${name}.md`, `${head}${text(from).trimEnd()}\n`);
  console.log(`docs/measured/${name}.md`);
}
