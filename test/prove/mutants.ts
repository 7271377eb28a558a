import type { Instruction } from '../../src/lowering/index.js';
import { decodeProgram, encodeProgram } from '../../src/lowering/index.js';

export interface Mutant {
  readonly kind: string;
  readonly at: number;
  readonly filter: Uint8Array;
}

const JUMPS = [0x15, 0x25, 0x35, 0x45];
const NOTHING: Instruction = { code: 0x05, jt: 0, jf: 0, k: 0 };

/** Every program that differs from the filter in one instruction, by the ways in which a lowering goes wrong. */
export function mutantsOf(filter: Uint8Array): readonly Mutant[] {
  const program = decodeProgram(filter);
  const seen = new Set([key(program)]);
  return program.flatMap((instruction, at) =>
    changesOf(instruction).flatMap(([kind, changed]): Mutant[] => {
      const mutated = program.with(at, changed);
      if (seen.has(key(mutated))) return [];
      seen.add(key(mutated));
      return [{ kind, at, filter: encodeProgram(mutated) }];
    }),
  );
}

function changesOf(instruction: Instruction): readonly (readonly [string, Instruction])[] {
  const { code, jt, jf, k } = instruction;
  const word = (value: number): Instruction => ({ ...instruction, k: value >>> 0 });
  if (JUMPS.includes(code)) {
    return [
      ...JUMPS.map((other): [string, Instruction] => ['another comparison', { ...instruction, code: other }]),
      ['yes and no exchanged', { ...instruction, jt: jf, jf: jt }],
      ['a jump too long', { ...instruction, jt: jt + 1 }],
      ['a jump too long', { ...instruction, jf: jf + 1 }],
      ['another number', word(k + 1)],
      ['another number', word(k - 1)],
      ['another number', word(k ^ 0x8000_0000)],
      ['always yes', { ...instruction, jf: jt }],
      ['always no', { ...instruction, jt: jf }],
    ];
  }
  switch (code) {
    case 0x54:
      return [
        ['a mask dropped', NOTHING],
        ['a bit more in a mask', word(k | (~k & -~k))],
        ['a bit less in a mask', word(k & (k - 1))],
        ['a mask inverted', word(~k)],
        ['a mask set, not cut', { ...instruction, code: 0x44 }],
      ];
    case 0x20:
      return [
        ['a load dropped', NOTHING],
        ['the other half', word(k ^ 4)],
        ['the next argument', word(k + 8)],
      ];
    case 0x06:
      // Only an error's own number says more than the action.
      return [0x7fff_0000, 0x7fc0_0000, 0x0005_0001, 0x0005_0026, 0x8000_0000].map((answer) => [
        'another answer',
        word(answer),
      ]);
    case 0x05:
      return [['a jump too long', word(k + 1)]];
    default:
      return [['an instruction dropped', NOTHING]];
  }
}

function key(program: readonly Instruction[]): string {
  return Buffer.from(encodeProgram(program)).toString('latin1');
}
