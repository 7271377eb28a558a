import test from 'ava';
import { maskOf, parseInteger, toUnsigned, truncate } from '../../src/common/index.js';

const integers: readonly [string, bigint | undefined][] = [
  ['0', 0n],
  ['17', 17n],
  ['-100', -100n],
  ['+3', 3n],
  ['0x5401', 0x5401n],
  ['0XFF', undefined],
  ['0777', 0o777n],
  ['0o17', 0o17n],
  ['18446744073709551615', 0xffff_ffff_ffff_ffffn],
  ['', undefined],
  ['-', undefined],
  ['1e3', undefined],
  ['1_000', undefined],
  ['089', undefined],
  ['0x', undefined],
  [' 1', undefined],
];

for (const [text, value] of integers) {
  test(`parseInteger(${JSON.stringify(text)}) is ${value}`, (t) => {
    t.is(parseInteger(text), value);
  });
}

const patterns: readonly [bigint, 16 | 32 | 64, bigint | undefined][] = [
  [-1n, 32, 0xffff_ffffn],
  [-100n, 32, 0xffff_ff9cn],
  [-1n, 64, 0xffff_ffff_ffff_ffffn],
  [0xffff_ffffn, 32, 0xffff_ffffn],
  [0x1_0000_0000n, 32, undefined],
  [-0x8000_0001n, 32, undefined],
  [0x10000n, 16, undefined],
];

for (const [value, width, pattern] of patterns) {
  test(`${value} in ${width} bits is ${pattern}`, (t) => {
    t.is(toUnsigned(value, width), pattern);
  });
}

test('truncate keeps the low bits', (t) => {
  t.is(truncate(0xdead_0000_0002n, 32), 2n);
  t.is(truncate(-1n, 16), maskOf(16));
});
