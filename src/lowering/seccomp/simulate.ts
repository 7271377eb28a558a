import type { Instruction } from './bpf.js';
import { BPF, DATA, decodeProgram } from './bpf.js';

/** struct seccomp_data, as values. */
export interface SeccompData {
  readonly nr: number;
  /** AUDIT_ARCH_* */
  readonly arch: number;
  readonly arguments: readonly bigint[];
  readonly instructionPointer?: bigint;
}

/** What a filter answers, split as the kernel splits it. */
export interface Verdict {
  readonly action: 'allow' | 'errno' | 'notify' | 'kill-process' | 'kill-thread' | 'trap' | 'log' | 'trace';
  /** The low 16 bits: for errno, the error number. */
  readonly data: number;
}

const ACTIONS: ReadonlyMap<number, Verdict['action']> = new Map([
  [0x8000_0000, 'kill-process'],
  [0x0000_0000, 'kill-thread'],
  [0x0003_0000, 'trap'],
  [0x0005_0000, 'errno'],
  [0x7fc0_0000, 'notify'],
  [0x7ff0_0000, 'trace'],
  [0x7ffc_0000, 'log'],
  [0x7fff_0000, 'allow'],
]);

/** Runs a filter on one call without a kernel. What the kernel's checker would refuse to load is thrown. */
export function simulate(filter: Uint8Array, data: SeccompData): Verdict {
  return simulateProgram(decodeProgram(filter), data);
}

/** The same for a filter that is decoded already. */
export function simulateProgram(program: readonly Instruction[], data: SeccompData): Verdict {
  const answer = run(program, layOut(data));
  const action = ACTIONS.get((answer & 0xffff_0000) >>> 0);
  if (action === undefined)
    throw new RangeError(`the filter answers 0x${answer.toString(16)}, which is no action`);
  return { action, data: answer & 0xffff };
}

function layOut(data: SeccompData): DataView {
  const view = new DataView(new ArrayBuffer(DATA.size));
  view.setInt32(DATA.nr, data.nr | 0, true);
  view.setUint32(DATA.arch, data.arch >>> 0, true);
  view.setBigUint64(DATA.instructionPointer, data.instructionPointer ?? 0n, true);
  for (let index = 0; index < 6; index++) {
    view.setBigUint64(DATA.arguments + 8 * index, BigInt.asUintN(64, data.arguments[index] ?? 0n), true);
  }
  return view;
}

function run(program: readonly Instruction[], data: DataView): number {
  const memory = new Uint32Array(16);
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc] as Instruction;
    switch (code) {
      case BPF.LD_W_ABS:
        if (k % 4 !== 0 || k > DATA.size - 4)
          throw new RangeError(`instruction ${pc} loads from outside the call's data`);
        a = data.getUint32(k, true);
        break;
      case BPF.LD_IMM:
        a = k;
        break;
      case BPF.LDX_IMM:
        x = k;
        break;
      case BPF.LD_MEM:
        a = memory[k & 15] ?? 0;
        break;
      case BPF.LDX_MEM:
        x = memory[k & 15] ?? 0;
        break;
      case BPF.ST:
        memory[k & 15] = a;
        break;
      case BPF.STX:
        memory[k & 15] = x;
        break;
      case BPF.ADD_K:
        a = (a + k) >>> 0;
        break;
      case BPF.AND_K:
        a = (a & k) >>> 0;
        break;
      case BPF.AND_X:
        a = (a & x) >>> 0;
        break;
      case BPF.OR_K:
        a = (a | k) >>> 0;
        break;
      case BPF.TAX:
        x = a;
        break;
      case BPF.TXA:
        a = x;
        break;
      case BPF.JA:
        pc += k;
        break;
      case BPF.JEQ_K:
        pc += a === k ? jt : jf;
        break;
      case BPF.JGT_K:
        pc += a > k ? jt : jf;
        break;
      case BPF.JGE_K:
        pc += a >= k ? jt : jf;
        break;
      case BPF.JSET_K:
        pc += (a & k) !== 0 ? jt : jf;
        break;
      case BPF.RET_K:
        return k;
      case BPF.RET_A:
        return a;
      default:
        throw new RangeError(
          `instruction ${pc} has the opcode 0x${code.toString(16)}, which no filter of VXE has`,
        );
    }
  }
  throw new RangeError('the filter ends without an answer');
}
