import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Runs the test driver over one program that is the given shell script. */
async function drive(script: string): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), 'vxe-driver-'));
  try {
    const program = join(folder, 'program');
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o755);
    return await new Promise((resolve) => {
      execFile(process.execPath, ['scripts/test.mjs', program], (error, stdout) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ code, lines: stdout.trimEnd().split('\n') });
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const cases: [title: string, script: string, code: number, summary: string][] = [
  ['all passed', 'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2', 0, '2 passed, 0 failed'],
  ['one failed', 'echo "ok 1 - a"; echo "not ok 2 - b"; echo 1..2; exit 1', 1, '1 passed, 1 failed'],
  [
    'a failure that the exit code hides',
    'echo "not ok 1 - a"; echo "ok 2 - b"; echo 1..2',
    1,
    '1 passed, 1 failed',
  ],
  [
    'skipped tests count as neither',
    'echo "ok 1 - a"; echo "ok 2 - b # SKIP no kernel"; echo 1..2',
    0,
    '1 passed, 0 failed',
  ],
  ['a plan that was not kept', 'echo "ok 1 - a"; echo 1..3', 1, '1 passed, 1 failed'],
  ['a program that broke off', 'echo "ok 1 - a"', 1, '1 passed, 1 failed'],
  ['a program that failed after its tests', 'echo "ok 1 - a"; echo 1..1; exit 3', 1, '1 passed, 1 failed'],
  ['a program that was killed', 'echo "ok 1 - a"; echo 1..1; kill -9 $$', 1, '1 passed, 1 failed'],
  ['nothing ran', 'echo "1..0 # skip not today"', 1, '0 passed, 0 failed'],
  [
    'subtests count through their parent',
    'echo "    ok 1 - inner"; echo "ok 1 - outer"; echo 1..1',
    0,
    '1 passed, 0 failed',
  ],
];

for (const [title, script, code, summary] of cases) {
  test(`the test driver: ${title}`, async (t) => {
    const ended = await drive(script);
    t.is(ended.lines.at(-1), summary);
    t.is(ended.code, code);
  });
}

test('the test driver prints the reason of a skip', async (t) => {
  const ended = await drive('echo "ok 1 - a # SKIP no kernel for it"; echo "ok 2 - b"; echo 1..2');
  t.true(ended.lines.some((line) => line.startsWith('skipped: ') && line.includes('no kernel for it')));
});

test('the test driver refuses a suite that is none', async (t) => {
  const code = await new Promise((resolve) => {
    execFile(process.execPath, ['scripts/test.mjs', 'nosuch'], (error) => resolve(error?.code));
  });
  t.is(code, 2);
});
