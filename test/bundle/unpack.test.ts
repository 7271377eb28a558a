import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Headers, pack } from 'tar-stream';
import { Failure } from '../../src/bundle/failure.js';
import { unpackTar } from '../../src/bundle/source/unpack.js';
import { temporary } from './helpers/folders.js';

type Entry = Partial<Headers> & { readonly name: string; readonly body?: string };

async function unpack(
  t: ExecutionContext,
  ...entries: Entry[]
): Promise<{ root: string; special: Map<string, unknown> }> {
  const outer = temporary(t);
  const root = join(outer, 'root');
  const { mkdirSync } = await import('node:fs');
  mkdirSync(root);
  const tar = pack();
  for (const { body, ...header } of entries) tar.entry({ uid: 0, gid: 0, ...header }, body ?? '');
  tar.finalize();
  const special = await unpackTar(tar, root, 'example').catch((error) => {
    // Whatever was refused, nothing lies beside the root.
    t.false(existsSync(join(outer, 'escaped')));
    throw error;
  });
  return { root, special };
}

test('files, folders, links; modes are plain', async (t) => {
  const { root, special } = await unpack(
    t,
    { name: './', type: 'directory' },
    { name: './usr/bin/p', body: 'program', mode: 0o755 },
    { name: './etc/c', body: 'text', mode: 0o640 },
    { name: './usr/bin/q', type: 'symlink', linkname: 'p' },
    { name: './usr/bin/h', type: 'link', linkname: './usr/bin/p' },
  );
  t.is(readFileSync(join(root, 'usr/bin/p'), 'utf8'), 'program');
  t.is(lstatSync(join(root, 'usr/bin/p')).mode & 0o7777, 0o755);
  t.is(lstatSync(join(root, 'etc/c')).mode & 0o7777, 0o644);
  t.is(readlinkSync(join(root, 'usr/bin/q')), 'p');
  t.is(readFileSync(join(root, 'usr/bin/h'), 'utf8'), 'program');
  t.is(special.size, 0);
});

test('setuid bits and owners stay off this disk and are remembered', async (t) => {
  const { root, special } = await unpack(
    t,
    { name: './usr/bin/su', body: 'x', mode: 0o4755 },
    { name: './var/g', body: 'x', mode: 0o644, gid: 8 },
  );
  t.is(lstatSync(join(root, 'usr/bin/su')).mode & 0o7777, 0o755);
  t.deepEqual(special.get('/usr/bin/su'), { mode: 0o4755, uid: 0, gid: 0 });
  t.deepEqual(special.get('/var/g'), { mode: 0o644, uid: 0, gid: 8 });
});

test('/lib and its like become /usr/lib, with the link', async (t) => {
  const { root } = await unpack(
    t,
    { name: './lib/x86_64-linux-gnu/liba.so', body: 'a' },
    { name: './sbin/s', body: 's' },
  );
  t.is(readlinkSync(join(root, 'lib')), 'usr/lib');
  t.is(readFileSync(join(root, 'usr/lib/x86_64-linux-gnu/liba.so'), 'utf8'), 'a');
  t.is(readFileSync(join(root, 'sbin/s'), 'utf8'), 's');
});

const attacks: readonly [string, Entry[], RegExp][] = [
  ['a path with ..', [{ name: '../escaped', body: 'x' }], /leaves the package/],
  ['a path with .. in the middle', [{ name: 'a/../../escaped', body: 'x' }], /leaves the package/],
  ['an absolute path', [{ name: '/escaped', body: 'x' }], /leaves the package/],
  ['a link above the root', [{ name: 'a', type: 'symlink', linkname: '../escaped' }], /outside the package/],
  [
    'a deep link above the root',
    [{ name: 'a/b/c', type: 'symlink', linkname: '../../../escaped' }],
    /outside the package/,
  ],
  [
    'a link that climbs out and in again',
    [{ name: 'a', type: 'symlink', linkname: 'b/../../root/x' }],
    /outside the package/,
  ],
  [
    'writing through a link',
    [
      { name: 'a', type: 'symlink', linkname: 'etc' },
      { name: 'a/x', body: 'x' },
    ],
    /used as a folder/,
  ],
  [
    'a folder over a link',
    [
      { name: 'a', type: 'symlink', linkname: 'etc' },
      { name: 'a', type: 'directory' },
    ],
    /used as a folder/,
  ],
  [
    'a file over a link',
    [
      { name: 'a', type: 'symlink', linkname: 'etc/x' },
      { name: 'a', body: 'x' },
    ],
    /twice/,
  ],
  [
    'a file as a folder',
    [
      { name: 'a', body: 'x' },
      { name: 'a/b', body: 'x' },
    ],
    /used as a folder/,
  ],
  [
    'a hard link outside',
    [{ name: 'a', type: 'link', linkname: '../../etc/passwd' }],
    /no file of the package/,
  ],
  ['an absolute hard link', [{ name: 'a', type: 'link', linkname: '/etc/passwd' }], /no file of the package/],
  [
    'a hard link to a link',
    [
      { name: 'a', type: 'symlink', linkname: 'b' },
      { name: 'c', type: 'link', linkname: 'a' },
    ],
    /no file of the package/,
  ],
  ['a character device', [{ name: 'dev/null', type: 'character-device' }], /do not carry/],
  ['a block device', [{ name: 'dev/sda', type: 'block-device' }], /do not carry/],
  ['a pipe', [{ name: 'p', type: 'fifo' }], /do not carry/],
];
for (const [title, entries, message] of attacks) {
  test(`refused: ${title}`, async (t) => {
    await t.throwsAsync(unpack(t, ...entries), { instanceOf: Failure, message });
  });
}

test('an archive that is cut short is an error', async (t) => {
  const tar = pack();
  tar.entry({ name: 'a' }, 'x'.repeat(2000));
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  const { Readable } = await import('node:stream');
  const { mkdirSync } = await import('node:fs');
  const root = join(temporary(t), 'root');
  mkdirSync(root);
  await t.throwsAsync(unpackTar(Readable.from([Buffer.concat(parts).subarray(0, 900)]), root, 'example'));
});
