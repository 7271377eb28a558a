import test from 'ava';
import fc from 'fast-check';
import { formatDiagnostic, unwrap } from '../../src/common/index.js';
import { parseLispProfile } from '../../src/language/index.js';
import type { FileWorld, HostLister } from '../../src/lowering/index.js';
import { bundleTree, lowerPolicy, settlePatterns } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import { fileVerdict } from '../../src/policy/index.js';
import { landlockLines, lower, policyOf, targetOf, worldOf } from './helpers.js';

const world = worldOf(
  '/',
  '/etc/',
  '/etc/a.conf',
  '/etc/b.cfg',
  '/etc/ssl/',
  '/etc/ssl/a.conf',
  '/etc/ssl/key.pem',
  '/srv/',
  '/srv/link.html -> ../etc/b.cfg',
  '/srv/x/',
  '/srv/x/i.html',
  '/srv/x/i.key',
  '/srv/y/',
  '/srv/y/j.html',
  '/data/',
  '/data/a.txt',
  '/usr/',
  '/usr/bin/',
  '/usr/bin/sh',
  '/bin -> usr/bin',
  '~/mail/',
);

function lisp(body: string): Policy {
  const file = { name: 'test.vxed', text: `(vxed 1) (name test) (type strict)\n${body}` };
  return unwrap(parseLispProfile(file), [file]);
}

const R = 'read_file';
const LINES: readonly (readonly [string, Policy, readonly string[]])[] = [
  ['/etc/*.conf: read', policyOf('files: {/etc/*.conf: read}'), [`${R}: /etc/a.conf`]],
  ['/etc/**/*.conf: read', policyOf('files: {/etc/**/*.conf: read}'), [`${R}: /etc/a.conf /etc/ssl/a.conf`]],
  [
    'a pattern that takes away',
    policyOf('files: {/etc: read, /etc/**/*.pem: none}'),
    ['read_dir: /etc', `${R}: /etc/a.conf /etc/b.cfg /etc/ssl/a.conf`],
  ],
  ['a folder that matches, with all below', policyOf('files:\n  /srv/[x]*: read\n'), [`${R} read_dir: /srv/x`]],
  ['a link is not what it leads to', policyOf('files: {/srv/*.html: read}'), []],
  ['the beginning of a pattern may be a link', policyOf('files: {/bin/s*: read execute}'), ['execute read_file: /usr/bin/sh']],
  ['a path of its own wins', policyOf('files: {/etc/*.conf: read, /etc/a.conf: none}'), []],
  ['both of two that overlap', policyOf('files: {/etc/ssl: none, /etc/**/a.conf: read}'), [`${R}: /etc/a.conf`]],
  ['create in folders that match', policyOf('files: {/srv/?: create}'), ['make_dir make_reg make_sock make_fifo make_sym: /srv/x /srv/y']],
  [
    'a predicate',
    lisp('(file-when "/srv" (suffix? ".html" path) read)'),
    [`${R}: /srv/x/i.html /srv/y/j.html`],
  ],
  [
    'a predicate is asked of each path by itself',
    lisp('(file-when "/srv" (not (suffix? ".key" path)) read)'),
    // There is no other file in /srv/y, and none can come to be.
    [`${R}: /srv/x/i.html /srv/y`, 'read_dir: /srv'],
  ],
  ['all that is mounted', lisp('(file-when "/mail" (beneath? "/mail" path) read write)'), ['write_file read_file read_dir truncate: /mail']],
  ['a constant that holds', lisp('(file-when "/mail" #t read)'), [`${R} read_dir: /mail`]],
]; // biome-ignore format: a table

for (const [what, policy, lines] of LINES) {
  test(`${what} becomes exact rules`, (t) => {
    const sorted = (all: readonly string[]): string[] =>
      all.map((line) => line.split(/:? /).sort().join(' ')).sort();
    const rules = landlockLines(lower({ ...policy, program: undefined }, world));
    t.deepEqual(sorted(mergeByPath(rules)), sorted(mergeByPath(lines)));
  });
}

/** `path: rights` for each path, however the rules are grouped. */
function mergeByPath(lines: readonly string[]): readonly string[] {
  const rights = new Map<string, string[]>();
  for (const line of lines) {
    const [words = '', paths = ''] = line.split(': ');
    for (const path of paths.split(' ')) rights.set(path, [...(rights.get(path) ?? []), ...words.split(' ')]);
  }
  return [...rights].map(([path, words]) => `${path} ${words.sort().join(' ')}`);
}

const REFUSED: readonly (readonly [string, Policy, RegExp])[] = [
  [
    'a pattern over a mount',
    policyOf('files:\n  /mail/*.mbox: read\n'),
    /test\.vxed\.yaml:5:3: files:\/mail\/\*\.mbox is not the same for all that may come to be: what is mounted on \/mail is not known[\s\S]*rule is for a folder and all below it, such as \/mail\/NAME\/\*\*; where nothing there is meant, rule \/mail: none/,
  ],
  ['a pattern that reaches a mount', policyOf('files: {/**/*.mbox: read}'), /mounted on \/mail/],
  ['a predicate that reaches a mount', lisp('(file-when "/" (suffix? ".x" path) read)'), /test\.vxed:2:1: files:\/:when is not the same.*\/mail/],
  ['a folder that files are made in', policyOf('files: {/data: read create, /data/*.txt: none}'), /the profile lets files be made in \/data[\s\S]*or take create from \/data/],
  ['one that files are made in by a pattern', policyOf('files: {/srv/?: create, /srv/*/*.html: read}'), /files be made in \/srv\/x/],
  ['a missing folder that can be made', policyOf('files: {/data: read create, /data/new/*.txt: none}'), /made in \/data/],
  ['a predicate that goes wrong', lisp('(file-when "/srv" (and (suffix? ".key" path) (prefix? "x" (nth 9 (split "/" path)))) read)'), /nth|no such item/],
]; // biome-ignore format: a table

for (const [what, policy, message] of REFUSED) {
  test(`${what} is refused where it does not come to a folder`, (t) => {
    const lowered = lowerPolicy(policy, targetOf(world));
    t.false(lowered.ok);
    if (!lowered.ok) t.regex(lowered.diagnostics.map((each) => formatDiagnostic(each)).join('\n'), message);
  });
}

test('what says the same of all that may come to be is no problem', (t) => {
  for (const policy of [
    policyOf('files: {/mail: none, /**/*.mbox: read}'),
    policyOf('files: {/data: read create, /data/*.txt: read create}'),
    policyOf('files: {/mail/**: read write create}'),
    lisp('(file "/mail" none) (file-when "/" (suffix? ".x" path) read)'),
    lisp('(file-when "/" (and (beneath? "/srv" path) (suffix? ".x" path)) read)'),
    lisp('(file-when "/" (if (glob? "/mail/**" path) #f (suffix? ".x" path)) read)'),
  ])
    t.true(lowerPolicy(policy, targetOf(world)).ok);
});

const host: HostLister = {
  kind: (path) => bundleTree(world).kind(path),
  link: (path) => world.entries.find((entry) => entry.path === path)?.target ?? '',
  list: (path) => bundleTree({ ...world, open: [] }).children(path) ?? [],
};

test('over the host a pattern may add to what its folder has, and not take away', (t) => {
  const adding = lowerPolicy(policyOf('files: {/srv: read, /srv/*/*.html: read write}'), targetOf({ host }));
  t.true(adding.ok);
  if (adding.ok) {
    const row = adding.value.coverage.find((each) => each.rule === 'files:/srv/*/*.html');
    t.regex(
      row?.note ?? '',
      /exact rules for 2 paths; as they were when it was compiled: a later file has what/,
    );
    t.is(row?.status, 'full');
  }
  const taking = lowerPolicy(policyOf('files: {/srv: read, /srv/*/*.key: none}'), targetOf({ host }));
  t.false(taking.ok);
  const said = taking.ok ? '' : formatDiagnostic(taking.diagnostics[0] ?? { code: 'internal', message: '' });
  t.regex(
    said,
    /files:\/srv\/\*\/\*\.key is not the same[\s\S]*would have more than the rule says[\s\S]*run the program in a bundle/,
  );
});

test('a pattern has one row of coverage, whatever it comes to', (t) => {
  const { coverage } = lower(policyOf('files: {/etc: read, /etc/**/*.pem: none, /nowhere/*: read}'), world);
  const rows = coverage.filter((row) => row.rule.startsWith('files:/')).map((row) => `${row.rule} ${row.mechanism} ${row.note}`); // biome-ignore format: one thought
  t.deepEqual(rows.length, 3);
  t.regex(
    rows[1] ?? '',
    /^files:\/etc\/\*\*\/\*\.pem landlock an exact rule for one path; held by granting its siblings/,
  );
  t.regex(rows[2] ?? '', /^files:\/nowhere\/\* rootfs no path has other rights by it/);
});

test('a pattern that begins deeper than another takes away what the other gives, whichever is first', (t) => {
  const nested: FileWorld = {
    entries: ['/', '/b', '/b/a', '/b/a/c'].map((path) => ({ path, kind: 'directory' })),
    open: [],
  };
  const deep = '(file "/b/a/?" none)';
  const wide = '(file-when "/" (contains? "b" path) read write)';
  const hole = '(file "/**/a/**" none)';
  for (const lines of [
    [deep, hole, wide],
    [wide, hole, deep],
    [hole, deep, wide],
  ]) {
    const { policy, diagnostics } = settlePatterns(lisp(lines.join('\n')), bundleTree(nested));
    t.deepEqual(diagnostics, []);
    const granted = (path: string) => [...(fileVerdict(policy, path)?.access ?? [])].sort();
    t.deepEqual(granted('/b'), ['read', 'write']);
    t.deepEqual(granted('/b/a'), []);
    t.deepEqual(granted('/b/a/c'), []);
  }
});

const NAMES = ['a', 'b', 'a.x', 'b.x'];
const part = fc.constantFrom('a', 'b', '*', '*.x', '?', 'a*', '**', '[!a]*');
const where = fc.oneof(
  fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
  fc.array(part, { minLength: 1, maxLength: 3 }),
).map((parts) => `/${parts.join('/')}`); // biome-ignore format: a table
const words = fc.subarray(['read', 'write', 'create', 'remove', 'execute']);

/** Folders with two letters less than files, so that each name is one or the other. */
function randomWorld(chosen: readonly boolean[], open: string[]): FileWorld {
  const entries: FileWorld['entries'][number][] = [{ path: '/', kind: 'directory' }];
  let at = 0;
  const grow = (folder: string, depth: number): void => {
    for (const name of NAMES) {
      if (!chosen[at++ % chosen.length]) continue;
      const path = folder === '/' ? `/${name}` : `${folder}/${name}`;
      const directory = !name.includes('.') && depth < 3;
      entries.push({ path, kind: directory ? 'directory' : 'file' });
      if (directory) grow(path, depth + 1);
    }
  };
  grow('/', 0);
  return { entries, open };
}

test('exact rules decide about every file as the patterns did, and about what may come to be, too', (t) => {
  let refused = 0;
  let compared = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(where, words), { minLength: 1, maxLength: 6, selector: ([path]) => path }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      fc.subarray(['/b', '/a/b'], { maxLength: 1 }),
      fc.constantFrom(
        '',
        '(file-when "/" (contains? "b" path) read write)',
        '(file-when "/a" (not (suffix? ".x" path)) read)',
      ),
      (rules, chosen, open, predicate) => {
        const lines = rules.map(
          ([path, access]) => `(file ${JSON.stringify(path)} ${access.join(' ') || 'none'})`,
        );
        let policy: Policy;
        try {
          policy = lisp(`${lines.join('\n')}\n${predicate}`);
        } catch {
          return; // one path twice, in two spellings
        }
        const tree = bundleTree(randomWorld(chosen, open));
        const settled = settlePatterns(policy, tree);
        if (settled.diagnostics.length > 0) {
          refused++;
          return;
        }
        t.deepEqual(settled.policy.patterns, []);
        const granted = (rulesOf: Policy, path: string): string =>
          [...(fileVerdict(rulesOf, path)?.access ?? [])].sort().join(' ');
        const look = (path: string): void => {
          t.is(
            granted(settled.policy, path),
            granted(policy, path),
            `${path} ${lines.join(' ')} ${predicate} open ${open}`,
          );
          compared++;
        };
        const walk = (path: string): void => {
          look(path);
          const may = tree.isOpen(path) || granted(policy, path).includes('create');
          if (tree.kind(path) !== 'directory') return;
          if (may)
            for (const name of ['n', 'a9', 'n.x', 'b/n.x', 'n/a'])
              if (!(tree.children(path) ?? []).includes(name.split('/')[0] ?? ''))
                look(path === '/' ? `/${name}` : `${path}/${name}`);
          for (const name of tree.children(path) ?? []) walk(path === '/' ? `/${name}` : `${path}/${name}`);
        };
        walk('/');
        for (const mount of open) walk(mount);
      },
    ),
    { numRuns: 400 },
  );
  t.log(`${compared} paths compared, ${refused} profiles refused`);
  t.true(compared > 2000 && refused > 30);
});
