import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { type Diagnostic, plainLine, type SourceFile } from '../../common/index.js';
import type { Answer, LispSession } from '../../language/index.js';
import { rowText } from '../../policy/index.js';

const HISTORY_MAX = 1000;
const SHOWN_MAX = 20;

interface ReplPorts {
  /** Where the lines of earlier sessions are kept. */
  readonly history: string;
  readonly recorded: number;
  print(text: string): void;
  explain(diagnostics: readonly Diagnostic[], text: SourceFile): string;
  collect(answers: readonly Answer[]): void;
}

/** Reads forms until the input ends; an error is shown and the session goes on. */
export async function runRepl(session: LispSession, ports: ReplPorts): Promise<void> {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(terminal ? { output: process.stdout, prompt: 'vxe> ', history: readHistory(ports.history) } : {}),
    historySize: HISTORY_MAX,
    removeHistoryDuplicates: true,
    completer: (line: string) => completions(session, line),
  });
  let text = '';
  let history: readonly string[] = [];
  lines.on('history', (now: readonly string[]) => {
    history = [...now];
  });
  if (terminal) {
    ports.print(
      `${ports.recorded} recorded calls; (try CALL PREDICATE) asks them; Ctrl-C gives a form up, Ctrl-D ends`,
    );
    lines.prompt();
    // As in a shell: what is being written is given up, and with nothing written the session.
    lines.on('SIGINT', () => {
      if (text === '' && lines.line === '') return lines.close();
      text = '';
      process.stdout.write('\n');
      lines.write(null, { ctrl: true, name: 'u' });
      lines.prompt();
    });
  }
  let count = 0;
  for await (const line of lines) {
    text += text === '' ? line : `\n${line}`;
    if (session.isOpen(text)) {
      if (terminal) process.stdout.write('...> ');
      continue;
    }
    answer(session, ports, { name: `<${++count}>`, text });
    text = '';
    if (terminal) lines.prompt();
  }
  if (text.trim() !== '') answer(session, ports, { name: `<${++count}>`, text });
  if (terminal && history.length > 0) writeHistory(ports.history, history);
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

/** Newest first, as the line reader wants it. */
function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .reverse();
  } catch {
    return []; // the first session has none
  }
}

function writeHistory(path: string, newestFirst: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `${newestFirst.slice(0, HISTORY_MAX).toReversed().join('\n')}\n`, { mode: 0o600 });
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
