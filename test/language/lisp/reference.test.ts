import { readFileSync } from 'node:fs';
import test from 'ava';
import { formatDiagnostic } from '../../../src/common/index.js';
import { parseLispProfile } from '../../../src/language/index.js';
import { CLAUSES, ITERATIONS } from '../../../src/language/lisp/core.js';
import { LANGUAGE_FORMS, PROFILE_FORMS } from '../../../src/language/lisp/forms.js';
import { FUNCTIONS } from '../../../src/language/lisp/names.js';
import { blocksOf, givesWhatItSays } from './page.js';

const reference = readFileSync('docs/reference/vxelisp.md', 'utf8');

test('every example of the reference gives what it says', (t) => {
  t.true(givesWhatItSays(t, reference) > 90);
});

test('every profile of the reference is one', (t) => {
  for (const block of blocksOf(reference, 'vxed')) {
    const text = block.startsWith('(vxed') ? block : `(vxed 1) (name part) (type strict)\n${block}`;
    const file = { name: 'reference.vxed', text };
    const parsed = parseLispProfile(file);
    t.true(
      parsed.ok,
      parsed.ok ? '' : parsed.diagnostics.map((each) => formatDiagnostic(each, [file])).join('\n'),
    );
  }
});

test('every form and function is in the reference, with its operands, its meaning and an example', (t) => {
  const examples = [...blocksOf(reference, 'lisp'), ...blocksOf(reference, 'vxed')].join('\n');
  for (const { name, operands, summary } of [...LANGUAGE_FORMS, ...PROFILE_FORMS, ...FUNCTIONS.values()]) {
    const row = `| \`(${`${name}${operands === '' ? '' : ` ${operands}`}`.replaceAll('|', '\\|')})\` | ${summary.replaceAll('|', '\\|')} |`;
    t.true(reference.includes(row), `no row ${row}`);
    const used = name === 'include' || ITERATIONS.some((each) => examples.includes(`(${each} ${name} `));
    t.true(
      used || [' ', '\n', ')'].some((end) => examples.includes(`(${name}${end}`)),
      `no example of ${name}`,
    );
  }
  for (const clause of CLAUSES)
    t.true(
      PROFILE_FORMS.some((form) => form.name === clause),
      clause,
    );
});
