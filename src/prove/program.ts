import type { Instruction } from '../lowering/index.js';
import type { Term, Terms } from './term.js';

/** What is assumed of a call's number and architecture; the arguments are always free. */
export interface Assumptions {
  /** The number is one of these, bounds included. */
  readonly numbers: readonly [number, number];
  readonly arch: { readonly is: number } | { readonly not: number };
}

/** The filter returns `value` where `condition` holds; of all the answers to one call exactly one holds. */
export interface Answer {
  readonly condition: Term;
  readonly value: number;
}

/** The bytes are no program that the kernel would load, or hold an instruction that no filter of VXE has. */
export class NotAProgram extends Error {}

/** The kernel refuses longer programs. */
const INSTRUCTIONS_MAX = 4096;
const DATA_SIZE = 64;
const MEMORY_WORDS = 16;

/** The names of the words of struct seccomp_data, in order. */
export const WORDS: readonly string[] = [
  ...['nr', 'arch', 'ip_low', 'ip_high'],
  ...[0, 1, 2, 3, 4, 5].flatMap((index) => [`a${index}_low`, `a${index}_high`]),
];

interface State {
  readonly reached: Term;
  readonly a: Term;
  readonly x: Term;
  readonly memory: readonly (Term | undefined)[];
}

/**
 * Runs a classic BPF program on all calls at once. Jumps only go forward, so that each instruction is met once, with what all
 * paths to it have left behind merged: nothing is sampled and nothing is cut off.
 */
export function answersOf(
  program: readonly Instruction[],
  terms: Terms,
  assumed: Assumptions,
): readonly Answer[] {
  if (program.length === 0 || program.length > INSTRUCTIONS_MAX)
    throw new NotAProgram(`${program.length} instructions are no filter`);
  const states: (State | undefined)[] = new Array(program.length);
  const zero = terms.constant(0);
  states[0] = { reached: terms.true, a: zero, x: zero, memory: new Array(MEMORY_WORDS).fill(undefined) };
  const answers: Answer[] = [];

  const flow = (to: number, state: State): void => {
    if (state.reached === terms.false) return;
    if (to >= program.length) throw new NotAProgram('a path runs past the end');
    const seen = states[to];
    states[to] = seen === undefined ? state : merge(terms, seen, state);
  };

  for (const [pc, { code, jt, jf, k }] of program.entries()) {
    const state = states[pc];
    if (state === undefined) continue;
    const { a, x, memory, reached } = state;
    const next = (change: Partial<State>): void => flow(pc + 1, { ...state, ...change });
    const test = (condition: Term): void => {
      flow(pc + 1 + jt, { ...state, reached: terms.and(reached, condition) });
      flow(pc + 1 + jf, { ...state, reached: terms.and(reached, terms.not(condition)) });
    };
    const word = terms.constant(k);
    const recalled = (): Term => {
      const kept = k < MEMORY_WORDS ? memory[k] : undefined;
      if (kept === undefined) throw new NotAProgram(`instruction ${pc} reads what was never written`);
      return kept;
    };
    const stored = (value: Term): void => {
      if (k >= MEMORY_WORDS) throw new NotAProgram(`instruction ${pc} writes outside its memory`);
      next({ memory: memory.with(k, value) });
    };
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k >= DATA_SIZE)
          throw new NotAProgram(`instruction ${pc} loads from outside the call`);
        next({ a: load(terms, k / 4, assumed) });
        break;
      case 0x00:
        next({ a: word });
        break;
      case 0x01:
        next({ x: word });
        break;
      case 0x60:
        next({ a: recalled() });
        break;
      case 0x61:
        next({ x: recalled() });
        break;
      case 0x02:
        stored(a);
        break;
      case 0x03:
        stored(x);
        break;
      case 0x04:
        next({ a: terms.bvadd(a, word) });
        break;
      case 0x54:
        next({ a: terms.bvand(a, word) });
        break;
      case 0x5c:
        next({ a: terms.bvand(a, x) });
        break;
      case 0x44:
        next({ a: terms.bvor(a, word) });
        break;
      case 0x07:
        next({ x: a });
        break;
      case 0x87:
        next({ a: x });
        break;
      case 0x05:
        flow(pc + 1 + k, state);
        break;
      case 0x15:
        test(equal(terms, a, word, assumed));
        break;
      case 0x25:
        test(terms.not(atMost(terms, a, word, assumed)));
        break;
      case 0x35:
        test(k === 0 ? terms.true : terms.not(atMost(terms, a, terms.constant(k - 1), assumed)));
        break;
      case 0x45:
        test(terms.not(terms.eq(terms.bvand(a, word), zero)));
        break;
      case 0x06:
        answers.push({ condition: reached, value: k });
        break;
      default:
        throw new NotAProgram(
          `instruction ${pc} has the opcode 0x${code.toString(16)}, which no filter of VXE has`,
        );
    }
  }
  return answers;
}

/** What is assumed, as a formula, for questions that are left to the prover. */
export function assumption(terms: Terms, assumed: Assumptions): Term {
  const nr = terms.variable('nr');
  const [from, to] = assumed.numbers;
  const arch = terms.variable('arch');
  return terms.and(
    terms.uge(nr, terms.constant(from)),
    terms.uge(terms.constant(to), nr),
    'is' in assumed.arch
      ? terms.eq(arch, terms.constant(assumed.arch.is))
      : terms.not(terms.eq(arch, terms.constant(assumed.arch.not))),
  );
}

function load(terms: Terms, index: number, { numbers, arch }: Assumptions): Term {
  if (index === 0 && numbers[0] === numbers[1]) return terms.constant(numbers[0]);
  if (index === 1 && 'is' in arch) return terms.constant(arch.is);
  return terms.variable(WORDS[index] ?? '');
}

/** Comparisons that the assumptions decide need no prover. */
function equal(terms: Terms, a: Term, word: Term, { numbers, arch }: Assumptions): Term {
  if (a.op === 'var' && a.name === 'nr' && (word.value < numbers[0] || word.value > numbers[1]))
    return terms.false;
  if (a.op === 'var' && a.name === 'arch' && 'not' in arch && arch.not === word.value) return terms.false;
  return terms.eq(a, word);
}

function atMost(terms: Terms, a: Term, word: Term, { numbers }: Assumptions): Term {
  if (a.op === 'var' && a.name === 'nr') {
    if (numbers[1] <= word.value) return terms.true;
    if (numbers[0] > word.value) return terms.false;
  }
  return terms.uge(word, a);
}

function merge(terms: Terms, a: State, b: State): State {
  const pick = (one: Term, other: Term): Term => terms.ite(a.reached, one, other);
  return {
    reached: terms.or(a.reached, b.reached),
    a: pick(a.a, b.a),
    x: pick(a.x, b.x),
    memory: a.memory.map((one, index) => {
      const other = b.memory[index];
      // The kernel's checker wants a word written on every path before it is read.
      return one === undefined || other === undefined ? undefined : pick(one, other);
    }),
  };
}
