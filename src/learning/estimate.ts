import { observe } from './facts/observe.js';
import type { Recording } from './recording/index.js';
import { shapeOf } from './rules/names.js';
import { chosenPorts } from './rules/network.js';

/** How much another run might still show. */
export interface Novelty {
  readonly runs: number;
  /** What only one run showed. */
  readonly once: number;
  /** Expected number of new things in the next run (Good and Turing, over runs). */
  readonly expected: number;
  /** The chance that the next run shows anything new. */
  readonly chance: number;
}

/**
 * Good and Turing's estimate over runs: what was seen in one run only tells how much was seen in none. With T runs and Q1 things that just
 * one of them showed, the next run is expected to show Q1/T new ones. Runs that show new things differ in how many, so the chance of
 * any is told by the runs themselves: those that showed something that no other did. One half is added, as for a run that was
 * not made: no number of runs without surprise proves that there are none.
 */
export function novelty(runs: readonly ReadonlySet<string>[]): Novelty {
  const seen = new Map<string, number>();
  for (const run of runs) for (const feature of run) seen.set(feature, (seen.get(feature) ?? 0) + 1);
  const once = [...seen.values()].filter((count) => count === 1).length;
  const surprising = runs.filter((run) => [...run].some((feature) => seen.get(feature) === 1)).length;
  return {
    runs: runs.length,
    once,
    expected: runs.length === 0 ? once : once / runs.length,
    chance: Math.min(1, (surprising + 0.5) / (runs.length + 0.5)),
  };
}

/** What a run shows, as far as rules could tell it from another: calls with their arguments, files by their shapes, addresses. */
export function featuresOf(recording: Recording): ReadonlySet<string> {
  const seen = observe([recording]);
  const features = new Set<string>();
  for (const { call, rows } of seen.calls.values())
    for (const row of rows)
      features.add(`${call} ${[...row.values].map(([index, value]) => `${index}=${value}`).join(' ')}`);
  for (const file of seen.files)
    features.add(`${file.path.split('/').map(shapeOf).join('/')} ${[...file.access].sort().join(' ')}`);
  const chosen = chosenPorts(seen.addresses);
  for (const each of seen.addresses) {
    const { call, address } = each;
    features.add(
      `${call} ${address.family} ${chosen.has(each) ? 'chosen' : (address.port ?? address.path ?? '')}`,
    );
  }
  return features;
}
