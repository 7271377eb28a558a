import test from 'ava';
import fc from 'fast-check';
import { plainLine, plainText } from '../../src/common/index.js';

test('what acts on a terminal or turns its direction is replaced, the rest is as it was', (t) => {
  t.is(plainLine('a\u001b[31mb\u009b1m\u202ec\u2069 é €\u2065'), 'a?[31mb?1m?c? é €\u2065');
  t.is(plainLine('one\n\ttwo'), 'one??two');
  t.is(plainText('one\n\ttwo\r\u007f'), 'one\n\ttwo??');
});

test('a line stays one, and as long as it was', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = plainLine(text);
      return line.length === text.length && !line.includes('\n') && plainLine(line) === line;
    }),
  );
  t.pass();
});
