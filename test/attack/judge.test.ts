import test from 'ava';
import {
  type AttackContext,
  type AttackRuns,
  type AttackVerdict,
  judgeAttack,
  recordsOf,
} from '../../src/commands/support/attack.js';
import { parseProfile } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';
import type { AttackOutcome, AttackRow } from '../../src/runtime/index.js';

function policyOf(calls: string): Policy {
  const text = `vxed: 1
name: judged
description: for tests
type: strict
files:
  /: read
  /spool: read write create
network: {accept: [], connect: [], interface: none}
exec: once
capabilities: [CAP_CHOWN]
calls:
  permit: [${calls}]
`;
  const parsed = parseProfile({ name: 'judged.vxed.yaml', text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.value;
}

const ROW: AttackRow = {
  name: 'act',
  group: 'acts',
  tries: 'Acts.',
  control: 'It acts.',
  events: ['chroot("/")'],
  capability: null,
};
const CONTEXT: AttackContext = { policy: policyOf('read, openat'), root: true, capabilities: new Set() };

function outcome(change: Partial<AttackOutcome> = {}): AttackOutcome {
  return {
    name: 'act',
    outcome: 'refused',
    errno: 'EPERM',
    signal: null,
    call: 'chroot',
    step: 'change the root',
    detail: '',
    events: [],
    eventsLost: false,
    inProcess: false,
    begin: 100n,
    end: 200n,
    ...change,
  };
}

const WORKS = outcome({ outcome: 'succeeded', errno: null, detail: 'done' });
const REFUSED = outcome();
const ABSENT = outcome({ outcome: 'absent', errno: 'ENOSYS' });
const RECORD = { time: 150n, call: 'chroot', rule: 'calls:default', mechanism: 'seccomp' };

function runs(all: AttackOutcome, change: Partial<AttackRuns> = {}): AttackRuns {
  return { all, records: [], ...change };
}

const verdicts = test.macro({
  exec(
    t,
    control: AttackOutcome,
    given: AttackRuns,
    wanted: { readonly verdict: AttackVerdict; readonly why?: RegExp },
    context: Partial<AttackContext> = {},
    row: Partial<AttackRow> = {},
  ) {
    const judged = judgeAttack({ ...ROW, ...row }, control, given, { ...CONTEXT, ...context });
    t.is(judged.verdict, wanted.verdict, judged.why);
    if (wanted.why !== undefined) t.regex(judged.why, wanted.why);
  },
  title: (provided) => `verdict: ${provided ?? ''}`,
});

const PERMITTED = { policy: policyOf('chroot, openat') };
test('refused, and works without', verdicts, WORKS, runs(REFUSED), { verdict: 'held' });
test('absent inside, and works without', verdicts, WORKS, runs(ABSENT), { verdict: 'held' });
test('works inside against the profile', verdicts, WORKS, runs(WORKS), {
  verdict: 'failed',
  why: /works inside: done/,
});
test(
  'works inside by the profile',
  verdicts,
  WORKS,
  runs(WORKS),
  { verdict: 'open', why: /calls:chroot/ },
  PERMITTED,
);
test(
  'works inside and nobody knows what it did',
  verdicts,
  WORKS,
  runs(WORKS),
  { verdict: 'failed' },
  PERMITTED,
  { events: [] },
);
test(
  'works inside and did more than could be told',
  verdicts,
  WORKS,
  runs({ ...WORKS, eventsLost: true }),
  { verdict: 'failed' },
  PERMITTED,
);
test(
  'works inside, and one of two calls is permitted',
  verdicts,
  WORKS,
  runs({ ...WORKS, events: ['openat("/spool/a", O_WRONLY|O_CREAT)', 'openat("/etc/a", O_WRONLY|O_CREAT)'] }),
  { verdict: 'failed', why: /\/etc\/a/ },
);
test(
  'works inside, and both calls are permitted',
  verdicts,
  WORKS,
  runs({ ...WORKS, events: ['openat("/spool/a", O_WRONLY|O_CREAT)', 'openat("/etc/a", O_RDONLY)'] }),
  { verdict: 'open' },
);
test(
  'a capability that the profile grants',
  verdicts,
  WORKS,
  runs({ ...WORKS, events: ['capable(CAP_CHOWN)'] }),
  {
    verdict: 'open',
  },
);
test(
  'a capability that it does not grant',
  verdicts,
  WORKS,
  runs({ ...WORKS, events: ['capable(CAP_BPF)'] }),
  {
    verdict: 'failed',
  },
);
test(
  'an event that is not understood permits nothing',
  verdicts,
  WORKS,
  runs({ ...WORKS, events: ['listmount()'] }),
  {
    verdict: 'failed',
  },
);
test('not in this kernel', verdicts, ABSENT, runs(REFUSED), {
  verdict: 'unproven',
  why: /not in this kernel/,
});
test('not in this kernel, and works inside', verdicts, ABSENT, runs(WORKS), { verdict: 'failed' });
test('the control fails', verdicts, REFUSED, runs(REFUSED), { verdict: 'failed', why: /control fails/ });
test(
  'the control fails without root',
  verdicts,
  REFUSED,
  runs(REFUSED),
  { verdict: 'unproven' },
  { root: false },
);
test(
  'the control lacks a capability',
  verdicts,
  REFUSED,
  runs(REFUSED),
  { verdict: 'unproven', why: /CAP_SYS_TIME/ },
  {},
  { capability: 'CAP_SYS_TIME' },
);
test(
  'the control has its capability and fails',
  verdicts,
  REFUSED,
  runs(REFUSED),
  { verdict: 'failed' },
  { capabilities: new Set(['CAP_SYS_TIME']) },
  { capability: 'CAP_SYS_TIME' },
);
test('hung', verdicts, WORKS, runs(outcome({ outcome: 'hung', errno: null })), { verdict: 'failed' });
test('not made', verdicts, WORKS, runs(outcome({ outcome: 'not-run', errno: null })), { verdict: 'failed' });
test('ended by SIGSYS', verdicts, WORKS, runs(outcome({ outcome: 'died', errno: null, signal: 31 })), {
  verdict: 'held',
});
test('ended by SIGXFSZ', verdicts, WORKS, runs(outcome({ outcome: 'died', errno: null, signal: 25 })), {
  verdict: 'held',
});
test('broke down', verdicts, WORKS, runs(outcome({ outcome: 'died', errno: null, signal: 11 })), {
  verdict: 'failed',
});
test(
  'the filter refuses what the evaluator permits',
  verdicts,
  WORKS,
  runs(REFUSED, { records: [RECORD] }),
  { verdict: 'failed', why: /the profile permits chroot\("\/"\), and the filter refuses it/ },
  PERMITTED,
);
test(
  'the filter refuses one permitted call of an act that is refused as a whole',
  verdicts,
  WORKS,
  runs({ ...REFUSED, events: ['mount()', 'chroot("/")'] }, { records: [RECORD] }),
  { verdict: 'held' },
  PERMITTED,
);
test(
  'another mechanism refuses what the evaluator permits',
  verdicts,
  WORKS,
  runs(REFUSED),
  { verdict: 'held' },
  PERMITTED,
);

const mechanisms = test.macro({
  exec(t, given: AttackRuns, by: string, also: readonly string[] | undefined) {
    const judged = judgeAttack(ROW, WORKS, given, CONTEXT);
    t.is(judged.by, by);
    t.deepEqual(judged.also, also);
  },
  title: (provided) => `mechanism: ${provided ?? ''}`,
});

const READ_ONLY = outcome({ errno: 'EROFS' });
const ACCESS = outcome({ errno: 'EACCES', call: 'openat' });
test('by the record alone', mechanisms, runs(REFUSED, { records: [RECORD] }), 'seccomp', undefined);
test('by errno alone', mechanisms, runs(READ_ONLY), 'read-only mounts', undefined);
test(
  'seccomp alone',
  mechanisms,
  runs(REFUSED, { records: [RECORD], withoutSeccomp: WORKS, withoutLandlock: REFUSED, withoutBoth: WORKS }),
  'seccomp',
  [],
);
test(
  'Landlock alone',
  mechanisms,
  runs(ACCESS, { withoutSeccomp: ACCESS, withoutLandlock: WORKS, withoutBoth: WORKS }),
  'landlock',
  [],
);
test(
  'seccomp, then Landlock, then the mount',
  mechanisms,
  runs(REFUSED, {
    records: [RECORD],
    withoutSeccomp: ACCESS,
    withoutLandlock: REFUSED,
    withoutBoth: READ_ONLY,
  }),
  'seccomp',
  ['landlock', 'read-only mounts'],
);
test(
  'neither of the two',
  mechanisms,
  runs(READ_ONLY, { withoutSeccomp: READ_ONLY, withoutLandlock: READ_ONLY, withoutBoth: READ_ONLY }),
  'read-only mounts',
  [],
);
test(
  'a filter without a supervisor shows by its absence',
  mechanisms,
  runs(REFUSED, { withoutSeccomp: WORKS, withoutLandlock: REFUSED, withoutBoth: WORKS }),
  'seccomp',
  [],
);

test('records belong to the attempt during which they were written', (t) => {
  const records = [50n, 100n, 200n, 201n].map((time) => ({ ...RECORD, time }));
  t.deepEqual(
    recordsOf(REFUSED, records).map((record) => record.time),
    [100n, 200n],
  );
});
