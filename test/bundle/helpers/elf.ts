/** What a made-up ELF file should say of itself. */
export interface ElfWish {
  readonly type?: 'executable' | 'shared';
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  readonly pie?: boolean;
  readonly entry?: bigint;
  /** Bytes behind everything else, such as a tool's texts. */
  readonly payload?: string;
}

const HEADER = 64;
const PROGRAM_HEADER = 56;
const BASE = 0x10000n;

/** A minimal ELF file: headers, an interpreter's name, a dynamic section with its strings. It says all and runs nothing. */
export function makeElf(wish: ElfWish = {}): Buffer {
  const strings = [''];
  const offsetOf = (text: string): bigint => {
    strings.push(text);
    return BigInt(Buffer.byteLength(strings.slice(0, -1).join('\0')) + (strings.length > 1 ? 1 : 0));
  };
  const dynamic: [bigint, bigint][] = [];
  for (const name of wish.needed ?? []) dynamic.push([1n, offsetOf(name)]);
  if (wish.soname !== undefined) dynamic.push([14n, offsetOf(wish.soname)]);
  if (wish.rpath !== undefined) dynamic.push([15n, offsetOf(wish.rpath)]);
  if (wish.runpath !== undefined) dynamic.push([29n, offsetOf(wish.runpath)]);
  if (wish.pie === true) dynamic.push([0x6ffffffbn, 0x08000000n]);
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const interpreter = wish.interpreter === undefined ? Buffer.alloc(0) : Buffer.from(`${wish.interpreter}\0`);

  const headers = wish.interpreter === undefined ? 2 : 3;
  const interpreterAt = HEADER + headers * PROGRAM_HEADER;
  const tableAt = interpreterAt + interpreter.length;
  const dynamicAt = Math.ceil((tableAt + table.length) / 8) * 8;
  dynamic.push([5n, BASE + BigInt(tableAt)], [10n, BigInt(table.length)], [0n, 0n]);
  const dynamicBytes = Buffer.alloc(dynamic.length * 16);
  dynamic.forEach(([tag, value], index) => {
    dynamicBytes.writeBigUInt64LE(tag, index * 16);
    dynamicBytes.writeBigUInt64LE(value, index * 16 + 8);
  });
  const payload = Buffer.from(wish.payload ?? '');
  const size = dynamicAt + dynamicBytes.length + payload.length;

  const file = Buffer.alloc(size);
  file.write('\x7fELF', 0, 'latin1');
  file.set([2, 1, 1], 4);
  file.writeUInt16LE(wish.type === 'executable' ? 2 : 3, 16);
  file.writeUInt16LE(wish.machine ?? 62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(wish.entry ?? 0n, 24);
  file.writeBigUInt64LE(BigInt(HEADER), 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(PROGRAM_HEADER, 54);
  file.writeUInt16LE(headers, 56);
  const segment = (index: number, type: number, offset: number, length: number): void => {
    const at = HEADER + index * PROGRAM_HEADER;
    file.writeUInt32LE(type, at);
    file.writeUInt32LE(4, at + 4);
    file.writeBigUInt64LE(BigInt(offset), at + 8);
    file.writeBigUInt64LE(BASE + BigInt(offset), at + 16);
    file.writeBigUInt64LE(BASE + BigInt(offset), at + 24);
    file.writeBigUInt64LE(BigInt(length), at + 32);
    file.writeBigUInt64LE(BigInt(length), at + 40);
    file.writeBigUInt64LE(8n, at + 48);
  };
  segment(0, 1, 0, size);
  segment(1, 2, dynamicAt, dynamicBytes.length);
  if (wish.interpreter !== undefined) segment(2, 3, interpreterAt, interpreter.length);
  file.set(interpreter, interpreterAt);
  file.set(table, tableAt);
  file.set(dynamicBytes, dynamicAt);
  file.set(payload, dynamicAt + dynamicBytes.length);
  return file;
}
