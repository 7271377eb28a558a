import type { Diagnostic } from './diagnostic.js';
import { formatDiagnostic } from './diagnostic.js';
import type { Result } from './result.js';
import type { SourceFile } from './span.js';

/** 1: failed. 2: misuse. 125: the program was never started. */
export type ExitCode = 1 | 2 | 125 | 126 | 127;

/** The error that commands end with: one clear sentence, what to do next, and the exit code. */
export class VxeError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exit: ExitCode;

  constructor(code: string, message: string, hint?: string, exit: ExitCode = 1) {
    super(message);
    this.name = 'VxeError';
    this.code = code;
    this.hint = hint;
    this.exit = exit;
  }
}

/** Takes the value out of a result, or throws one VxeError that carries every diagnostic. */
export function unwrap<T>(result: Result<T>, files: readonly SourceFile[] = [], exit: ExitCode = 1): T {
  if (result.ok) return result.value;
  throw diagnosticsError(result.diagnostics, files, exit);
}

/** One VxeError for a list of diagnostics. */
export function diagnosticsError(
  diagnostics: readonly Diagnostic[],
  files: readonly SourceFile[] = [],
  exit: ExitCode = 1,
): VxeError {
  const text = diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, files)).join('\n');
  return new VxeError(diagnostics[0]?.code ?? 'internal', text, undefined, exit);
}
