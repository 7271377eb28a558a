import test from 'ava';
import fc from 'fast-check';

test('a property that fails says from which seed, with the smallest example, and fails so again', (t) => {
  const printed: string[] = [];
  const { error } = console;
  console.error = (text: string) => printed.push(text);
  t.teardown(() => {
    console.error = error;
  });
  const fails = (seed?: number): string => {
    const property = fc.property(fc.nat(), fc.nat(), (a, b) => {
      if (a >= 7 && b >= 9) throw new RangeError('too large');
    });
    return t.throws(() => fc.assert(property, seed === undefined ? {} : { seed })).message;
  };
  const first = fails();
  t.regex(first, /Counterexample: \[7,9\]/);
  const [, seed] = /^VXE_SEED=(-?\d+): /.exec(first) ?? [];
  t.not(seed, undefined);
  t.is(fails(Number(seed)), first);
  t.is(printed.length, 2);
  t.regex(printed[0] ?? '', /^VXE_SEED=-?\d+ npx ava build\/ts\/test\/reproducible\.test\.js fails again: /);
});
