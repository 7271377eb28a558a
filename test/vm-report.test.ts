import { execFile } from 'node:child_process';
import test from 'ava';

interface Told {
  readonly well: boolean;
  readonly lines: readonly string[];
}

/** What is made of a machine that says these lines and then goes off, with that problem where there was one. */
async function told(
  tests: readonly string[],
  lines: readonly string[],
  problem: string | null = null,
): Promise<Told> {
  const program = `
    import { Report } from './test/vm/report.mjs';
    const [tests, lines, problem] = JSON.parse(process.argv[1]);
    const printed = [];
    const report = new Report('m', tests, (text) => printed.push(text), () => ['its console']);
    for (const line of lines) report.line(line);
    console.log(JSON.stringify({ well: report.finish(problem, ['its console']), lines: printed }));`;
  return new Promise((resolve, reject) => {
    const words = ['--input-type=module', '-e', program, JSON.stringify([tests, lines, problem])];
    execFile(process.execPath, words, (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout));
    });
  });
}

const whole = ['@up', '@begin a', 'ok 1 - one', '1..1', '@end a 0'];

const cases: [title: string, tests: string[], lines: string[], problem: string | null, expected: RegExp][] = [
  [
    'a test that was ended at its limit hung',
    ['a'],
    ['@up', '@begin a', 'ok 1 - one', '@end a 124', '@done'],
    null,
    /^not ok 2 - m a: hung and was ended\n# {3}its console$/m,
  ],
  [
    'so did one that had to be killed',
    ['a'],
    ['@up', '@begin a', '@end a 137', '@done'],
    null,
    /^not ok 1 - m a: hung and was ended\n# {3}its console$/m,
  ],
  [
    'a test without a plan broke off',
    ['a'],
    ['@up', '@begin a', 'ok 1 - one', '@end a 0', '@done'],
    null,
    /^not ok 2 - m a: printed no plan/m,
  ],
  [
    'a plan that was not kept',
    ['a'],
    ['@up', '@begin a', 'ok 1 - one', '1..2', '@end a 0', '@done'],
    null,
    /^not ok 2 - m a: 2 tests planned, 1 ran$/m,
  ],
  [
    'an exit code without a failure',
    ['a'],
    ['@up', '@begin a', 'ok 1 - one', '1..1', '@end a 3', '@done'],
    null,
    /^not ok 2 - m a: exit code 3$/m,
  ],
  [
    'a failure',
    ['a'],
    ['@up', '@begin a', 'not ok 1 - one', '1..1', '@end a 1', '@done'],
    null,
    /^not ok 1 - m a: one$/m,
  ],
  [
    'a machine that was ended takes the test with it',
    ['a', 'b'],
    ['@up', '@begin a', 'ok 1 - one'],
    'said nothing',
    /^not ok 2 - m a: the machine said nothing\n# {3}its console\nnot ok 3 - m b: never ran\n1\.\.3$/m,
  ],
  [
    'one that goes off early is a failure',
    ['a', 'b'],
    whole,
    null,
    /^not ok 2 - m the machine went off before\n# {3}its console\nnot ok 3 - m b: never ran\n1\.\.3$/m,
  ],
  [
    'one that never came up is a failure',
    ['a'],
    [],
    'said nothing',
    /^not ok 1 - m the machine said nothing\n# {3}its console\nnot ok 2 - m a: never ran\n1\.\.2$/m,
  ],
  ['no test at all is a failure', [], ['@up', '@done'], null, /^1\.\.0$/m],
];

for (const [title, tests, lines, problem, expected] of cases) {
  test(`the report of a virtual machine: ${title}`, async (t) => {
    const { well, lines: printed } = await told(tests, lines, problem);
    t.false(well);
    t.regex(printed.join('\n'), expected);
  });
}

test('the report of a virtual machine: all is well', async (t) => {
  const { well, lines } = await told(
    ['a', 'b'],
    [...whole, '@begin b', '1..0 # skip not here', '@end b 0', '@done'],
  );
  t.true(well);
  t.deepEqual(
    lines.filter((line) => !line.startsWith('#')),
    ['ok 1 - m a: one', 'ok 2 - m b # SKIP not here', '1..2'],
  );
});
