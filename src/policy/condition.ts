import type { Width } from '../common/index.js';
import { maskOf } from '../common/index.js';
import type { ArgumentRow, Condition } from './model.js';

/** Whether a value (already cut to the argument's width) satisfies a condition. */
export function conditionHolds(condition: Condition, value: bigint): boolean {
  switch (condition.kind) {
    case 'masked':
      return (value & condition.mask) === condition.value;
    case 'range':
      return condition.from <= value && value <= condition.to;
    case 'any':
      return condition.of.some((part) => conditionHolds(part, value));
    case 'all':
      return condition.of.every((part) => conditionHolds(part, value));
  }
}

export function equals(value: bigint, width: Width): Condition {
  return { kind: 'masked', mask: maskOf(width), value };
}

/** No bit of `bits` is set. */
export function without(bits: bigint): Condition {
  return { kind: 'masked', mask: bits, value: 0n };
}

/** Every bit of `bits` is set. */
export function withAll(bits: bigint): Condition {
  return { kind: 'masked', mask: bits, value: bits };
}

/** No bit outside `bits` is set. */
export function only(bits: bigint, width: Width): Condition {
  return { kind: 'masked', mask: maskOf(width) & ~bits, value: 0n };
}

/** A row's tests in words, for explanations. */
export function rowText(row: ArgumentRow): string {
  if (row.tests.length === 0) return 'any arguments';
  return row.tests.map((test) => `${test.name} ${test.text}`).join(', ');
}
