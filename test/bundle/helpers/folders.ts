import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A folder of the test's own, gone when the test ends, however it ends. */
export function temporary(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Content =
  | Buffer
  | string
  | { readonly link: string }
  | { readonly text: Buffer | string; readonly mode: number }
  | null;

/** Fills a folder: a text or bytes, a link, content with a mode, or null for an empty folder. Bytes are executable. */
export function fill(root: string, files: Readonly<Record<string, Content>>): void {
  for (const [path, content] of Object.entries(files)) {
    const real = join(root, path);
    mkdirSync(content === null ? real : dirname(real), { recursive: true });
    if (content === null) continue;
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      writeFileSync(real, content);
      chmodSync(real, typeof content === 'string' ? 0o644 : 0o755);
    } else if ('link' in content) symlinkSync(content.link, real);
    else {
      writeFileSync(real, content.text);
      chmodSync(real, content.mode);
    }
  }
}
