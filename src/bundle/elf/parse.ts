import type { RandomBytes } from './bytes.js';

/** The machines that VXE knows the search paths of. */
export type Machine = 'x86_64' | 'aarch64' | 'riscv64';

/** What the loader would learn from a file's headers. */
export interface ElfFile {
  readonly machine: Machine;
  /** `executable` is ET_EXEC; a position-independent program is `shared` with an interpreter or DF_1_PIE. */
  readonly type: 'executable' | 'shared';
  /** It is meant to be started: ET_EXEC, marked PIE, or asking for an interpreter. */
  readonly program: boolean;
  /** Its entry point; 0 when it cannot be started. */
  readonly entry: bigint;
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  readonly needed: readonly string[];
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

export class ElfError extends Error {}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const ET_EXEC = 2;
const ET_DYN = 3;
const DT = {
  NULL: 0n,
  NEEDED: 1n,
  STRTAB: 5n,
  STRSZ: 10n,
  SONAME: 14n,
  RPATH: 15n,
  RUNPATH: 29n,
  FLAGS_1: 0x6ffffffbn,
};
const DF_1_PIE = 0x08000000n;
const MACHINES: ReadonlyMap<number, Machine> = new Map([
  [62, 'x86_64'],
  [183, 'aarch64'],
  [243, 'riscv64'],
]);

// A file is untrusted: every table has a ceiling far above what linkers write.
const MAX_HEADERS = 512;
const MAX_DYNAMIC = 65536;
const MAX_STRINGS = 16 * 1024 * 1024;
const MAX_STRING = 4096;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileSize: number;
}

/** Whether the first bytes are ELF's magic number. */
export function isElf(bytes: RandomBytes): boolean {
  return bytes.size >= 4 && bytes.read(0, 4).toString('latin1') === '\x7fELF';
}

/** Reads the headers that decide what is loaded with a program; throws `ElfError` on anything malformed. */
export function parseElf(bytes: RandomBytes): ElfFile {
  if (!isElf(bytes)) throw new ElfError('not an ELF file');
  const header = exactly(bytes, 0, 64, 'the ELF header');
  if (header[4] === 1) throw new ElfError('a 32-bit ELF file, which VXE does not support');
  if (header[4] !== 2) throw new ElfError('of an unknown ELF class');
  if (header[5] === 2) throw new ElfError('a big-endian ELF file, which VXE does not support');
  if (header[5] !== 1) throw new ElfError('of an unknown ELF byte order');
  if (header[6] !== 1) throw new ElfError('of an unknown ELF version');
  const type = header.readUInt16LE(16);
  if (type !== ET_EXEC && type !== ET_DYN) throw new ElfError('neither an ELF program nor a shared object');
  const machineNumber = header.readUInt16LE(18);
  const machine = MACHINES.get(machineNumber);
  if (machine === undefined) throw new ElfError(`for an unsupported machine (ELF number ${machineNumber})`);

  const segments = readSegments(bytes, header);
  const interpreter = readInterpreter(bytes, segments);
  const dynamic = readDynamic(bytes, segments);
  return {
    machine,
    type: type === ET_EXEC ? 'executable' : 'shared',
    program: type === ET_EXEC || interpreter !== undefined || dynamic.pie,
    entry: header.readBigUInt64LE(24),
    interpreter,
    soname: dynamic.soname,
    needed: dynamic.needed,
    rpath: dynamic.rpath,
    runpath: dynamic.runpath,
  };
}

function readSegments(bytes: RandomBytes, header: Buffer): Segment[] {
  const offset = toOffset(header.readBigUInt64LE(32), 'the program header table');
  const entrySize = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  if (count === 0) throw new ElfError('without program headers');
  if (count > MAX_HEADERS) throw new ElfError(`broken: ${count} program headers`);
  if (entrySize !== 56) throw new ElfError(`broken: program headers of ${entrySize} bytes`);
  const table = exactly(bytes, offset, count * entrySize, 'the program header table');
  const segments: Segment[] = [];
  for (let at = 0; at < table.length; at += entrySize) {
    const kind = table.readUInt32LE(at);
    if (kind !== PT_LOAD && kind !== PT_DYNAMIC && kind !== PT_INTERP) continue;
    segments.push({
      type: kind,
      offset: toOffset(table.readBigUInt64LE(at + 8), 'a segment'),
      address: table.readBigUInt64LE(at + 16),
      fileSize: toOffset(table.readBigUInt64LE(at + 32), 'a segment'),
    });
  }
  return segments;
}

function readInterpreter(bytes: RandomBytes, segments: readonly Segment[]): string | undefined {
  const segment = segments.find((each) => each.type === PT_INTERP);
  if (segment === undefined) return undefined;
  if (segment.fileSize < 2 || segment.fileSize > MAX_STRING)
    throw new ElfError('broken: its interpreter has no sane name');
  const raw = exactly(bytes, segment.offset, segment.fileSize, "the interpreter's name");
  const end = raw.indexOf(0);
  if (end < 0) throw new ElfError("broken: its interpreter's name has no end");
  const name = raw.toString('utf8', 0, end);
  if (!name.startsWith('/'))
    throw new ElfError(`broken: its interpreter ${JSON.stringify(name)} is not an absolute path`);
  return name;
}

interface Dynamic {
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  readonly pie: boolean;
}

function readDynamic(bytes: RandomBytes, segments: readonly Segment[]): Dynamic {
  const segment = segments.find((each) => each.type === PT_DYNAMIC);
  if (segment === undefined) return { needed: [], soname: undefined, rpath: [], runpath: [], pie: false };
  const length = segment.fileSize - (segment.fileSize % 16);
  if (length / 16 > MAX_DYNAMIC) throw new ElfError('broken: its dynamic section is too large');
  const table = exactly(bytes, segment.offset, length, 'the dynamic section');

  const values = new Map<bigint, bigint>();
  const needed: bigint[] = [];
  for (let at = 0; at < table.length; at += 16) {
    const tag = table.readBigUInt64LE(at);
    const value = table.readBigUInt64LE(at + 8);
    if (tag === DT.NULL) break;
    if (tag === DT.NEEDED) needed.push(value);
    else values.set(tag, value);
  }

  const strings = readStrings(bytes, segments, values);
  const text = (offset: bigint): string => stringAt(strings, offset);
  const list = (tag: bigint): string[] => {
    const offset = values.get(tag);
    return offset === undefined
      ? []
      : text(offset)
          .split(':')
          .filter((each) => each !== '');
  };
  const soname = values.get(DT.SONAME);
  return {
    needed: needed.map(text),
    soname: soname === undefined ? undefined : text(soname),
    rpath: list(DT.RPATH),
    runpath: list(DT.RUNPATH),
    pie: ((values.get(DT.FLAGS_1) ?? 0n) & DF_1_PIE) !== 0n,
  };
}

function readStrings(
  bytes: RandomBytes,
  segments: readonly Segment[],
  values: ReadonlyMap<bigint, bigint>,
): Buffer {
  const address = values.get(DT.STRTAB);
  const declared = values.get(DT.STRSZ);
  if (address === undefined || declared === undefined) return Buffer.alloc(0);
  if (declared > BigInt(MAX_STRINGS)) throw new ElfError('broken: its string table is too large');
  const home = segments.find(
    (each) =>
      each.type === PT_LOAD && address >= each.address && address - each.address < BigInt(each.fileSize),
  );
  if (home === undefined) throw new ElfError('broken: its string table lies outside the loaded segments');
  const inside = Number(address - home.address);
  if (Number(declared) > home.fileSize - inside)
    throw new ElfError('broken: its string table leaves its segment');
  return exactly(bytes, home.offset + inside, Number(declared), 'the string table');
}

function stringAt(strings: Buffer, offset: bigint): string {
  if (offset >= BigInt(strings.length)) throw new ElfError('broken: a name lies outside its string table');
  const start = Number(offset);
  const end = strings.indexOf(0, start);
  if (end < 0 || end - start > MAX_STRING)
    throw new ElfError('broken: a name in its string table has no end');
  return strings.toString('utf8', start, end);
}

function exactly(bytes: RandomBytes, offset: number, length: number, what: string): Buffer {
  if (offset + length > bytes.size) throw new ElfError(`cut short: ${what} lies beyond its end`);
  const read = bytes.read(offset, length);
  if (read.length !== length) throw new ElfError(`cut short: ${what} lies beyond its end`);
  return read;
}

function toOffset(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ElfError(`broken: ${what} has an impossible position`);
  return Number(value);
}
