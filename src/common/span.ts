/** One place in a text: line and column count from 1, offset from 0 in UTF-16 units. */
export interface SourcePoint {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

/** A stretch of a named text; `end` is the point just behind it. */
export interface SourceSpan {
  readonly source: string;
  readonly start: SourcePoint;
  readonly end: SourcePoint;
}

/** A named text that spans point into. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** The span for rules that no text states, such as those built into VXE. */
export function builtinSpan(name: string): SourceSpan {
  const point: SourcePoint = { line: 1, column: 1, offset: 0 };
  return { source: `<${name}>`, start: point, end: point };
}

/** `file:line:column`, as compilers print it. */
export function spanText(span: SourceSpan): string {
  if (span.source.startsWith('<')) return span.source;
  return `${span.source}:${span.start.line}:${span.start.column}`;
}
