import type { SourceSpan } from '../../common/index.js';
import type { Builtin } from './builtin.js';
import { functionTable, operand } from './builtin.js';
import { complain } from './form.js';
import type { Given, Value } from './value.js';
import { asCount, asList, asString, bool, int, list, mismatch, sameValue } from './value.js';

function items(who: string, args: readonly Given[], index = 0): readonly Value[] {
  return asList(who, operand(args, index));
}

function some(who: string, given: Given): readonly Value[] {
  const values = asList(who, given);
  if (values.length > 0) return values;
  throw complain('bad-value', `${who} of an empty list`, given.span, 'a list with an item was expected');
}

function nth(args: readonly Given[], span: SourceSpan): Value {
  const values = items('nth', args, 1);
  const value = values[asCount('nth', operand(args, 0))];
  if (value !== undefined) return value;
  throw complain('bad-value', 'the list has no such item', span, `it has ${values.length}, counted from 0`);
}

function compare(a: Value, b: Value, span: SourceSpan): number {
  if (a.kind === 'int' && b.kind === 'int') return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  const text = (value: Value) => (value.kind === 'word' ? value.value : asString('sort', { value, span }));
  const [left, right] = [text(a), text(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

export const LIST_FUNCTIONS: readonly Builtin[] = functionTable([
  [
    'list',
    'VALUE ...',
    'a list of the values',
    (args, span, meter) => {
      meter.spend(args.length, span);
      return list(args.map((given) => given.value));
    },
  ],
  ['first', 'LIST', 'its first item', (args) => some('first', operand(args, 0))[0] ?? list([])],
  [
    'rest',
    'LIST',
    'all but the first',
    (args, span, meter) => {
      const values = some('rest', operand(args, 0));
      meter.spend(values.length, span);
      return list(values.slice(1));
    },
  ],
  ['nth', 'N LIST', 'the item at a place, counted from 0', nth],
  ['length', 'LIST', 'how many items it has', (args) => int(items('length', args).length)],
  ['empty?', 'LIST', 'whether it has none', (args) => bool(items('empty?', args).length === 0)],
  [
    'append',
    'LIST ...',
    'the items of all lists as one list',
    (args, span, meter) => {
      const lists = args.map((given) => asList('append', given));
      meter.spend(
        lists.reduce((sum, each) => sum + each.length, 0),
        span,
      );
      return list(lists.flat());
    },
  ],
  [
    'reverse',
    'LIST',
    'from the last to the first',
    (args, span, meter) => {
      const values = items('reverse', args);
      meter.spend(values.length, span);
      return list(values.toReversed());
    },
  ],
  [
    'range',
    'FROM TO',
    'the numbers from one up to, and without, the other',
    (args, span, meter) => {
      const [from, to] = [asCount('range', operand(args, 0)), asCount('range', operand(args, 1))];
      meter.spend(Math.max(0, to - from), span);
      return list(Array.from({ length: Math.max(0, to - from) }, (_, index) => int(from + index)));
    },
  ],
  [
    'member?',
    'VALUE LIST',
    'whether the value is in the list',
    (args, span, meter) => {
      const { value, span: place } = operand(args, 0);
      if (value.kind === 'argument' || value.kind === 'condition')
        throw mismatch('member?', 'a known value', { value, span: place });
      const values = items('member?', args, 1);
      meter.spend(values.length, span);
      return bool(values.some((each) => sameValue(each, value)));
    },
  ],
  [
    'sort',
    'LIST',
    'numbers by size, strings by their letters',
    (args, span, meter) => {
      const values = items('sort', args);
      meter.spend(values.length * 8, span);
      return list(values.toSorted((a, b) => compare(a, b, span)));
    },
  ],
  [
    'unique',
    'LIST',
    'each item once, where it stands first',
    (args, span, meter) => {
      const values = items('unique', args);
      meter.spend((values.length ** 2) >> 2, span);
      return list(values.filter((value, at) => values.findIndex((each) => sameValue(each, value)) === at));
    },
  ],
]);
