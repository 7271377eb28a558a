import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BundleStore, startTimeOf, workName } from '../../src/bundle/index.js';
import { temporary } from './helpers/folders.js';

function folderWith(path: string, text: string): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'config.json'), text);
}

// A pid that is this process's, with the start time of another: the process that made it is dead.
const DEAD = `${process.pid}-1`;

test('half-made and half-removed folders of the dead go', (t) => {
  const folder = temporary(t);
  folderWith(join(folder, `.a.new-${DEAD}`), '{}');
  folderWith(join(folder, `.b.gone-${DEAD}`), '{}');
  folderWith(join(folder, 'c'), '{}');
  new BundleStore(folder);
  t.deepEqual(readdirSync(folder), ['c']);
});

test('a bundle that was set aside comes back when its replacement never came', (t) => {
  const folder = temporary(t);
  folderWith(join(folder, `.a.old-${DEAD}`), 'old');
  folderWith(join(folder, `.a.new-${DEAD}`), 'new');
  const store = new BundleStore(folder);
  t.true(store.exists('a'));
  t.deepEqual(readdirSync(folder), ['a']);
});

test('a bundle that was set aside goes when its replacement came', (t) => {
  const folder = temporary(t);
  folderWith(join(folder, `.a.old-${DEAD}`), 'old');
  folderWith(join(folder, 'a'), 'new');
  new BundleStore(folder);
  t.deepEqual(readdirSync(folder), ['a']);
});

test('what a living process works on is left alone', (t) => {
  const folder = temporary(t);
  const name = workName('a', 'new');
  folderWith(join(folder, name), '{}');
  new BundleStore(folder);
  t.true(existsSync(join(folder, name)));
  t.regex(startTimeOf(process.pid) ?? '', /^\d+$/);
});

test('publishing over a bundle that came in between is refused', (t) => {
  const folder = temporary(t);
  const store = new BundleStore(folder);
  const work = store.begin('a');
  folderWith(join(folder, 'a'), 'other');
  t.throws(() => store.publish('a', work, false), { message: /already/ });
});
