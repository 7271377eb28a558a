import test from 'ava';
import type { RecordedCall, Recording, Unexercised } from '../../src/learning/index.js';
import { learn, unexercised } from '../../src/learning/index.js';
import { call, opened, recording } from './helpers.js';

function found(recordings: readonly Recording[], imports: readonly string[]): readonly Unexercised[] {
  const draft = learn(recordings, { name: 'daemon', lossy: false, interpreter: () => undefined });
  if (!draft.ok) throw new Error('not learned');
  return unexercised(recordings, imports, draft.value);
}

function topics(calls: readonly RecordedCall[], imports: readonly string[]): readonly string[] {
  return found([recording(calls)], imports).map(({ topic }) => topic);
}

const rows: readonly [string, string, RecordedCall][] = [
  ['rename', 'renaming files: rotation, replacing', call('renameat2')],
  ['unlink', 'removing files', call('unlinkat')],
  ['fork', 'making processes', call('clone')],
  ['sigaction', 'signals it handles: reload, reopening logs, upgrade', call('rt_sigreturn')],
  ['setuid', 'becoming another user', call('setresuid')],
  ['execvp', 'executing programs', call('execve', { paths: [{ path: '/usr/bin/helper' }] })],
  ['getaddrinfo', 'looking up names of hosts', call('sendmmsg')],
  ['__syslog_chk', 'the system log', call('sendto')],
];

for (const [name, topic, shows] of rows) {
  test(`${name} and no call of it: ${topic}`, (t) => {
    t.deepEqual(topics([opened('/etc/a')], [name]), [topic]);
    t.deepEqual(topics([opened('/etc/a'), shows], [name]), [], 'control: it was done, by whatever call');
    t.deepEqual(topics([opened('/etc/a')], []), [], 'control: it cannot do it');
  });
}

test('whether a handler ran is not known where its return is not recorded', (t) => {
  const seen = recording([opened('/etc/a')]);
  const raised: Recording = { ...seen, header: { ...seen.header, recorder: 'notify' } };
  t.deepEqual(
    found([seen], ['sigaction']).map(({ topic }) => topic),
    ['signals it handles: reload, reopening logs, upgrade'],
  );
  t.deepEqual(found([raised], ['sigaction']), []);
});

test("the launch's own execution exercises nothing", (t) => {
  t.deepEqual(topics([], ['execve']), ['executing programs']);
});

test('it says whether the profile would refuse it', (t) => {
  const seen = recording([opened('/etc/a'), call('fork')]);
  t.false(found([seen], ['rename'])[0]?.permitted ?? true);
  t.true(found([seen], ['sigaction'])[0]?.permitted ?? false, 'the return of a handler is always permitted');
});

test('errors: a program that can complain, and had no reason to', (t) => {
  const imports = ['strerror'];
  t.deepEqual(topics([opened('/etc/a')], imports), ['errors: no call failed unusually']);
  t.deepEqual(topics([call('openat', { errno: 'ENOENT' })], imports), ['errors: no call failed unusually']);
  t.deepEqual(topics([call('write', { errno: 'ENOSPC' })], imports), []);
  const blind = recording([opened('/etc/a')]);
  t.deepEqual(
    found([{ ...blind, header: { ...blind.header, results: false } }], imports).map(({ topic }) => topic),
    ['errors (no recording has results)'],
  );
});

test('shutdown: one of the recordings shows it, or none does', (t) => {
  const good = recording([opened('/etc/a')]);
  const killed = { ...good, trailer: { ...good.trailer, status: 143 } };
  t.deepEqual(
    found([killed], []).map(({ topic }) => topic),
    ['shutdown by itself'],
  );
  t.deepEqual(found([killed, good], []), []);
});
