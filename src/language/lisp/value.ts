import type { SourceSpan } from '../../common/index.js';
import { hex } from '../../common/index.js';
import type { LispError } from './form.js';
import { complain } from './form.js';
import type { Term, Test } from './symbolic.js';

/** What an expression gives. An argument and a condition stand for what is known only when a call is made. */
export type Value =
  /** `text` is how the source named it, for explanations. */
  | { readonly kind: 'int'; readonly value: bigint; readonly text?: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'argument'; readonly term: Term }
  /** Any path strictly below the folder; an expression that needs to know which throws `UnknownPath`. */
  | { readonly kind: 'below'; readonly folder: string }
  /** A truth value that is not the same for all of those paths. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'condition'; readonly test: Test };

/** A value and where it was asked for. */
export interface Given {
  readonly value: Value;
  readonly span: SourceSpan;
}

/** Ends an expression that rests on which of many paths is meant; no complaint, since the answer is that there is no one answer. */
export class UnknownPath extends Error {}

export const UNKNOWN: Value = { kind: 'unknown' };
export const NOTHING: Value = { kind: 'nothing' };
export const TRUE: Value = { kind: 'bool', value: true };
export const FALSE: Value = { kind: 'bool', value: false };

export function bool(value: boolean): Value {
  return value ? TRUE : FALSE;
}

export function int(value: bigint | number): Value {
  return { kind: 'int', value: BigInt(value) };
}

export function string(value: string): Value {
  return { kind: 'string', value };
}

export function list(items: readonly Value[]): Value {
  return { kind: 'list', items };
}

/** How a number was named, or the number. */
export function intText(value: Value & { readonly kind: 'int' }): string {
  if (value.text !== undefined) return value.text;
  return value.value < 1024n ? String(value.value) : hex(value.value);
}

/** A value as the REPL shows it. */
export function show(value: Value): string {
  switch (value.kind) {
    case 'int':
      return (
        value.text ?? (value.value < 0x10000n ? String(value.value) : `${value.value} (${hex(value.value)})`)
      );
    case 'string':
      return JSON.stringify(value.value);
    case 'bool':
      return value.value ? '#t' : '#f';
    case 'word':
      return `'${value.value}`;
    case 'list':
      return `(${['list', ...value.items.map(show)].join(' ')})`;
    case 'nothing':
      return 'nothing';
    case 'argument':
      return `argument ${value.term.argument.name}`;
    case 'below':
      return `a path below ${value.folder}`;
    case 'unknown':
      return 'true or not';
    case 'condition':
      return `condition on ${testArguments(value.test).join(', ')}`;
  }
}

function testArguments(test: Test): string[] {
  if (test.kind === 'atom') return [test.argument.name];
  return [...new Set(test.of.flatMap(testArguments))];
}

const KINDS = {
  int: 'a number',
  string: 'a string',
  bool: 'a truth value',
  word: 'a word',
  list: 'a list',
  nothing: 'nothing',
  argument: 'an argument of a call',
  below: 'a path',
  unknown: 'a truth value',
  condition: 'a condition on arguments of a call',
} as const;

function describe(value: Value): string {
  if (value.kind === 'nothing' || value.kind === 'argument' || value.kind === 'condition')
    return value.kind === 'argument'
      ? `the argument ${value.term.argument.name} of a call`
      : KINDS[value.kind];
  const text = show(value);
  return `${KINDS[value.kind]}, ${text.length > 40 ? `${text.slice(0, 37)}...` : text}`;
}

/** The complaint about a value of another kind; what rests on a call's arguments gets its own words. */
export function mismatch(who: string, wanted: string, given: Given): LispError {
  const { value, span } = given;
  if (value.kind === 'below' || value.kind === 'unknown') throw new UnknownPath();
  if (value.kind === 'argument') {
    const { name, type } = value.term.argument;
    if (['path', 'text', 'ptr', 'sockaddr'].includes(type)) {
      const message = `${who} cannot look into what ${name} points to: the kernel's filter sees the address alone`;
      const hint =
        type === 'sockaddr'
          ? 'rule ports with (accept tcp/PORT) and (connect tcp/PORT)'
          : type === 'path'
            ? 'rule paths with (file PATH ACCESS ...) or (file-when FOLDER PREDICATE ACCESS ...)'
            : 'only whether it is NULL can be asked, (= NAME NULL)';
      return complain('not-expressible', message, span, hint);
    }
    const message = `${who} wants ${wanted}, and ${name} is known only when the call is made`;
    const hint = 'an argument can be compared, masked with & and shifted with << and >>, no more';
    return complain('not-expressible', message, span, hint);
  }
  if (value.kind === 'condition') {
    const message = `${who} wants ${wanted}, and this is known only when the call is made`;
    return complain('not-expressible', message, span, 'conditions are joined with and, or, not, if and cond');
  }
  return complain(
    'wrong-type',
    `${who} wants ${wanted}, and this is ${describe(value)}`,
    span,
    `${wanted} was expected`,
  );
}

export function asInt(who: string, given: Given): bigint {
  if (given.value.kind === 'int') return given.value.value;
  throw mismatch(who, 'a number', given);
}

export function asString(who: string, given: Given): string {
  if (given.value.kind === 'string') return given.value.value;
  throw mismatch(who, 'a string', given);
}

export function asList(who: string, given: Given): readonly Value[] {
  if (given.value.kind === 'list') return given.value.items;
  throw mismatch(who, 'a list', given);
}

export function asBool(who: string, given: Given): boolean {
  if (given.value.kind === 'bool') return given.value.value;
  throw mismatch(who, 'a truth value', given);
}

/** A small count or index; `limit` keeps it from growing beyond use. */
export function asCount(who: string, given: Given, limit = 1_000_000): number {
  const value = asInt(who, given);
  if (value >= 0n && value <= BigInt(limit)) return Number(value);
  throw complain('bad-value', `${who} wants a number from 0 to ${limit}, not ${value}`, given.span);
}

/** Whether two known values are the same; numbers by value, words and strings by their letters. */
export function sameValue(a: Value, b: Value): boolean {
  if (a.kind === 'list' && b.kind === 'list')
    return (
      a.items.length === b.items.length && a.items.every((item, i) => sameValue(item, b.items[i] ?? NOTHING))
    );
  if (a.kind === 'nothing' || b.kind === 'nothing') return a.kind === b.kind;
  for (const { kind } of [a, b]) if (kind === 'below' || kind === 'unknown') throw new UnknownPath();
  if (a.kind !== b.kind || a.kind === 'list' || b.kind === 'list') return false;
  if (a.kind === 'below' || b.kind === 'below' || a.kind === 'unknown' || b.kind === 'unknown') return false;
  if (a.kind === 'argument' || a.kind === 'condition' || b.kind === 'argument' || b.kind === 'condition')
    return false;
  return a.value === b.value;
}
