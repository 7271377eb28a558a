import type { Diagnostic, Result, SourceFile } from '../../common/index.js';
import { failure, nearestName, parseInteger, success, truncate } from '../../common/index.js';
import type { ArgumentRow } from '../../policy/index.js';
import { allConstants, callNumber, conditionHolds, knownCalls, signatureOf } from '../../policy/index.js';
import type { Clause } from './evaluate.js';
import { Evaluator } from './evaluate.js';
import type { LoadLibrary } from './expand.js';
import { Expander } from './expand.js';
import type { Form, LispError } from './form.js';
import { collecting, complain } from './form.js';
import { readForms } from './reader.js';
import { show } from './value.js';

/** One recorded call with its arguments as numbers. */
export interface RecordedCall {
  readonly call: string;
  readonly arguments: readonly bigint[];
  readonly detail: string;
}

/** What a line of a session gave: a value as text, the rules that it made, or a predicate held against the records. */
export type Answer =
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'rules'; readonly clauses: readonly Clause[] }
  | {
      readonly kind: 'tried';
      readonly call: string;
      readonly rows: readonly ArgumentRow[];
      readonly outcomes: readonly { readonly event: RecordedCall; readonly holds: boolean }[];
    };

/** Reads a line of violations.ndjson; undefined for what is no record of a call. */
export function parseRecordedCall(line: string): RecordedCall | undefined {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null || !('call' in record) || !('args' in record))
    return undefined;
  const { call, args } = record;
  if (typeof call !== 'string' || !Array.isArray(args)) return undefined;
  const values = args.map((each) => (typeof each === 'string' ? parseInteger(each) : undefined));
  if (values.some((value) => value === undefined)) return undefined;
  const detail = 'detail' in record && typeof record.detail === 'string' ? record.detail : call;
  return { call, arguments: values.filter((value) => value !== undefined), detail };
}

/** Definitions and expressions one after the other, and `(try CALL PREDICATE)` on recorded calls. */
export class LispSession {
  readonly #expander: Expander;
  readonly #evaluator = new Evaluator();
  readonly #events: readonly RecordedCall[];

  constructor(events: readonly RecordedCall[] = [], load: LoadLibrary = () => undefined) {
    this.#events = events;
    this.#expander = new Expander(load, true);
  }

  /** Whether the text may go on: it is well formed up to its end, and something is still open. */
  isOpen(text: string): boolean {
    const diagnostics: Diagnostic[] = [];
    collecting(diagnostics, () => readForms({ name: '<line>', text }));
    return diagnostics[0]?.message === 'this ( is never closed';
  }

  /** What a word may become. */
  complete(word: string): readonly string[] {
    const names = [...this.#expander.names.all(), 'try', ...allConstants().keys(), ...knownCalls().keys()];
    const call = knownCalls().keys();
    const known = [...call].flatMap((each) => (signatureOf(each) ?? []).map((argument) => argument.name));
    return [...new Set([...names, ...known])].filter((name) => name.startsWith(word)).sort();
  }

  /** The answers to all forms of a text, or what is wrong with the first that has no answer. */
  answer(file: SourceFile): Result<readonly Answer[]> {
    const diagnostics: Diagnostic[] = [];
    const answers = collecting(diagnostics, () =>
      readForms(file).forms.flatMap((form) => this.#answer(form)),
    );
    return answers === undefined ? failure(...diagnostics) : success(answers);
  }

  #answer(form: Form): readonly Answer[] {
    this.#evaluator.refill();
    if (form.kind === 'list' && form.items[0]?.kind === 'symbol' && form.items[0].text === 'try')
      return [this.#try(form.items.slice(1), form)];
    const report = (error: LispError): never => {
      throw error;
    };
    const before = this.#evaluator.clauses.length;
    let text: string | undefined;
    for (const step of this.#expander.expand(form, report)) {
      const value = this.#evaluator.run(step);
      if (step.kind === 'do' && value.kind !== 'nothing') text = show(value);
    }
    const clauses = this.#evaluator.clauses.splice(before);
    if (clauses.length > 0) return [{ kind: 'rules', clauses }];
    return text === undefined ? [] : [{ kind: 'value', text }];
  }

  #try(operands: readonly Form[], form: Form): Answer {
    const [callForm, predicate, ...more] = operands;
    if (callForm?.kind !== 'symbol' || predicate === undefined || more.length > 0)
      throw complain('syntax', 'this is not how try is written', form.span, '(try CALL PREDICATE)');
    const call = callForm.text;
    if (callNumber(call) === undefined) {
      const near = nearestName(call, knownCalls().keys());
      const hint = near === undefined ? 'write the name as the kernel has it' : `did you mean ${near}?`;
      throw complain('unknown-call', `there is no system call ${call}`, callForm.span, hint);
    }
    const rows = this.#evaluator.predicate(this.#expander.predicate(predicate, call));
    const events = this.#events.filter((event) => event.call === call);
    const outcomes = events.map((event) => ({ event, holds: rows.some((row) => rowHolds(row, event)) }));
    return { kind: 'tried', call, rows, outcomes };
  }
}

function rowHolds(row: ArgumentRow, event: RecordedCall): boolean {
  return row.tests.every((test) => {
    const value = event.arguments[test.index];
    return value !== undefined && conditionHolds(test.condition, truncate(value, test.width));
  });
}
