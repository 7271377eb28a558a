import type { Instruction } from '../../src/lowering/seccomp/bpf.js';
import { BPF, DATA, RETURN } from '../../src/lowering/seccomp/bpf.js';

/**
 * What the kernel finds out when it loads a filter, to remember it in a bitmap: whether a number is permitted without a look at anything
 * but number and architecture. It follows those instructions alone that are handled here (kernel/seccomp.c, since Linux 5.11); at any other
 * it gives up, and runs the filter at each call.
 */
export function isConstantAllow(program: readonly Instruction[], nr: number, arch: number): boolean {
  let a = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const instruction = program[pc];
    if (instruction === undefined) break;
    const { code, jt, jf, k } = instruction;
    if (code === BPF.LD_W_ABS) {
      if (k !== DATA.nr && k !== DATA.arch) return false;
      a = (k === DATA.nr ? nr : arch) >>> 0;
    } else if (code === BPF.RET_K) return k === RETURN.allow;
    else if (code === BPF.AND_K) a = (a & k) >>> 0;
    else if (code === BPF.JA) pc += k;
    else if (code === BPF.JEQ_K) pc += a === k ? jt : jf;
    else if (code === BPF.JGE_K) pc += a >= k ? jt : jf;
    else if (code === BPF.JGT_K) pc += a > k ? jt : jf;
    else if (code === BPF.JSET_K) pc += (a & k) !== 0 ? jt : jf;
    else return false;
  }
  throw new RangeError('the filter ends without an answer');
}
