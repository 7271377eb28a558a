import type { Diagnostic, DiagnosticCode, SourceFile, SourcePoint, SourceSpan } from '../../common/index.js';

/** One word of a line; a quoted one is without its quotes. */
export interface Word {
  readonly text: string;
  readonly span: SourceSpan;
}

/** A line that says something. */
export interface Line {
  readonly words: readonly Word[];
  readonly span: SourceSpan;
}

/** Where complaints about one text are collected. */
export class Complaints {
  readonly diagnostics: Diagnostic[] = [];

  report(code: DiagnosticCode, message: string, span: SourceSpan, hint?: string): undefined {
    this.diagnostics.push({ code, message, span, ...(hint === undefined ? {} : { hint }) });
    return undefined;
  }
}

/** Splits a text into lines of words; `#` where a word could begin starts a comment. */
export function readLines(file: SourceFile, complaints: Complaints): readonly Line[] {
  const lines: Line[] = [];
  let offset = 0;
  for (const [index, raw] of file.text.split('\n').entries()) {
    const words = readWords(file.name, raw.replace(/\r$/, ''), index + 1, offset, complaints);
    const [first] = words;
    const last = words.at(-1);
    if (first !== undefined && last !== undefined)
      lines.push({ words, span: { ...first.span, end: last.span.end } });
    offset += raw.length + 1;
  }
  return lines;
}

function readWords(
  source: string,
  line: string,
  number: number,
  offset: number,
  complaints: Complaints,
): readonly Word[] {
  const words: Word[] = [];
  const point = (column: number): SourcePoint => ({
    line: number,
    column: column + 1,
    offset: offset + column,
  });
  const pattern = /\s+|#.*|"(?:[^"\\]|\\.)*"|[^\s#"]\S*|"/gy;
  for (const match of line.matchAll(pattern)) {
    const [text] = match;
    const span = { source, start: point(match.index), end: point(match.index + text.length) };
    if (/^\s|^#/.test(text)) continue;
    if (!text.startsWith('"')) words.push({ text, span });
    else {
      const unquoted = unquote(text);
      if (unquoted === undefined) {
        const rest = { ...span, end: point(line.length) };
        complaints.report(
          'syntax',
          'a quoted word does not end as one',
          rest,
          'write "..." with the escapes of JSON',
        );
        return [];
      }
      words.push({ text: unquoted, span });
    }
  }
  return words;
}

function unquote(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
