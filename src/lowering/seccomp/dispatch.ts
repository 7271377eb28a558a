import type { Decision, Decisions, Load } from './decision.js';
import { WHOLE } from './decision.js';

/** Numbers from here to the next stretch's, which are decided alike. */
export interface Stretch {
  readonly from: number;
  readonly decision: Decision;
}

/** Neighbours that are told apart one by one: single numbers, and what is between them. */
interface Group {
  readonly from: number;
  readonly background: Decision;
  readonly singles: readonly Stretch[];
}

/** More single numbers than this are parted by halving. */
const SINGLES_MAX = 4;

/** Finds the stretch of a word by halving, so that no call pays for the length of the table. */
export function dispatch(stretches: readonly Stretch[], load: Load, decisions: Decisions): Decision {
  const groups = groupsOf(joined(stretches));
  const search = (low: number, high: number): Decision => {
    if (high - low === 1) return tellApart(at(groups, low), load, decisions);
    const middle = (low + high) >> 1;
    return decisions.question(load, 'ge', at(groups, middle).from, search(middle, high), search(low, middle));
  };
  return search(0, groups.length);
}

function tellApart({ background, singles }: Group, load: Load, decisions: Decisions): Decision {
  return singles.reduceRight<Decision>(
    (rest, { from, decision }) => decisions.question(load, 'eq', from, decision, rest),
    background,
  );
}

function joined(stretches: readonly Stretch[]): readonly Stretch[] {
  return stretches.filter(
    (stretch, index) => index === 0 || stretches[index - 1]?.decision !== stretch.decision,
  );
}

/** The grouping with the fewest comparisons: one for each single number, one between groups. */
function groupsOf(stretches: readonly Stretch[]): readonly Group[] {
  /** For each length of a start of the list: what it costs, and its last group. */
  const best: { readonly cost: number; readonly start: number; readonly group: Group | undefined }[] = [
    { cost: 0, start: 0, group: undefined },
  ];
  for (let end = 1; end <= stretches.length; end++) {
    let found: (typeof best)[number] | undefined;
    for (let start = end - 1; start >= 0 && end - start <= 2 * SINGLES_MAX + 1; start--) {
      const group = groupOf(stretches, start, end);
      if (group === undefined) continue;
      const cost = (best[start]?.cost ?? 0) + 1 + group.singles.length;
      if (found === undefined || cost <= found.cost) found = { cost, start, group };
    }
    if (found === undefined) throw new RangeError(`stretch ${end - 1} is in no group`);
    best.push(found);
  }
  const groups: Group[] = [];
  for (let end = stretches.length; end > 0; end = best[end]?.start ?? 0) {
    const group = best[end]?.group;
    if (group !== undefined) groups.push(group);
  }
  return groups.reverse();
}

/** Undefined where the stretches are not single numbers on one background. */
function groupOf(stretches: readonly Stretch[], start: number, end: number): Group | undefined {
  const { from } = at(stretches, start);
  for (const first of [start, start + 1].filter((index) => index < end)) {
    const background = at(stretches, first).decision;
    const singles = stretches.slice(start, end).filter(({ decision }) => decision !== background);
    const single = singles.every(
      (each) => stretches[stretches.indexOf(each, start) + 1]?.from === each.from + 1,
    );
    if (single && singles.length <= SINGLES_MAX) return { from, background, singles };
  }
  return undefined;
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}

/** All bits of a word. */
export function wholeWord(offset: number): Load {
  return { offset, mask: WHOLE };
}
