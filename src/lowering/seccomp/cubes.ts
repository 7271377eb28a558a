import type { Width } from '../../common/index.js';
import { maskOf } from '../../common/index.js';
import type { ArgumentRow, Condition } from '../../policy/index.js';

/** The values whose bits under `mask` are `value`: what one masked comparison of the filter can say. */
export interface Cube {
  readonly mask: bigint;
  readonly value: bigint;
}

/** A cube for each of the six arguments. */
export type Box = readonly Cube[];

/** A set that takes more boxes than this is not for a filter of 4096 instructions. */
const BOXES_MAX = 2000;

/** Thrown where an exact set of boxes would grow beyond all use; the planner turns it into a diagnostic. */
export class TooManyBoxes extends RangeError {}

const ANY: Cube = { mask: 0n, value: 0n };
const ARGUMENTS = 6;

/** Every combination of arguments. */
export const FULL_BOX: Box = Array.from({ length: ARGUMENTS }, () => ANY);

/** The cubes that together are exactly a condition; they may overlap. */
export function conditionCubes(condition: Condition, width: Width): readonly Cube[] {
  switch (condition.kind) {
    case 'masked':
      return [{ mask: condition.mask & maskOf(width), value: condition.value }];
    case 'range':
      return rangeCubes(condition.from, condition.to, width);
    case 'any':
      return condition.of.flatMap((part) => conditionCubes(part, width));
    case 'all':
      return condition.of.reduce<readonly Cube[]>(
        (cubes, part) => limited(intersectAll(cubes, conditionCubes(part, width))),
        [ANY],
      );
  }
}

/** The boxes that together are exactly a row; none where the row contradicts itself. */
export function rowBoxes(row: ArgumentRow): readonly Box[] {
  let boxes: readonly Box[] = [FULL_BOX];
  for (const test of row.tests) {
    const cubes = conditionCubes(test.condition, test.width);
    if (boxes.length * cubes.length > BOXES_MAX ** 2) throw new TooManyBoxes();
    boxes = limited(boxes.flatMap((box) => cubes.flatMap((cube) => narrowBox(box, test.index, cube))));
  }
  return boxes;
}

function limited<T>(items: readonly T[]): readonly T[] {
  if (items.length > BOXES_MAX) throw new TooManyBoxes();
  return items;
}

function narrowBox(box: Box, index: number, cube: Cube): Box[] {
  const both = intersectCubes(box[index] ?? ANY, cube);
  return both === undefined ? [] : [box.with(index, both)];
}

/** The part of the box that lies outside the other; disjoint boxes. */
export function subtractBox(box: Box, other: Box): readonly Box[] {
  if (other.some((cube, index) => intersectCubes(box[index] ?? ANY, cube) === undefined)) return [box];
  const rest: Box[] = [];
  let inside = box;
  for (const [index, cube] of other.entries()) {
    const mine = inside[index] ?? ANY;
    let { mask, value } = mine;
    // From the highest bit down, so that what is left of a set of small numbers stays few cubes.
    for (let bit = highestBit(cube.mask & ~mask); bit > 0n; bit = highestBit(cube.mask & ~mask)) {
      rest.push(inside.with(index, { mask: mask | bit, value: value | (~cube.value & bit) }));
      mask |= bit;
      value |= cube.value & bit;
    }
    inside = inside.with(index, { mask, value });
  }
  return rest;
}

/** What is in one of `boxes` and in none of `others`. */
export function subtractAll(boxes: readonly Box[], others: readonly Box[]): readonly Box[] {
  return others.reduce((rest, other) => limited(rest.flatMap((box) => subtractBox(box, other))), boxes);
}

/** Leaves out boxes that lie within another one. */
export function withoutCovered(boxes: readonly Box[]): readonly Box[] {
  const kept: Box[] = [];
  for (const box of boxes) {
    if (kept.some((other) => covers(other, box))) continue;
    const open = kept.filter((other) => !covers(box, other));
    kept.splice(0, kept.length, ...open, box);
  }
  return kept;
}

export function isFull(box: Box): boolean {
  return box.every((cube) => cube.mask === 0n);
}

function covers(outer: Box, inner: Box): boolean {
  return outer.every((cube, index) => {
    const other = inner[index] ?? ANY;
    return (cube.mask & ~other.mask) === 0n && (other.value & cube.mask) === cube.value;
  });
}

function intersectCubes(a: Cube, b: Cube): Cube | undefined {
  if (((a.value ^ b.value) & a.mask & b.mask) !== 0n) return undefined;
  return { mask: a.mask | b.mask, value: a.value | b.value };
}

function intersectAll(left: readonly Cube[], right: readonly Cube[]): readonly Cube[] {
  return left.flatMap((a) => right.map((b) => intersectCubes(a, b)).filter((cube) => cube !== undefined));
}

/** A range as aligned blocks, as addresses are cut into networks. */
function rangeCubes(from: bigint, to: bigint, width: Width): readonly Cube[] {
  const cubes: Cube[] = [];
  const full = maskOf(width);
  let low = from;
  while (low <= to) {
    let size = low === 0n ? full + 1n : low & -low;
    while (low + size - 1n > to) size >>= 1n;
    cubes.push({ mask: full & ~(size - 1n), value: low });
    low += size;
  }
  return cubes;
}

function highestBit(value: bigint): bigint {
  return value === 0n ? 0n : 1n << BigInt(value.toString(2).length - 1);
}
