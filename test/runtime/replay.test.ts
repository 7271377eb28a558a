import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { passed, replayText } from '../../src/commands/support/replay.js';
import { Replay, type ReplayOutcome } from '../../src/runtime/index.js';

/** Starts, and has refused what the profile's text says: a violation log stands for the daemon. */
const VXE = `#!/bin/sh
echo "$1" >>"$VXE_RUN_NOTES"
case $1 in
start)
  profile=$(cat "$VXE_BUNDLES/daemon/profile")
  if [ "$profile" = broken ]; then echo 'vxe: daemon: it does not start' >&2; exit 1; fi
  mkdir -p "$VXE_LOGS/daemon"
  [ -z "$profile" ] || printf '%s\\n' "$profile" >"$VXE_LOGS/daemon/violations.ndjson" ;;
esac
`;

interface Bench {
  readonly folder: string;
  readonly run: (profile: string, exercise: string, patience?: number) => Promise<ReplayOutcome>;
}

function bench(t: ExecutionContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-test-replay-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const vxe = join(folder, 'vxe');
  writeFileSync(vxe, VXE.replace('"$VXE_RUN_NOTES"', `"${folder}/verbs"`));
  chmodSync(vxe, 0o755);
  mkdirSync(join(folder, 'daemon'));
  return {
    folder,
    run: async (profile, exercise, patience) => {
      const replay = new Replay({
        vxe,
        name: 'daemon',
        bundle: join(folder, 'daemon'),
        relower: (bundle, text) => writeFileSync(join(bundle, 'profile'), text),
        exercise: ['sh', '-c', exercise],
        ports: [],
        signal: new AbortController().signal,
      });
      try {
        return await replay.run(profile, () => false, patience);
      } finally {
        replay.close();
      }
    },
  };
}

const refusedCall = JSON.stringify({
  rule: 'calls:default',
  mechanism: 'seccomp',
  call: 'getppid',
  detail: 'getppid()',
  count: 3,
});
const refusedFile = JSON.stringify({
  rule: 'files:default',
  mechanism: 'landlock',
  call: 'openat',
  path: '/etc/x',
  needs: 'read',
  count: 1,
});

const replays: readonly (readonly [string, string, string, boolean, RegExp])[] = [
  ['the exercise passes and nothing is refused', '', 'exit 0', true, /nothing is refused$/],
  ['the exercise fails', '', 'echo no >&2; exit 3', false, /exercise ended with 3 \(no\)/],
  ['the exercise is killed', '', 'kill -KILL $$', false, /exercise ended with 137/],
  [
    'the exercise passes, and a call was refused',
    refusedCall,
    'exit 0',
    false,
    /refused: calls:default \(3 times, getppid\(\)\)/,
  ],
  [
    'the exercise passes, and a file was refused that no recording had',
    refusedFile,
    'exit 0',
    true,
    /although files were refused: files:default/,
  ],
  ['it does not start', 'broken', 'exit 0', false, /does not start: vxe: daemon: it does not start/],
];
for (const [what, profile, exercise, good, said] of replays) {
  test(`a replay ${good ? 'passes' : 'does not pass'}: ${what}`, async (t) => {
    const { folder, run } = bench(t);
    const outcome = { ...(await run(profile, exercise)), lost: [] };
    t.is(passed(outcome), good);
    t.regex(replayText(outcome), said);
    t.false(outcome.hung);
    // What was started is stopped, whatever came of it.
    const verbs = readFileSync(join(folder, 'verbs'), 'utf8').trim().split('\n');
    t.deepEqual(verbs, profile === 'broken' ? ['start'] : ['start', 'stop']);
  });
}

test('what worked when it was recorded and is refused is a rule that lacks: the replay does not pass', async (t) => {
  const { run } = bench(t);
  const outcome = await run(refusedFile, 'exit 0');
  const lost = { ...outcome, lost: ['/etc/x: read'] };
  t.false(passed(lost));
  t.regex(replayText(lost), /what worked when it was recorded is refused: \/etc\/x: read/);
});

for (const [what, ignores] of [
  ['', ''],
  [' and ignores that it is asked to end', "trap '' TERM; "],
] as const) {
  test(`an exercise that hangs${what} is called off with all that it started, and does not pass`, async (t) => {
    const { folder, run } = bench(t);
    const begun = performance.now();
    const outcome = await run(
      '',
      `${ignores}echo $$ >${folder}/leader; sleep 5678 & echo $! >${folder}/child; while :; do wait; done`,
      300,
    );
    t.true(outcome.hung);
    t.is(outcome.exercise, undefined);
    t.false(passed(outcome));
    t.true(performance.now() - begun < 60_000);
    for (const name of ['leader', 'child']) {
      // It may have been called off before it came so far.
      if (!existsSync(join(folder, name))) continue;
      const pid = Number(readFileSync(join(folder, name), 'utf8'));
      if (pid === 0) continue;
      t.true(await isGone(pid), name);
    }
    t.regex(readFileSync(join(folder, 'verbs'), 'utf8'), /stop\n$/);
  });
}

/** Nobody may have reaped it yet: then it is a zombie. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 600; tries++) {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
    if (stat === '' || /\) Z /.test(stat)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

test('control: the same with patience comes to an end by itself', async (t) => {
  const { run } = bench(t);
  const outcome = await run('', 'sleep 1', 60_000);
  t.false(outcome.hung);
  t.is(outcome.exercise, 0);
});
