import type { SourceSpan, Width } from '../../common/index.js';
import { hex, maskOf, toUnsigned } from '../../common/index.js';
import type { Argument, Condition } from '../../policy/index.js';
import { equals } from '../../policy/index.js';
import { complain } from './form.js';
import type { Given, Value } from './value.js';
import { intText, mismatch } from './value.js';

/** An argument of a call as an expression has bent it: `(value & mask) >> shift`. */
export interface Term {
  readonly argument: Argument;
  readonly mask: bigint;
  readonly shift: bigint;
  /** How the source named the mask; absent while all bits count. */
  readonly maskText?: string;
}

/** What must hold of a call's arguments. `and` of nothing always holds, `or` of nothing never. */
export type Test =
  | {
      readonly kind: 'atom';
      readonly argument: Argument;
      readonly condition: Condition;
      readonly text: string;
    }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Test[]; readonly size: number };

/** A test larger than this fits no filter. */
const SIZE_MAX = 10_000;

function sizeOf(test: Test): number {
  return test.kind === 'atom' ? 1 : test.size;
}

/** Joins tests; parts may be shared, so that the size is counted as if they were not. */
export function joinTests(kind: 'and' | 'or', of: readonly Test[], span: SourceSpan): Test {
  const [only] = of;
  if (of.length === 1 && only !== undefined) return only;
  const size = of.reduce((sum, part) => sum + sizeOf(part), 1);
  if (size <= SIZE_MAX) return { kind, of, size };
  throw complain('too-large', `the predicate has more than ${SIZE_MAX} parts`, span, 'state it with masks');
}

type IntValue = Value & { readonly kind: 'int' };
type TermGiven = { readonly term: Term; readonly span: SourceSpan };

export function wholeTerm(argument: Argument): Term {
  return { argument, mask: maskOf(argument.width), shift: 0n };
}

function isWhole(term: Term): boolean {
  return term.shift === 0n && term.mask === maskOf(term.argument.width);
}

function asNumber(who: string, given: Given): IntValue {
  if (given.value.kind === 'int') return given.value;
  if (given.value.kind === 'argument') {
    const message = `${who} compares two arguments of the call with each other, and no filter can`;
    throw complain('not-expressible', message, given.span, 'compare with a number or a constant');
  }
  throw mismatch(who, 'a number', given);
}

/** The bit pattern that the kernel would see for a number. */
function pattern(who: string, term: Term, given: Given): IntValue & { bits: bigint } {
  const number = asNumber(who, given);
  const { name, width } = term.argument;
  const bits = toUnsigned(number.value, width);
  if (bits !== undefined) return { ...number, bits };
  const hint = `the kernel looks at ${width} bits of ${name}`;
  throw complain('bad-value', `${intText(number)} does not fit`, given.span, hint);
}

function atom(term: Term, condition: Condition, text: string): Test {
  return { kind: 'atom', argument: term.argument, condition, text };
}

/** `(& ARGUMENT BITS)`. */
export function maskTerm({ term }: TermGiven, given: Given): Term {
  const bits = pattern('&', term, given);
  const mask = term.mask & (bits.bits << term.shift);
  return { ...term, mask, maskText: term.shift === 0n && isWhole(term) ? intText(bits) : hex(mask) };
}

/** `(>> ARGUMENT N)`. */
export function shiftTerm({ term }: TermGiven, given: Given): Term {
  const by = asNumber('>>', given).value;
  if (by < 0n || by > 63n) throw complain('bad-value', `a shift goes from 0 to 63, not ${by}`, given.span);
  const shift = term.shift + by;
  const mask = term.mask & ~((1n << shift) - 1n);
  return { ...term, mask, shift, maskText: hex(mask) };
}

/** `(= TERM NUMBER)`. */
export function equalTest(term: Term, given: Given): Test {
  const number = pattern('=', term, given);
  const value = number.bits << term.shift;
  if ((value & ~term.mask) !== 0n) {
    const hint = `${hex(number.bits)} has bits outside ${hex(term.mask >> term.shift)}`;
    throw complain('bad-value', 'a value with bits outside its mask never holds', given.span, hint);
  }
  if (isWhole(term)) return atom(term, equals(value, term.argument.width), intText(number));
  const is = term.shift === 0n ? intText(number) : hex(value);
  return atom(term, { kind: 'masked', mask: term.mask, value }, `{is: ${is}, mask: ${term.maskText}}`);
}

/** `(in? TERM A B ...)`. */
export function memberTest(term: Term, items: readonly Given[], span: SourceSpan): Test {
  return joinTests(
    'or',
    items.map((item) => equalTest(term, item)),
    span,
  );
}

export function bitsTest(which: 'with?' | 'without?' | 'only?', term: Term, given: Given): Test {
  const number = pattern(which, term, given);
  const bits = (number.bits << term.shift) & term.mask;
  const word = which.slice(0, -1);
  const text = `{${word}: ${intText(number)}}`;
  if (which === 'only?') {
    const mask = term.mask & ~bits;
    return atom(term, { kind: 'masked', mask, value: 0n }, text);
  }
  if (number.bits === 0n) {
    throw complain(
      'bad-value',
      `(${which} ... 0) says nothing`,
      given.span,
      'name the bits, such as PROT_EXEC',
    );
  }
  if (bits !== number.bits << term.shift) {
    const hint = `${hex(number.bits)} has bits outside ${hex(term.mask >> term.shift)}`;
    throw complain('bad-value', 'bits that were masked away are asked for', given.span, hint);
  }
  return atom(term, { kind: 'masked', mask: bits, value: which === 'with?' ? bits : 0n }, text);
}

/** `(between? TERM FROM TO)`; negative numbers are the upper half of the unsigned patterns. */
export function betweenTest(term: Term, from: Given, to: Given, span: SourceSpan): Test {
  const low = asNumber('between?', from);
  const high = asNumber('between?', to);
  if (low.value > high.value)
    throw complain(
      'bad-value',
      `no value lies from ${intText(low)} to ${intText(high)}`,
      span,
      'swap the two',
    );
  const text = `{from: ${intText(low)}, to: ${intText(high)}}`;
  const first = pattern('between?', term, from).bits;
  const last = pattern('between?', term, to).bits;
  if (low.value >= 0n || high.value < 0n) return rangeTest(term, first, last, text, span);
  const top = term.mask >> term.shift;
  if (!isWhole(term))
    throw complain('not-expressible', 'a part of an argument has no sign', from.span, 'begin at 0');
  const condition: Condition = {
    kind: 'any',
    of: [
      { kind: 'range', from: first, to: top },
      { kind: 'range', from: 0n, to: last },
    ],
  };
  return atom(term, condition, text);
}

/** `(< TERM NUMBER)` and its like, over the unsigned pattern. */
export function orderTest(
  operator: '<' | '<=' | '>' | '>=',
  term: Term,
  given: Given,
  span: SourceSpan,
): Test {
  const number = asNumber(operator, given);
  if (number.value < 0n) {
    const hint = '(between? NAME FROM TO) takes negative numbers as the kernel does';
    throw complain('bad-value', `${operator} compares without sign`, given.span, hint);
  }
  const bits = pattern(operator, term, given).bits;
  const top = term.mask >> term.shift;
  const below = operator === '<' || operator === '<=';
  const edge = operator === '<' ? bits - 1n : operator === '>' ? bits + 1n : bits;
  if (below ? edge < 0n : edge > top)
    throw complain('bad-value', `${operator} ${intText(number)} never holds`, given.span, 'remove it');
  const text = below ? `{to: ${edge}}` : `{from: ${edge}}`;
  return below ? rangeTest(term, 0n, edge, text, span) : rangeTest(term, edge, top, text, span);
}

function rangeTest(term: Term, from: bigint, to: bigint, text: string, span: SourceSpan): Test {
  if (isWhole(term)) return atom(term, { kind: 'range', from, to }, text);
  const bits = term.mask >> term.shift;
  if ((bits & (bits + 1n)) !== 0n) {
    const hint = 'mask neighbouring bits from the lowest, or name the values with in?';
    throw complain('not-expressible', `a range over the scattered bits ${hex(bits)}`, span, hint);
  }
  const upper = to < bits ? to : bits;
  const of: Condition[] = [];
  // A range as aligned blocks of the bits that count, each one masked comparison.
  for (let low = from; low <= upper; ) {
    let size = low === 0n ? bits + 1n : low & -low;
    while (low + size - 1n > upper) size >>= 1n;
    of.push({
      kind: 'masked',
      mask: term.mask & ~((size - 1n) << term.shift),
      value: low << term.shift,
    });
    low += size;
  }
  const [only] = of;
  return atom(
    term,
    of.length === 1 && only !== undefined ? only : { kind: 'any', of },
    `${text} in ${term.maskText}`,
  );
}

export function negateTest(test: Test): Test {
  if (test.kind !== 'atom') {
    return { kind: test.kind === 'and' ? 'or' : 'and', of: test.of.map(negateTest), size: test.size };
  }
  const condition = negateCondition(test.condition, test.argument.width);
  const text = test.text.startsWith('not ') ? test.text.slice(4) : `not ${test.text}`;
  return { ...test, condition, text };
}

/** The condition that holds where the given one does not; the model has no negation, since no filter needs one. */
export function negateCondition(condition: Condition, width: Width): Condition {
  switch (condition.kind) {
    case 'any':
      return { kind: 'all', of: condition.of.map((part) => negateCondition(part, width)) };
    case 'all':
      return { kind: 'any', of: condition.of.map((part) => negateCondition(part, width)) };
    case 'range':
      return outside(condition.from, condition.to, width);
    case 'masked':
      if (condition.mask === maskOf(width)) return outside(condition.value, condition.value, width);
      return differing(condition.mask, condition.value);
  }
}

function outside(from: bigint, to: bigint, width: Width): Condition {
  const of: Condition[] = [];
  if (from > 0n) of.push({ kind: 'range', from: 0n, to: from - 1n });
  if (to < maskOf(width)) of.push({ kind: 'range', from: to + 1n, to: maskOf(width) });
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'any', of };
}

/** Some bit of the mask is another one. */
function differing(mask: bigint, value: bigint): Condition {
  const of: Condition[] = [];
  for (let rest = mask; rest > 0n; rest &= rest - 1n) {
    const bit = rest & -rest;
    of.push({ kind: 'masked', mask: bit, value: ~value & bit });
  }
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'any', of };
}
