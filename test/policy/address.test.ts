import { isIP } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { addressText, inRange, parseAddress, parseRange, rangeText } from '../../src/policy/index.js';

const addresses: readonly [string, string | undefined][] = [
  ['10.1.2.3', '10.1.2.3'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['010.1.2.3', undefined],
  ['10.1.2', undefined],
  ['10.1.2.256', undefined],
  ['::', '::'],
  ['::1', '::1'],
  ['fd00:0:0:1::', 'fd00:0:0:1::'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7::8', undefined],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::ffff:a01:203', '10.1.2.3'],
  ['::10.1.2.3', '::a01:203'],
  ['fe80::1%eth0', undefined],
  ['', undefined],
  ['localhost', undefined],
];

for (const [text, wanted] of addresses) {
  test(`the address ${JSON.stringify(text)}`, (t) => {
    const address = parseAddress(text);
    t.is(address === undefined ? undefined : addressText(address), wanted);
  });
}

test('what is written is read again, and an address by its own account', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const address = parseAddress(text);
      if (address === undefined) throw new Error(`${text} (${isIP(text)}) was not read`);
      t.deepEqual(parseAddress(addressText(address)), address);
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abf:./'), maxLength: 20 }), (text) => {
      // Node's reader takes what the kernel's functions do, zones aside.
      t.is(parseAddress(text) !== undefined, isIP(text) !== 0, text);
    }),
    { numRuns: 3000 },
  );
});

const ranges: readonly [string, string | undefined][] = [
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.1/8', undefined],
  ['10.0.0.1/32', '10.0.0.1'],
  ['10.0.0.0/33', undefined],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['::/0', '[::]/0'],
  ['fd00::/8', '[fd00::]/8'],
  ['fd00::/129', undefined],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
  ['::ffff:0:0/96', '0.0.0.0/0'],
  ['::ffff:0:0/95', undefined],
];

for (const [text, wanted] of ranges) {
  test(`the range ${text}`, (t) => {
    const range = parseRange(text);
    t.is(range === undefined ? undefined : rangeText(range), wanted);
  });
}

test('a range holds its own addresses, and no family holds the other', (t) => {
  const holds = (range: string, address: string): boolean => {
    const [outer, inner] = [parseRange(range), parseRange(address)];
    if (outer === undefined || inner === undefined) throw new RangeError(`${range} ${address}`);
    return inRange(outer, inner);
  };
  t.true(holds('10.0.0.0/8', '10.255.0.1'));
  t.true(holds('10.0.0.0/8', '10.1.0.0/16'));
  t.false(holds('10.1.0.0/16', '10.0.0.0/8'));
  t.false(holds('10.0.0.0/8', '11.0.0.1'));
  t.true(holds('0.0.0.0/0', '203.0.113.7'));
  t.false(holds('::/0', '10.0.0.1'));
  t.true(holds('10.0.0.0/8', '::ffff:10.0.0.1'));
  t.true(holds('fd00::/8', 'fdff::1'));
  t.false(holds('fd00::/8', 'fe00::1'));
});
