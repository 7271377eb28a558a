import type { SourceFile, SourceSpan } from './span.js';
import { spanText } from './span.js';

/** Every kind of complaint that a stage of VXE can make about its input. */
export const DIAGNOSTIC_CODES = [
  'syntax',
  'unknown-key',
  'missing-key',
  'duplicate-key',
  'wrong-type',
  'bad-value',
  'bad-path',
  'bad-event',
  'unknown-constant',
  'unknown-call',
  'unknown-argument',
  'conflict',
  'unsupported',
  'not-expressible',
  'not-enforceable',
  'missing-feature',
  'missing-file',
  'too-large',
  'native',
  'internal',
] as const;

export type DiagnosticCode = (typeof DIAGNOSTIC_CODES)[number];

/** A further place that belongs to a diagnostic. */
export interface RelatedSpan {
  readonly message: string;
  readonly span: SourceSpan;
}

/** One complaint, as data; text for people is made at the edge. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly span?: SourceSpan;
  readonly hint?: string;
  readonly related?: readonly RelatedSpan[];
}

/** Renders a diagnostic with the line it is about, a caret below it, and what was expected. */
export function formatDiagnostic(diagnostic: Diagnostic, files: readonly SourceFile[] = []): string {
  const lines: string[] = [];
  const where = diagnostic.span === undefined ? '' : `${spanText(diagnostic.span)}: `;
  lines.push(`${where}${diagnostic.message}`);
  if (diagnostic.span !== undefined) lines.push(...excerpt(diagnostic.span, files));
  if (diagnostic.hint !== undefined) lines.push(`  = ${diagnostic.hint}`);
  for (const related of diagnostic.related ?? []) {
    lines.push(`  ${spanText(related.span)}: ${related.message}`, ...excerpt(related.span, files));
  }
  return lines.join('\n');
}

function excerpt(span: SourceSpan, files: readonly SourceFile[]): string[] {
  const file = files.find((candidate) => candidate.name === span.source);
  const line = file?.text.split('\n')[span.start.line - 1]?.replace(/\r$/, '');
  if (line === undefined) return [];
  const number = String(span.start.line);
  const before = line.slice(0, span.start.column - 1).replace(/[^\t]/g, ' ');
  const rest = Math.max(1, line.length - span.start.column + 1);
  const wanted = span.end.line === span.start.line ? span.end.column - span.start.column : rest;
  const carets = '^'.repeat(Math.min(rest, Math.max(1, wanted)));
  const [shown, marks] = part(line, `${before}${carets}`, before.length);
  return [`  ${number} | ${shown}`, `  ${' '.repeat(number.length)} | ${marks}`];
}

/** As much of a line as people read. */
const WIDTH = 240;
const AHEAD = 80;

/** Of a line that is too long, what is around the place, and the marks below it. */
function part(line: string, marks: string, at: number): readonly [string, string] {
  if (line.length <= WIDTH) return [line, marks];
  const from = Math.max(0, at - AHEAD);
  const cut = line.slice(from, from + WIDTH);
  const below = marks.slice(from, from + WIDTH);
  return [
    `${from > 0 ? '…' : ''}${cut}${from + WIDTH < line.length ? '…' : ''}`,
    `${from > 0 ? ' ' : ''}${below}`,
  ];
}
