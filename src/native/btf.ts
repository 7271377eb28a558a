import { readFileSync } from 'node:fs';

const MAGIC = 0xeb9f;
const KIND_FUNC = 12;

/** Bytes that follow the head of a type, by kind; `each` for every member. */
const TAILS: ReadonlyMap<number, { readonly fixed: number; readonly each: number }> = new Map([
  [1, { fixed: 4, each: 0 }],
  [3, { fixed: 12, each: 0 }],
  [4, { fixed: 0, each: 12 }],
  [5, { fixed: 0, each: 12 }],
  [6, { fixed: 0, each: 8 }],
  [13, { fixed: 0, each: 8 }],
  [14, { fixed: 4, each: 0 }],
  [15, { fixed: 0, each: 12 }],
  [17, { fixed: 4, each: 0 }],
  [19, { fixed: 0, each: 12 }],
]);

/** The number of a kernel function in the kernel's own type information; undefined where there is none. */
export function kernelFunction(name: string, file = '/sys/kernel/btf/vmlinux'): number | undefined {
  let data: Buffer;
  try {
    data = readFileSync(file);
  } catch {
    return undefined;
  }
  return functionNumber(data, name);
}

/** A type of a BTF image. */
export interface KernelType {
  readonly id: number;
  readonly kind: number;
  readonly name: () => string;
  /** What follows the type's head, such as the values of an enumeration. */
  readonly members: Buffer;
  /** The string at an offset that a member has. */
  readonly textAt: (offset: number) => string;
}

/** The number of a function in a BTF image. */
export function functionNumber(data: Buffer, name: string): number | undefined {
  for (const type of kernelTypes(data)) if (type.kind === KIND_FUNC && type.name() === name) return type.id;
  return undefined;
}

/** The types of a BTF image in the byte order of this machine's kernels; of what is none, nothing. */
export function* kernelTypes(data: Buffer): Generator<KernelType> {
  if (data.length < 24 || data.readUInt16LE(0) !== MAGIC) return;
  const head = data.readUInt32LE(4);
  const types = head + data.readUInt32LE(8);
  const end = types + data.readUInt32LE(12);
  const strings = head + data.readUInt32LE(16);
  if (end > data.length) return;
  const textAt = (offset: number): string => {
    const start = strings + offset;
    return data.toString('latin1', start, data.indexOf(0, start));
  };
  for (let at = types, id = 1; at + 12 <= end; id++) {
    const info = data.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const tail = TAILS.get(kind);
    const next = at + 12 + (tail === undefined ? 0 : tail.fixed + tail.each * (info & 0xffff));
    const name = data.readUInt32LE(at);
    yield { id, kind, name: () => textAt(name), members: data.subarray(at + 12, next), textAt };
    at = next;
  }
}
