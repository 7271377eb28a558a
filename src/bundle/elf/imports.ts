import type { RandomBytes } from './bytes.js';
import { ElfError, isElf } from './parse.js';

const SHT_DYNSYM = 11;
const SECTION = 64;
const SYMBOL = 24;

// A file is untrusted: ceilings far above what linkers write.
const MAX_SECTIONS = 4096;
const MAX_TABLE = 16 * 1024 * 1024;
const MAX_NAME = 4096;

/**
 * The names that a program takes from its libraries: the undefined symbols of its dynamic symbol table. Undefined where it has none, as a
 * statically linked one, or where its section headers were stripped, by which the table is found.
 */
export function importsIn(bytes: RandomBytes): readonly string[] | undefined {
  if (!isElf(bytes)) return undefined;
  const header = part(bytes, 0n, 64n);
  const count = header.readUInt16LE(60);
  const at = header.readBigUInt64LE(40);
  if (header[4] !== 2 || header[5] !== 1 || at === 0n || count === 0 || header.readUInt16LE(58) !== SECTION)
    return undefined;
  if (count > MAX_SECTIONS) throw new ElfError(`broken: ${count} section headers`);
  const sections = part(bytes, at, BigInt(count * SECTION));
  for (let index = 0; index < count; index++) {
    const section = sections.subarray(index * SECTION, (index + 1) * SECTION);
    if (section.readUInt32LE(4) !== SHT_DYNSYM) continue;
    const link = section.readUInt32LE(40);
    if (link >= count) throw new ElfError('broken: its symbols have no names');
    return undefinedNames(
      table(bytes, section),
      table(bytes, sections.subarray(link * SECTION, (link + 1) * SECTION)),
    );
  }
  return undefined;
}

function undefinedNames(symbols: Buffer, names: Buffer): readonly string[] {
  const found = new Set<string>();
  for (let at = 0; at + SYMBOL <= symbols.length; at += SYMBOL) {
    const name = symbols.readUInt32LE(at);
    if (name === 0 || symbols.readUInt16LE(at + 6) !== 0) continue;
    const end = names.indexOf(0, name);
    if (name >= names.length || end < 0 || end - name > MAX_NAME)
      throw new ElfError('broken: the name of a symbol lies outside its table');
    found.add(names.toString('latin1', name, end));
  }
  return [...found].sort();
}

function table(bytes: RandomBytes, section: Buffer): Buffer {
  return part(bytes, section.readBigUInt64LE(24), section.readBigUInt64LE(32));
}

function part(bytes: RandomBytes, offset: bigint, length: bigint): Buffer {
  if (length > BigInt(MAX_TABLE)) throw new ElfError('broken: a table of symbols is too large');
  if (offset + length > BigInt(bytes.size)) throw new ElfError('cut short: a table lies beyond its end');
  return bytes.read(Number(offset), Number(length));
}
