import { maskOf } from '../common/index.js';
import type { Arch } from './calls.js';
import { signatureOf } from './calls.js';
import { constantValue } from './constants.js';
import { MACHINES, openFlagWords, successorTable } from './data/machines.js';

/**
 * Profiles, records and the evaluator speak of a call as x86_64 has it. This is how an architecture has it: which register
 * holds an argument, and which bits are others there.
 */
export interface MachineArgument {
  /** As x86_64 has it. */
  readonly index: number;
  /** Where it is on this architecture. */
  readonly register: number;
  /** These bits stand for each other; what is not named is the same. */
  readonly swapped: readonly (readonly [number, number])[];
  /** The bits are others only where the argument `index` has this value, in 32 bits. */
  readonly where: { readonly index: number; readonly value: bigint } | undefined;
}

interface OpenFlags {
  readonly index: number;
  readonly where: MachineArgument['where'];
}

const OPEN_FLAGS: ReadonlyMap<string, OpenFlags> = new Map(openFlagWords().map(parseOpenFlags));
const SUCCESSORS = successorTable();
const INDICES = [0, 1, 2, 3, 4, 5];

function parseOpenFlags(word: string): [string, OpenFlags] {
  const [, call = '', name = '', other, constant = ''] = /^(\w+)\.(\w+)(?:@(\w+)=(\w+))?$/.exec(word) ?? [];
  const where =
    other === undefined
      ? undefined
      : { index: indexOf(call, other), value: BigInt.asUintN(32, constantValue(constant) ?? -1n) };
  return [call, { index: indexOf(call, name), where }];
}

function indexOf(call: string, name: string): number {
  const index = signatureOf(call)?.find((argument) => argument.name === name)?.index;
  if (index === undefined) throw new TypeError(`machines: there is no argument ${name} of ${call}`);
  return index;
}

/** The six arguments of a call as an architecture has them. */
export function machineArguments(call: string, arch: Arch): readonly MachineArgument[] {
  const { order, openBits } = MACHINES[arch];
  const flags = OPEN_FLAGS.get(call);
  const registers = order.get(call) ?? INDICES;
  return INDICES.map((index) => {
    const isFlags = flags?.index === index;
    return {
      index,
      register: registers[index] ?? index,
      swapped: isFlags ? openBits : [],
      where: isFlags ? flags.where : undefined,
    };
  });
}

/** Whether the architecture has the call exactly as x86_64 does. */
export function isAlike(call: string, arch: Arch): boolean {
  return machineArguments(call, arch).every(
    ({ index, register, swapped }) => index === register && swapped.length === 0,
  );
}

/** The values of a call's registers on an architecture, as the evaluator and every profile speak of them. */
export function canonicalArguments(
  call: string,
  arch: Arch,
  registers: readonly bigint[],
): readonly bigint[] {
  const table = machineArguments(call, arch);
  const placed = table.map(({ register }) => registers[register] ?? 0n);
  return table.map(({ swapped, where }, index) => {
    const value = placed[index] ?? 0n;
    const applies = where === undefined || BigInt.asUintN(32, placed[where.index] ?? 0n) === where.value;
    return applies ? swapBits(value, swapped) : value;
  });
}

/** A word with its bits exchanged pair by pair. */
export function swapBits(value: bigint, pairs: readonly (readonly [number, number])[]): bigint {
  const word = BigInt.asUintN(64, value);
  const moved = pairs.flatMap(([a, b]) => [BigInt(a), BigInt(b)]);
  const rest = moved.reduce((kept, bit) => kept & ~(1n << bit), maskOf(64));
  return pairs.reduce(
    (sum, [a, b]) =>
      sum | (((word >> BigInt(a)) & 1n) << BigInt(b)) | (((word >> BigInt(b)) & 1n) << BigInt(a)),
    word & rest,
  );
}

/** The call that programs make on an architecture that does not have this one; undefined where nothing stands for it. */
export function successorOf(call: string): string | undefined {
  return SUCCESSORS.get(call);
}
