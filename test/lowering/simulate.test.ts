import test from 'ava';
import type { Instruction } from '../../src/lowering/seccomp/bpf.js';
import { BPF, decodeProgram, encodeProgram } from '../../src/lowering/seccomp/bpf.js';
import { simulate } from '../../src/lowering/seccomp/simulate.js';

const X86_64 = 0xc000003e;
const ALLOW = 0x7fff0000;

function op(code: number, k = 0, jt = 0, jf = 0): Instruction {
  return { code, jt, jf, k };
}

const ret = op(BPF.RET_A);
const call = { nr: 41, arch: X86_64, arguments: [2n, 0x1_0000_0005n, 0xffff_ffff_ffff_ffffn] };

/** Programs that answer with the accumulator, so that each shows one instruction; the answer's low half is compared. */
const rows: readonly [string, readonly Instruction[], number][] = [
  ['loads the number', [op(BPF.LD_W_ABS, 0), ret], 41],
  ['loads the low half of an argument', [op(BPF.LD_W_ABS, 24), ret], 5],
  ['loads the high half of an argument', [op(BPF.LD_W_ABS, 28), ret], 1],
  ['loads a constant', [op(BPF.LD_IMM, 7), ret], 7],
  ['adds and wraps', [op(BPF.LD_IMM, 0xffff_ffff), op(BPF.ADD_K, 3), ret], 2],
  ['masks by a constant', [op(BPF.LD_IMM, 0xff), op(BPF.AND_K, 0x0f), ret], 0x0f],
  ['masks by the index', [op(BPF.LDX_IMM, 0x3), op(BPF.LD_IMM, 0xff), op(BPF.AND_X), ret], 3],
  ['sets bits', [op(BPF.LD_IMM, 1), op(BPF.OR_K, 4), ret], 5],
  [
    'stores and loads memory',
    [op(BPF.LD_IMM, 9), op(BPF.ST, 3), op(BPF.LD_IMM, 0), op(BPF.LD_MEM, 3), ret],
    9,
  ],
  ['copies to the index and back', [op(BPF.LD_IMM, 9), op(BPF.TAX), op(BPF.LD_IMM, 0), op(BPF.TXA), ret], 9],
  [
    'stores the index',
    [op(BPF.LDX_IMM, 8), op(BPF.STX, 1), op(BPF.LDX_IMM, 0), op(BPF.LDX_MEM, 1), op(BPF.TXA), ret],
    8,
  ],
  ['jumps always', [op(BPF.LD_IMM, 1), op(BPF.JA, 1), op(BPF.LD_IMM, 2), ret], 1],
  ['jumps if equal', [op(BPF.LD_IMM, 1), op(BPF.JEQ_K, 1, 1, 0), op(BPF.LD_IMM, 2), ret], 1],
  ['jumps if not equal', [op(BPF.LD_IMM, 1), op(BPF.JEQ_K, 3, 0, 1), op(BPF.LD_IMM, 2), ret], 1],
  [
    'compares without sign',
    [op(BPF.LD_IMM, 0x8000_0000), op(BPF.JGT_K, 5, 1, 0), op(BPF.LD_IMM, 2), op(BPF.AND_K, 0xff), ret],
    0,
  ],
  ['greater is not equal', [op(BPF.LD_IMM, 5), op(BPF.JGT_K, 5, 1, 0), op(BPF.LD_IMM, 2), ret], 2],
  ['greater or equal', [op(BPF.LD_IMM, 5), op(BPF.JGE_K, 5, 1, 0), op(BPF.LD_IMM, 2), ret], 5],
  ['tests bits', [op(BPF.LD_IMM, 6), op(BPF.JSET_K, 4, 1, 0), op(BPF.LD_IMM, 2), ret], 6],
];

for (const [what, program, expected] of rows) {
  test(`the simulator ${what}`, (t) => {
    // The answer is an action's low half only if the high half is an action: put one there.
    const tagged = [...program.slice(0, -1), op(BPF.AND_K, 0xffff), op(BPF.OR_K, 0x0005_0000), ret];
    t.is(simulate(encodeProgram(tagged), call).data, expected);
  });
}

const bad: readonly [string, readonly Instruction[]][] = [
  ['a program without an answer', [op(BPF.LD_IMM, 1)]],
  ['a load behind the data', [op(BPF.LD_W_ABS, 64), ret]],
  ['a load that is not aligned', [op(BPF.LD_W_ABS, 2), ret]],
  ['an opcode that no filter has', [op(0xff), ret]],
  ['an answer that is no action', [op(BPF.RET_K, 0x1234_0000)]],
  ['an empty program', []],
];

for (const [what, program] of bad) {
  test(`the simulator refuses ${what}`, (t) => {
    t.throws(() => simulate(encodeProgram(program), call), { instanceOf: RangeError });
  });
}

test('a program survives the way through bytes', (t) => {
  const program = [
    op(BPF.LD_W_ABS, 4),
    op(BPF.JEQ_K, X86_64, 1, 255),
    op(BPF.RET_K, 0x8000_0000),
    op(BPF.RET_K, ALLOW),
  ];
  t.deepEqual(decodeProgram(encodeProgram(program)), program);
});
