import type { Decision, Decisions, Load, Question } from './decision.js';
import { WHOLE } from './decision.js';

/** What is known of a word: bits, bounds, and comparisons that did not hold. */
interface Known {
  readonly mask: number;
  readonly value: number;
  readonly from: number;
  readonly to: number;
  readonly not: readonly { readonly mask: number; readonly k: number }[];
}

type Facts = ReadonlyMap<number, Known>;

const NOTHING: Known = { mask: 0, value: 0, from: 0, to: WHOLE, not: [] };
/** A list of this many values that a word does not have is not worth a longer one. */
const NOT_MAX = 64;

/**
 * Leads every way through a decision past the questions that it has the answer of already. The ways change and the questions do
 * not, so that the result is never longer.
 */
export function shorten(root: Decision, decisions: Decisions): Decision {
  const order = inOrder(root);
  const place = new Map(order.map((question, index): [Decision, number] => [question, index]));
  const facts = new Map<Decision, Facts>([[root, new Map()]]);
  const ways = new Map<Question, { readonly yes: Decision; readonly no: Decision }>();
  for (const question of order) {
    const known = facts.get(question);
    if (known === undefined) continue;
    const lead = (holds: boolean): Decision => {
      const now = learn(known, question, holds);
      const target = follow(holds ? question.yes : question.no, now);
      if (place.has(target)) {
        const others = facts.get(target);
        facts.set(target, others === undefined ? now : common(others, now));
      }
      return target;
    };
    ways.set(question, { yes: lead(true), no: lead(false) });
  }
  const made = new Map<Decision, Decision>();
  for (const question of order.toReversed()) {
    const way = ways.get(question);
    if (way === undefined) continue;
    const of = (target: Decision): Decision => made.get(target) ?? target;
    const { load, compare, k } = question;
    made.set(question, decisions.question(load, compare, k, of(way.yes), of(way.no)));
  }
  return made.get(root) ?? root;
}

/** The questions, each before those that come after it. */
export function inOrder(root: Decision): readonly Question[] {
  const seen = new Set<Decision>();
  const after: Question[] = [];
  // By a list of its own: a chain of rows may be longer than the stack is deep.
  const open: { readonly at: Decision; readonly done: boolean }[] = [{ at: root, done: false }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { at, done } = next;
    if (at.kind === 'answer') continue;
    if (done) after.push(at);
    else if (!seen.has(at)) {
      seen.add(at);
      open.push({ at, done: true }, { at: at.yes, done: false }, { at: at.no, done: false });
    }
  }
  return after.reverse();
}

function follow(start: Decision, facts: Facts): Decision {
  let target = start;
  while (target.kind === 'question') {
    const holds = decided(target, facts.get(target.load.offset) ?? NOTHING);
    if (holds === undefined) break;
    target = holds ? target.yes : target.no;
  }
  return target;
}

function decided({ load, compare, k }: Question, known: Known): boolean | undefined {
  const { mask } = load;
  if (compare === 'ge') {
    if (mask !== WHOLE) return undefined;
    if (known.from >= k) return true;
    return known.to < k ? false : undefined;
  }
  if (((known.value ^ k) & known.mask & mask) !== 0) return false;
  if ((mask & ~known.mask) === 0) return true;
  if (known.not.some((other) => (other.mask & ~mask) === 0 && (k & other.mask) >>> 0 === other.k))
    return false;
  const first = leastFrom(known.from, (known.mask | mask) >>> 0, (known.value | k) >>> 0);
  return first === undefined || first > known.to ? false : undefined;
}

function learn(facts: Facts, question: Question, holds: boolean): Facts {
  const { load } = question;
  const known = facts.get(load.offset) ?? NOTHING;
  return new Map(facts).set(
    load.offset,
    settled(holds ? learnYes(known, question) : learnNo(known, question)),
  );
}

/** Brings bounds to the first and last word that have the bits, and learns the bits that all words between them have. */
function settled(known: Known): Known {
  const from = leastFrom(known.from, known.mask, known.value);
  const upsideDown = leastFrom(~known.to >>> 0, known.mask, (~known.value & known.mask) >>> 0);
  // Where nothing is left, no call comes: what is said of it does not matter.
  if (from === undefined || upsideDown === undefined) return known;
  const to = ~upsideDown >>> 0;
  if (from > to) return known;
  const same = from === to ? WHOLE : ~(2 ** (32 - Math.clz32(from ^ to)) - 1) >>> 0;
  return { ...known, from, to, mask: (known.mask | same) >>> 0, value: (known.value | (from & same)) >>> 0 };
}

/** The least word from `from` on whose bits under `mask` are `value`. */
export function leastFrom(from: number, mask: number, value: number): number | undefined {
  if (((from ^ value) & mask) === 0) return from;
  // It has the higher bits of `from`, a one where that has a zero, and below it as few bits as it may.
  for (let place = 0; place < 32; place++) {
    const bit = 2 ** place;
    const above = ~(bit * 2 - 1) >>> 0;
    const mayRise = (from & bit) === 0 && ((mask & bit) === 0 || (value & bit) !== 0);
    if (mayRise && ((from ^ value) & mask & above) === 0)
      return ((from & above) | bit | (value & (bit - 1))) >>> 0;
  }
  return undefined;
}

function learnYes(known: Known, { load: { mask }, compare, k }: Question): Known {
  if (compare === 'eq') {
    const value = ((known.value & ~mask) | k) >>> 0;
    return { ...known, mask: (known.mask | mask) >>> 0, value };
  }
  return mask === WHOLE ? { ...known, from: Math.max(known.from, k) } : known;
}

function learnNo(known: Known, { load: { mask }, compare, k }: Question): Known {
  if (compare === 'ge') return mask === WHOLE ? { ...known, to: Math.min(known.to, k - 1) } : known;
  // A single bit that is not the one is the other.
  if (isSingle(mask)) {
    const value = ((known.value & ~mask) | (~k & mask)) >>> 0;
    return { ...known, mask: (known.mask | mask) >>> 0, value };
  }
  return known.not.length >= NOT_MAX ? known : { ...known, not: [...known.not, { mask, k }] };
}

export function isSingle(mask: Load['mask']): boolean {
  return mask !== 0 && (mask & (mask - 1)) === 0;
}

function common(a: Facts, b: Facts): Facts {
  const both = new Map<number, Known>();
  for (const [offset, one] of a) {
    const other = b.get(offset);
    if (other === undefined) continue;
    const mask = (one.mask & other.mask & ~(one.value ^ other.value)) >>> 0;
    both.set(offset, {
      mask,
      value: (one.value & mask) >>> 0,
      from: Math.min(one.from, other.from),
      to: Math.max(one.to, other.to),
      not: one.not.filter(({ mask: bits, k }) =>
        other.not.some((each) => each.mask === bits && each.k === k),
      ),
    });
  }
  return both;
}
