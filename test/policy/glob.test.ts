import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import type { Glob } from '../../src/policy/index.js';
import {
  globCovers,
  globMatches,
  globReaches,
  globRules,
  globWithin,
  globWitness,
  parseGlob,
  parsePathText,
  pathText,
} from '../../src/policy/index.js';

function glob(text: string): Glob {
  return unwrap(parseGlob(text));
}

/** pattern, what it matches as a whole, what it does not. */
const MATCHES: readonly (readonly [string, string, string])[] = [
  ['/etc/*', '/etc/a /etc/.a /etc/a.b', '/etc /etc/a/b /etcx/a'],
  ['/etc/*.conf', '/etc/a.conf /etc/.conf', '/etc/a.confx /etc/a/b.conf'],
  ['/etc/?', '/etc/a /etc/ä /etc/.', '/etc/ab /etc'],
  ['/etc/[abc]x', '/etc/ax /etc/cx', '/etc/dx /etc/x /etc/abx'],
  ['/etc/[a-cx]', '/etc/b /etc/x', '/etc/d /etc/-'],
  ['/etc/[!a-c]', '/etc/d /etc/-', '/etc/a /etc'],
  ['/etc/[^a]', '/etc/b', '/etc/a'],
  ['/etc/[]a]', '/etc/] /etc/a', '/etc/b'],
  ['/etc/[!]a]', '/etc/b', '/etc/] /etc/a'],
  ['/etc/[a-]', '/etc/a /etc/-', '/etc/b'],
  ['/etc/\\*', '/etc/*', '/etc/a'],
  ['/etc/[*?]', '/etc/* /etc/?', '/etc/a'],
  ['/**', '/ /a /a/b', ''],
  ['/a/**', '/a /a/b /a/b/c', '/ /ab /b/a'],
  ['/a/**/b', '/a/b /a/x/b /a/x/y/b', '/a /a/b/c /ab'],
  ['/a/**/b/**', '/a/b /a/b/c /a/x/b/y', '/a /a/c'],
  ['/**/*.so', '/a.so /usr/lib/a.so', '/usr/lib/a.so/b'],
  ['/a*b*c', '/abc /axbxc /abcbc', '/ab /abd'],
  ['/a/*/c', '/a/b/c', '/a/c /a/b/b/c'],
];

for (const [text, yes, no] of MATCHES) {
  test(`${text} matches ${yes}, and not ${no}`, (t) => {
    for (const path of yes.split(' ')) t.true(globMatches(glob(text), path), path);
    for (const path of no.split(' ').filter((each) => each !== ''))
      t.false(globMatches(glob(text), path), path);
  });
}

test('the reference says what patterns match', (t) => {
  const reference = readFileSync('docs/reference/profile.md', 'utf8');
  const rows = [...reference.matchAll(/^\| `(\/[^`]*)` \| (`\/.*) \| (`\/.*) \|$/gm)];
  for (const [, text = '', yes = '', no = ''] of rows) {
    for (const [, path = ''] of yes.matchAll(/`([^`]+)`/g))
      t.true(globMatches(glob(text), path), `${text} ${path}`);
    for (const [, path = ''] of no.matchAll(/`([^`]+)`/g))
      t.false(globMatches(glob(text), path), `${text} ${path}`);
  }
  t.true(rows.length >= 5);
});

test('a text is a path or a pattern, and has one canonical spelling', (t) => {
  const said = (text: string): string => {
    const what = parsePathText(text);
    if (!what.ok) return what.diagnostics.map((each) => `${each.message}; ${each.hint}`).join();
    if (what.value.kind === 'glob') return `glob ${what.value.glob.text}`;
    return `${what.value.folder ? 'folder' : 'path'} ${what.value.path}`;
  };
  t.is(said('/etc/passwd'), 'path /etc/passwd');
  t.is(said('/etc/'), 'folder /etc');
  t.is(said('/'), 'folder /');
  t.is(said('/var/log/nginx/**'), 'folder /var/log/nginx');
  t.is(said('/**'), 'folder /');
  t.is(said('/a/*/**/**'), 'glob /a/*');
  t.is(said('/a/**/**/b'), 'glob /a/**/b');
  t.is(said('/usr/bin/\\['), 'path /usr/bin/[');
  t.is(said('/a/[x]'), 'path /a/x');
  t.is(said('/a/[b]*'), 'glob /a/b*');
  t.regex(said('/usr/bin/['), /never closed; close it with \] in the same name, or write \\\[/);
  t.regex(said('/a/[/]'), /never closed/);
  t.regex(said('/a/**b'), /\*\* stands alone/);
  t.regex(said('/a/***'), /\*\* stands alone/);
  t.regex(said('/a/*/'), /final slash; write \/a\/\*/);
  t.regex(said('/a/[b-a]'), /no character lies from b-a/);
  t.regex(said('/a//b'), /shortest form; write \/a\/b/);
  t.regex(said('/a/../b'), /shortest form; write \/b/);
  t.regex(said('a'), /not an absolute path/);
  t.regex(said('/a\\'), /takes nothing/);
});

const chars = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]', '\\*', '.');
const part = fc.oneof(
  { weight: 4, arbitrary: fc.array(chars, { minLength: 1, maxLength: 3 }).map((all) => all.join('').replaceAll(/\*{2,}/g, '*')) },
  { weight: 1, arbitrary: fc.constant('**') },
); // biome-ignore format: a table
const pattern = fc
  .array(part, { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.filter((each) => each !== '.' && each !== '..').join('/')}`)
  .filter((text) => parseGlob(text).ok);
const names = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*', '.'), minLength: 1, maxLength: 3 });
const path = fc.array(names.filter((name) => !/^\.+$/.test(name)), { maxLength: 4 }).map((all) => `/${all.join('/')}`); // biome-ignore format: a table

/** The meaning once more, name by name and without an automaton. */
function matchesByName(text: string, subject: string): boolean {
  const parts = text === '/' ? [] : text.slice(1).split('/');
  const split = subject === '/' ? [] : subject.slice(1).split('/');
  const from = (at: number, name: number): boolean => {
    const [head] = parts.slice(at);
    if (head === undefined) return name === split.length;
    if (head === '**') return from(at + 1, name) || (name < split.length && from(at, name + 1));
    const regex = head.replaceAll(
      /\\.|\[!|[.*?]/g,
      (token) => ({ '*': '.*', '?': '.', '[!': '[^', '.': '\\.' })[token] ?? token,
    );
    return (
      name < split.length &&
      new RegExp(`^(?:${regex})$`, 'u').test(split[name] ?? '') &&
      from(at + 1, name + 1)
    );
  };
  return from(0, 0);
}

test('the automaton matches what the definition, name by name, matches', (t) => {
  let matched = 0;
  fc.assert(
    fc.property(pattern, fc.array(path, { minLength: 10, maxLength: 10 }), (text, paths) => {
      for (const each of paths) {
        const expected = matchesByName(text, each);
        if (expected) matched++;
        t.is(globMatches(glob(text), each), expected, `${text} ${each}`);
        const above = each.split('/').map((_, at, all) => all.slice(0, at + 1).join('/') || '/');
        t.is(
          globRules(glob(text), each),
          above.some((top) => matchesByName(text, top)),
          `${text} ${each}`,
        );
      }
    }),
    { numRuns: 500 },
  );
  t.true(matched > 200);
});

/** Every path of up to three names of up to two letters. */
function allPaths(): readonly string[] {
  const short = ['a', 'b', 'c', '*', 'aa', 'ab', 'ba', 'bb', 'a*', '.a', 'a.', 'cc'];
  let paths = ['/'];
  const all = ['/'];
  for (let depth = 0; depth < 3; depth++) {
    paths = paths.flatMap((top) => short.map((name) => (top === '/' ? `/${name}` : `${top}/${name}`)));
    all.push(...paths);
  }
  return all;
}

/** Paths that the pattern matches, written out in several ways. */
function samples(text: string): readonly string[] {
  const options: Readonly<Record<string, readonly string[]>> = {
    '/**': ['', '/a', '/b', '/c', '/ba', '/a/b'],
    '*': ['', 'a', 'b', 'c', '*', 'cc'],
    '?': ['a', 'b', 'c', '*', '.'],
    '[ab]': ['a', 'b'],
    '[!a]': ['b', 'c', '*', '.'],
    '\\*': ['*'],
  };
  const tokens = text.match(/\/\*\*(?=\/|$)|\\.|\[[^\]]*\]|./gs) ?? [];
  const all = tokens.reduce<readonly string[]>(
    (made, token) =>
      made.flatMap((each) => (options[token] ?? [token]).map((option) => each + option)).slice(0, 20_000),
    [''],
  );
  return all.filter((each) => !/\/(\/|$)|\/\.{1,2}(\/|$)/.test(each)).map((each) => each || '/');
}

test('one pattern is within another if no path says otherwise, and some path says it where it is not', (t) => {
  const paths = allPaths();
  const known: readonly (readonly [string, string, boolean])[] = [
    ['/a/*.so', '/a/*', true],
    ['/a/*', '/a/*.so', false],
    ['/a/b*', '/**/b*', true],
    ['/a/*/c', '/a/**', true],
    ['/a/*', '/a/?*', true],
    ['/a/?*', '/a/*', true],
    ['/a/[ab]', '/a/[a-c]', true],
    ['/a/[!a]', '/a/?', true],
    ['/a/**/x', '/a/*/x', false],
    ['/*/b', '/a/*', false],
  ];
  for (const [a, b, expected] of known) t.is(globWithin(glob(a), glob(b)), expected, `${a} in ${b}`);
  const seen = { yes: 0, no: 0 };
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      const [left, right] = [glob(a), glob(b)];
      const counter = paths.find((each) => globRules(left, each) && !globRules(right, each));
      const within = globWithin(left, right);
      seen[within ? 'yes' : 'no']++;
      if (within) t.is(counter, undefined, `${a} in ${b}`);
      else {
        const outside = [...samples(a), ...paths].find(
          (each) => matchesByName(a, each) && !globRules(right, each),
        );
        t.not(outside, undefined, `${a} in ${b}`);
      }
    }),
    // A fixed seed: what is no witness among the samples may still be one among all paths.
    { numRuns: 400, seed: 17 },
  );
  t.true(seen.yes > 30 && seen.no > 100);
});

test('what a pattern reaches below a folder has a witness, and what it covers has none outside', (t) => {
  const paths = allPaths();
  fc.assert(
    fc.property(pattern, path, (text, folder) => {
      const each = glob(text);
      const witness = globWitness(each, folder);
      t.is(globReaches(each, folder), witness !== undefined, `${text} ${folder}`);
      const below = (one: string): boolean =>
        one !== folder && one.startsWith(folder === '/' ? '/' : `${folder}/`);
      if (witness !== undefined)
        t.true(globMatches(each, witness) && below(witness), `${text} ${folder} ${witness}`);
      const inside = paths.filter(below);
      if (globCovers(each, folder))
        t.true(
          inside.every((one) => globMatches(each, one)),
          `${text} ${folder}`,
        );
    }),
    { numRuns: 400 },
  );
  t.true(globCovers(glob('/a/**'), '/a/b'));
  t.true(globCovers(glob('/a/**'), '/a'));
  t.false(globCovers(glob('/a/*'), '/a'));
  t.is(globWitness(glob('/a/*.log'), '/b'), undefined);
});

test('a path is written so that it reads back as that path', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      const wanted = `/x/${name.replaceAll(/[/\0]/g, '_')}`;
      if (/^\.{1,2}$/.test(wanted.slice(3))) return;
      t.deepEqual(unwrap(parsePathText(pathText(wanted))), { kind: 'path', path: wanted, folder: false });
    }),
  );
});

test('matching costs no more than states times characters', (t) => {
  const hard = glob(`/${'*a'.repeat(40)}`);
  const started = process.cpuUsage().user;
  t.false(globMatches(hard, `/${'a'.repeat(200)}b`));
  t.true(process.cpuUsage().user - started < 2_000_000);
  // Sets of states that are too many to look through count as no answer: the two then both decide.
  t.false(globWithin(glob(`/*a${'?'.repeat(40)}`), glob(`/*b${'?'.repeat(40)}`)));
});
