// The harness itself: what it makes of tests that hang, break off or take the machine with them, of a machine that does not come up, and of
// a person at the prompt. Prints TAP.
//   node test/vm/harness.mjs [hanging|dead|shell...]
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const run = join(import.meta.dirname, 'run.mjs');
const patience = 600_000;
let count = 0;
let failures = 0;

function check(title, good, output) {
  count += 1;
  if (!good) failures += 1;
  console.log(`${good ? 'ok' : 'not ok'} ${count} - ${title}`);
  if (!good) for (const line of output.split('\n').slice(-80)) console.log(`#   ${line}`);
}

/** Runs a command to its end; `answer` gets all that was said so far and may write. */
function talk(argv, answer = () => {}) {
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGTERM'), patience);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        output += data;
        answer(output, (text) => child.stdin.write(text));
      });
    child.on('error', fail);
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ code, output });
    });
  });
}

async function hanging() {
  const { code, output } = await talk([process.execPath, run, 'test', 'hanging']);
  const says = (title, pattern) => check(title, pattern.test(output), output);
  says('what a test told before it hung counts', /^ok \d+ - hanging tests-seeded\/1-hangs: it begins$/m);
  says(
    'a test that hangs is ended, and the console is shown',
    /^not ok \d+ - hanging tests-seeded\/1-hangs: hung and was ended\n# {3}the console ends with:\n(# {3}.*\n)*# {3}.*seeded: this one hangs/m,
  );
  const seconds = Number(/^# hanging tests-seeded\/1-hangs: ([\d.]+) s$/m.exec(output)?.[1]);
  check(`at its limit of 15 s (${seconds})`, seconds >= 14 && seconds < 60, output);
  says('the next one runs', /^ok \d+ - hanging tests-seeded\/2-after: the next one runs$/m);
  says('one without a plan broke off', /^not ok \d+ - hanging tests-seeded\/3-no-plan: printed no plan/m);
  says(
    'a machine that hangs is ended, and the console is shown',
    /^not ok \d+ - hanging tests-seeded\/4-stops-all: the machine said nothing for 30 s and was ended\n# {3}the console ends with:\n(# {3}.*\n)*# {3}.*seeded: nobody goes on/m,
  );
  says('what never ran is a failure', /^not ok \d+ - hanging tests-seeded\/5-never: never ran$/m);
  const lines = output.split('\n').filter((line) => /^(not )?ok /.test(line)).length;
  check(
    'the plan counts them all, and the exit code says that it failed',
    output.includes(`\n1..${lines}\n`) && code === 1,
    output,
  );
}

async function dead() {
  const { code, output } = await talk([process.execPath, run, 'test', 'dead', '2-after']);
  const panics = output.match(/^# .*Kernel panic/gm)?.length;
  check(
    'a machine that does not come up is started once more, and each console is shown',
    /^# dead: it did not come up: .*; once more$/m.test(output) && panics >= 2,
    output,
  );
  check('then it is a failure', /^not ok .*2-after: never ran$/m.test(output) && code === 1, output);
}

/** `script` gives it a terminal. */
async function shell() {
  const begun = performance.now();
  let prompt = null;
  const { code, output } = await talk(
    ['script', '-qfec', `'${process.execPath}' '${run}' shell 6.12`, '/dev/null'],
    (said, write) => {
      if (prompt !== null || !said.includes('vm# ')) return;
      prompt = (performance.now() - begun) / 1000;
      write('echo "answer $((6 * 7)) on $(tty) of $(uname -r)"; vxe --version; exit\n');
    },
  );
  console.log(`# the prompt was there after ${prompt?.toFixed(1)} s`);
  check(
    'the shell answers, on the serial line of the machine',
    /^answer 42 on \/dev\/ttyS0 of 6\.12\.\S+\r?$/m.test(output),
    output,
  );
  check('with vxe', /^vxe \d/m.test(output), output);
  check('leaving it ends the machine', code === 0, `exit code ${code}\n${output}`);
}

const parts = { hanging, dead, shell };
const wanted = process.argv.slice(2);

if (process.getuid?.() !== 0) {
  console.log('1..0 # skip not root: the disks hold files of root');
} else {
  for (const [name, part] of Object.entries(parts))
    if (wanted.length === 0 || wanted.includes(name)) await part();
  console.log(`1..${count}`);
  process.exitCode = failures === 0 ? 0 : 1;
}
