import type { Width } from '../../common/index.js';
import { maskOf } from '../../common/index.js';
import type { ArgumentRow, Condition } from '../../policy/index.js';
import { DATA } from './bpf.js';

/** One word of struct seccomp_data, and the bits of it that are looked at. */
export interface Load {
  readonly offset: number;
  readonly mask: number;
}

/** The filter's answer, as the kernel's return value. */
export interface Answer {
  readonly kind: 'answer';
  readonly id: number;
  readonly value: number;
}

/** A question about one word, and what comes of yes and of no. */
export interface Question {
  readonly kind: 'question';
  readonly id: number;
  readonly load: Load;
  readonly compare: 'eq' | 'ge';
  readonly k: number;
  readonly yes: Decision;
  readonly no: Decision;
}

/** A filter as a graph without cycles. Equal parts are one object. */
export type Decision = Answer | Question;

export const WHOLE = 0xffff_ffff;
const WORD = 0xffff_ffffn;

/** Makes decisions, leaves out questions that decide nothing, and keeps equal ones together. */
export class Decisions {
  readonly #known = new Map<string, Decision>();

  answer(value: number): Answer {
    const key = `answer ${value}`;
    const seen = this.#known.get(key);
    if (seen?.kind === 'answer') return seen;
    const made: Answer = { kind: 'answer', id: this.#known.size, value };
    this.#known.set(key, made);
    return made;
  }

  question(load: Load, compare: Question['compare'], k: number, yes: Decision, no: Decision): Decision {
    if (yes === no) return yes;
    if (compare === 'ge' && k === 0) return yes;
    if (compare === 'ge' && k > load.mask) return no;
    if (compare === 'eq' && (k & ~load.mask) !== 0) return no;
    if (load.mask === 0) return yes;
    const key = `${load.offset} ${load.mask} ${compare} ${k} ${yes.id} ${no.id}`;
    const seen = this.#known.get(key);
    if (seen !== undefined) return seen;
    const made: Question = { kind: 'question', id: this.#known.size, load, compare, k, yes, no };
    this.#known.set(key, made);
    return made;
  }

  /** `yes` where all tests of the row hold. */
  row(row: ArgumentRow, yes: Decision, no: Decision): Decision {
    return row.tests.reduceRight<Decision>(
      (rest, { index, width, condition }) =>
        this.#condition(condition, { at: DATA.arguments + 8 * index, width }, rest, no),
      yes,
    );
  }

  #condition(condition: Condition, argument: Place, yes: Decision, no: Decision): Decision {
    switch (condition.kind) {
      case 'masked':
        return this.#masked(condition.mask, condition.value, argument, yes, no);
      case 'range': {
        const tooHigh = this.#atLeast(condition.to + 1n, argument, no, yes);
        return this.#atLeast(condition.from, argument, tooHigh, no);
      }
      case 'any':
        return condition.of.reduceRight<Decision>(
          (rest, part) => this.#condition(part, argument, yes, rest),
          no,
        );
      case 'all':
        return condition.of.reduceRight<Decision>(
          (rest, part) => this.#condition(part, argument, rest, no),
          yes,
        );
    }
  }

  #masked(mask: bigint, value: bigint, { at, width }: Place, yes: Decision, no: Decision): Decision {
    const looked = mask & maskOf(width);
    if ((value & ~looked) !== 0n) return no;
    const half = (offset: number, shift: bigint, then: Decision): Decision => {
      const bits = Number((looked >> shift) & WORD);
      return this.question({ offset, mask: bits }, 'eq', Number((value >> shift) & WORD), then, no);
    };
    return half(at, 0n, half(at + 4, 32n, yes));
  }

  #atLeast(bound: bigint, { at, width }: Place, yes: Decision, no: Decision): Decision {
    if (bound <= 0n) return yes;
    if (bound > maskOf(width)) return no;
    const looked: Load = { offset: at, mask: width === 16 ? 0xffff : WHOLE };
    const low = this.question(looked, 'ge', Number(bound & WORD), yes, no);
    if (width !== 64) return low;
    const high: Load = { offset: at + 4, mask: WHOLE };
    const top = Number(bound >> 32n);
    const equal = top === 0 ? low : this.question(high, 'eq', top, low, no);
    return top === WHOLE ? equal : this.question(high, 'ge', top + 1, yes, equal);
  }
}

/** Where an argument lies, and how many of its bits the kernel looks at. */
interface Place {
  readonly at: number;
  readonly width: Width;
}
