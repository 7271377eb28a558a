import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { shopFor, vxe } from '../../commands/helpers.js';

const PROFILE = '(include "base.vxl")\n(vxed 1) (name reader) (type filesystem)\n(reads "/etc")\n';
const LIBRARY = '(define (reads . paths) (file paths read))\n';

test('a .vxed profile is found by its name, checked, listed and compiled with its library in it', async (t) => {
  const shop = shopFor(t);
  const folder = join(shop.folder, 'profiles');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'reader.vxed'), PROFILE);
  writeFileSync(join(folder, 'base.vxl'), LIBRARY);
  const checked = await vxe(shop, ['profile', 'check', join(folder, 'reader.vxed')]);
  t.is(checked.status, 0, checked.stderr);
  t.regex(checked.stdout, /reader is well formed: filesystem, 1 file rules/);
  t.regex((await vxe(shop, ['profile', 'list'])).stdout, /reader +\/.*reader\.vxed/);
  const compiled = await vxe(shop, ['profile', 'compile', 'reader']);
  t.is(compiled.status, 0, compiled.stderr);
  const kept = readFileSync(join(shop.folder, 'compiled/reader/vxe/profile.vxed'), 'utf8');
  t.true(kept.includes(LIBRARY) && !kept.includes('include'));
  const asked = await vxe(shop, ['explain', 'reader', 'openat("/etc/passwd", O_WRONLY)']);
  t.regex(asked.stdout, /refused[\s\S]*base\.vxl:1:/);
});

test('a bundle keeps its vxelisp profile, and is explained by it', async (t) => {
  const shop = shopFor(t);
  rmSync(join(shop.folder, 'profiles/example.vxed.yaml'));
  writeFileSync(
    join(shop.folder, 'profiles/example.vxed'),
    '(vxed 1) (name example) (type strict) (file "/" read execute) (permit read write exit_group)\n',
  );
  const created = await shop.create();
  t.true(existsSync(join(created.path, 'vxe/profile.vxed')));
  t.false(existsSync(join(created.path, 'vxe/profile.vxed.yaml')));
  const asked = await vxe(shop, ['explain', 'example', 'socket(AF_UNIX)']);
  t.regex(asked.stdout, /refused/, asked.stderr);
});

test('an error in a library shows the line of the library and misuse as the exit code', async (t) => {
  const shop = shopFor(t);
  const file = join(shop.folder, 'wrong.vxed');
  writeFileSync(file, PROFILE);
  writeFileSync(join(shop.folder, 'base.vxl'), '(define (reads . paths) (file paths raed))\n');
  const checked = await vxe(shop, ['profile', 'check', file]);
  t.is(checked.status, 2);
  t.regex(checked.stderr, /base\.vxl:1:37: raed is not an access to files here[\s\S]*did you mean read/);
});

test('profile fmt lays a text out, once, and --check only looks', async (t) => {
  const shop = shopFor(t);
  const file = join(shop.folder, 'a.vxed');
  writeFileSync(file, '(permit   read\n  write) ; both\n');
  t.is((await vxe(shop, ['profile', 'fmt', '--check', file])).status, 1);
  t.is((await vxe(shop, ['profile', 'fmt', file])).status, 0);
  t.is(readFileSync(file, 'utf8'), '(permit read write) ; both\n');
  t.is((await vxe(shop, ['profile', 'fmt', '--check', file])).status, 0);
  writeFileSync(file, '(permit');
  t.is((await vxe(shop, ['profile', 'fmt', file])).status, 2);
  t.is(readFileSync(file, 'utf8'), '(permit');
  t.false(existsSync(`${file}.vxe-fmt`));
});

test('lisp tries predicates on the recorded calls of an instance', async (t) => {
  const shop = shopFor(t);
  mkdirSync(join(shop.folder, 'log/popd'), { recursive: true });
  const record = (domain: string) =>
    JSON.stringify({ call: 'socket', args: [domain, '0x80001', '0x0'], detail: `socket(${domain})` });
  writeFileSync(
    join(shop.folder, 'log/popd/violations.ndjson'),
    `${record('0x1')}\n${record('0x10')}\n{"torn`,
  );
  const shopWithLogs = { ...shop, env: { ...shop.env, VXE_LOGS: join(shop.folder, 'log') } };
  const tried = await vxe(shopWithLogs, [
    'lisp',
    '--events',
    'popd',
    '-e',
    '(try socket (= domain AF_NETLINK))',
  ]);
  t.is(tried.status, 0, tried.stderr);
  t.regex(tried.stdout, /holds for 1 of 2 recorded calls/);
  t.regex(tried.stdout, /refused socket\(0x1\)\n {2}holds {3}socket\(0x10\)/);
  const wrong = await vxe(shop, ['lisp', '-e', '(foo)']);
  t.is(wrong.status, 2);
  t.regex(wrong.stderr, /there is no function or form foo/);
});

test('the shipped vxelisp profile has the one layout', async (t) => {
  const laid = await vxe(shopFor(t), ['profile', 'fmt', '--check', 'profiles/popd.vxed']);
  t.is(laid.status, 0, laid.stderr);
});
