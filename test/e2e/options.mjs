// The table of options in docs/reference/runtime.md against the programs: every option of runc and crun, as far as they are installed, is in
// it, and vxe-runtime does with each what the table says. Prints TAP.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const page = readFileSync('docs/reference/runtime.md', 'utf8');
const rows = page
  .split('## Options of runc and crun')[1]
  .split('\n## ')[0]
  .split('\n')
  .filter((line) => /^\| `/.test(line))
  .map((line) =>
    line.split(' | ').map((cell) =>
      cell
        .replace(/^\| |\s*\|$/g, '')
        .replaceAll('`', '')
        .trim(),
    ),
  )
  .map(([verb, option, of, here]) => {
    const [flag, value] = option.split(' ');
    return { verb, flag, value, of, here };
  });

let number = 0;
let failed = 0;
function check(title, wrong) {
  number++;
  if (wrong.length > 0) failed++;
  console.log(`${wrong.length === 0 ? 'ok' : 'not ok'} ${number} - ${title}`);
  for (const line of wrong) console.log(`#   ${line}`);
}

const said = (program, ...words) => {
  const { stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
  return error ? undefined : stdout + stderr;
};
const flagsOf = (help) => [...help.matchAll(/^\s+(?:-\w, )?(--[a-z][a-z0-9-]*)/gm)].map(([, flag]) => flag);
const common = ['--help', '--usage', '--version'];
const verbsOf = {
  runc: /^ {3}([a-z]+) {2,}\S/gm,
  crun: /^\t([a-z]+) +- /gm,
};

const own = said('build/bin/vxe-runtime', '--help');
for (const [runtime, verbs] of Object.entries(verbsOf)) {
  const help = said(runtime, '--help');
  if (help === undefined) {
    console.log(
      `ok ${++number} - every option of ${runtime} is in the table # SKIP ${runtime} is not installed`,
    );
    continue;
  }
  const names = [...help.split('COMMANDS:')[1].matchAll(verbs)].map(([, verb]) => verb);
  const there = new Set(
    rows.filter(({ of }) => of.split(', ').includes(runtime)).map(({ verb, flag }) => `${verb} ${flag}`),
  );
  const refusedVerbs = rows.filter(({ flag }) => flag === '').map(({ verb }) => verb);
  const wrong = flagsOf(help)
    .filter((flag) => !common.includes(flag) && !there.has(`global ${flag}`))
    .map((flag) => `global ${flag}`);
  for (const verb of names) {
    if (refusedVerbs.includes(verb)) continue;
    for (const flag of flagsOf(said(runtime, verb, '--help')))
      if (!common.includes(flag) && !there.has(`${verb} ${flag}`)) wrong.push(`${verb} ${flag}`);
    if (verb !== 'help' && !own.includes(`\n  ${verb} `)) wrong.push(`there is no verb ${verb}`);
  }
  if (names.length < 10) wrong.push(`only ${names.length} verbs were found in its help`);
  check(`every option of ${runtime} is in the table`, wrong);
}

// Each option once, for a container that there is none of: the command line is read before it is looked for.
const place = mkdtempSync(join(tmpdir(), 'vxe-options-'));
const program = resolve('build/bin/vxe-runtime');
const values = {
  FORMAT: 'json',
  MANAGER: 'cgroupfs',
  'NAME=VALUE': 'A=b',
  NAME: 'CAP_KILL',
  DURATION: '1s',
  FILE: join(place, 'none/file'),
  DIR: join(place, 'none'),
  PATH: '/none',
  LIST: '0',
  VALUE: 'auto',
};
const behind = { list: [], spec: [], exec: ['nonesuch', 'true'] };

function outcome({ verb, flag, value }) {
  const words = [flag, value && (values[value] ?? '1')].filter(Boolean);
  // No descriptor is passed here.
  if (flag === '--preserve-fds') words[1] = '0';
  const verbs =
    verb === 'global' ? [...words, 'state', 'nonesuch'] : [verb, ...words, ...(behind[verb] ?? ['nonesuch'])];
  const { status, stderr } = spawnSync(program, ['--root', join(place, 'root'), ...verbs], {
    cwd: place,
    encoding: 'utf8',
  });
  return { status, stderr: stderr.trim(), named: stderr.includes(flag || verb) };
}

try {
  const wrong = { yes: [], no: [], refused: [] };
  const counts = { yes: 0, no: 0, refused: 0 };
  for (const row of rows) {
    const [kind] = /^(yes|no|refused)\b/.exec(row.here);
    const { status, stderr, named } = outcome(row);
    const good = kind === 'refused' ? status === 2 && named : [0, 1, 255].includes(status);
    counts[kind]++;
    if (!good) wrong[kind].push(`${row.verb} ${row.flag}: exit ${status}: ${stderr}`);
  }
  check(`what the table says is taken is taken: ${counts.yes} options`, wrong.yes);
  check(`and what has no effect: ${counts.no}`, wrong.no);
  check(`what it says is refused is an error that names the option: ${counts.refused}`, wrong.refused);

  const taken = new Set(
    rows.filter(({ here }) => !here.startsWith('refused')).map(({ verb, flag }) => `${verb} ${flag}`),
  );
  const named = [...new Set(rows.map(({ verb }) => verb))]
    .filter((verb) => verb !== 'global' && rows.some((row) => row.verb === verb && row.flag !== ''))
    .flatMap((verb) =>
      [...said(program, verb, '--help').matchAll(/--[a-z][a-z0-9-]*/g)].map(([flag]) => `${verb} ${flag}`),
    );
  check(
    `what the usages of vxe-runtime name is in it: ${named.length} options`,
    named.filter((each) => !taken.has(each)).concat(named.length < 40 ? ['there are too few'] : []),
  );
} finally {
  rmSync(place, { recursive: true, force: true });
}
console.log(`1..${number}`);
process.exitCode = failed > 0 ? 1 : 0;
