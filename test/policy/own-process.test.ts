import { readFileSync } from 'node:fs';
import test from 'ava';
import { isOwnFile, ownAccess, ownPattern } from '../../src/policy/index.js';

const PAGE = readFileSync('docs/reference/profile.md', 'utf8');

function listed(word: 'read' | 'write'): readonly string[] {
  const line = PAGE.split('\n').find((each) => each.startsWith(`- \`${word}\``)) ?? '';
  return [
    ...line
      .split(':')
      .slice(1)
      .join(':')
      .matchAll(/`([^`]+)`/g),
  ].map(([, name = '']) => name);
}

test('the page lists what may be granted of a process, and of its threads', (t) => {
  t.true(listed('read').length > 25);
  for (const name of [...listed('read'), ...listed('write')]) {
    t.true(ownAccess(`/proc/self/${name}`).includes('read'), name);
    t.is(ownAccess(`/proc/self/${name}`).includes('write'), listed('write').includes(name), name);
  }
});

test('nothing is granted by which a process gets more than it has', (t) => {
  const names = [
    'mem',
    'pagemap',
    'stack',
    'syscall',
    'uid_map',
    'gid_map',
    'setgroups',
    'attr/current',
    'ns/net',
  ];
  for (const name of [
    ...names,
    'root',
    'cwd',
    'exe',
    'fd/3',
    'map_files/1-2',
    'clear_refs',
    'timens_offsets',
    'net/tcp',
  ]) {
    t.deepEqual(ownAccess(`/proc/self/${name}`), [], name);
    t.deepEqual(ownAccess(`/proc/self/task/7/${name}`), [], `of a thread: ${name}`);
  }
  t.deepEqual(ownAccess('/proc/7/stat'), []);
  t.deepEqual(ownAccess('/proc/self'), []);
});

test('numbers of threads and descriptors are a star; nothing else is', (t) => {
  t.is(ownPattern('/proc/self/task/12/comm'), '/proc/self/task/*/comm');
  t.is(ownPattern('/proc/self/fdinfo/3'), '/proc/self/fdinfo/*');
  t.is(ownPattern('/proc/self/fd/3'), '/proc/self/fd/3');
  t.is(ownPattern('/srv/task/12/comm'), '/srv/task/12/comm');
  t.true(isOwnFile('/proc/self/stat'));
  t.false(isOwnFile('/proc/selfish/stat'));
});
