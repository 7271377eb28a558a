/** A character class as inclusive ranges of code points. */
type Ranges = readonly (readonly [number, number])[];

type Node =
  | { readonly kind: 'class'; readonly ranges: Ranges }
  | { readonly kind: 'empty' | 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number };

/** One state of the automaton: it eats a character of the class, or splits, or holds at an edge of the text. */
type State =
  | { readonly kind: 'eat'; readonly ranges: Ranges; next: number }
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'start' | 'end'; next: number }
  | { readonly kind: 'done' };

const STATES_MAX = 2000;
const REPEAT_MAX = 255;
const LAST = 0x10ffff;
const DIGIT: Ranges = [[48, 57]];
const WORD: Ranges = [[48, 57], [65, 90], [95, 95], [97, 122]]; // biome-ignore format: a table
const SPACE: Ranges = [[9, 13], [32, 32]]; // biome-ignore format: a table

/** Thrown for an expression that is not well formed; `at` counts its characters from 0. */
export class RegexError extends SyntaxError {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/**
 * A regular expression as a nondeterministic automaton. All its states advance together, so that a match costs at most
 * states times characters, whatever the expression: no backtracking, and so no back references.
 */
export class Regex {
  readonly #states: readonly State[];
  readonly #first: number;

  constructor(source: string) {
    const builder = new Builder();
    const done = builder.add({ kind: 'done' });
    this.#first = builder.build(new Parser(source).parse(), done);
    this.#states = builder.states;
  }

  get size(): number {
    return this.#states.length;
  }

  /** Whether the whole text matches, or with `anywhere` some part of it. */
  matches(text: string, anywhere: boolean): boolean {
    const characters = Array.from(text, (char) => char.codePointAt(0) ?? 0);
    let current = new Set<number>();
    for (let at = 0; at <= characters.length; at++) {
      if (at === 0 || anywhere) this.#enter(current, this.#first, at === 0, at === characters.length);
      const done = [...current].some((state) => this.#states[state]?.kind === 'done');
      if (done && (anywhere || at === characters.length)) return true;
      const char = characters[at];
      if (char === undefined) return false;
      const next = new Set<number>();
      for (const index of current) {
        const state = this.#states[index];
        if (state?.kind === 'eat' && within(state.ranges, char))
          this.#enter(next, state.next, false, at + 1 === characters.length);
      }
      current = next;
    }
    return false;
  }

  /** Adds a state and all that it leads to without eating a character. */
  #enter(set: Set<number>, first: number, start: boolean, end: boolean): void {
    const open = [first];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (set.has(index)) continue;
      set.add(index);
      const state = this.#states[index];
      if (state?.kind === 'split') open.push(state.next, state.other);
      else if ((state?.kind === 'start' && start) || (state?.kind === 'end' && end)) open.push(state.next);
    }
  }
}

function within(ranges: Ranges, char: number): boolean {
  return ranges.some(([from, to]) => from <= char && char <= to);
}

function inverse(ranges: Ranges): Ranges {
  const sorted = [...ranges].sort(([a], [b]) => a - b);
  const rest: [number, number][] = [];
  let from = 0;
  for (const [low, high] of sorted) {
    if (low > from) rest.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= LAST) rest.push([from, LAST]);
  return rest;
}

/** Builds from the end to the front, so that every state knows what follows it. */
class Builder {
  readonly states: State[] = [];
  #built = 0;

  add(state: State): number {
    if (this.states.length >= STATES_MAX)
      throw new RegexError(`the expression needs more than ${STATES_MAX} states`, 0);
    return this.states.push(state) - 1;
  }

  build(node: Node, next: number): number {
    // Repetitions of nothing add no state, but they are made one by one all the same.
    if (++this.#built > 100 * STATES_MAX) throw new RegexError('the expression repeats too much', 0);
    switch (node.kind) {
      case 'empty':
        return next;
      case 'class':
        return this.add({ kind: 'eat', ranges: node.ranges, next });
      case 'start':
      case 'end':
        return this.add({ kind: node.kind, next });
      case 'sequence':
        return node.of.reduceRight((after, part) => this.build(part, after), next);
      case 'choice':
        return node.of
          .map((part) => this.build(part, next))
          .reduce((other, first) => this.add({ kind: 'split', next: first, other }));
      case 'repeat':
        return this.#repeat(node.of, node.min, node.max, next);
    }
  }

  #repeat(node: Node, min: number, max: number, next: number): number {
    let at = next;
    if (max === Number.POSITIVE_INFINITY) {
      const loop: State & { kind: 'split' } = { kind: 'split', next, other: next };
      at = this.add(loop);
      loop.next = this.build(node, at);
    } else {
      for (let count = min; count < max; count++)
        at = this.add({ kind: 'split', next: this.build(node, at), other: next });
    }
    for (let count = 0; count < min; count++) at = this.build(node, at);
    return at;
  }
}

class Parser {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#chars = Array.from(source);
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#chars.length) throw new RegexError('this ) closes nothing', this.#at);
    return node;
  }

  #choice(): Node {
    if (++this.#depth > 100) throw new RegexError('groups are nested deeper than 100', this.#at);
    const of = [this.#sequence()];
    while (this.#take('|')) of.push(this.#sequence());
    this.#depth--;
    const [only] = of;
    return of.length === 1 && only !== undefined ? only : { kind: 'choice', of };
  }

  #sequence(): Node {
    const of: Node[] = [];
    for (let char = this.#chars[this.#at]; char !== undefined && char !== '|' && char !== ')'; ) {
      of.push(this.#repeated());
      char = this.#chars[this.#at];
    }
    return of.length === 0 ? { kind: 'empty' } : { kind: 'sequence', of };
  }

  #repeated(): Node {
    let node = this.#one();
    for (;;) {
      if (this.#take('*')) node = { kind: 'repeat', of: node, min: 0, max: Number.POSITIVE_INFINITY };
      else if (this.#take('+')) node = { kind: 'repeat', of: node, min: 1, max: Number.POSITIVE_INFINITY };
      else if (this.#take('?')) node = { kind: 'repeat', of: node, min: 0, max: 1 };
      else if (this.#chars[this.#at] === '{') node = this.#counted(node);
      else return node;
    }
  }

  #counted(of: Node): Node {
    const start = this.#at;
    const text = this.#chars.slice(start, start + 12).join('');
    const match = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(text);
    if (match === null) throw new RegexError('a count such as {2}, {2,} or {2,5} was expected', start);
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (min > max) throw new RegexError('the first count is greater than the second', start);
    if (min > REPEAT_MAX || (max > REPEAT_MAX && max !== Number.POSITIVE_INFINITY))
      throw new RegexError(`a count is at most ${REPEAT_MAX}`, start);
    return { kind: 'repeat', of, min, max };
  }

  #one(): Node {
    const start = this.#at;
    const char = this.#chars[this.#at++] ?? '';
    switch (char) {
      case '(': {
        if (this.#chars[this.#at] === '?') {
          if (this.#chars[this.#at + 1] !== ':')
            throw new RegexError('of the groups with ?, only (?:...) is known', start);
          this.#at += 2;
        }
        const node = this.#choice();
        if (!this.#take(')')) throw new RegexError('this ( is never closed', start);
        return node;
      }
      case '[':
        return { kind: 'class', ranges: this.#set(start) };
      case '.':
        return { kind: 'class', ranges: [[0, LAST]] };
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '*':
      case '+':
      case '?':
        throw new RegexError(`${char} has nothing to repeat`, start);
      case '\\':
        return { kind: 'class', ranges: this.#escape(start) };
      default:
        return { kind: 'class', ranges: single(char) };
    }
  }

  #set(start: number): Ranges {
    const negated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; ; first = false) {
      const at = this.#at;
      const char = this.#chars[this.#at++];
      if (char === undefined) throw new RegexError('this [ is never closed', start);
      if (char === ']' && !first) return negated ? inverse(ranges) : ranges;
      const low = char === '\\' ? this.#escape(at) : single(char);
      const from = low[0]?.[0] ?? 0;
      if (
        this.#chars[this.#at] !== '-' ||
        this.#chars[this.#at + 1] === ']' ||
        low.length !== 1 ||
        low[0]?.[1] !== from
      ) {
        ranges.push(...low);
        continue;
      }
      this.#at++;
      const end = this.#chars[this.#at++] ?? '';
      const high = end === '\\' ? this.#escape(this.#at - 1) : single(end);
      const to = high[0]?.[0] ?? 0;
      if (high.length !== 1 || high[0]?.[1] !== to || to < from)
        throw new RegexError('a range goes from a character to a later one', at);
      ranges.push([from, to]);
    }
  }

  #escape(start: number): Ranges {
    const char = this.#chars[this.#at++];
    switch (char) {
      case 'd':
        return DIGIT;
      case 'D':
        return inverse(DIGIT);
      case 'w':
        return WORD;
      case 'W':
        return inverse(WORD);
      case 's':
        return SPACE;
      case 'S':
        return inverse(SPACE);
      case 'n':
        return single('\n');
      case 't':
        return single('\t');
      default:
        if (char === undefined || /[A-Za-z0-9]/.test(char))
          throw new RegexError(`\\${char ?? ''} is not part of these expressions`, start);
        return single(char);
    }
  }

  #take(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }
}

function single(char: string): Ranges {
  const code = char.codePointAt(0) ?? 0;
  return [[code, code]];
}
