import test from 'ava';
import type { Draft } from '../../src/learning/index.js';
import { draftYaml, learn, minimize } from '../../src/learning/index.js';
import { call, opened, recording, tcp } from './helpers.js';

const NONE = { runs: 1, once: 0, expected: 0, chance: 1 };

function learned(): Draft {
  const draft = learn(
    [
      recording([
        opened('/etc/daemon.conf'),
        opened('/var/lib/daemon/state', 'read write', 'O_RDWR'),
        call('bind', { address: tcp('0.0.0.0', 80) }),
        call('connect', { address: tcp('10.0.0.1', 5432) }),
        call('setsockopt', { args: { level: 'SOL_SOCKET', name: 'SO_REUSEADDR' } }),
        call('setsockopt', { args: { level: 'IPPROTO_TCP', name: 'TCP_NODELAY' } }),
        call('getppid'),
      ]),
    ],
    { name: 'daemon', lossy: false, interpreter: () => undefined },
  );
  if (!draft.ok) throw new Error(draft.diagnostics.map((each) => each.message).join());
  return draft.value;
}

/** What a profile permits, one thing a line; a replay that needs some of it passes where all of that is there. */
function grants(draft: Draft): readonly string[] {
  return [
    ...draft.files.flatMap(({ id, access }) => access.map((word) => `${id} ${word}`)),
    ...draft.sockets.map(({ id }) => id),
    ...draft.capabilities.map(({ id }) => id),
    ...draft.calls.flatMap(({ id, permit }) =>
      permit === 'all' ? [id] : permit.map(({ tests }) => `${id} ${[...tests.values()].join(' ')}`),
    ),
  ];
}

async function minimized(draft: Draft, spared: readonly string[]) {
  const needed = grants(draft).filter((each) => !spared.includes(each));
  let runs = 0;
  const found = await minimize(draft, new Set(), async (without) => {
    runs++;
    const there = new Set(grants(without));
    return needed.every((each) => there.has(each) || each === 'network:tcp/10.0.0.1:5432');
  });
  return { found, runs };
}

test('each rule is found that nothing misses, and each part of the others', async (t) => {
  const draft = learned();
  const spared = [
    'files:/etc/daemon.conf read',
    'files:/var/lib/daemon/state write',
    'calls:setsockopt IPPROTO_TCP TCP_NODELAY',
    'calls:getppid',
  ];
  const { found } = await minimized(draft, spared);
  t.deepEqual(
    new Map(found),
    new Map<string, true | readonly string[]>([
      ['files:/etc/daemon.conf', true],
      ['files:/var/lib/daemon/state', ['write']],
      ['calls:setsockopt', ['{level: IPPROTO_TCP, name: TCP_NODELAY}']],
      ['calls:getppid', true],
    ]),
  );
  const text = draftYaml(draft, new Set(), NONE, found);
  t.regex(text, /^ {4}"?calls:getppid"?: \{.*, unjustified: true\}$/m);
  t.regex(
    text,
    /^ {4}"?calls:setsockopt"?: \{.*, unjustified: \["\{level: IPPROTO_TCP, name: TCP_NODELAY\}"\]\}$/m,
  );
  t.notRegex(text, /^ {4}"?calls:bind"?: \{.*unjustified/m);
});

test('of a profile that needs all of it nothing is marked', async (t) => {
  t.is((await minimized(learned(), [])).found.size, 0);
});

test('what was not seen is taken away together: one that is needed costs a few runs, not one for each', async (t) => {
  const draft = learned();
  const inferred = draft.calls.filter(({ evidence }) => evidence === undefined);
  const ids = inferred.map(({ id }) => id);
  const lines = grants(draft).filter((each) => ids.some((id) => each === id || each.startsWith(`${id} `)));
  const most = lines.filter((each) => each !== 'calls:writev');
  t.true(ids.includes('calls:writev'));
  const all = await minimized(draft, lines);
  t.deepEqual([...all.found.keys()].sort(), [...ids].sort());
  const but = await minimized(draft, most);
  t.deepEqual([...but.found.keys()].sort(), ids.filter((id) => id !== 'calls:writev').sort());
  t.true(
    but.runs - all.runs <= 2 * Math.ceil(Math.log2(ids.length)) + 1,
    `${but.runs} runs beside ${all.runs}`,
  );
});

test('a rule that waits for a yes is not in the profile, and is not tried', async (t) => {
  const draft = learned();
  const tried: string[] = [];
  await minimize(draft, new Set(), async (_, what) => {
    tried.push(what);
    return false;
  });
  t.true(tried.includes('network:tcp/80'));
  t.false(tried.includes('network:tcp/10.0.0.1:5432'));
});
