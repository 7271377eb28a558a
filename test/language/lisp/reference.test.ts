import { readFileSync } from 'node:fs';
import test from 'ava';
import { formatDiagnostic } from '../../../src/common/index.js';
import { type Answer, LispSession, parseLispProfile } from '../../../src/language/index.js';
import { CLAUSES, ITERATIONS } from '../../../src/language/lisp/core.js';
import { LANGUAGE_FORMS, PROFILE_FORMS } from '../../../src/language/lisp/forms.js';
import { FUNCTIONS } from '../../../src/language/lisp/names.js';
import { rowText } from '../../../src/policy/index.js';

const reference = readFileSync('docs/reference/vxelisp.md', 'utf8');

function blocks(language: string): readonly string[] {
  return [...reference.matchAll(/```(\w+)\n(.*?)```/gs)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '');
}

function textOf(answer: Answer | undefined): string {
  if (answer === undefined) return '';
  if (answer.kind === 'value') return answer.text;
  return answer.kind === 'tried' ? answer.rows.map((row) => rowText(row)).join(' / ') : 'rules';
}

test('every example of the reference gives what it says', (t) => {
  let count = 0;
  for (const block of blocks('lisp')) {
    const session = new LispSession();
    for (const line of block.trim().split('\n')) {
      const [form = '', expected] = line.split(/ ; (?==> |error: )/);
      const given = session.answer({ name: 'reference', text: form });
      if (expected?.startsWith('error: ')) {
        const said = given.ok ? 'no error' : given.diagnostics.map((each) => each.message).join('\n');
        t.true(said.includes(expected.slice(7)), `${form}: ${said}`);
      } else {
        t.true(given.ok, given.ok ? '' : `${form}: ${given.diagnostics[0]?.message}`);
        if (given.ok) t.is(textOf(given.value[0]), expected?.slice(3) ?? '', form);
      }
      count++;
    }
  }
  t.true(count > 90);
});

test('every profile of the reference is one', (t) => {
  for (const block of blocks('vxed')) {
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
  const examples = [...blocks('lisp'), ...blocks('vxed')].join('\n');
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
