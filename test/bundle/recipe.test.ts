import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { parse } from 'yaml';
import { parseRecipe, recipeSchema, recipeText } from '../../src/bundle/recipe/index.js';

const VALID = `recipe: 1
name: x
source: {exec: /usr/bin/x}
profile: x
program: [/usr/bin/x, -f]
`;

function read(text: string) {
  return parseRecipe({ name: 'x.yaml', text });
}

test('the recipes that come with VXE are valid, here and by any JSON Schema validator', (t) => {
  const ajv = new Ajv2020({ strict: false });
  const validate = ajv.compile(recipeSchema() as object);
  const recipes = readdirSync('bundles').filter((file) => file.endsWith('.yaml'));
  t.true(recipes.includes('popd.yaml'));
  for (const file of recipes) {
    const text = readFileSync(join('bundles', file), 'utf8');
    const result = parseRecipe({ name: file, text });
    t.true(result.ok, result.ok ? '' : JSON.stringify(result.diagnostics));
    t.true(validate(parse(text)), JSON.stringify(validate.errors));
  }
});

test('a recipe survives being written and read', (t) => {
  const text = readFileSync('bundles/popd.yaml', 'utf8');
  const first = parseRecipe({ name: 'popd.yaml', text });
  t.true(first.ok);
  if (!first.ok) return;
  const second = parseRecipe({ name: 'again', text: recipeText(first.value) });
  t.deepEqual(second, first);
  t.deepEqual(first.value.devices?.[0], 'null');
});

const bad: readonly [string, string, string, RegExp, number][] = [
  ['an unknown key, with the one that was meant', `${VALID}acounts: {}\n`, 'unknown-key', /"acounts"/, 6],
  ['an unknown key within', `${VALID}accounts: {user: {}}\n`, 'unknown-key', /"user"/, 6],
  ['a missing key', 'recipe: 1\nname: x\n', 'missing-key', /"source"/, 1],
  ['another version', VALID.replace('recipe: 1', 'recipe: 2'), 'bad-value', /expected 1/, 1],
  ['a name with a slash', VALID.replace('name: x', 'name: ../x'), 'bad-value', /not a name/, 2],
  ['both sources', VALID.replace('{exec', '{package: p, exec'), 'unknown-key', /"exec"|"package"/, 3],
  ['a key twice', `${VALID}name: y\n`, 'duplicate-key', /unique/, 6],
  ['an unquoted mode', `${VALID}directories: {/a: {mode: 0755}}\n`, 'wrong-type', /expected a text/, 6],
  ['a setuid mode', `${VALID}files: {/a: {content: x, mode: "4755"}}\n`, 'bad-value', /mode/, 6],
  ['a path with ..', `${VALID}files: {/a/../b: {content: x}}\n`, 'bad-value', /absolute path/, 6],
  ['a relative path', `${VALID}directories: {a: }\n`, 'bad-value', /absolute path/, 6],
  ['a relative program', VALID.replace('[/usr/bin/x', '[x'), 'bad-path', /absolute/, 5],
  ['no program', VALID.replace('[/usr/bin/x, -f]', '[]'), 'bad-value', /at least 1/, 5],
  ['content and from', `${VALID}files: {/a: {content: x, from: /b}}\n`, 'unknown-key', /"(from|content)"/, 6],
  [
    'a path in two sections',
    `${VALID}files: {/a: {content: x}}\nmounts: {/a: {source: /b}}\n`,
    'conflict',
    /under files and under mounts/,
    7,
  ],
  ['a file in /proc', `${VALID}files: {/proc/x: {content: x}}\n`, 'bad-path', /belongs to the runtime/, 6],
  ['a mount over /dev', `${VALID}mounts: {/dev: {source: /dev}}\n`, 'bad-path', /belongs to the runtime/, 6],
  ['ro and rw', `${VALID}mounts: {/a: {source: /b, options: [ro, rw]}}\n`, 'conflict', /both ro and rw/, 6],
  [
    'an unknown mount option',
    `${VALID}mounts: {/a: {source: /b, options: [fun]}}\n`,
    'bad-value',
    /expected one of/,
    6,
  ],
  ['an admission without a reason', `${VALID}admit: {/bin/sh: }\n`, 'wrong-type', /expected a text/, 6],
  ['an admission with too short a reason', `${VALID}admit: {/bin/sh: why}\n`, 'bad-value', /too short/, 6],
  ['an alias', `${VALID}env: &e {A: b}\naccounts: *e\n`, 'unsupported', /aliases/, 7],
  ['not YAML', 'recipe: [1\n', 'syntax', /./, 2],
  ['a list', '- 1\n', 'wrong-type', /expected a map/, 1],
  ['nothing', '', 'wrong-type', /is nothing/, 1],
];
for (const [title, text, code, message, line] of bad) {
  test(`refused with its place: ${title}`, (t) => {
    const result = read(text);
    t.false(result.ok);
    if (result.ok) return;
    const found = result.diagnostics.find((each) => each.code === code);
    t.truthy(found, JSON.stringify(result.diagnostics));
    t.regex(found?.message ?? '', message);
    t.is(found?.span?.start.line, line);
    t.is(found?.span?.source, 'x.yaml');
  });
}

test('what the built-in check accepts and refuses by shape, ajv does too', (t) => {
  const validate = new Ajv2020({ strict: false }).compile(recipeSchema() as object);
  const byShape = new Set(['unknown-key', 'missing-key', 'wrong-type', 'bad-value', 'too-large']);
  t.true(validate(parse(VALID)));
  for (const [title, text, code] of bad) {
    if (byShape.has(code)) t.false(validate(parse(text)), title);
  }
});
