import { readFileSync } from 'node:fs';
import test from 'ava';
import { novelty } from '../../src/learning/index.js';
import { draws } from './helpers.js';

/** What each of many runs of daemons showed, recorded by test/workloads/novelty.mjs. */
const daemons = JSON.parse(readFileSync('test/learning/novelty.json', 'utf8')) as Record<
  string,
  readonly string[]
>;

const DRAWS = 400;

/** Means over many draws of so many runs to learn from; the others are held out. In percent. */
function heldOut(runs: readonly ReadonlySet<string>[], size: number) {
  const draw = draws(7);
  const sum = { predicted: 0, observed: 0, expected: 0, found: 0 };
  for (let i = 0; i < DRAWS; i++) {
    const drawn = runs
      .map((run) => ({ run, at: draw() }))
      .sort((a, b) => a.at - b.at)
      .map(({ run }) => run);
    const held = drawn.slice(size);
    const seen = new Set(drawn.slice(0, size).flatMap((run) => [...run]));
    const fresh = held.map((run) => [...run].filter((feature) => !seen.has(feature)).length);
    const estimate = novelty(drawn.slice(0, size));
    sum.predicted += (100 * estimate.chance) / DRAWS;
    sum.observed += (100 * fresh.filter((count) => count > 0).length) / held.length / DRAWS;
    sum.expected += estimate.expected / DRAWS;
    sum.found += fresh.reduce((all, count) => all + count, 0) / held.length / DRAWS;
  }
  return sum;
}

for (const [name, lines] of Object.entries(daemons)) {
  const runs = lines.map((line) => new Set(line.split(' ').filter((word) => word !== '')));

  test(`${name}: the estimate holds against runs of the daemon that were held out`, (t) => {
    t.true(runs.length >= 40);
    for (const [size, points] of [
      [10, 6],
      [20, 2.5],
      [30, 2.5],
    ] as const) {
      const { predicted, observed, expected, found } = heldOut(runs, size);
      const told = `${size} runs: predicted ${predicted.toFixed(1)} %, observed ${observed.toFixed(1)} %; ${expected.toFixed(2)} new things, ${found.toFixed(2)}`;
      t.log(told);
      t.true(observed > 0, told);
      t.true(predicted >= observed, `it promises too much: ${told}`);
      t.true(predicted - observed <= points, told);
      t.true(Math.abs(expected - found) <= 0.05 + found / 10, told);
    }
  });
}
