import test from 'ava';
import { diffLines, shownDiff } from '../../src/commands/support/diff.js';

const NAMES = Array.from({ length: 90 }, (_, index) => `call${index}`);
/** As the profile's editor lays a long list out. */
function broken(words: readonly string[]): string {
  const lines: string[] = [];
  for (let at = 0; at < words.length; at += 12) lines.push(words.slice(at, at + 12).join(', '));
  return `calls:\n  permit:\n    [${lines.join(',\n    ')}]\n  when:\n    socket: [{domain: AF_INET}]\n`;
}

const changed: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['one in the middle', NAMES.toSpliced(30, 0, 'added'), ['+   permit: added (after call29)']],
  [
    'some in two places',
    NAMES.toSpliced(80, 0, 'late').toSpliced(30, 0, 'added', 'too'),
    ['+   permit: added, too (after call29)', '+   permit: late (after call79)'],
  ],
  ['at the beginning', ['first', ...NAMES], ['+   permit: first (at the beginning)']],
  ['at the end', [...NAMES, 'last'], ['+   permit: last (after call89)']],
  ['one gone', NAMES.toSpliced(4, 1), ['-   permit: call4 (after call3)']],
  [
    'one for another',
    NAMES.toSpliced(4, 1, 'other'),
    ['-   permit: call4 (after call3)', '+   permit: other (after call3)'],
  ],
];
for (const [what, names, expected] of changed) {
  test(`of a long list only what differs is shown: ${what}`, (t) => {
    const [before, after] = [broken(NAMES), broken(names)];
    t.deepEqual(
      shownDiff(before, after).filter((line) => !line.startsWith(' ')),
      expected,
    );
    t.deepEqual(shownDiff(after, before).filter((line) => !line.startsWith(' ')).length, expected.length);
    // By machine it is the text, line by line.
    t.true(diffLines(before, after).some((line) => line.startsWith('+ ') && line.split(',').length > 5));
  });
}

test('laid out otherwise, a list is the same', (t) => {
  t.deepEqual(
    shownDiff(
      broken(NAMES),
      `calls:\n  permit: [${NAMES.join(', ')}]\n  when:\n    socket: [{domain: AF_INET}]\n`,
    ),
    [],
  );
});

test('a long list beside a change is shortened, a short one is whole', (t) => {
  const text = `${broken(NAMES)}exec: once\n`;
  t.deepEqual(shownDiff(`name: a\n${text}`, `name: b\n${text}`), ['- name: a', '+ name: b', '  calls:']);
  const beside = (exec: string): string => `calls:\n  permit: [${NAMES.join(', ')}]\nexec: ${exec}\n`;
  t.deepEqual(shownDiff(beside('once'), beside('any')), [
    '    permit: [call0, call1, ... 88 more]',
    '- exec: once',
    '+ exec: any',
    '  ',
  ]);
  t.deepEqual(shownDiff('capabilities: [CAP_KILL]', 'capabilities: [CAP_KILL, CAP_SETUID]'), [
    '- capabilities: [CAP_KILL]',
    '+ capabilities: [CAP_KILL, CAP_SETUID]',
  ]);
});

test('words may have commas and brackets of their own', (t) => {
  const rows = NAMES.map((name) => `{call: ${name}, args: [1, 2], text: "a, ]"}`);
  const more = rows.toSpliced(1, 0, "{call: new, text: ', ['}");
  t.deepEqual(shownDiff(`rows: [${rows.join(', ')}]`, `rows: [${more.join(',\n  ')}]`), [
    `+ rows: {call: new, text: ', ['} (after ${rows[0]})`,
  ]);
});

test('what is no list that can be read as one is shown line by line', (t) => {
  for (const [before, after] of [
    ['a: [x,\n  # why\n  y]\nb: 1', 'a: [x,\n  # why\n  z]\nb: 1'],
    ['a: [never\nclosed', 'a: [never\nclosed, either'],
    ['# [a remark\nx', '# [a remark\ny'],
    ['', 'a'],
  ] as const)
    t.deepEqual(shownDiff(before, after), diffLines(before, after));
});
