import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

/** What is typed when the terminal shows the text that was waited for; a tab, an arrow and the end of input as a terminal sends them. */
const TAB = '\t';
const UP = '\u001b[A';
const ENTER = '\r';
const END = '\u0004';
const CANCEL = '\u0003';

/** Types into `vxe lisp` on a terminal of its own, step by step, and gives all that it showed. */
async function typed(folder: string, steps: readonly (readonly [string, string])[]): Promise<string> {
  const command = `${process.execPath} bin/vxe-author.js lisp --events ${join(folder, 'violations.ndjson')}`;
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    env: { ...process.env, XDG_STATE_HOME: join(folder, 'state'), TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let from = 0;
  const waiting = [...steps];
  return await new Promise((resolve, reject) => {
    const type = (): void => {
      const [wanted, keys] = waiting[0] ?? [];
      if (wanted === undefined || keys === undefined) return;
      const at = shown.indexOf(wanted, from);
      if (at < 0) return;
      from = at + wanted.length;
      waiting.shift();
      child.stdin.write(keys);
      type();
    };
    child.stdout.on('data', (data: Buffer) => {
      shown += data.toString();
      type();
    });
    child.on('error', reject);
    // What is never shown ends the session instead of the test run.
    const late = setTimeout(() => child.kill('SIGHUP'), 240_000);
    child.on('close', () => {
      clearTimeout(late);
      resolve(waiting.length === 0 ? shown : `never shown: ${waiting[0]?.[0]}\n${shown}`);
    });
  });
}

test('on a terminal the REPL completes, goes on over lines and errors, and remembers', async (t) => {
  t.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), 'vxe-repl-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const record = (domain: string) =>
    JSON.stringify({
      call: 'socket',
      args: [domain, '0x80001', '0x0'],
      detail: `socket(${domain})\u001b[31m`,
    });
  writeFileSync(join(folder, 'violations.ndjson'), `${record('0x1')}\n${record('0x2')}\n`);
  const shown = await typed(folder, [
    ['vxe> ', `(define (zed? d)${ENTER}`],
    ['...> ', `  (= d AF_UNIX))${ENTER}`],
    // One name alone begins so; a tab that is the last of what came in is one that was typed.
    ['vxe> ', `(try socket (ze${TAB}`],
    ['zed?', ` domain))${ENTER}`],
    ['holds for 1 of 2 recorded calls', `(nope)${ENTER}`],
    ['there is no function or form nope', `(hex (+ AF_INET6${ENTER}`],
    // What is being written is given up, and the session goes on.
    ['...> ', `1 (${CANCEL}`],
    ['vxe> ', `(hex (+ AF_INET6 1))${ENTER}`],
    ['"0xb"', `${UP}${ENTER}`],
    ['"0xb"', END],
  ]);
  t.notRegex(shown, /never shown/);
  // What a program chose is shown, and acts on no terminal.
  t.false(shown.includes('\u001b[31m'));
  t.regex(shown, /2 recorded calls; \(try CALL PREDICATE\) asks them/);
  t.regex(shown, /holds {3}socket\(0x1\)[\s\S]*refused socket\(0x2\)/);
  const history = join(folder, 'state/vxe/lisp_history');
  t.is(statSync(history).mode & 0o777, 0o600);
  const lines = readFileSync(history, 'utf8').split('\n');
  t.true(lines.includes('(try socket (zed? domain))'));
  const again = await typed(folder, [
    ['vxe> ', `${UP}${ENTER}`],
    ['"0xb"', END],
  ]);
  t.notRegex(again, /never shown/);
});
