import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Caller, distrusted, trustedFile } from '../../src/bundle/index.js';

const root = process.getuid?.() === 0;
const asRoot = root ? test : test.skip;

function inFolder(work: (folder: string, caller: Caller) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-trust-'));
  try {
    work(folder, { uid: process.getuid?.() ?? 0, sudoUid: undefined, cwd: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function file(folder: string, name: string, owner?: number): string {
  const path = join(folder, name);
  writeFileSync(path, 'vxed: 1\n', { mode: 0o644 });
  if (owner !== undefined) chownSync(path, owner, owner);
  return path;
}

test("the caller's own file of the working folder is taken, and one that everybody may write is not", (t) => {
  inFolder((folder, caller) => {
    const path = file(folder, 'own.vxed.yaml');
    t.is(trustedFile(path, caller), path);
    chmodSync(path, 0o646);
    t.regex(distrusted(path, caller) ?? '', /everybody may write/);
    t.is(distrusted(path, { ...caller, cwd: '/' }), undefined);
  });
});

asRoot("another's file of the working folder is refused, and taken from a folder that was chosen", (t) => {
  inFolder((folder, caller) => {
    const path = file(folder, 'popd.vxed.yaml', 1234);
    t.throws(() => trustedFile(path, caller), { message: /belongs to user 1234/ });
    t.is(trustedFile(path, { ...caller, cwd: '/' }), path);
    t.is(trustedFile(path, { ...caller, sudoUid: '1234' }), path);
    t.is(trustedFile(path, { ...caller, uid: 1234 }), path);
    t.throws(() => trustedFile(path, { ...caller, uid: 1235, sudoUid: '1234' }), { message: /1234/ });
    t.throws(() => trustedFile(path, { ...caller, sudoUid: '' }), { message: /1234/ });
  });
});

asRoot("a link of another's leads nowhere, nor does one of the caller's to another's file", (t) => {
  inFolder((folder, caller) => {
    const link = join(folder, 'link.yaml');
    symlinkSync(file(folder, 'own.yaml'), link);
    t.is(trustedFile(link, caller), link);
    rmSync(link);
    symlinkSync(file(folder, 'other.yaml', 1234), link);
    t.throws(() => trustedFile(link, caller), { message: /belongs to user 1234/ });
  });
});
