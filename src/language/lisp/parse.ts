import type { Diagnostic, Result, SourceFile, SourceSpan } from '../../common/index.js';
import { failure, success } from '../../common/index.js';
import type { Policy } from '../../policy/index.js';
import type { Step } from './core.js';
import { elaborate } from './elaborate.js';
import { BUDGET, Evaluator } from './evaluate.js';
import type { LoadLibrary } from './expand.js';
import { Expander } from './expand.js';
import type { Form, LispError } from './form.js';
import { collecting } from './form.js';
import { printForms } from './print.js';
import { readForms } from './reader.js';

/** Where nothing can be included. */
export const NO_LIBRARIES: LoadLibrary = () => undefined;

/** Reads a `.vxed` text into a policy: read, expand, evaluate, elaborate; each stage ends with all that it has to say. */
export function parseLispProfile(
  file: SourceFile,
  load: LoadLibrary = NO_LIBRARIES,
  budget: number = BUDGET,
): Result<Policy> {
  const diagnostics: Diagnostic[] = [];
  const forms = collecting(diagnostics, () => readForms(file).forms);
  const steps = forms === undefined ? [] : expandAll(forms, new Expander(load), diagnostics);
  if (diagnostics.length > 0) return failure(...diagnostics);
  const evaluator = new Evaluator(budget);
  for (const step of steps) {
    const before = diagnostics.length;
    collecting(diagnostics, () => evaluator.run(step));
    // What rests on a value that is missing would only repeat the complaint.
    if (diagnostics.length > before && (step.kind === 'define' || evaluator.spent > budget)) break;
  }
  if (diagnostics.length > 0) return failure(...diagnostics);
  return elaborate(evaluator.clauses, startOf(file));
}

function expandAll(forms: readonly Form[], expander: Expander, diagnostics: Diagnostic[]): readonly Step[] {
  const report = (error: LispError): void => {
    if (error.diagnostic !== undefined) diagnostics.push(error.diagnostic);
  };
  return forms.flatMap((form) => collecting(diagnostics, () => expander.expand(form, report)) ?? []);
}

function startOf(file: SourceFile): SourceSpan {
  const point = { line: 1, column: 1, offset: 0 };
  return { source: file.name, start: point, end: point };
}

/** The text in the one layout that VXE prints; the text of what it means is not needed for that. */
export function formatLisp(file: SourceFile): Result<string> {
  const diagnostics: Diagnostic[] = [];
  const text = collecting(diagnostics, () => printForms(readForms(file)));
  return text === undefined ? failure(...diagnostics) : success(text);
}

/** The text with its libraries written into it, for a place where they cannot be found; it means the same. */
export function inlineLibraries(file: SourceFile, load: LoadLibrary): Result<string> {
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<string>();
  const inline = (each: SourceFile): string => {
    let text = '';
    let at = 0;
    for (const form of readForms(each).forms) {
      const library = libraryOf(form, load);
      if (library === undefined) continue;
      text += each.text.slice(at, form.span.start.offset);
      at = form.span.end.offset;
      if (seen.has(library.name)) continue;
      seen.add(library.name);
      text += `\n${inline(library)}\n`;
    }
    return text + each.text.slice(at);
  };
  const text = collecting(diagnostics, () => inline(file));
  return text === undefined ? failure(...diagnostics) : success(text);
}

function libraryOf(form: Form, load: LoadLibrary): SourceFile | undefined {
  if (form.kind !== 'list') return undefined;
  const [head, path] = form.items;
  if (head?.kind !== 'symbol' || head.text !== 'include' || path?.kind !== 'string') return undefined;
  return load(path.value, form.span.source);
}
