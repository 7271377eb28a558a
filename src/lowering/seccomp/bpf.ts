/** One instruction of classic BPF, as struct sock_filter has it. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const INSTRUCTION_BYTES = 8;

/** The opcodes that seccomp programs consist of. */
export const BPF = {
  LD_W_ABS: 0x20,
  LD_IMM: 0x00,
  LD_MEM: 0x60,
  LDX_IMM: 0x01,
  LDX_MEM: 0x61,
  ST: 0x02,
  STX: 0x03,
  ADD_K: 0x04,
  AND_K: 0x54,
  AND_X: 0x5c,
  OR_K: 0x44,
  JA: 0x05,
  JEQ_K: 0x15,
  JGT_K: 0x25,
  JGE_K: 0x35,
  JSET_K: 0x45,
  RET_K: 0x06,
  RET_A: 0x16,
  TAX: 0x07,
  TXA: 0x87,
} as const;

/** SECCOMP_RET_*; an error's number is in the low bits. */
export const RETURN = { notify: 0x7fc0_0000, errno: 0x0005_0000, allow: 0x7fff_0000 } as const;

/** Offsets in struct seccomp_data. */
export const DATA = { nr: 0, arch: 4, instructionPointer: 8, arguments: 16, size: 64 } as const;

/** Both architectures that VXE knows of are little-endian, and so is the host that runs this. */
export function decodeProgram(bytes: Uint8Array): readonly Instruction[] {
  if (bytes.byteLength === 0 || bytes.byteLength % INSTRUCTION_BYTES !== 0) {
    throw new RangeError(`a filter of ${bytes.byteLength} bytes is not a list of instructions`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / INSTRUCTION_BYTES }, (_, index) => {
    const at = index * INSTRUCTION_BYTES;
    return {
      code: view.getUint16(at, true),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
}

export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, instruction] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, instruction.code, true);
    view.setUint8(at + 2, instruction.jt);
    view.setUint8(at + 3, instruction.jf);
    view.setUint32(at + 4, instruction.k, true);
  }
  return bytes;
}
