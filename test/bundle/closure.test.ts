import type { ExecutionContext } from 'ava';
import test from 'ava';
import { closureOf, type Root } from '../../src/bundle/closure/index.js';
import { Failure } from '../../src/bundle/failure.js';
import { Tree } from '../../src/bundle/source/tree.js';
import { makeElf } from './helpers/elf.js';
import { type Content, fill, temporary } from './helpers/folders.js';

const LD = '/lib64/ld-linux-x86-64.so.2';
const LIB = '/usr/lib/x86_64-linux-gnu';
const program = (name: string): Root => ({ kind: 'program', name, why: 'the program' });
const library = (name: string): Root => ({ kind: 'library', name, why: 'dlopen' });

/** A merged-/usr system with a loader, and what the test adds. */
function system(t: ExecutionContext, files: Readonly<Record<string, Content>>): Tree {
  const root = temporary(t);
  fill(root, {
    [`${LIB}/ld-linux-x86-64.so.2`]: makeElf({ soname: 'ld-linux-x86-64.so.2', entry: 1n }),
    '/usr/lib64/ld-linux-x86-64.so.2': { link: '/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
    '/lib': { link: 'usr/lib' },
    '/lib64': { link: 'usr/lib64' },
    ...files,
  });
  return new Tree([{ name: 'host', root }]);
}

function paths(tree: Tree, ...roots: Root[]): string[] {
  const closure = closureOf(tree, roots);
  return [...closure.members.keys(), ...closure.missing.map((each) => `missing ${each.name}`)];
}

test('interpreter, libraries and theirs, through every link', (t) => {
  const tree = system(t, {
    '/usr/bin/p': makeElf({ interpreter: LD, needed: ['liba.so.1'], pie: true }),
    [`${LIB}/liba.so.1`]: { link: 'liba.so.1.2.3' },
    [`${LIB}/liba.so.1.2.3`]: makeElf({ soname: 'liba.so.1', needed: ['libb.so.1', 'ld-linux-x86-64.so.2'] }),
    [`${LIB}/libb.so.1`]: makeElf({ soname: 'libb.so.1', needed: ['liba.so.1'] }),
  });
  const closure = closureOf(tree, [program('/usr/bin/p')]);
  t.deepEqual(
    [...closure.members.keys()],
    ['/usr/bin/p', `${LIB}/ld-linux-x86-64.so.2`, `${LIB}/liba.so.1.2.3`, `${LIB}/libb.so.1`],
  );
  t.deepEqual([...closure.links.keys()].sort(), [
    '/lib',
    '/lib64',
    `${LIB}/liba.so.1`,
    '/usr/lib64/ld-linux-x86-64.so.2',
  ]);
  t.deepEqual(closure.missing, []);
  t.is(closure.members.get(`${LIB}/libb.so.1`)?.why, `needed by ${LIB}/liba.so.1.2.3`);
});

test('$ORIGIN in RUNPATH is the folder of the object that says it, after links', (t) => {
  const tree = system(t, {
    '/usr/bin/p': { link: '../../opt/app/bin/p' },
    '/opt/app/bin/p': makeElf({ interpreter: LD, needed: ['libx.so'], runpath: '$ORIGIN/../lib' }),
    '/opt/app/lib/libx.so': makeElf(),
  });
  t.deepEqual(paths(tree, program('/usr/bin/p')), [
    '/opt/app/bin/p',
    `${LIB}/ld-linux-x86-64.so.2`,
    '/opt/app/lib/libx.so',
  ]);
});

test('RPATH is inherited, RUNPATH is not and turns RPATH off', (t) => {
  const inherited = system(t, {
    '/p': makeElf({ interpreter: LD, needed: ['libx.so'], rpath: '/opt/l' }),
    '/opt/l/libx.so': makeElf({ needed: ['liby.so'] }),
    '/opt/l/liby.so': makeElf(),
  });
  t.deepEqual(paths(inherited, program('/p')).slice(2), ['/opt/l/libx.so', '/opt/l/liby.so']);
  const own = system(t, {
    '/p': makeElf({ interpreter: LD, needed: ['libx.so'], runpath: '/opt/l', rpath: '/opt/r' }),
    '/opt/l/libx.so': makeElf({ needed: ['liby.so'] }),
    '/opt/l/liby.so': makeElf(),
    '/opt/r/libx.so': makeElf(),
  });
  t.deepEqual(paths(own, program('/p')).slice(2), ['/opt/l/libx.so', 'missing liby.so']);
});

test('LIB and PLATFORM are expanded, with and without braces', (t) => {
  const tree = system(t, {
    '/p': makeElf({
      interpreter: LD,
      needed: ['libx.so', 'liby.so'],
      runpath: `/opt/\${LIB}:/opt/$PLATFORM`,
    }),
    '/opt/lib/x86_64-linux-gnu/libx.so': makeElf(),
    '/opt/x86_64/liby.so': makeElf(),
  });
  t.deepEqual(paths(tree, program('/p')).slice(2), [
    '/opt/lib/x86_64-linux-gnu/libx.so',
    '/opt/x86_64/liby.so',
  ]);
});

test("a library that only ld.so.conf leads to gets a name in the loader's own folder", (t) => {
  const tree = system(t, {
    '/p': makeElf({ interpreter: LD, needed: ['libx.so.1'] }),
    '/etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
    '/etc/ld.so.conf.d/local.conf': '# local\n/usr/local/lib\n',
    '/etc/ld.so.conf.d/other': '/nowhere\n',
    '/usr/local/lib/libx.so.1': makeElf(),
  });
  const closure = closureOf(tree, [program('/p')]);
  t.true(closure.members.has('/usr/local/lib/libx.so.1'));
  t.is(closure.aliases.get(`${LIB}/libx.so.1`)?.target, '/usr/local/lib/libx.so.1');
});

test('objects for another machine are passed over', (t) => {
  const tree = system(t, {
    '/p': makeElf({ interpreter: LD, needed: ['libx.so'], runpath: '/arm:/right' }),
    '/arm/libx.so': makeElf({ machine: 183 }),
    '/right/libx.so': makeElf(),
  });
  t.deepEqual(paths(tree, program('/p')).slice(2), ['/right/libx.so']);
});

test("modules are found below the loader's folders, with what they need", (t) => {
  const tree = system(t, {
    '/p': makeElf({ interpreter: LD }),
    [`${LIB}/security/pam_x.so`]: makeElf({ needed: ['libx.so'] }),
    [`${LIB}/libx.so`]: makeElf(),
  });
  t.deepEqual(paths(tree, program('/p'), library('security/pam_x.so')).slice(2), [
    `${LIB}/security/pam_x.so`,
    `${LIB}/libx.so`,
  ]);
  t.deepEqual(paths(tree, program('/p'), library('security/none.so')).slice(2), ['missing security/none.so']);
});

test('a script brings its interpreter', (t) => {
  const tree = system(t, {
    '/usr/bin/s': Buffer.from('#! /usr/bin/p -x\n'),
    '/usr/bin/p': makeElf({ interpreter: LD }),
  });
  t.deepEqual(paths(tree, program('/usr/bin/s')), [
    '/usr/bin/s',
    '/usr/bin/p',
    `${LIB}/ld-linux-x86-64.so.2`,
  ]);
});

test('links never lead out of the tree', (t) => {
  const tree = system(t, { '/up': { link: '../../../../../../etc/passwd' }, '/etc/passwd': 'inside' });
  const located = tree.locate('/up');
  t.is(located?.path, '/etc/passwd');
  t.true(located?.real.endsWith('/etc/passwd'));
  t.not(located?.real, '/etc/passwd');
});

test('a loop of links is an error that names it', (t) => {
  const tree = system(t, { '/a': { link: 'b' }, '/b': { link: 'a' } });
  t.throws(() => tree.locate('/a'), { instanceOf: Failure, message: /too many symbolic links/ });
});

test("an upper layer wins, and its files are found in a lower layer's folders", (t) => {
  const upper = temporary(t);
  const lower = temporary(t);
  fill(upper, { '/usr/lib/x': 'upper' });
  fill(lower, { '/usr/lib/x': 'lower', '/usr/lib/y': 'lower', '/lib': { link: 'usr/lib' } });
  const tree = new Tree([
    { name: 'upper', root: upper },
    { name: 'lower', root: lower },
  ]);
  t.is(tree.locate('/lib/x')?.layer.name, 'upper');
  t.is(tree.locate('/lib/y')?.layer.name, 'lower');
  t.is(tree.locate('/lib/z'), undefined);
});

const refused: readonly [string, Readonly<Record<string, Content>>, RegExp][] = [
  ['a missing program', {}, /no such program/],
  ['a folder', { '/p': null }, /not a file/],
  ['not executable', { '/p': 'text' }, /not executable/],
  ['broken', { '/p': makeElf({ interpreter: LD }).subarray(0, 90) }, /cut short/],
  [
    '32 bits',
    {
      '/p': {
        text: Buffer.concat([Buffer.from('\x7fELF\x01\x01\x01', 'latin1'), Buffer.alloc(60)]),
        mode: 0o755,
      },
    },
    /32-bit/,
  ],
];
for (const [title, files, message] of refused) {
  test(`refused by name: ${title}`, (t) => {
    const error = t.throws(() => closureOf(system(t, files), [program('/p')]), {
      instanceOf: Failure,
      message,
    });
    t.is(error?.thing, '/p');
  });
}

test('the closure of a real program is what its loader lists', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const listed = execFileSync('/usr/bin/ldd', ['/usr/bin/ls'], { encoding: 'utf8' });
  const expected = [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  const tree = new Tree([{ name: 'host', root: '/' }]);
  const closure = closureOf(tree, [program('/usr/bin/ls')]);
  const found = [...closure.members.keys()].filter((path) => path !== '/usr/bin/ls').sort();
  t.true(expected.length >= 2);
  t.deepEqual(found, [...new Set(expected.map((path) => tree.locate(path)?.path ?? path))].sort());
});
