import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { shopFor } from './helpers.js';

const PROMPT = 'vxe> ';
const INSIDE = '...> ';
const [CTRL_A, CTRL_C, CTRL_D, TAB, ENTER, UP, LEFT] = [
  '\x01',
  '\x03',
  '\x04',
  '\t',
  '\r',
  '\x1b[A',
  '\x1b[D',
];
/** For a machine on which all else waits, too. */
const PATIENCE_MS = 90_000;

interface Home {
  readonly env: Readonly<Record<string, string>>;
  readonly history: string;
}

function homeFor(t: ExecutionContext, more: Readonly<Record<string, string>> = {}): Home {
  const { env, folder } = shopFor(t);
  const state = join(folder, 'state');
  const history = join(state, 'vxe/lisp_history');
  return { env: { ...env, XDG_STATE_HOME: state, TERM: 'xterm', LANG: 'C.UTF-8', ...more }, history };
}

function historyOf({ history }: Home): readonly string[] {
  return existsSync(history) ? readFileSync(history, 'utf8').trimEnd().split('\n') : [];
}

function writeHistory({ history }: Home, content: string | Buffer): void {
  mkdirSync(dirname(history), { recursive: true });
  writeFileSync(history, content);
}

/** `vxe lisp` on a terminal of its own; script(1) makes it. */
class Session {
  readonly #child;
  readonly #ended: Promise<number | null>;
  #shown = '';
  #seen = 0;
  #told = (): void => undefined;

  constructor(t: ExecutionContext, { env }: Home) {
    const command = `exec '${process.execPath}' bin/vxe-author.js lisp`;
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { env });
    this.#child = child;
    child.stdout.on('data', (part: Buffer) => {
      this.#shown += part.toString();
      this.#told();
    });
    child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => {
        resolve(status);
        this.#told();
      });
    });
    t.teardown(() => child.kill('SIGKILL'));
  }

  /** All that was shown since the start. */
  get shown(): string {
    return this.#shown;
  }

  /** What is shown next, up to a text that has to come. */
  async until(text: string): Promise<string> {
    const limit = Date.now() + PATIENCE_MS;
    for (;;) {
      const at = this.#shown.indexOf(text, this.#seen);
      if (at >= 0) {
        const part = this.#shown.slice(this.#seen, at);
        this.#seen = at + text.length;
        return part;
      }
      const left = limit - Date.now();
      const news = new Promise<void>((resolve) => {
        this.#told = resolve;
        setTimeout(resolve, Math.max(left, 1)).unref();
      });
      if (left <= 0 || this.#child.exitCode !== null)
        throw new Error(`${JSON.stringify(text)} is not shown: ${JSON.stringify(this.#shown)}`);
      await news;
    }
  }

  type(...keys: readonly string[]): void {
    this.#child.stdin.write(keys.join(''));
  }

  /** A form, and what is answered before the next prompt. */
  async ask(...keys: readonly string[]): Promise<string> {
    this.type(...keys, ENTER);
    await this.until('\n');
    return plain(await this.until(PROMPT));
  }

  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Ctrl-D, and what is shown after it. */
  async end(): Promise<string> {
    const before = this.#shown.length;
    this.type(CTRL_D);
    await this.ended();
    return plain(this.#shown.slice(before));
  }
}

/** Without what moves the cursor. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal gets
  return text.replace(/\x1b\[[0-9;]*[A-LSTJGKf]/g, '').replace(/\r/g, '');
}

async function started(t: ExecutionContext, home: Home): Promise<Session> {
  const session = new Session(t, home);
  await session.until(PROMPT);
  return session;
}

for (const term of ['xterm', 'dumb']) {
  test(`on a terminal (${term}) forms of one line and of more are answered`, async (t) => {
    const home = homeFor(t, { TERM: term });
    const session = await started(t, home);
    t.regex(plain(session.shown), /^0 recorded calls; .*Ctrl-C gives a form up, Ctrl-D ends\nvxe> $/);
    t.is(await session.ask('(+ 1 2)'), '3\n');
    session.type('(let (a 4', ENTER);
    await session.until(INSIDE);
    session.type('b 5)', ENTER);
    await session.until(INSIDE);
    t.is(await session.ask('(* a b))'), '20\n');
    const wrong = await session.ask('(nosuch 1)');
    t.regex(wrong, /^<3>: there is no function or form nosuch\n {2}1 \| \(nosuch 1\)\n {4}\| {2}\^{6}\n/);
    t.is(await session.ask('(define (twice x) (* 2 x))'), '');
    t.is(await session.ask('(twice 21)'), '42\n');
    // The shell's prompt comes to stand on a line of its own.
    t.is(await session.end(), '\n');
    t.is(await session.ended(), 0);
    t.deepEqual(historyOf(home), [
      '(+ 1 2)',
      '(let (a 4',
      'b 5)',
      '(* a b))',
      '(nosuch 1)',
      '(define (twice x) (* 2 x))',
      '(twice 21)',
    ]);
    t.is(statSync(home.history).mode & 0o777, 0o600);
  });

  test(`Ctrl-C gives up what is written, and nothing else (${term})`, async (t) => {
    const session = await started(t, homeFor(t, { TERM: term }));
    session.type('(nosuch');
    await session.until('(nosuch');
    session.type(CTRL_C);
    await session.until(PROMPT);
    t.is(await session.ask('(+ 1 1)'), '2\n');
    session.type('(+ 1', ENTER);
    await session.until(INSIDE);
    session.type('2', CTRL_C);
    await session.until(PROMPT);
    t.is(await session.ask('(+ 2 2)'), '4\n');
    session.type(CTRL_C);
    t.is(await session.ended(), 0);
  });
}

test('Ctrl-C gives up what stands on either side of the cursor', async (t) => {
  const session = await started(t, homeFor(t));
  session.type('(+ 1 2)', LEFT, LEFT, LEFT);
  await session.until('2)');
  session.type(CTRL_C);
  await session.until(PROMPT);
  t.is(await session.ask('7'), '7\n');
  await session.end();
});

test('what is entered inside a form has the prompt of that, drawn again too', async (t) => {
  const session = await started(t, homeFor(t));
  session.type('(list 1', ENTER);
  await session.until(INSIDE);
  session.type('3)');
  await session.until('3)');
  session.type(CTRL_A);
  await session.until('\x1b[2D');
  session.type('2');
  const drawn = await session.until('23)');
  session.type(' ');
  await session.until('2 3)');
  t.true(drawn.includes(INSIDE) && !drawn.includes(PROMPT), JSON.stringify(drawn));
  session.type(ENTER);
  t.regex(plain(await session.until(PROMPT)), /\(list 1 2 3\)/);
  await session.end();
});

test('names are completed, those of this session too', async (t) => {
  const session = await started(t, homeFor(t));
  session.type('(prefi', TAB);
  await session.until('(prefix?');
  t.is(await session.ask(' "/etc" "/etc/shadow")'), '#t\n');
  t.is(await session.ask('(define (halved-of x) (/ x 2))'), '');
  session.type('(halved', TAB);
  await session.until('(halved-of');
  t.is(await session.ask(' 8)'), '4\n');
  // Of several names what they have in common, and the names when it is asked again.
  // Of several names those that there are, when it is asked again.
  session.type('(fo', TAB);
  await session.until('(fo');
  session.type(TAB);
  await session.until('for-each');
  await session.until(`${PROMPT}(fo`);
  t.is(await session.ask('ld + 0 (list 1 2))'), '3\n');
  await session.end();
});

test('a later session has the lines of earlier ones, and of one that was killed', async (t) => {
  const home = homeFor(t);
  const first = await started(t, home);
  t.is(await first.ask('(+ 20 1)'), '21\n');
  t.is(await first.ask('(+ 20 1)'), '21\n');
  t.is(await first.ask('(+ 20 2)'), '22\n');
  await first.end();
  const killed = await started(t, home);
  t.is(await killed.ask('(+ 20 3)'), '23\n');
  const beside = await started(t, home);
  t.is(await beside.ask('(+ 20 4)'), '24\n');
  killed.type(CTRL_C);
  await killed.ended();
  await beside.end();
  t.deepEqual(historyOf(home), ['(+ 20 1)', '(+ 20 2)', '(+ 20 3)', '(+ 20 4)']);
  const last = await started(t, home);
  last.type(UP);
  await last.until('(+ 20 4)');
  last.type(UP, UP);
  await last.until('(+ 20 2)');
  last.type(ENTER);
  t.regex(plain(await last.until(PROMPT)), /^\n22\n$/);
  await last.end();
});

test('a history that somebody broke offers no line that is none, and stays of use', async (t) => {
  const home = homeFor(t);
  const title = '\x1b]0;owned\x07(+ 1 1)';
  writeHistory(
    home,
    Buffer.concat([
      Buffer.from(`(+ 30 1)\n${title}\n\n${'('.repeat(10_000)}\n`),
      Buffer.from([0, 1, 2, 0xff, 0xfe, 0x0a]),
      Buffer.from('(+ 30 2)'),
    ]),
  );
  const session = await started(t, home);
  session.type(UP);
  await session.until('(+ 30 2)');
  session.type(UP);
  await session.until('(+ 30 1)');
  t.false(session.shown.includes('owned'));
  session.type(ENTER);
  t.regex(plain(await session.until(PROMPT)), /31\n$/);
  await session.end();
  t.is(historyOf(home).at(-1), '(+ 30 1)');
});

test('a history of more lines than are kept is cut to the newest', async (t) => {
  const home = homeFor(t);
  writeHistory(home, Array.from({ length: 2500 }, (_, at) => `(+ ${at} 0)\n`).join(''));
  const session = await started(t, home);
  t.is(await session.ask('5'), '5\n');
  await session.end();
  const lines = historyOf(home);
  t.is(lines.length, 1001);
  t.deepEqual([lines[0], lines.at(-2), lines.at(-1)], ['(+ 1500 0)', '(+ 2499 0)', '5']);
});

const unusable: readonly [string, (home: Home) => void][] = [
  ['is a folder', ({ history }) => mkdirSync(history, { recursive: true })],
  [
    'leads elsewhere',
    (home) => {
      writeHistory(home, '');
      rmSync(home.history);
      symlinkSync('/etc/hostname', home.history);
    },
  ],
  ['is too large', (home) => writeHistory(home, Buffer.alloc((4 << 20) + 1, 0x20))],
];
for (const [what, prepare] of unusable) {
  test(`a history that ${what} is told of once, and not touched`, async (t) => {
    const home = homeFor(t);
    prepare(home);
    const before = statSync(home.history);
    const session = await started(t, home);
    t.is(await session.ask('(+ 1 2)'), '3\n');
    t.is(await session.ask('(+ 1 3)'), '4\n');
    await session.end();
    t.is(session.shown.split('no lines are kept of this session').length, 2, session.shown);
    t.is(statSync(home.history).size, before.size);
  });
}

for (const more of [{}, { NO_COLOR: '1' }, { TERM: 'dumb' }]) {
  test(`nothing is coloured; ${JSON.stringify(more)}`, async (t) => {
    const session = await started(t, homeFor(t, more));
    await session.ask('(nosuch "a" 1)');
    await session.ask('"text"');
    await session.end();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal gets
    t.notRegex(session.shown, /\x1b\[[0-9;]*m/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: nothing else either, on one that can do nothing
    if ('TERM' in more) t.notRegex(session.shown, /\x1b/);
  });
}
