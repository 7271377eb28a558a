import test from 'ava';
import { lastFailures, type RecordedCall } from '../../src/learning/index.js';
import { call, recording } from './helpers.js';

function opened(path: string, errno?: string): RecordedCall {
  const of = { paths: [{ given: path, path }] };
  return call('openat', errno === undefined ? of : { ...of, errno });
}

function told(calls: readonly RecordedCall[]): readonly string[] {
  return lastFailures(recording(calls)).map((each) => `${each.paths[0]?.given ?? each.call} ${each.errno}`);
}

test('of a recording the last failures are told: what was refused, and then what was not there', (t) => {
  const calls = [
    opened('/etc/daemon.conf', 'ENOENT'),
    opened('/var/log/a', 'EROFS'),
    call('setgid', { errno: 'EPERM' }),
    opened('/var/log/a', 'EROFS'),
    call('read', { errno: 'EAGAIN' }),
  ];
  t.deepEqual(told(calls), ['/var/log/a EROFS', 'setgid EPERM', '/etc/daemon.conf ENOENT']);
});

test('what programs look for and do without is not told', (t) => {
  const asks = (name: string): RecordedCall => call(name, { paths: [{ given: '/opt/x' }], errno: 'ENOENT' });
  const calls = [
    opened('/lib/hwcaps/libz.so.1', 'ENOENT'),
    opened('/usr/lib/libz.so.1'),
    opened('/etc/ld.so.cache', 'ENOENT'),
    asks('connect'),
  ];
  t.deepEqual(told(calls), []);
  t.deepEqual(told([asks('newfstatat')]), ['/opt/x ENOENT']);
  t.deepEqual(told([opened('/lib/libz.so.1', 'ENOENT')]), ['/lib/libz.so.1 ENOENT'], 'in none of its places');
});

test('of many the last three of a kind are told', (t) => {
  const calls = [1, 2, 3, 4, 5].map((each) => opened(`/srv/${each}`, 'EACCES'));
  t.deepEqual(told(calls), ['/srv/5 EACCES', '/srv/4 EACCES', '/srv/3 EACCES']);
});
