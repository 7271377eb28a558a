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

/** Walks the types of a BTF image in the byte order of this machine's kernels. */
export function functionNumber(data: Buffer, name: string): number | undefined {
  if (data.length < 24 || data.readUInt16LE(0) !== MAGIC) return undefined;
  const head = data.readUInt32LE(4);
  const types = head + data.readUInt32LE(8);
  const end = types + data.readUInt32LE(12);
  const strings = head + data.readUInt32LE(16);
  const wanted = Buffer.from(`${name}\0`);
  if (end > data.length) return undefined;
  for (let at = types, id = 1; at + 12 <= end; id++) {
    const info = data.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const tail = TAILS.get(kind);
    if (kind === KIND_FUNC) {
      const text = strings + data.readUInt32LE(at);
      if (data.subarray(text, text + wanted.length).equals(wanted)) return id;
    }
    at += 12 + (tail === undefined ? 0 : tail.fixed + tail.each * (info & 0xffff));
  }
  return undefined;
}
