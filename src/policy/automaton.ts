import type { GlobPart } from './glob.js';

/** A character class as inclusive ranges of code points, in order and apart. */
export type Ranges = readonly (readonly [number, number])[];

export const SLASH = 47;
/** Every character that a name can have. */
export const NAME_CHARACTERS: Ranges = [
  [1, SLASH - 1],
  [SLASH + 1, 0x10ffff],
];
const SLASHES: Ranges = [[SLASH, SLASH]];

interface State {
  readonly free: number[];
  readonly on: { readonly ranges: Ranges; readonly next: number }[];
}

/** More pairs of sets of states than this are not looked through. */
const PAIRS_MAX = 20_000;

type States = readonly number[];

/** A nondeterministic automaton over paths; all its states advance together, so that matching costs states times characters. */
export class Automaton {
  readonly #states: State[] = [];
  readonly #done: number;

  constructor(parts: readonly GlobPart[]) {
    let at = this.#add();
    for (const part of parts) {
      if (part.kind === 'deep') {
        const inside = this.#add();
        this.#link(at, SLASHES, inside);
        this.#link(inside, NAME_CHARACTERS, inside);
        // Nothing but a slash or the end can follow here, so that a name is left only where it ends.
        this.#states[inside]?.free.push(at);
        continue;
      }
      const start = this.#add();
      this.#link(at, SLASHES, start);
      at = start;
      for (const atom of part.atoms) {
        if (atom.kind === 'star') {
          this.#link(at, NAME_CHARACTERS, at);
          continue;
        }
        const next = this.#add();
        this.#link(at, atom.ranges, next);
        at = next;
      }
      // What follows must not loop back into this name.
      const end = this.#add();
      this.#states[at]?.free.push(end);
      at = end;
    }
    this.#done = at;
  }

  get size(): number {
    return this.#states.length;
  }

  #add(): number {
    return this.#states.push({ free: [], on: [] }) - 1;
  }

  #link(from: number, ranges: Ranges, next: number): void {
    this.#states[from]?.on.push({ ranges, next });
  }

  matches(path: string): boolean {
    const states = this.#after(this.#closed([0]), path === '/' ? '' : path);
    return states.includes(this.#done);
  }

  /** Whether some path strictly below the folder is accepted; every state leads to the end. */
  reachesBelow(folder: string): boolean {
    return this.#after(this.#closed([0]), folder === '/' ? '/' : `${folder}/`).length > 0;
  }

  start(): States {
    return this.#closed([0]);
  }

  accepts(states: States): boolean {
    return states.includes(this.#done);
  }

  #after(states: States, text: string): States {
    let now = states;
    for (const char of text) {
      if (now.length === 0) return now;
      now = this.step(now, char.codePointAt(0) ?? 0);
    }
    return now;
  }

  #closed(states: Iterable<number>): States {
    const all = new Set<number>();
    const rest = [...states];
    for (let state = rest.pop(); state !== undefined; state = rest.pop()) {
      if (all.has(state)) continue;
      all.add(state);
      rest.push(...(this.#states[state]?.free ?? []));
    }
    return [...all].sort((a, b) => a - b);
  }

  step(states: States, code: number): States {
    const next: number[] = [];
    for (const state of states) {
      for (const edge of this.#states[state]?.on ?? []) if (holds(edge.ranges, code)) next.push(edge.next);
    }
    return this.#closed(next);
  }

  /** Where a class of characters begins that this automaton tells apart. */
  edges(): readonly number[] {
    const ranges = this.#states.flatMap((state) => state.on.flatMap((edge) => edge.ranges));
    return ranges.flatMap(([from, to]) => [from, to + 1]);
  }

  /** Whether every path that this one accepts is accepted by the other. Beyond the bound the answer is no. */
  isWithin(other: Automaton): boolean {
    const alphabet = jointAlphabet([this, other]);
    const rest: Pair[] = [{ a: this.#closed([0]), b: other.#closed([0]), slash: false }];
    const seen = new Set<string>();
    for (let pair = rest.pop(); pair !== undefined; pair = rest.pop()) {
      const key = `${pair.a} ${pair.b} ${pair.slash}`;
      if (pair.a.length === 0 || seen.has(key)) continue;
      if (seen.size >= PAIRS_MAX) return false;
      seen.add(key);
      // A path does not end in a slash, and has no two in a row.
      if (!pair.slash && pair.a.includes(this.#done) && !pair.b.includes(other.#done)) return false;
      for (const code of alphabet) {
        const slash = code === SLASH;
        if (slash && pair.slash) continue;
        rest.push({ a: this.step(pair.a, code), b: other.step(pair.b, code), slash });
      }
    }
    return true;
  }

  /** The shortest accepted path strictly below a folder. */
  wordBelow(folder: string): string | undefined {
    const start = folder === '/' ? '' : folder;
    const alphabet = jointAlphabet([this]);
    const first = this.step(this.#after(this.#closed([0]), start), SLASH);
    let words: { readonly states: States; readonly word: string }[] = [{ states: first, word: '/' }];
    const seen = new Set<string>();
    while (words.length > 0) {
      const next: typeof words = [];
      for (const { states, word } of words) {
        const slash = word.endsWith('/');
        if (!slash && states.includes(this.#done)) return start + word;
        for (const code of alphabet) {
          if (slash && code === SLASH) continue;
          const after = this.step(states, code);
          const key = `${after} ${code === SLASH}`;
          if (after.length === 0 || seen.has(key)) continue;
          seen.add(key);
          next.push({ states: after, word: word + String.fromCodePoint(code) });
        }
      }
      words = next;
    }
    return undefined;
  }
}

/** More combinations than this are not looked through. */
const COMBINATIONS_MAX = 50_000;

/**
 * One path for each set of automata that accept a path together, so that these stand for all paths there can be. Undefined where
 * there are too many to look through.
 */
export function combinations(automata: readonly Automaton[]): readonly string[] | undefined {
  const alphabet = jointAlphabet(automata);
  let words: { readonly alive: Alive; readonly word: string }[] = [
    { alive: automata.map((each, at) => [at, each.start()] as const), word: '' },
  ];
  const seen = new Set<string>();
  const found = new Map<string, string>();
  while (words.length > 0) {
    const next: typeof words = [];
    for (const { alive, word } of words) {
      if (!word.endsWith('/')) {
        const accepting = alive.filter(([at, states]) => automata[at]?.accepts(states) === true);
        const key = accepting.map(([at]) => at).join();
        if (!found.has(key)) found.set(key, word === '' ? '/' : word);
      }
      for (const code of alphabet) {
        const slash = code === SLASH;
        if (word === '' ? !slash : slash && word.endsWith('/')) continue;
        const after = alive.flatMap(([at, states]): Alive => {
          const moved = automata[at]?.step(states, code) ?? [];
          return moved.length === 0 ? [] : [[at, moved]];
        });
        const key = `${slash} ${after.map(([at, states]) => `${at}:${states}`).join(' ')}`;
        if (seen.has(key)) continue;
        if (seen.size >= COMBINATIONS_MAX) return undefined;
        seen.add(key);
        next.push({ alive: after, word: word + String.fromCodePoint(code) });
      }
    }
    words = next;
  }
  return [...found.values()];
}

/** The automata that may still accept, with where they are. */
type Alive = readonly (readonly [number, States])[];

interface Pair {
  readonly a: States;
  readonly b: States;
  readonly slash: boolean;
}

function holds(ranges: Ranges, code: number): boolean {
  return ranges.some(([from, to]) => from <= code && code <= to);
}

/** One character for each class of those that no automaton tells apart, readable ones where there are any. */
function jointAlphabet(automata: readonly Automaton[]): readonly number[] {
  const edges = new Set([1, SLASH, SLASH + 1, ...automata.flatMap((each) => each.edges())]);
  const starts = [...edges].filter((code) => code <= 0x10ffff).sort((a, b) => a - b);
  const codes = starts.map((from, at) => readable(from, (starts[at + 1] ?? 0x110000) - 1));
  return codes.sort((a, b) => rank(a) - rank(b));
}

/** Letters before digits before the rest, so that examples are names that somebody might give. */
function rank(code: number): number {
  const place = [/[a-z]/, /[A-Z]/, /[0-9]/, /[!-~]/].findIndex((each) =>
    each.test(String.fromCodePoint(code)),
  );
  return (place < 0 ? 9 : place) * 0x200000 + code;
}

/** A letter, a digit or another printable character between two, if there is one. */
function readable(from: number, to: number): number {
  for (const [low, high] of [
    [97, 122],
    [65, 90],
    [48, 57],
    [33, 126],
  ] as const) {
    const code = Math.max(from, low);
    if (code <= Math.min(to, high)) return code;
  }
  return from;
}
