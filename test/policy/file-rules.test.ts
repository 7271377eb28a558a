import test from 'ava';
import { failure, success, unwrap } from '../../src/common/index.js';
import type { Access, FileRules, PatternRule } from '../../src/policy/index.js';
import { decide, fileVerdict, parseEvent, parsePathText } from '../../src/policy/index.js';
import { policyOf } from './helpers.js';

const SPAN = policyOf('').span;

/** `/etc read`, `/etc/*.x none`, and predicates: `/srv ~.html read` holds for paths that contain the text. */
function rulesOf(...lines: readonly string[]): FileRules {
  const files = [];
  const patterns: PatternRule[] = [];
  for (const line of lines) {
    const [where = '', ...words] = line.split(' ');
    const asked = words[0]?.startsWith('~') ? words.shift()?.slice(1) : undefined;
    const access = new Set(words.filter((word): word is Access => word !== 'none'));
    const what = unwrap(parsePathText(where));
    const id = asked === undefined ? `files:${where}` : `files:${where}:when`;
    if (what.kind === 'glob') patterns.push({ kind: 'glob', id, glob: what.glob, access, span: SPAN });
    else if (asked === undefined)
      files.push({ id, path: what.path, folder: what.folder, access, span: SPAN });
    else
      patterns.push({
        kind: 'predicate',
        id,
        folder: what.path,
        access,
        span: SPAN,
        predicate: { text: asked, holds: (path) => success(path.includes(asked)), below: () => undefined },
      });
  }
  return { files, patterns };
}

/** rules, a path, what is granted there, by which rules. */
const VERDICTS: readonly (readonly [string, string, string, string])[] = [
  ['/etc read | /etc/shadow none', '/etc/shadow', '', '/etc/shadow'],
  ['/etc read | /etc/*.conf read write', '/etc/a.conf', 'read write', '/etc/*.conf'],
  ['/etc read | /etc/*.conf read write', '/etc/a.conf/x', 'read write', '/etc/*.conf'],
  ['/etc read | /etc/*.conf read write', '/etc/a.cfg', 'read', '/etc'],
  ['/etc/*.conf none | /etc/a.conf read', '/etc/a.conf', 'read', '/etc/a.conf'],
  ['/etc/*.d none | /etc/a.d/b read', '/etc/a.d/b/c', 'read', '/etc/a.d/b'],
  // Neither rules nothing but what the other rules: both decide.
  ['/etc/ssl/private none | /etc/**/*.pem read', '/etc/ssl/private/k.pem', '', '/etc/ssl/private /etc/**/*.pem'],
  ['/home/*/.ssh none | /home/a read write', '/home/a/.ssh/id', '', '/home/a /home/*/.ssh'],
  ['/home/*/.ssh none | /home/a read write', '/home/a/x', 'read write', '/home/a'],
  ['/srv/* read write | /**/x read execute', '/srv/x', 'read', '/srv/* /**/x'],
  // A pattern within another one.
  ['/srv/*.html read | /srv/i*.html none', '/srv/index.html', '', '/srv/i*.html'],
  ['/srv/** read | /srv/*/cache read write', '/srv/a/cache/x', 'read write', '/srv/*/cache'],
  ['/srv/* read | /srv/?* write', '/srv/x', '', '/srv/* /srv/?*'],
  // Predicates.
  ['/srv none | /srv ~.html read', '/srv/a.html', 'read', '/srv:when'],
  ['/srv none | /srv ~.html read', '/srv/a.htm', '', '/srv'],
  ['/srv ~.html read', '/srv/a.htm', '-', ''],
  ['/srv/a read write | /srv ~.html read execute', '/srv/a/x.html', 'read', '/srv/a /srv:when'],
  ['/srv/a.html read write | /srv ~.html read', '/srv/a.html', 'read write', '/srv/a.html'],
  ['/srv/* read write | /srv ~.html read', '/srv/a.html', 'read', '/srv/* /srv:when'],
  ['/*/** none | /srv ~.html read', '/srv/a.html', 'read', '/srv:when'],
]; // biome-ignore format: a table

for (const [rules, path, access, by] of VERDICTS) {
  test(`${rules}: ${path} has ${access || 'none'}`, (t) => {
    const verdict = fileVerdict(rulesOf(...rules.split(' | ')), path);
    t.is(verdict === undefined ? '-' : [...verdict.access].join(' '), access);
    t.deepEqual((verdict?.rules ?? []).map((rule) => rule.id).sort(), by.split(' ').filter((id) => id !== '').map((id) => `files:${id}`).sort()); // biome-ignore format: one thought
  });
}

test('which rules decide does not depend on their order', (t) => {
  for (const [rules, path] of VERDICTS) {
    const lines = rules.split(' | ');
    const [a, b] = [lines, lines.toReversed()].map((each) => fileVerdict(rulesOf(...each), path));
    t.deepEqual([...(a?.access ?? [])].sort(), [...(b?.access ?? [])].sort());
  }
});

test('a predicate without an answer grants nothing and says why', (t) => {
  const rules = rulesOf('/srv read', '/srv ~x read write');
  const [rule] = rules.patterns;
  if (rule?.kind !== 'predicate') return t.fail();
  const holds = () => failure<boolean>({ code: 'bad-value', message: 'nth wants an item', span: SPAN });
  const broken = { ...rule, predicate: { ...rule.predicate, holds } };
  const verdict = fileVerdict({ ...rules, patterns: [broken] }, '/srv/x');
  t.is(verdict?.access.size, 0);
  const policy = { ...policyOf('calls: {permit: [openat]}'), ...rules, patterns: [broken] };
  const decision = decide(policy, unwrap(parseEvent('openat("/srv/x", O_RDONLY)')));
  t.is(decision.verdict, 'refuse');
  t.regex(decision.reason, /files:\/srv:when has no answer for it, nth wants an item/);
});

test('the evaluator says which rules decide together', (t) => {
  const policy = policyOf('files: {/home/a: read write, /home/*/.ssh: read}\ncalls: {permit: [openat]}');
  const read = decide(policy, unwrap(parseEvent('openat("/home/a/.ssh/id", O_RDONLY)')));
  t.is(read.verdict, 'allow');
  t.regex(read.reason, /within what files:\/home\/\*\/\.ssh grants/);
  const write = decide(policy, unwrap(parseEvent('openat("/home/a/.ssh/id", O_WRONLY)')));
  t.is(write.rule, 'files:/home/*/.ssh');
});

test('with a world, rules are where their paths really lead', (t) => {
  const links = new Map([['/bin', '/usr/bin']]);
  const resolve = (path: string): string =>
    [...links].reduce(
      (now, [from, to]) => (now === from || now.startsWith(`${from}/`) ? to + now.slice(from.length) : now),
      path,
    );
  const world = { exists: () => true, resolve };
  const policy = policyOf('files: {/bin: read, /bin/*.sh: none}\ncalls: {permit: [openat]}');
  const ask = (path: string) =>
    decide(policy, unwrap(parseEvent(`openat("${path}", O_RDONLY)`)), world).verdict;
  t.is(ask('/bin/x'), 'allow');
  t.is(ask('/usr/bin/x'), 'allow');
  t.is(ask('/usr/bin/x.sh'), 'refuse');
  t.is(ask('/bin/x.sh'), 'refuse');
});
