import test from 'ava';
import { learnedEvidence, learnedLossy } from '../../src/commands/support/evidence.js';
import { draftYaml, learn } from '../../src/learning/index.js';
import { call, opened, recording, tcp } from '../learning/helpers.js';

const NOVELTY = { runs: 1, once: 0, expected: 0, chance: 1 };

/** A program that opened, asked about a connection, and connected to another. */
function profile(lost = 0): string {
  const calls = [
    { ...opened('/etc/daemon.conf'), count: 3 },
    call('newfstatat', { paths: [{ path: '/etc/daemon.conf' }] }),
    call('accept4'),
    call('getsockopt', { args: { level: 'SOL_SOCKET', name: 'SO_TYPE' } }),
    call('connect', { address: tcp('10.0.0.1', 5432) }),
  ];
  const draft = learn([recording(calls, { lost })], {
    name: 'daemon',
    lossy: lost > 0,
    interpreter: () => undefined,
  });
  if (!draft.ok) throw new Error(draft.diagnostics.map((each) => each.message).join());
  const unjustified = new Map<string, true | readonly string[]>([
    ['calls:openat', true],
    ['files:/etc/daemon.conf', ['read']],
  ]);
  return draftYaml(draft.value, new Set(['network:tcp/10.0.0.1:5432']), NOVELTY, unjustified);
}

test('explain says of a learned rule what was seen, what follows from something else, and what nothing missed', (t) => {
  const evidence = learnedEvidence(profile());
  const rows: readonly (readonly [string, RegExp])[] = [
    [
      'files:/etc/daemon.conf',
      /^seen 3 times in 1 run, by \/usr\/sbin\/daemon, as openat.*, the exercise passes without read$/,
    ],
    ['calls:openat', /^seen 3 times in 1 run, .*, the exercise passes without it$/],
    ['calls:newfstatat', /^seen 1 time in 1 run, by \/usr\/sbin\/daemon, as newfstatat\(\.\.\.\)$/],
    ['calls:open', /^not seen: does the work of openat$/],
    ['calls:statx', /^not seen: does the work of newfstatat$/],
    ['calls:accept', /^not seen: does the work of accept4$/],
    ['calls:tgkill', /^not seen: every program needs it to fail well$/],
    [
      'calls:getsockopt',
      /^seen 1 time in 1 run, .*, not seen: SOL_SOCKET SO_ERROR: connections need it to fail well$/,
    ],
    ['network:tcp/10.0.0.1:5432', /^seen 1 time in 1 run, .*, accepted although it /],
  ];
  for (const [id, words] of rows) t.regex(evidence.get(id) ?? '', words, id);
});

test('what was learned from a recording that lacks calls is known by it', (t) => {
  t.false(learnedLossy(profile()));
  t.true(learnedLossy(profile(2)));
});
