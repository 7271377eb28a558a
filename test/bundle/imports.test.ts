import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { bufferBytes, ElfError, importsIn } from '../../src/bundle/elf/index.js';
import { importsOf } from '../../src/bundle/index.js';
import { makeElf } from './helpers/elf.js';

const shell = readFileSync('/bin/sh');

test("a program's imports are what binutils tell of it", (t) => {
  const listed = execFileSync('readelf', ['-W', '--dyn-syms', '/bin/sh'], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => / UND ([A-Za-z0-9_]+)(@|$)/.exec(line)?.[1] ?? []);
  t.true(listed.includes('fork') || listed.includes('vfork'));
  t.deepEqual(importsIn(bufferBytes(shell)), [...new Set(listed)].sort());
});

test('what has no such table is not known, and not empty', (t) => {
  t.is(importsIn(bufferBytes(makeElf())), undefined);
  t.is(importsIn(bufferBytes(Buffer.from('#!/bin/sh\n'))), undefined);
  t.is(importsOf('/', '/nonexistent'), undefined);
});

test('a link that leads out of the root is not followed', (t) => {
  t.not(importsOf('/', '/bin/sh'), undefined);
  t.is(importsOf('/etc', '../bin/sh'), undefined);
});

test('broken files are an error or nothing, never a crash', (t) => {
  const sections = Number(shell.readBigUInt64LE(40));
  const count = shell.readUInt16LE(60);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 40, max: 63 }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 3,
      }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: count * 64 - 1 }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 6,
      }),
      (inHeader, inSections) => {
        const bytes = Buffer.from(shell);
        for (const [at, value] of inHeader) bytes[at] = value;
        for (const [at, value] of inSections) bytes[sections + at] = value;
        try {
          importsIn(bufferBytes(bytes));
        } catch (error) {
          if (!(error instanceof ElfError)) throw error;
        }
        return true;
      },
    ),
  );
  t.pass();
});
