import type { Diagnostic, DiagnosticCode, SourceSpan } from '../../common/index.js';

/** What stands between forms and means nothing: a comment, or (undefined) an empty line. */
export type Trivia = string | undefined;

interface Placed {
  readonly span: SourceSpan;
  /** Comments and empty lines in front, for the printer. */
  readonly before: readonly Trivia[];
  /** A comment behind it on the same line. */
  after?: string;
}

export type Form = Placed &
  (
    | {
        readonly kind: 'list';
        readonly items: readonly Form[];
        /** What stands between the last item and the closing parenthesis. */
        readonly tail: readonly Trivia[];
      }
    | { readonly kind: 'symbol'; readonly text: string }
    | { readonly kind: 'int'; readonly value: bigint; readonly text: string }
    | { readonly kind: 'string'; readonly value: string; readonly text: string }
    | { readonly kind: 'quote'; readonly form: Form }
  );

export type ListForm = Extract<Form, { kind: 'list' }>;
export type SymbolForm = Extract<Form, { kind: 'symbol' }>;

/** A whole text as the reader gives it. */
export interface Reading {
  readonly forms: readonly Form[];
  readonly tail: readonly Trivia[];
}

/** Ends the work on one form; the stages collect these, and only the facade sees them as diagnostics. */
export class LispError extends Error {
  readonly diagnostic: Diagnostic | undefined;

  constructor(diagnostic: Diagnostic | undefined) {
    super(diagnostic?.message ?? 'already reported');
    this.diagnostic = diagnostic;
  }
}

export function complain(code: DiagnosticCode, message: string, span: SourceSpan, hint?: string): LispError {
  return new LispError({ code, message, span, ...(hint === undefined ? {} : { hint }) });
}

/** A second statement of what may be said once. */
export function saidTwice(message: string, span: SourceSpan, first: SourceSpan, hint: string): LispError {
  const related = [{ message: 'first here', span: first }];
  return new LispError({ code: 'conflict', message, span, hint, related });
}

/** Runs a step and puts its complaint, if it has one, into the list. */
export function collecting<T>(diagnostics: Diagnostic[], step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof LispError)) throw error;
    if (error.diagnostic !== undefined) diagnostics.push(error.diagnostic);
    return undefined;
  }
}
