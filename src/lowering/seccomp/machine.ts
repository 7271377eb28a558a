import type { Width } from '../../common/index.js';
import { maskOf } from '../../common/index.js';
import type { Arch, ArgumentRow, ArgumentTest, CallRule, Condition } from '../../policy/index.js';
import { conditionHolds, equals, isAlike, machineArguments, swapBits } from '../../policy/index.js';
import { conditionCubes } from './cubes.js';

/** A rule over the registers of an architecture, where the profile's is over the arguments as x86_64 has them. */
export function machineRule(rule: CallRule, arch: Arch): CallRule {
  if (isAlike(rule.call, arch)) return rule;
  const rows = <T extends ArgumentRow>(list: readonly T[]): readonly T[] =>
    list.flatMap((row) => machineRows(row, rule.call, arch));
  return { ...rule, permit: rule.permit === 'all' ? 'all' : rows(rule.permit), quiet: rows(rule.quiet) };
}

/** Together these hold where the row does; several, where the meaning of one argument hangs on another. */
function machineRows<T extends ArgumentRow>(row: T, call: string, arch: Arch): readonly T[] {
  const table = machineArguments(call, arch);
  const condition = row.tests
    .map(({ index }) => table[index])
    .find((argument) => argument !== undefined && argument.swapped.length > 0)?.where;
  const placed = (tests: readonly ArgumentTest[], swaps: boolean): T => ({
    ...row,
    tests: tests.map((test) => {
      const argument = table[test.index];
      if (argument === undefined) throw new RangeError(`${call} has no argument ${test.index}`);
      const moved = { ...test, index: argument.register };
      return swaps && argument.swapped.length > 0
        ? { ...moved, condition: swapCondition(test.condition, test.width, argument.swapped) }
        : moved;
    }),
  });
  if (condition === undefined) return [placed(row.tests, true)];
  const { index, value } = condition;
  const asked = row.tests.filter((test) => test.index === index).map((test) => test.condition);
  const others = row.tests.filter((test) => test.index !== index);
  const narrowed = (extra: Condition, swaps: boolean): T => {
    const asking: Condition = { kind: 'all', of: [...asked, extra] };
    return placed([{ index, name: '', width: 32, text: '', condition: asking }, ...others], swaps);
  };
  const open = asked.every((each) => conditionHolds(each, value));
  const only = conditionCubes({ kind: 'all', of: asked }, 32).every(
    (cube) => cube.mask === maskOf(32) && cube.value === value,
  );
  return [
    ...(open ? [narrowed(equals(value, 32), true)] : []),
    ...(only ? [] : [narrowed(unequal(value), false)]),
  ];
}

function unequal(value: bigint): Condition {
  const top = maskOf(32);
  const of: Condition[] = [];
  if (value > 0n) of.push({ kind: 'range', from: 0n, to: value - 1n });
  if (value < top) of.push({ kind: 'range', from: value + 1n, to: top });
  return { kind: 'any', of };
}

/** The condition over a word whose bits stand elsewhere; ranges, which have no meaning there, as the masks that they consist of. */
function swapCondition(
  condition: Condition,
  width: Width,
  pairs: readonly (readonly [number, number])[],
): Condition {
  switch (condition.kind) {
    case 'masked':
      return {
        kind: 'masked',
        mask: swapBits(condition.mask, pairs),
        value: swapBits(condition.value, pairs),
      };
    case 'range':
      return {
        kind: 'any',
        of: conditionCubes(condition, width).map(({ mask, value }) =>
          swapCondition({ kind: 'masked', mask, value }, width, pairs),
        ),
      };
    default:
      return { ...condition, of: condition.of.map((part) => swapCondition(part, width, pairs)) };
  }
}
