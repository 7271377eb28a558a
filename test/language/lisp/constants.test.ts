import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { LispSession } from '../../../src/language/index.js';
import { allConstants, errnoNames } from '../../../src/policy/index.js';

const page = readFileSync('docs/reference/constants.md', 'utf8');
const rows = [...page.matchAll(/^\| `([A-Za-z0-9_]+)` \| `(-?[0-9a-fx]+)` \|$/gm)];

test('the page of constants is what the tables give', (t) => {
  t.is(execFileSync(process.execPath, ['scripts/constants.mjs', '--print'], { encoding: 'utf8' }), page);
});

test('every constant and every error is on the page, and the language gives each the value that it has there', (t) => {
  const session = new LispSession();
  const said = new Map(rows.map(([, name = '', value = '']) => [name, value]));
  for (const [name] of allConstants()) t.true(said.has(name), name);
  for (const name of errnoNames()) t.true(said.has(name), name);
  const errors = new Set(errnoNames());
  for (const [name, value] of said) {
    if (errors.has(name) && !allConstants().has(name)) continue;
    const answer = session.answer({ name: 'constants', text: `(= ${name} ${value})` });
    t.true(
      answer.ok && answer.value[0]?.kind === 'value' && answer.value[0].text === '#t',
      `${name} ${value}`,
    );
  }
  t.true(said.size > 1000);
});
