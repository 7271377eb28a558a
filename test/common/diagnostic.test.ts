import test from 'ava';
import type { Diagnostic } from '../../src/common/index.js';
import { failure, formatDiagnostic, success, unwrap, VxeError } from '../../src/common/index.js';

const file = { name: 'a.yaml', text: 'one: 1\n\ttwo: bad\nthree: 3\n' };
const diagnostic: Diagnostic = {
  code: 'bad-value',
  message: 'two cannot be bad',
  span: {
    source: 'a.yaml',
    start: { line: 2, column: 7, offset: 13 },
    end: { line: 2, column: 10, offset: 16 },
  },
  hint: 'it is one of good, better',
};

test('a diagnostic shows its line, a caret below it and what was expected', (t) => {
  const expected = [
    'a.yaml:2:7: two cannot be bad',
    '  2 | \ttwo: bad',
    '    | \t     ^^^',
    '  = it is one of good, better',
  ];
  t.deepEqual(formatDiagnostic(diagnostic, [file]).split('\n'), expected);
});

test('without the text the place is still named', (t) => {
  t.is(formatDiagnostic({ ...diagnostic, hint: '' }).split('\n')[0], 'a.yaml:2:7: two cannot be bad');
});

test('unwrap gives the value or throws one error with every diagnostic', (t) => {
  t.is(unwrap(success(3)), 3);
  const error = t.throws(() => unwrap(failure(diagnostic, { ...diagnostic, message: 'again' }), [file], 2), {
    instanceOf: VxeError,
  });
  t.is(error.exit, 2);
  t.is(error.code, 'bad-value');
  t.regex(error.message, /two cannot be bad.*again/s);
});
