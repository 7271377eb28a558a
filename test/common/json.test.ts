import test from 'ava';
import fc from 'fast-check';
import { canonicalJson, compactJson } from '../../src/common/index.js';

test('keys are sorted at every depth and undefined members are left out', (t) => {
  const text = compactJson({ b: 1, a: { d: undefined, c: [true, null, 'x'] } });
  t.is(text, '{"a":{"c":[true,null,"x"]},"b":1}');
});

test('a uint64 keeps its value', (t) => {
  t.is(compactJson({ max: 0xffff_ffff_ffff_ffffn }), '{"max":18446744073709551615}');
});

test('the long form is indented and ends with a newline', (t) => {
  t.is(canonicalJson({ a: [1], b: {}, c: [] }), '{\n  "a": [\n    1\n  ],\n  "b": {},\n  "c": []\n}\n');
});

for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
  test(`${value} is refused, not rounded`, (t) => {
    t.throws(() => compactJson(value), { instanceOf: RangeError });
  });
}

test('what is written reads back as the same value', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      // A double beyond the exact integers is refused, which has a test of its own.
      fc.pre(!/[0-9]{16}|e[+]/.test(JSON.stringify(value)));
      const expected: unknown = JSON.parse(JSON.stringify(value));
      t.deepEqual(JSON.parse(canonicalJson(JSON.parse(JSON.stringify(value)))), expected);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('the order in which members were made does not matter', (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.integer()), (members) => {
      const turned = Object.fromEntries(Object.entries(members).reverse());
      t.is(canonicalJson(members), canonicalJson(turned));
    }),
  );
  t.pass();
});
