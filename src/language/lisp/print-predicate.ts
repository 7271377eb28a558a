import type { Width } from '../../common/index.js';
import { hex, maskOf } from '../../common/index.js';
import type { ArgumentRow, ArgumentTest, Condition } from '../../policy/index.js';
import { conditionKey } from '../own.js';
import { Evaluator } from './evaluate.js';
import { Expander } from './expand.js';
import { LispError } from './form.js';
import { readForms } from './reader.js';

/** A test as a predicate: with the names that the profile used where its text tells them, otherwise from its structure. Undefined: nothing satisfies it. */
export function printTest(call: string, test: ArgumentTest): string | undefined {
  const named = test.text === '' ? undefined : fromText(test.text, test.name);
  if (named !== undefined && meansThe(named, call, test)) return named;
  return fromCondition(test.condition, test.name, test.width);
}

function meansThe(predicate: string, call: string, test: ArgumentTest): boolean {
  const [row, ...rows] = rowsOf(predicate, call) ?? [];
  const [only, ...tests] = row?.tests ?? [];
  if (only === undefined || rows.length + tests.length > 0 || only.index !== test.index) return false;
  return conditionKey(flat(only.condition)) === conditionKey(flat(test.condition));
}

function rowsOf(predicate: string, call: string): readonly ArgumentRow[] | undefined {
  try {
    const [form] = readForms({ name: 'predicate', text: predicate }).forms;
    if (form === undefined) return undefined;
    const core = new Expander(() => undefined).predicate(form, call);
    return new Evaluator().predicate(core);
  } catch (error) {
    if (error instanceof LispError) return undefined;
    throw error;
  }
}

/** The same condition without nesting that means nothing. */
function flat(condition: Condition): Condition {
  if (condition.kind !== 'any' && condition.kind !== 'all') return condition;
  const of = condition.of.map(flat).flatMap((part) => (part.kind === condition.kind ? part.of : [part]));
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: condition.kind, of };
}

function fromCondition(condition: Condition, name: string, width: Width): string | undefined {
  switch (condition.kind) {
    case 'masked':
      return (condition.value & ~condition.mask) === 0n && condition.mask <= maskOf(width)
        ? masked(condition.mask, condition.value, name, width)
        : undefined;
    case 'range':
      return condition.from <= condition.to && condition.to <= maskOf(width)
        ? `(between? ${name} ${condition.from} ${condition.to})`
        : undefined;
    case 'all': {
      const parts = condition.of.map((part) => fromCondition(part, name, width));
      return parts.every((part) => part !== undefined) ? joined('and', parts) : undefined;
    }
    case 'any': {
      // A part that nothing satisfies adds nothing.
      const parts = condition.of
        .map((part) => fromCondition(part, name, width))
        .filter((part) => part !== undefined);
      return parts.length === 0 ? undefined : joined('or', parts);
    }
  }
}

function masked(mask: bigint, value: bigint, name: string, width: Width): string {
  const rest = maskOf(width) & ~mask;
  if (mask === maskOf(width)) return `(= ${name} ${number(value)})`;
  // Few permitted bits, or few forbidden ones: the shorter list tells more.
  if (value === 0n) {
    const few = mask === 0n || ones(rest) < ones(mask);
    return few ? `(only? ${name} ${number(rest)})` : `(without? ${name} ${number(mask)})`;
  }
  if (value === mask) return `(with? ${name} ${number(mask)})`;
  return `(= (& ${name} ${number(mask)}) ${number(value)})`;
}

function ones(value: bigint): number {
  return value.toString(2).replaceAll('0', '').length;
}

function number(value: bigint): string {
  return value < 10n ? value.toString() : hex(value);
}

function joined(operator: 'and' | 'or', parts: readonly string[]): string {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : `(${operator} ${parts.join(' ')})`;
}

/** The text of a test, as both languages write it, as a predicate; whether it means the test is for the caller to see. */
function fromText(text: string, name: string): string | undefined {
  const parts = splitTop(text, ' and ');
  if (parts === undefined) return undefined;
  if (parts.length > 1) return allOf(parts.map((part) => fromText(part, name)));
  if (text.startsWith('not ')) {
    const inner = fromText(text.slice(4), name);
    return inner === undefined ? undefined : `(not ${inner})`;
  }
  if (text.startsWith('[') && text.endsWith(']')) {
    const items = splitTop(text.slice(1, -1), ',')?.map((item) => item.trim());
    if (items === undefined) return undefined;
    if (items.every(isValue)) return `(in? ${[name, ...items.map(value)].join(' ')})`;
    const each = items.map((item) => fromText(item, name));
    return each.every((part) => part !== undefined) ? joined('or', each) : undefined;
  }
  const within = /^\{(.*)\}(?: in (0x[0-9a-f]+|[A-Z0-9_|]+))?$/.exec(text);
  if (within !== null) return fromMapping(within[1] ?? '', name, within[2]);
  return isValue(text) ? `(= ${name} ${value(text)})` : undefined;
}

function allOf(parts: readonly (string | undefined)[]): string | undefined {
  return parts.every((part) => part !== undefined) ? joined('and', parts) : undefined;
}

function fromMapping(inner: string, name: string, within: string | undefined): string | undefined {
  const pairs = splitTop(inner, ',')?.map((pair) => /^\s*([a-z]+)\s*:\s*(.*?)\s*$/.exec(pair));
  if (pairs === undefined || pairs.some((pair) => pair === null)) return undefined;
  const given = new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
  const parts: (string | undefined)[] = [];
  const subject = within === undefined ? name : `(& ${name} ${within})`;
  for (const [key, text] of given) {
    if (key === 'mask') continue;
    if (key === 'is') parts.push(equality(text, name, given.get('mask')));
    else if (!isValue(text)) parts.push(undefined);
    else if (['with', 'without', 'only'].includes(key)) parts.push(`(${key}? ${name} ${value(text)})`);
    else if (key === 'from' && given.has('to'))
      parts.push(`(between? ${subject} ${value(text)} ${value(given.get('to') ?? '')})`);
    else if (key === 'from') parts.push(`(>= ${subject} ${value(text)})`);
    else if (key === 'to' && !given.has('from')) parts.push(`(<= ${subject} ${value(text)})`);
    else if (key !== 'to') parts.push(undefined);
  }
  return allOf(parts);
}

function equality(text: string, name: string, mask: string | undefined): string | undefined {
  const subject = mask === undefined ? name : `(& ${name} ${value(mask)})`;
  if (isValue(text)) return `(= ${subject} ${value(text)})`;
  const items = /^\[(.*)\]$/.exec(text)?.[1]?.split(',') ?? [];
  return items.length > 0 && items.every(isValue)
    ? `(in? ${[subject, ...items.map(value)].join(' ')})`
    : undefined;
}

function isValue(text: string): boolean {
  return /^\s*-?[A-Za-z0-9_]+(\s*\|\s*[A-Za-z0-9_]+)*\s*$/.test(text);
}

/** Constants are joined without spaces here. */
function value(text: string): string {
  return text.replaceAll(/\s/g, '');
}

/** The pieces between separators that stand outside all brackets; undefined where those do not pair. */
function splitTop(text: string, separator: string): readonly string[] | undefined {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if ('[{('.includes(char)) depth++;
    if (']})'.includes(char) && --depth < 0) return undefined;
    if (depth > 0 || !text.startsWith(separator, at)) continue;
    pieces.push(text.slice(start, at));
    start = at + separator.length;
  }
  return depth === 0 ? [...pieces, text.slice(start)] : undefined;
}
