import type { SourceSpan } from '../../common/index.js';
import { hex, MAX_U64 } from '../../common/index.js';
import { isBeneath } from '../../policy/index.js';
import type { Builtin } from './builtin.js';
import { functionTable, operand } from './builtin.js';
import { complain } from './form.js';
import type { Test } from './symbolic.js';
import {
  betweenTest,
  bitsTest,
  equalTest,
  maskTerm,
  memberTest,
  negateTest,
  orderTest,
  shiftTerm,
} from './symbolic.js';
import type { Given, Value } from './value.js';
import { asInt, bool, FALSE, int, intText, mismatch, sameValue, TRUE, UnknownPath } from './value.js';

const LEAST = -(1n << 63n);

/** Arithmetic is exact; what leaves 64 bits is an error and not another number. */
function exact(value: bigint, span: SourceSpan): Value {
  if (value >= LEAST && value <= MAX_U64) return int(value);
  throw complain('bad-value', `${value} does not fit into 64 bits`, span, 'numbers go from -2^63 to 2^64-1');
}

/** The 64 bits of a number, two's complement. */
function bits(who: string, given: Given): bigint {
  return BigInt.asUintN(64, asInt(who, given));
}

function condition(test: Test): Value {
  return { kind: 'condition', test };
}

function isPointerToText(value: Value): boolean {
  return value.kind === 'argument' && ['path', 'text', 'ptr', 'sockaddr'].includes(value.term.argument.type);
}

function equal(left: Given, right: Given): Value {
  const [a, b] =
    right.value.kind === 'argument' && left.value.kind !== 'argument' ? [right, left] : [left, right];
  if (a.value.kind === 'argument') {
    if (b.value.kind === 'string' && isPointerToText(a.value)) throw mismatch('=', 'a string', a);
    return condition(equalTest(a.value.term, b));
  }
  for (const [path, text] of [
    [a.value, b.value],
    [b.value, a.value],
  ] as const) {
    if (path.kind !== 'below' || text.kind !== 'string') continue;
    if (text.value !== path.folder && isBeneath(text.value, path.folder)) throw new UnknownPath();
    return FALSE;
  }
  for (const given of [a, b])
    if (given.value.kind === 'condition') throw mismatch('=', 'a number, string, word or list', given);
  if (a.value.kind !== b.value.kind) {
    const message = `= compares values of one kind, and these are of two`;
    throw complain('wrong-type', message, b.span, 'compare numbers with numbers, strings with strings');
  }
  return bool(sameValue(a.value, b.value));
}

function not(who: string, value: Value, given: Given): Value {
  if (value.kind === 'bool') return bool(!value.value);
  if (value.kind === 'unknown') return value;
  if (value.kind === 'condition') return condition(negateTest(value.test));
  throw mismatch(who, 'a truth value', given);
}

const MIRRORED = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

function order(operator: keyof typeof MIRRORED, left: Given, right: Given, span: SourceSpan): Value {
  if (left.value.kind === 'argument') return condition(orderTest(operator, left.value.term, right, span));
  if (right.value.kind === 'argument')
    return condition(orderTest(MIRRORED[operator], right.value.term, left, span));
  const a = asInt(operator, left);
  const b = asInt(operator, right);
  return bool(operator === '<' ? a < b : operator === '<=' ? a <= b : operator === '>' ? a > b : a >= b);
}

/** The operands of in?, with lists taken apart. */
function alternatives(args: readonly Given[]): readonly Given[] {
  return args.flatMap(({ value, span }) =>
    value.kind === 'list' ? value.items.map((item) => ({ value: item, span })) : [{ value, span }],
  );
}

/** Without the complaint about values of two kinds. */
function isSame(a: Given, b: Given): boolean {
  return a.value.kind === 'below' && b.value.kind === 'string'
    ? equal(a, b) === TRUE
    : sameValue(a.value, b.value);
}

function membership(args: readonly Given[], span: SourceSpan): Value {
  const first = operand(args, 0);
  const others = alternatives(args.slice(1));
  if (first.value.kind !== 'argument') return bool(others.some((other) => isSame(first, other)));
  if (others.length === 0)
    throw complain('bad-value', 'in? an empty list never holds', span, 'name the values that are meant');
  return condition(memberTest(first.value.term, others, span));
}

function bitQuestion(which: 'with?' | 'without?' | 'only?', args: readonly Given[]): Value {
  const [first, second] = [operand(args, 0), operand(args, 1)];
  if (first.value.kind === 'argument') return condition(bitsTest(which, first.value.term, second));
  const value = bits(which, first);
  const asked = bits(which, second);
  if (which === 'only?') return bool((value & ~asked) === 0n);
  return bool((value & asked) === (which === 'with?' ? asked : 0n));
}

function between(args: readonly Given[], span: SourceSpan): Value {
  const [first, from, to] = [operand(args, 0), operand(args, 1), operand(args, 2)];
  if (first.value.kind === 'argument') return condition(betweenTest(first.value.term, from, to, span));
  const value = asInt('between?', first);
  return bool(asInt('between?', from) <= value && value <= asInt('between?', to));
}

function joinBits(args: readonly Given[]): Value {
  const value = args.reduce((sum, given) => sum | bits('|', given), 0n);
  const names = args.map((given) => (given.value.kind === 'int' ? intText(given.value) : ''));
  return { kind: 'int', value, text: names.join('|') };
}

function meet(args: readonly Given[]): Value {
  const at = args.findIndex((given) => given.value.kind === 'argument');
  const argument = args[at];
  if (argument?.value.kind !== 'argument')
    return int(args.reduce((value, given) => value & bits('&', given), MAX_U64));
  const rest = args.filter((_, index) => index !== at);
  const term = rest.reduce((term, given) => maskTerm({ term, span: given.span }, given), argument.value.term);
  return { kind: 'argument', term };
}

function shiftRight(args: readonly Given[]): Value {
  const [first, second] = [operand(args, 0), operand(args, 1)];
  if (first.value.kind === 'argument')
    return { kind: 'argument', term: shiftTerm({ term: first.value.term, span: first.span }, second) };
  return int(bits('>>', first) >> shiftCount('>>', second));
}

function shiftCount(who: string, given: Given): bigint {
  const by = asInt(who, given);
  if (by >= 0n && by <= 63n) return by;
  throw complain('bad-value', `a shift goes from 0 to 63, not ${by}`, given.span);
}

function divisor(who: string, given: Given): bigint {
  const value = asInt(who, given);
  if (value !== 0n) return value;
  throw complain('bad-value', `${who} divides by zero`, given.span, 'another number than 0 was expected');
}

function fold(
  who: string,
  args: readonly Given[],
  span: SourceSpan,
  step: (a: bigint, b: bigint) => bigint,
): Value {
  return exact(args.map((given) => asInt(who, given)).reduce(step), span);
}

function leastOf(a: bigint, b: bigint): bigint {
  return [a, b].reduce((least, each) => (each < least ? each : least));
}

function popcount(value: bigint): number {
  return value.toString(2).replaceAll('0', '').length;
}

/** Numbers, bits and comparisons. Those marked with A take an argument of a call too. */
export const NUMBER_FUNCTIONS: readonly Builtin[] = functionTable([
  ['+', 'N N ...', 'sum', (args, span) => fold('+', args, span, (a, b) => a + b)],
  [
    '-',
    'N [N] ...',
    'difference; of one number, its negation',
    (args, span) =>
      args.length === 1 ? exact(-asInt('-', operand(args, 0)), span) : fold('-', args, span, (a, b) => a - b),
  ],
  ['*', 'N N ...', 'product', (args, span) => fold('*', args, span, (a, b) => a * b)],
  [
    '/',
    'N N',
    'quotient, cut towards zero',
    (args, span) => exact(asInt('/', operand(args, 0)) / divisor('/', operand(args, 1)), span),
  ],
  [
    'mod',
    'N N',
    'remainder, with the sign of the first',
    (args, span) => exact(asInt('mod', operand(args, 0)) % divisor('mod', operand(args, 1)), span),
  ],
  ['min', 'N N ...', 'the least', (args, span) => fold('min', args, span, (a, b) => leastOf(a, b))],
  ['max', 'N N ...', 'the greatest', (args, span) => fold('max', args, span, (a, b) => -leastOf(-a, -b))],
  ['&', 'A N ...', 'bits that all have', (args) => meet(args)],
  ['|', 'N ...', 'bits that any has', (args) => joinBits(args)],
  [
    '^',
    'N N ...',
    'bits that an odd number of them have',
    (args) => int(args.reduce((value, given) => value ^ bits('^', given), 0n)),
  ],
  ['~', 'N', 'the 64 bits, each the other way', (args) => int(MAX_U64 ^ bits('~', operand(args, 0)))],
  [
    '<<',
    'N COUNT',
    'bits moved up; what leaves 64 bits is lost',
    (args) => int(BigInt.asUintN(64, bits('<<', operand(args, 0)) << shiftCount('<<', operand(args, 1)))),
  ],
  ['>>', 'A COUNT', 'bits moved down', (args) => shiftRight(args)],
  ['popcount', 'N', 'how many bits are set', (args) => int(popcount(bits('popcount', operand(args, 0))))],
  ['=', 'A B', 'whether both are the same', (args) => equal(operand(args, 0), operand(args, 1))],
  [
    '!=',
    'A B',
    'whether they differ',
    (args) => not('!=', equal(operand(args, 0), operand(args, 1)), operand(args, 0)),
  ],
  [
    '<',
    'A B',
    'less; arguments count without sign',
    (args, span) => order('<', operand(args, 0), operand(args, 1), span),
  ],
  ['<=', 'A B', 'less or equal', (args, span) => order('<=', operand(args, 0), operand(args, 1), span)],
  ['>', 'A B', 'greater', (args, span) => order('>', operand(args, 0), operand(args, 1), span)],
  ['>=', 'A B', 'greater or equal', (args, span) => order('>=', operand(args, 0), operand(args, 1), span)],
  ['not', 'TEST', 'whether it does not hold', (args) => not('not', operand(args, 0).value, operand(args, 0))],
  ['in?', 'A VALUE ...', 'whether it is one of the values; lists are taken apart', membership],
  [
    'between?',
    'A FROM TO',
    'whether it lies in the range, ends included; negative ends as in an int',
    between,
  ],
  ['with?', 'A BITS', 'whether all of the bits are set', (args) => bitQuestion('with?', args)],
  ['without?', 'A BITS', 'whether none of the bits is set', (args) => bitQuestion('without?', args)],
  ['only?', 'A BITS', 'whether no bit besides these is set', (args) => bitQuestion('only?', args)],
  ['text', 'VALUE', 'a number in decimal, or a word, as a string', (args) => textOf(operand(args, 0))],
  [
    'hex',
    'N',
    'a number in hexadecimal, as a string',
    (args) => ({
      kind: 'string',
      value: hex(bits('hex', operand(args, 0))),
    }),
  ],
]);

function textOf(given: Given): Value {
  const { value } = given;
  if (value.kind === 'int') return { kind: 'string', value: String(value.value) };
  if (value.kind === 'word' || value.kind === 'string') return { kind: 'string', value: value.value };
  throw mismatch('text', 'a number or a word', given);
}
