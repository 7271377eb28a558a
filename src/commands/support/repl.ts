import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { type Diagnostic, plainLine, type SourceFile } from '../../common/index.js';
import type { Answer, LispSession } from '../../language/index.js';
import { rowText } from '../../policy/index.js';

const HISTORY_MAX = 1000;
const LINE_MAX = 4096;
const HISTORY_BYTES_MAX = 4 << 20;
const SHOWN_MAX = 20;

interface ReplPorts {
  /** Where the lines of earlier sessions are kept. */
  readonly history: string;
  readonly recorded: number;
  print(text: string): void;
  explain(diagnostics: readonly Diagnostic[], text: SourceFile): string;
  collect(answers: readonly Answer[]): void;
}

const PROMPT = 'vxe> ';
const INSIDE = '...> ';

/** Reads forms until the input ends; an error is shown and the session goes on. */
export async function runRepl(session: LispSession, ports: ReplPorts): Promise<void> {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const history = terminal ? new History(ports.history, ports.print) : undefined;
  const lines = createInterface({
    input: process.stdin,
    ...(history === undefined
      ? {}
      : { output: process.stdout, prompt: PROMPT, history: history.newestFirst() }),
    historySize: HISTORY_MAX,
    removeHistoryDuplicates: true,
    completer: (line: string) => completions(session, line),
  });
  let text = '';
  const prompt = (): void => {
    if (!terminal) return;
    // The line reader draws it again after each change of the line.
    lines.setPrompt(text === '' ? PROMPT : INSIDE);
    lines.prompt();
  };
  if (terminal) {
    ports.print(
      `${ports.recorded} recorded calls; (try CALL PREDICATE) asks them; Ctrl-C gives a form up, Ctrl-D ends`,
    );
    prompt();
    // As in a shell: what is being written is given up, and with nothing written the session.
    lines.on('SIGINT', () => {
      if (text === '' && lines.line === '') return lines.close();
      text = '';
      process.stdout.write('\n');
      // All of it, on either side of the cursor and on dumb terminals, which have no key for that.
      Object.assign(lines, { line: '', cursor: 0, prevRows: 0 });
      prompt();
    });
  }
  let count = 0;
  for await (const line of lines) {
    history?.keep(line);
    text += text === '' ? line : `\n${line}`;
    if (!session.isOpen(text)) {
      answer(session, ports, { name: `<${++count}>`, text });
      text = '';
    }
    prompt();
  }
  // What comes next on the terminal is not ours.
  if (terminal) process.stdout.write('\n');
  if (text.trim() !== '') answer(session, ports, { name: `<${++count}>`, text });
}

/** The lines of earlier sessions. Each is kept when it is entered, so that none is lost with its session and sessions beside each other keep theirs. */
class History {
  readonly #lines: string[];
  #kept = true;
  /** The last line of the file has no end. */
  #torn = false;

  constructor(
    readonly path: string,
    readonly print: (text: string) => void,
  ) {
    this.#lines = this.#read();
    if (this.#lines.length <= 2 * HISTORY_MAX) return;
    this.#lines.splice(0, this.#lines.length - HISTORY_MAX);
    this.#torn = false;
    this.#write(constants.O_TRUNC, this.#lines);
  }

  /** As the line reader wants it. */
  newestFirst(): string[] {
    return this.#lines.slice(-HISTORY_MAX).toReversed();
  }

  keep(line: string): void {
    if (line.trim() === '' || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
    if (this.#kept) this.#write(constants.O_APPEND, [line]);
  }

  #read(): string[] {
    try {
      const file = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        if (fstatSync(file).size > HISTORY_BYTES_MAX) throw new Error(`${this.path} is too large`);
        const text = readFileSync(file, 'utf8');
        this.#torn = text !== '' && !text.endsWith('\n');
        // What is no line of ours, such as one that would act on the terminal, is not offered.
        return text
          .split('\n')
          .filter((line) => line !== '' && line.length <= LINE_MAX && plainLine(line) === line);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) this.#giveUp(error);
      return [];
    }
  }

  #write(how: number, lines: readonly string[]): void {
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      const file = openSync(
        this.path,
        constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | how,
        0o600,
      );
      try {
        writeSync(file, `${this.#torn ? '\n' : ''}${lines.map((line) => `${line}\n`).join('')}`);
        this.#torn = false;
      } finally {
        closeSync(file);
      }
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#kept = false;
    this.print(
      `no lines are kept of this session: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function answer(session: LispSession, ports: ReplPorts, file: SourceFile): void {
  const answers = session.answer(file);
  if (!answers.ok) {
    ports.print(ports.explain(answers.diagnostics, file));
    if (process.stdin.isTTY !== true) process.exitCode = 1;
    return;
  }
  ports.collect(answers.value);
  for (const each of answers.value) ports.print(answerText(each));
}

function completions(session: LispSession, line: string): [string[], string] {
  const word = /[^\s()"';]*$/.exec(line)?.[0] ?? '';
  return [word === '' ? [] : [...session.complete(word)], word];
}

/** An answer for people. */
export function answerText(answer: Answer): string {
  switch (answer.kind) {
    case 'value':
      return answer.text;
    case 'rules':
      return answer.clauses
        .map((clause) => {
          if (clause.kind === 'plain') return clause.name;
          return clause.kind === 'file-when' ? clause.kind : `${clause.kind} ${clause.call}`;
        })
        .map((text) => `rule: ${text}`)
        .join('\n');
    case 'tried': {
      const holding = answer.outcomes.filter((outcome) => outcome.holds).length;
      const rows = answer.rows.map((row) => `  row: ${rowText(row)}`);
      const shown = answer.outcomes
        .slice(0, SHOWN_MAX)
        .map(({ event, holds }) => plainLine(`  ${holds ? 'holds  ' : 'refused'} ${event.detail}`));
      const rest = answer.outcomes.length - shown.length;
      const more = rest > 0 ? [`  and ${rest} more`] : [];
      const sum = `${answer.call}: holds for ${holding} of ${answer.outcomes.length} recorded calls`;
      return [sum, ...rows, ...shown, ...more].join('\n');
    }
  }
}

/** An answer as JSON has it. */
export function answerView(answer: Answer): unknown {
  if (answer.kind === 'value') return { value: answer.text };
  if (answer.kind === 'rules')
    return { rules: answer.clauses.map((clause) => answerText({ ...answer, clauses: [clause] })) };
  return {
    call: answer.call,
    rows: answer.rows.map((row) => rowText(row)),
    outcomes: answer.outcomes.map(({ event, holds }) => ({ detail: event.detail, holds })),
  };
}
