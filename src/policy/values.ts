import { hex, maskOf, toUnsigned } from '../common/index.js';
import type { Argument } from './calls.js';
import { signatureOf } from './calls.js';
import { allConstants, constantValue } from './constants.js';
import { valueSetLines, valueUseLines } from './data/values.js';

/** Fits where the bits of the mask have the value. */
export interface ValueName {
  readonly mask: bigint;
  readonly value: bigint;
  readonly name: string;
}

/** Names for the values of an argument, in the order in which they are tried; or how the number is written. */
export type ValueSet =
  | { readonly kind: 'names'; readonly name: string; readonly names: readonly ValueName[] }
  | { readonly kind: 'octal' | 'number'; readonly name: string };

/** A set that an argument's values are of, perhaps only where another argument has one of some values. */
export interface ValueUse {
  readonly set: ValueSet;
  readonly where: { readonly index: number; readonly values: readonly bigint[] } | undefined;
}

const WHOLE = maskOf(64);
const SETS: ReadonlyMap<string, ValueSet> = new Map<string, ValueSet>([
  ...valueSetLines().map(parseSet),
  ['octal', { kind: 'octal', name: 'octal' }],
  ['number', { kind: 'number', name: 'number' }],
]);
const USES: ReadonlyMap<string, readonly ValueUse[]> = parseUses();

function parseSet(line: string): [string, ValueSet] {
  const [name = '', rest = ''] = line.split(/: (.*)/s);
  const names: ValueName[] = [];
  for (const word of rest.split(' ')) {
    const [mask, choices] = word.includes(':') ? word.split(':') : [undefined, undefined];
    if (mask === undefined || choices === undefined) {
      names.push({ mask: known(word), value: known(word), name: word });
      continue;
    }
    const bits = mask === '*' ? WHOLE : mask.startsWith('0x') ? BigInt(mask) : known(mask);
    const taken = new Set<bigint>();
    for (const choice of choices.split(',').flatMap(expand)) {
      const value = known(choice);
      if (taken.has(value) || (value & ~bits) !== 0n) continue;
      taken.add(value);
      names.push({ mask: bits, value, name: choice });
    }
  }
  return [name, { kind: 'names', name, names }];
}

function expand(choice: string): readonly string[] {
  if (!choice.endsWith('*')) return [choice];
  const prefix = choice.slice(0, -1);
  // SIG* does not mean SIG_BLOCK.
  const other = prefix.endsWith('_') ? undefined : `${prefix}_`;
  return [...allConstants().keys()]
    .filter((name) => name.startsWith(prefix) && (other === undefined || !name.startsWith(other)))
    .sort();
}

function known(name: string): bigint {
  const value = constantValue(name);
  if (value === undefined) throw new TypeError(`values: there is no constant ${name}`);
  return toUnsigned(value, 64) ?? 0n;
}

function parseUses(): ReadonlyMap<string, readonly ValueUse[]> {
  const uses = new Map<string, ValueUse[]>();
  for (const line of valueUseLines()) {
    const [name = '', rest = ''] = line.split(/: (.*)/s);
    const set = SETS.get(name);
    if (set === undefined) throw new TypeError(`values: there is no set ${name}`);
    for (const word of rest.split(' ')) {
      const [, target = '', other, values] = /^([^@]+)(?:@(\w+)=(.*))?$/.exec(word) ?? [];
      const where =
        other === undefined || values === undefined
          ? undefined
          : { index: argumentOf(target, other).index, values: values.split(',').map(known) };
      argumentOf(target);
      uses.set(target, [...(uses.get(target) ?? []), { set, where }]);
    }
  }
  return uses;
}

function argumentOf(target: string, name = target.split('.')[1]): Argument {
  const argument = signatureOf(target.split('.')[0] ?? '')?.find((each) => each.name === name);
  if (argument === undefined) throw new TypeError(`values: there is no argument ${name} of ${target}`);
  return argument;
}

/** All sets of an argument, in the order in which they are tried; empty for those that rules have nothing to say about. */
export function valueUses(call: string, argument: Argument): readonly ValueUse[] {
  return USES.get(`${call}.${argument.name}`) ?? [];
}

/** The set that an argument's values are of in a call with these registers. */
export function valueSetOf(
  call: string,
  argument: Argument,
  registers: readonly bigint[],
): ValueSet | undefined {
  return valueUses(call, argument).find(
    ({ where }) =>
      where === undefined ||
      where.values.some((value) => (value & maskOf(32)) === ((registers[where.index] ?? 0n) & maskOf(32))),
  )?.set;
}

/** A value as profiles and records write it. */
export function valueText(set: ValueSet, value: bigint): string {
  if (set.kind !== 'names') {
    if (set.kind === 'octal') return value === 0n ? '0' : `0${value.toString(8)}`;
    return value < 1n << 16n ? value.toString() : hex(value);
  }
  const parts: string[] = [];
  let told = 0n;
  for (const { mask, value: wanted, name } of set.names) {
    if ((value & mask) !== wanted || (told & mask) !== 0n) continue;
    parts.push(name);
    told |= mask;
  }
  if ((value & ~told) !== 0n) parts.push(hex(value & ~told));
  return parts.length === 0 ? '0' : parts.join('|');
}
