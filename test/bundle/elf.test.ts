import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { bufferBytes, ElfError, openBytes, parseElf } from '../../src/bundle/elf/index.js';
import { makeElf } from './helpers/elf.js';

function parse(buffer: Buffer) {
  return parseElf(bufferBytes(buffer));
}

test('a made-up program says what was put in', (t) => {
  const elf = parse(
    makeElf({
      interpreter: '/lib64/ld.so',
      needed: ['liba.so.1', 'libb.so.2'],
      runpath: '$ORIGIN/x:/opt',
      pie: true,
      entry: 0x40n,
    }),
  );
  t.deepEqual(elf, {
    machine: 'x86_64',
    type: 'shared',
    program: true,
    entry: 0x40n,
    interpreter: '/lib64/ld.so',
    soname: undefined,
    needed: ['liba.so.1', 'libb.so.2'],
    rpath: [],
    runpath: ['$ORIGIN/x', '/opt'],
  });
});

test('a library is no program, and says its name and RPATH', (t) => {
  const elf = parse(makeElf({ soname: 'libx.so.1', rpath: '/a:/b' }));
  t.false(elf.program);
  t.is(elf.soname, 'libx.so.1');
  t.deepEqual(elf.rpath, ['/a', '/b']);
});

test('this Node is read from disk', (t) => {
  const bytes = openBytes(process.execPath);
  t.teardown(() => bytes.close());
  const elf = parseElf(bytes);
  t.true(elf.program);
  t.regex(elf.interpreter ?? '', /ld/);
  t.true(elf.needed.some((name) => name.startsWith('libc.so')));
});

const broken: readonly [string, (file: Buffer) => Buffer, RegExp][] = [
  ['empty', () => Buffer.alloc(0), /not an ELF/],
  ['a script', () => Buffer.from('#!/bin/sh\n'), /not an ELF/],
  ['cut in the header', (file) => file.subarray(0, 40), /cut short/],
  ['32 bits', (file) => set(file, 4, 1), /32-bit/],
  ['an unknown class', (file) => set(file, 4, 9), /class/],
  ['big-endian', (file) => set(file, 5, 2), /big-endian/],
  ['another machine', (file) => set(file, 18, 40), /unsupported machine/],
  ['a relocatable object', (file) => set(file, 16, 1), /neither/],
  ['no program headers', (file) => set(file, 56, 0), /without program headers/],
  ['too many program headers', (file) => set16(file, 56, 60000), /60000 program headers/],
  ['program headers of a wrong size', (file) => set(file, 54, 40), /40 bytes/],
  ['a header table beyond the end', (file) => set64(file, 32, 1n << 40n), /cut short/],
  ['a header table at an impossible place', (file) => set64(file, 32, (1n << 64n) - 1n), /impossible/],
  ['a string table outside', (file) => patchDynamic(file, 5n, 0xdead0000n), /outside the loaded segments/],
  ['a string table too large', (file) => patchDynamic(file, 10n, 1n << 40n), /too large/],
  [
    'a string table that leaves its segment',
    (file) => patchDynamic(file, 10n, 1n << 16n),
    /leaves its segment/,
  ],
  ['a name outside the string table', (file) => patchDynamic(file, 1n, 99999n), /outside its string table/],
  [
    'an interpreter without an end',
    (file) => Buffer.from(file.toString('latin1').replace('ld.so\0', 'ld.soX'), 'latin1'),
    /no end/,
  ],
  [
    'a relative interpreter',
    (file) => Buffer.from(file.toString('latin1').replace('/lib64', 'xlib64'), 'latin1'),
    /absolute/,
  ],
];

for (const [title, change, message] of broken) {
  test(`refused in one sentence: ${title}`, (t) => {
    const file = makeElf({ interpreter: '/lib64/ld.so', needed: ['liba.so.1'] });
    t.throws(() => parse(change(Buffer.from(file))), { instanceOf: ElfError, message });
  });
}

test('any damage gives a parsed file or an ElfError, nothing else', (t) => {
  const seeds = [
    makeElf({ interpreter: '/lib64/ld.so', needed: ['liba.so.1', 'libb.so'], rpath: '/x', pie: true }),
    readFileSync('/proc/self/exe').subarray(0, 4096),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
      fc.nat(),
      (seed, changes, cut) => {
        const file = Buffer.from(seed.subarray(0, cut % 4 === 0 ? cut % seed.length : seed.length));
        for (const [at, value] of changes) if (file.length > 0) file[at % Math.min(file.length, 600)] = value;
        try {
          parse(file);
        } catch (error) {
          if (!(error instanceof ElfError)) throw error;
        }
        return true;
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

function set(file: Buffer, at: number, value: number): Buffer {
  file[at] = value;
  return file;
}

function set16(file: Buffer, at: number, value: number): Buffer {
  file.writeUInt16LE(value, at);
  return file;
}

function set64(file: Buffer, at: number, value: bigint): Buffer {
  file.writeBigUInt64LE(value, at);
  return file;
}

/** Changes the value of the first dynamic entry with a tag. */
function patchDynamic(file: Buffer, tag: bigint, value: bigint): Buffer {
  const start = Number(file.readBigUInt64LE(64 + 56 + 8));
  for (let at = start; at < file.length; at += 16) {
    if (file.readBigUInt64LE(at) !== tag) continue;
    file.writeBigUInt64LE(value, at + 8);
    return file;
  }
  throw new Error('no such entry');
}
