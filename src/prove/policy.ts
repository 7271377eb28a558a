import type { Width } from '../common/index.js';
import type { ArgumentRow, Condition, Policy } from '../policy/index.js';
import { callNumber, signatureOf } from '../policy/index.js';
import type { Model } from './solver.js';
import type { Term, Terms } from './term.js';

/** One argument as the kernel looks at it: its two halves, cut to its width. */
export interface Halves {
  readonly low: Term;
  readonly high: Term;
}

const WORD = 0xffff_ffffn;

/** The evaluator's answer to a call as formulas over its arguments. */
export interface CallMeaning {
  readonly permitted: Term;
  /** Refused with this error and no record; these do not overlap. */
  readonly quiet: readonly { readonly condition: Term; readonly errno: string }[];
  /** Refused with EPERM. */
  readonly refused: Term;
}

/** What `decideCall` says of a call for all its arguments. */
export function meaningOf(policy: Policy, call: string, terms: Terms): CallMeaning {
  const rule = policy.calls.get(call);
  if (rule === undefined) {
    const permitted = terms.bool(policy.unnamed === 'permit' && callNumber(call) !== undefined);
    return { permitted, quiet: [], refused: terms.not(permitted) };
  }
  let rest: Term = terms.true;
  const quiet: { condition: Term; errno: string }[] = [];
  for (const row of rule.quiet) {
    const holds = rowTerm(row, terms);
    quiet.push({ condition: terms.and(rest, holds), errno: row.errno });
    rest = terms.and(rest, terms.not(holds));
  }
  const granted =
    rule.permit === 'all' ? terms.true : terms.or(...rule.permit.map((row) => rowTerm(row, terms)));
  return {
    permitted: terms.and(rest, granted),
    quiet: quiet.filter(({ condition }) => condition !== terms.false),
    refused: terms.and(rest, terms.not(granted)),
  };
}

function rowTerm(row: ArgumentRow, terms: Terms): Term {
  return terms.and(...row.tests.map((test) => conditionTerm(test.condition, halvesOf(test, terms), terms)));
}

/** An argument in as many bits as the kernel looks at. */
export function halvesOf(
  { index, width }: { readonly index: number; readonly width: Width },
  terms: Terms,
): Halves {
  const low = terms.variable(`a${index}_low`);
  if (width === 64) return { low, high: terms.variable(`a${index}_high`) };
  return {
    low: width === 16 ? terms.bvand(low, terms.constant(0xffff)) : low,
    high: terms.constant(0),
  };
}

/** That a condition holds. */
export function conditionTerm(condition: Condition, value: Halves, terms: Terms): Term {
  switch (condition.kind) {
    case 'masked': {
      const mask = halves(condition.mask, terms);
      const wanted = halves(condition.value, terms);
      return terms.and(
        terms.eq(terms.bvand(value.low, mask.low), wanted.low),
        terms.eq(terms.bvand(value.high, mask.high), wanted.high),
      );
    }
    case 'range':
      return terms.and(
        atLeast(value, halves(condition.from, terms), terms),
        atLeast(halves(condition.to, terms), value, terms),
      );
    case 'any':
      return terms.or(...condition.of.map((part) => conditionTerm(part, value, terms)));
    case 'all':
      return terms.and(...condition.of.map((part) => conditionTerm(part, value, terms)));
  }
}

function atLeast(a: Halves, b: Halves, terms: Terms): Term {
  return terms.or(terms.ugt(a.high, b.high), terms.and(terms.eq(a.high, b.high), terms.uge(a.low, b.low)));
}

function halves(value: bigint, terms: Terms): Halves {
  return { low: terms.constant(Number(value & WORD)), high: terms.constant(Number((value >> 32n) & WORD)) };
}

/** That an argument has a value in all its bits. */
export function argumentIs(index: number, value: bigint, terms: Terms, mask = 0xffff_ffff_ffff_ffffn): Term {
  const wanted = halves(BigInt.asUintN(64, value) & mask, terms);
  const looked = halves(mask, terms);
  return terms.and(
    terms.eq(terms.bvand(terms.variable(`a${index}_low`), looked.low), wanted.low),
    terms.eq(terms.bvand(terms.variable(`a${index}_high`), looked.high), wanted.high),
  );
}

/** The six arguments of a counterexample. */
export function argumentsOf(model: Model): readonly bigint[] {
  return [0, 1, 2, 3, 4, 5].map(
    (index) => (BigInt(model.get(`a${index}_high`) ?? 0) << 32n) | BigInt(model.get(`a${index}_low`) ?? 0),
  );
}

/** A call as people read it, with the kernel's names of the arguments. */
export function callText(call: string, values: readonly bigint[]): string {
  const names = signatureOf(call)?.map((argument) => argument.name) ?? [];
  const last = values.reduce((found, value, index) => (value === 0n ? found : index + 1), 0);
  const shown = values.slice(0, Math.max(names.length, last));
  const texts = shown.map((value, index) => {
    const name = names[index];
    return `${name === undefined ? '' : `${name}: `}0x${value.toString(16)}`;
  });
  return `${call}(${texts.join(', ')})`;
}
