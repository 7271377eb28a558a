import type { Width } from '../../common/index.js';
import { hex, maskOf } from '../../common/index.js';
import type { ArgumentTest, Condition } from '../../policy/index.js';
import { signatureOf } from '../../policy/index.js';
import { conditionKey } from '../own.js';
import { readCondition } from './conditions.js';
import { Reader } from './reader.js';

/** Terms that a condition may grow to when it is brought into the form of lists and mappings. */
const TERMS_MAX = 64;

/** A condition as YAML: as the profile wrote it where that is YAML, otherwise from its structure. Undefined: nothing satisfies it, or it is too large. */
export function printTest(call: string, test: ArgumentTest): string | undefined {
  return readsAs(call, test) ? test.text : printCondition(test.condition, test.width);
}

function readsAs(call: string, test: ArgumentTest): boolean {
  const argument = signatureOf(call)?.find((candidate) => candidate.index === test.index);
  if (argument === undefined || test.text === '') return false;
  const reader = new Reader({ name: 'condition', text: `{of: ${test.text}}\n` });
  if (reader.diagnostics.length > 0) return false;
  const members = reader.members(reader.root, 'a condition', '');
  const [member] = members ?? [];
  if (members?.length !== 1 || member?.key !== 'of') return false;
  const condition = readCondition(reader, argument, member.value);
  if (condition === undefined || reader.diagnostics.length > 0 || member.value === undefined) return false;
  return (
    reader.sourceText(member.value) === test.text && conditionKey(condition) === conditionKey(test.condition)
  );
}

/** The structure itself where YAML has its shape, otherwise the same meaning as a list of mappings. */
export function printCondition(condition: Condition, width: Width): string | undefined {
  const direct = shape(condition, width);
  if (direct !== undefined) return direct;
  const terms = normalTerms(condition, width);
  if (terms === undefined || terms.length === 0) return undefined;
  const texts = terms.map((term) => termText(term, width));
  return texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
}

function shape(condition: Condition, width: Width): string | undefined {
  switch (condition.kind) {
    case 'masked':
      return (condition.value & ~condition.mask) === 0n && condition.mask <= maskOf(width)
        ? maskedText(condition.mask, condition.value, width)
        : undefined;
    case 'range':
      return condition.from <= condition.to && condition.to <= maskOf(width)
        ? `{from: ${condition.from}, to: ${condition.to}}`
        : undefined;
    case 'any': {
      const parts = condition.of.map((part) => shape(part, width));
      return parts.length > 0 && parts.every((part) => part !== undefined)
        ? `[${parts.join(', ')}]`
        : undefined;
    }
    case 'all':
      return undefined;
  }
}

function maskedText(mask: bigint, value: bigint, width: Width): string {
  if (mask === maskOf(width)) return number(value);
  if (value === 0n && mask !== 0n) {
    const rest = maskOf(width) & ~mask;
    // Few permitted bits, or few forbidden ones: the shorter list tells more.
    return ones(rest) < ones(mask) ? `{only: ${number(rest)}}` : `{without: ${number(mask)}}`;
  }
  if (mask === 0n) return `{only: ${number(maskOf(width))}}`;
  return value === mask ? `{with: ${number(mask)}}` : `{is: ${number(value)}, mask: ${number(mask)}}`;
}

function ones(value: bigint): number {
  return value.toString(2).replaceAll('0', '').length;
}

function number(value: bigint): string {
  return value < 10n ? value.toString() : hex(value);
}

/** A conjunction: bits that are fixed, and bounds. */
interface Term {
  readonly mask: bigint;
  readonly value: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

function normalTerms(condition: Condition, width: Width): readonly Term[] | undefined {
  const whole: Term = { mask: 0n, value: 0n, from: 0n, to: maskOf(width) };
  switch (condition.kind) {
    case 'masked': {
      if ((condition.value & ~condition.mask) !== 0n || condition.value > maskOf(width)) return [];
      return [{ ...whole, mask: condition.mask & maskOf(width), value: condition.value }];
    }
    case 'range':
      return meet(whole, { ...whole, from: condition.from, to: condition.to });
    case 'any': {
      const parts = condition.of.map((part) => normalTerms(part, width));
      if (parts.some((part) => part === undefined)) return undefined;
      const terms = parts.flatMap((part) => part ?? []);
      return terms.length > TERMS_MAX ? undefined : terms;
    }
    case 'all': {
      let terms: readonly Term[] = [whole];
      for (const part of condition.of) {
        const right = normalTerms(part, width);
        if (right === undefined) return undefined;
        terms = terms.flatMap((a) => right.flatMap((b) => meet(a, b)));
        if (terms.length > TERMS_MAX) return undefined;
      }
      return terms;
    }
  }
}

function meet(a: Term, b: Term): readonly Term[] {
  if (((a.value ^ b.value) & a.mask & b.mask) !== 0n) return [];
  const [from, to] = [larger(a.from, b.from), smaller(a.to, b.to)];
  return from > to ? [] : [{ mask: a.mask | b.mask, value: a.value | b.value, from, to }];
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

function smaller(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

function termText(term: Term, width: Width): string {
  const bounds: string[] = [];
  if (term.from > 0n) bounds.push(`from: ${term.from}`);
  if (term.to < maskOf(width)) bounds.push(`to: ${term.to}`);
  if (bounds.length === 0) return maskedText(term.mask, term.value, width);
  if (term.mask === 0n) return `{${bounds.join(', ')}}`;
  return `{is: ${number(term.value)}, mask: ${number(term.mask)}, ${bounds.join(', ')}}`;
}
