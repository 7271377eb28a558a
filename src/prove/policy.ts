import type { Width } from '../common/index.js';
import type { Arch, ArgumentRow, Condition, MachineArgument, Policy } from '../policy/index.js';
import { callNumber, machineArguments, signatureOf } from '../policy/index.js';
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

/** What `decideCall` says of a call for all values of an architecture's registers. */
export function meaningOf(policy: Policy, call: string, terms: Terms, arch: Arch = 'x86_64'): CallMeaning {
  const table = machineArguments(call, arch);
  const rule = policy.calls.get(call);
  if (rule === undefined) {
    const permitted = terms.bool(policy.unnamed === 'permit' && callNumber(call) !== undefined);
    return { permitted, quiet: [], refused: terms.not(permitted) };
  }
  let rest: Term = terms.true;
  const quiet: { condition: Term; errno: string }[] = [];
  for (const row of rule.quiet) {
    const holds = rowTerm(row, terms, table);
    quiet.push({ condition: terms.and(rest, holds), errno: row.errno });
    rest = terms.and(rest, terms.not(holds));
  }
  const granted =
    rule.permit === 'all' ? terms.true : terms.or(...rule.permit.map((row) => rowTerm(row, terms, table)));
  return {
    permitted: terms.and(rest, granted),
    quiet: quiet.filter(({ condition }) => condition !== terms.false),
    refused: terms.and(rest, terms.not(granted)),
  };
}

/** That one of the rows holds. */
export function rowsTerm(
  rows: readonly ArgumentRow[],
  call: string,
  terms: Terms,
  arch: Arch = 'x86_64',
): Term {
  const table = machineArguments(call, arch);
  return terms.or(...rows.map((row) => rowTerm(row, terms, table)));
}

function rowTerm(row: ArgumentRow, terms: Terms, table: readonly MachineArgument[]): Term {
  return terms.and(
    ...row.tests.map((test) => conditionTerm(test.condition, halvesOf(test, terms, table), terms)),
  );
}

/** An argument in as many bits as the kernel looks at. */
export function halvesOf(
  { index, width }: { readonly index: number; readonly width: Width },
  terms: Terms,
  table: readonly MachineArgument[] = [],
): Halves {
  const { low, high } = argumentTerm(index, terms, table);
  if (width === 64) return { low, high };
  return {
    low: width === 16 ? terms.bvand(low, terms.constant(0xffff)) : low,
    high: terms.constant(0),
  };
}

/** An argument as the policy speaks of it, from the registers that it is made of. */
function argumentTerm(index: number, terms: Terms, table: readonly MachineArgument[]): Halves {
  const argument = table[index];
  const register = argument?.register ?? index;
  const low = terms.variable(`a${register}_low`);
  const high = terms.variable(`a${register}_high`);
  if (argument === undefined || argument.swapped.length === 0) return { low, high };
  const swapped = swappedTerm(low, argument.swapped, terms);
  const { where } = argument;
  if (where === undefined) return { low: swapped, high };
  const asked = argumentTerm(where.index, terms, table).low;
  return { low: terms.ite(terms.eq(asked, terms.constant(Number(where.value))), swapped, low), high };
}

function swappedTerm(word: Term, pairs: MachineArgument['swapped'], terms: Terms): Term {
  const moved = pairs.flatMap(([a, b]) => [
    [a, b],
    [b, a],
  ]);
  const rest = moved.reduce((kept, [from = 0]) => kept & ~(1 << from), -1);
  const none = terms.constant(0);
  return moved.reduce(
    (sum, [from = 0, to = 0]) => {
      const isSet = terms.not(terms.eq(terms.bvand(word, terms.constant(1 << from)), none));
      return terms.bvor(sum, terms.ite(isSet, terms.constant(1 << to), none));
    },
    terms.bvand(word, terms.constant(rest)),
  );
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
export function argumentIs(
  index: number,
  value: bigint,
  terms: Terms,
  mask = 0xffff_ffff_ffff_ffffn,
  table: readonly MachineArgument[] = [],
): Term {
  const wanted = halves(BigInt.asUintN(64, value) & mask, terms);
  const looked = halves(mask, terms);
  const argument = argumentTerm(index, terms, table);
  return terms.and(
    terms.eq(terms.bvand(argument.low, looked.low), wanted.low),
    terms.eq(terms.bvand(argument.high, looked.high), wanted.high),
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
