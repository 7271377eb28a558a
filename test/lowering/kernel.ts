import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeProgram, encodeProgram } from '../../src/lowering/seccomp/bpf.js';
import type { SeccompData, Verdict } from '../../src/lowering/seccomp/index.js';

/** The running kernel as a decider: filters are loaded for real, and no call is performed. */
export interface Kernel {
  /** What each filter answers to its calls, as `simulate` would say it. */
  decide(jobs: readonly Job[]): readonly (readonly Verdict[])[];
  close(): void;
}

export interface Job {
  readonly filter: Uint8Array;
  readonly calls: readonly SeccompData[];
}

const RET = 0x06;
const ERRNO = 0x0005_0000;
/** Above the kernel's own errors, one for each answer of the filter. */
const FIRST = 2000;
const CALL_BYTES = 56;

const ACTIONS: ReadonlyMap<number, Verdict['action']> = new Map([
  [0x8000_0000, 'kill-process'],
  [0x0005_0000, 'errno'],
  [0x7fc0_0000, 'notify'],
  [0x7fff_0000, 'allow'],
]);

export function startKernel(): Kernel {
  const folder = mkdtempSync(join(tmpdir(), 'vxe-kernel-'));
  const helper = join(folder, 'decides');
  const warnings = ['-std=c17', '-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];
  execFileSync('gcc', [...warnings, '-o', helper, 'test/lowering/kernel_decides.c']);
  return {
    decide: (jobs) => {
      const coded = jobs.map(({ filter, calls }) => ({ ...withErrors(filter), calls }));
      const output = execFileSync(helper, {
        input: Buffer.concat(coded.map(({ filter, calls }) => jobBytes(filter, calls))),
        maxBuffer: 1 << 30,
      });
      let at = 0;
      return coded.map(({ answers, calls }) =>
        calls.map((): Verdict => {
          const found = answers.get(output.readUInt32LE(at));
          at += 4;
          if (found === undefined)
            throw new Error(`the kernel answers what no filter says: ${output.readUInt32LE(at - 4)}`);
          return found;
        }),
      );
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The same program with an error of its own for each answer. */
function withErrors(filter: Uint8Array): { filter: Uint8Array; answers: ReadonlyMap<number, Verdict> } {
  const codes = new Map<number, number>();
  const answers = new Map<number, Verdict>();
  const program = decodeProgram(filter).map((instruction) => {
    const { code, k } = instruction;
    if (code !== RET) return instruction;
    const errno = codes.get(k) ?? FIRST + codes.size;
    codes.set(k, errno);
    const action = ACTIONS.get((k & 0xffff_0000) >>> 0);
    if (action === undefined) throw new Error(`no filter of VXE answers 0x${k.toString(16)}`);
    answers.set(errno, { action, data: k & 0xffff });
    return { ...instruction, k: ERRNO | errno };
  });
  return { filter: encodeProgram(program), answers };
}

function jobBytes(filter: Uint8Array, calls: readonly SeccompData[]): Buffer {
  const bytes = Buffer.alloc(8 + filter.byteLength + calls.length * CALL_BYTES);
  bytes.writeUInt32LE(filter.byteLength / 8, 0);
  bytes.writeUInt32LE(calls.length, 4);
  bytes.set(filter, 8);
  for (const [index, call] of calls.entries()) {
    const at = 8 + filter.byteLength + index * CALL_BYTES;
    bytes.writeUInt32LE(call.nr >>> 0, at);
    bytes.writeUInt32LE(call.arch, at + 4);
    for (let argument = 0; argument < 6; argument++)
      bytes.writeBigUInt64LE(call.arguments[argument] ?? 0n, at + 8 + argument * 8);
  }
  return bytes;
}
