import test from 'ava';
import fc from 'fast-check';
import { assemble } from '../../src/lowering/seccomp/assemble.js';
import { encodeProgram } from '../../src/lowering/seccomp/bpf.js';
import type { Decision } from '../../src/lowering/seccomp/decision.js';
import { Decisions } from '../../src/lowering/seccomp/decision.js';
import type { Stretch } from '../../src/lowering/seccomp/dispatch.js';
import { dispatch, wholeWord } from '../../src/lowering/seccomp/dispatch.js';
import { inOrder, leastFrom, shorten } from '../../src/lowering/seccomp/shorten.js';
import type { SeccompData } from '../../src/lowering/seccomp/simulate.js';
import { simulate } from '../../src/lowering/seccomp/simulate.js';

const ERRNO = 0x0005_0000;

/** What a decision says of a call, by walking the graph. */
function walk(start: Decision, data: SeccompData): number {
  let at = start;
  while (at.kind === 'question') {
    const { load, compare, k } = at;
    const value = (wordAt(data, load.offset) & load.mask) >>> 0;
    at = (compare === 'eq' ? value === k : value >= k) ? at.yes : at.no;
  }
  return at.value;
}

function wordAt(data: SeccompData, offset: number): number {
  if (offset === 0) return data.nr >>> 0;
  if (offset === 4) return data.arch >>> 0;
  const value = data.arguments[(offset - 16) >> 3] ?? 0n;
  return Number((value >> BigInt(((offset - 16) % 8) * 8)) & 0xffff_ffffn);
}

function answer(root: Decision, data: SeccompData): number {
  const verdict = simulate(encodeProgram(assemble(root)), data);
  return (ERRNO | verdict.data) >>> 0;
}

interface Step {
  readonly offset: number;
  readonly mask: number;
  readonly compare: 'eq' | 'ge';
  readonly k: number;
  /** Which of the decisions made before, counted from the last. */
  readonly yes: number;
  readonly no: number;
}

const word = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.constantFrom(0x8000_0000, 0xffff_ffff, 0xffff, 6));
const step: fc.Arbitrary<Step> = fc.record({
  offset: fc.constantFrom(16, 20),
  mask: fc.constantFrom(0xffff_ffff, 0xffff_ffff, 0xffff, 1, 4, 6, 0x8000_0000),
  compare: fc.constantFrom('eq', 'ge'),
  k: word,
  yes: fc.nat(3),
  no: fc.nat(3),
});

/** A graph from its end to its start, with parts that several ways lead to. */
function graph(steps: readonly Step[], decisions: Decisions): Decision {
  const made: Decision[] = [1, 2, 3].map((errno) => decisions.answer(ERRNO | errno));
  for (const { offset, mask, compare, k, yes, no } of steps) {
    const back = (count: number): Decision => made.at(-1 - (count % made.length)) ?? decisions.answer(0);
    made.push(
      decisions.question(
        { offset, mask },
        compare,
        compare === 'eq' ? (k & mask) >>> 0 : k,
        back(yes),
        back(no),
      ),
    );
  }
  return made.at(-1) ?? decisions.answer(0);
}

const call = fc.tuple(word, word, word, word).map(
  ([a, b, c, d]): SeccompData => ({
    nr: 1,
    arch: 0,
    arguments: [BigInt(a) | (BigInt(b) << 32n), BigInt(c) | (BigInt(d) << 32n)],
  }),
);

test('a program, and the shorter one, answer as the decision does', (t) => {
  let shorter = 0;
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(call, { minLength: 30, maxLength: 30 }),
      (steps, calls) => {
        const decisions = new Decisions();
        const root = graph(steps, decisions);
        const short = shorten(root, decisions);
        t.true(inOrder(short).length <= inOrder(root).length);
        if (inOrder(short).length < inOrder(root).length) shorter++;
        for (const data of calls) {
          const wanted = walk(root, data);
          t.is(walk(short, data), wanted);
          t.is(answer(root, data), wanted);
          t.is(answer(short, data), wanted);
        }
      },
    ),
    { numRuns: 400 },
  );
  t.true(shorter > 10, `${shorter}`);
});

test('the least word from a bound on that has certain bits', (t) => {
  const few = fc.integer({ min: 0, max: 63 });
  fc.assert(
    fc.property(few, few, few, fc.constantFrom(0, 0xffff_ffc0), (from, mask, bits, high) => {
      const value = (bits & mask) >>> 0;
      const fits = (each: number): boolean => ((each ^ value) & mask) === 0;
      // With high bits set these are the last words that there are.
      const words = Array.from({ length: 64 + (high === 0 ? 64 : 0) }, (_, low) => high + low);
      t.is(
        leastFrom(high + from, mask, value),
        words.find((each) => each >= high + from && fits(each)),
      );
    }),
    { numRuns: 2000 },
  );
});

test('jumps reach beyond what one jump can', (t) => {
  const decisions = new Decisions();
  const load = wholeWord(16);
  let chain: Decision = decisions.answer(ERRNO | 1);
  for (let value = 1500; value > 0; value--)
    chain = decisions.question(load, 'eq', value * 3, decisions.answer(ERRNO | (1 + (value % 5))), chain);
  const far = decisions.answer(ERRNO | 77);
  const root = decisions.question(wholeWord(24), 'ge', 5, far, chain);
  const program = assemble(root);
  t.true(program.length < 1650, `${program.length}`);
  t.true(program.every(({ jt, jf }) => jt <= 255 && jf <= 255));
  for (const value of [1, 2, 3, 700, 1499, 1500, 1501]) {
    for (const other of [0n, 5n]) {
      const data = { nr: 0, arch: 0, arguments: [BigInt(value * 3), other] };
      t.is(answer(root, data), walk(root, data));
    }
  }
  t.is(answer(root, { nr: 0, arch: 0, arguments: [4n, 0n] }), ERRNO | 1);
});

test('a table of numbers is searched by halving', (t) => {
  const decisions = new Decisions();
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 200 }), (starts) => {
      const stretches = [0, ...starts.sort((a, b) => a - b)].map(
        (from, index): Stretch => ({ from, decision: decisions.answer(ERRNO | (1 + (index % 3))) }),
      );
      const root = dispatch(stretches, wholeWord(0), decisions);
      for (let nr = 0; nr < 510; nr++) {
        let depth = 0;
        let at: Decision = root;
        while (at.kind === 'question') {
          at = (at.compare === 'eq' ? nr === at.k : nr >= at.k) ? at.yes : at.no;
          depth++;
        }
        t.true(at === stretches.findLast(({ from }) => from <= nr)?.decision);
        // Up to four single numbers are told apart one by one.
        t.true(depth <= Math.ceil(Math.log2(stretches.length)) + 4);
      }
    }),
    { numRuns: 100 },
  );
});
