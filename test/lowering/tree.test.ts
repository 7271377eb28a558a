import test from 'ava';
import type { HostLister } from '../../src/lowering/index.js';
import { bundleTree, eventWorld, hostTree } from '../../src/lowering/index.js';
import { worldOf } from './helpers.js';

const tree = bundleTree(
  worldOf(
    '/',
    '/usr/',
    '/usr/lib/',
    '/usr/lib/x/',
    '/usr/lib/x/ld.so',
    '/lib -> usr/lib',
    '/lib64 -> /usr/lib64',
    '/usr/lib64/',
    '/usr/lib64/ld.so -> ../lib/x/ld.so',
    '/loop -> /loop',
    '/up -> ../../../etc',
    '/etc/',
    '/etc/passwd',
    '~/etc/shadow',
    '~/proc/',
    '/proc/hidden',
  ),
);

const resolved: readonly [string, string][] = [
  ['/', '/'],
  ['/lib/x/ld.so', '/usr/lib/x/ld.so'],
  ['/lib64/ld.so', '/usr/lib/x/ld.so'],
  ['/lib', '/usr/lib'],
  ['/up/passwd', '/etc/passwd'],
  ['/nowhere/at/all', '/nowhere/at/all'],
  ['/proc/self/exe', '/proc/self/exe'],
];

for (const [path, real] of resolved) {
  test(`${path} is ${real}`, (t) => {
    t.is(tree.resolve(path), real);
  });
}

test('a loop of links ends', (t) => {
  t.is(tree.resolve('/loop/x'), '/loop/x');
});

test('what a mount will hide is not known', (t) => {
  t.is(tree.kind('/proc'), 'directory');
  t.is(tree.kind('/proc/hidden'), undefined);
  t.true(tree.isOpen('/proc/hidden'));
  t.is(tree.children('/proc'), undefined);
});

test('a bound file is a file, and its folder is known', (t) => {
  t.is(tree.kind('/etc/shadow'), 'file');
  t.deepEqual(tree.children('/etc'), ['passwd', 'shadow']);
  t.false(tree.isOpen('/etc/shadow-'));
});

test('the evaluator sees the same tree', (t) => {
  const world = eventWorld(tree);
  t.true(world.exists('/lib/x/ld.so'));
  t.false(world.exists('/lib/x/other'));
});

test('a host is asked through its lister', (t) => {
  const lister: HostLister = {
    kind: (path) => (path === '/a' ? 'symlink' : path === '/b' || path === '/' ? 'directory' : undefined),
    link: () => 'b',
    list: () => ['z', 'a'],
  };
  const host = hostTree(lister);
  t.is(host.resolve('/a/x'), '/b/x');
  t.deepEqual(host.children('/b'), ['a', 'z']);
  t.true(host.isHost);
});
