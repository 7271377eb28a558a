import test from 'ava';
import fc from 'fast-check';
import type { Box, Cube } from '../../src/lowering/seccomp/cubes.js';
import { conditionCubes, FULL_BOX, subtractBox, withoutCovered } from '../../src/lowering/seccomp/cubes.js';
import type { Condition } from '../../src/policy/index.js';
import { conditionHolds } from '../../src/policy/index.js';

const small = fc.bigInt({ min: 0n, max: 15n });
const masked = fc
  .tuple(small, small)
  .map(([mask, value]): Condition => ({ kind: 'masked', mask, value: value & mask }));
const range = fc
  .tuple(small, small)
  .map(([from, length]): Condition => ({ kind: 'range', from, to: from + length }));

const condition: fc.Arbitrary<Condition> = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    masked,
    range,
    fc.array(tie('node'), { maxLength: 3 }).map((of): Condition => ({ kind: 'any', of })),
    fc.array(tie('node'), { maxLength: 3 }).map((of): Condition => ({ kind: 'all', of })),
  ),
})).node;

function inCube(cube: Cube, value: bigint): boolean {
  return (value & cube.mask) === cube.value;
}

function inBox(box: Box, values: readonly bigint[]): boolean {
  return box.every((cube, index) => inCube(cube, values[index] ?? 0n));
}

test('the cubes of a condition hold exactly the values that satisfy it', (t) => {
  fc.assert(
    fc.property(condition, (tree) => {
      const cubes = conditionCubes(tree, 16);
      for (let value = 0n; value < 32n; value++) {
        t.is(
          cubes.some((cube) => inCube(cube, value)),
          conditionHolds(tree, value),
        );
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});

const ranges: readonly [bigint, bigint, number][] = [
  [0n, 0xffff_ffffn, 1],
  [0n, 0n, 1],
  [0x3000n, 0x3fffn, 1],
  [1n, 6n, 4],
  [0xffff_fffen, 0xffff_ffffn, 1],
  [1n, 0xffff_fffen, 62],
];

for (const [from, to, count] of ranges) {
  test(`the range ${from} to ${to} is ${count} cubes`, (t) => {
    const cubes = conditionCubes({ kind: 'range', from, to }, 32);
    t.is(cubes.length, count);
    for (const value of [from, to, (from + to) / 2n]) t.true(cubes.some((cube) => inCube(cube, value)));
    for (const value of [from - 1n, to + 1n]) {
      if (value >= 0n && value <= 0xffff_ffffn) t.false(cubes.some((cube) => inCube(cube, value)));
    }
  });
}

test('what the kernel does not look at is not compared', (t) => {
  const [cube] = conditionCubes({ kind: 'masked', mask: 0xffff_ffffn, value: 2n }, 32);
  t.true(cube !== undefined && inCube(cube, 0xdead_0000_0002n));
});

const cube = fc
  .tuple(fc.bigInt({ min: 0n, max: 7n }), fc.bigInt({ min: 0n, max: 7n }))
  .map(([mask, value]) => ({ mask, value: value & mask }));
const box = fc.tuple(cube, cube).map(([a, b]): Box => FULL_BOX.with(0, a).with(2, b));

test('a difference of boxes is exact, and its parts do not overlap', (t) => {
  fc.assert(
    fc.property(box, box, (a, b) => {
      const parts = subtractBox(a, b);
      for (let x = 0n; x < 8n; x++) {
        for (let y = 0n; y < 8n; y++) {
          const values = [x, 5n, y];
          t.is(
            parts.filter((part) => inBox(part, values)).length,
            inBox(a, values) && !inBox(b, values) ? 1 : 0,
          );
        }
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('leaving out covered boxes keeps the union', (t) => {
  fc.assert(
    fc.property(fc.array(box, { maxLength: 5 }), (boxes) => {
      const kept = withoutCovered(boxes);
      t.true(kept.length <= boxes.length);
      for (let x = 0n; x < 8n; x++) {
        for (let y = 0n; y < 8n; y++) {
          const values = [x, 5n, y];
          t.is(
            kept.some((one) => inBox(one, values)),
            boxes.some((one) => inBox(one, values)),
          );
        }
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
