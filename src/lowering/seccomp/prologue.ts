import type { Arch } from '../ports.js';
import type { Instruction } from './bpf.js';
import { BPF, DATA, encodeProgram } from './bpf.js';

/** AUDIT_ARCH_* of each architecture. */
export const AUDIT_ARCH: Readonly<Record<Arch, number>> = { x86_64: 0xc000003e };

/** Set in the numbers of x32 calls, which are another table; the filter's own check refuses them. */
const X32_BIT = 0x4000_0000;
const ENOSYS = 38;
const RET_ERRNO = 0x0005_0000;

/**
 * Puts a test before a filter that answers ENOSYS to the numbers that nobody knows. The filter's own default stays what
 * refused calls get, so that no rule has to spell out what it does not permit.
 */
export function withUnknownCalls(filter: Uint8Array, arch: Arch, known: readonly number[]): Uint8Array {
  const prologue = encodeProgram(unknownCallsTest(arch, known));
  const joined = new Uint8Array(prologue.byteLength + filter.byteLength);
  joined.set(prologue);
  joined.set(filter, prologue.byteLength);
  return joined;
}

function unknownCallsTest(arch: Arch, known: readonly number[]): readonly Instruction[] {
  const gaps = unknownRanges(known);
  // Two loads, the two checks before the gaps, two jumps and an answer for each gap.
  const length = 4 + gaps.length * 3;
  const program: Instruction[] = [];
  const skipRest = (): number => length - program.length - 1;
  program.push({ code: BPF.LD_W_ABS, jt: 0, jf: 0, k: DATA.arch });
  program.push({ code: BPF.JEQ_K, jt: 0, jf: skipRest(), k: AUDIT_ARCH[arch] });
  program.push({ code: BPF.LD_W_ABS, jt: 0, jf: 0, k: DATA.nr });
  program.push({ code: BPF.JGE_K, jt: skipRest(), jf: 0, k: X32_BIT });
  for (const [from, to] of gaps) {
    program.push({ code: BPF.JGE_K, jt: 0, jf: skipRest(), k: from });
    program.push({ code: BPF.JGT_K, jt: 1, jf: 0, k: to });
    program.push({ code: BPF.RET_K, jt: 0, jf: 0, k: RET_ERRNO | ENOSYS });
  }
  if (program.some((instruction) => instruction.jt > 255 || instruction.jf > 255)) {
    throw new RangeError('the table of calls has more gaps than a jump can cross');
  }
  return program;
}

/** The stretches of numbers below the x32 bit that are not in the list, in order. */
export function unknownRanges(known: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  let next = 0;
  for (const nr of [...known].sort((a, b) => a - b)) {
    if (nr > next) ranges.push([next, nr - 1]);
    next = nr + 1;
  }
  ranges.push([next, X32_BIT - 1]);
  return ranges;
}
