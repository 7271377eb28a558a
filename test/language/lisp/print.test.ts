import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../../src/common/index.js';
import { parseLispProfile, printAcl, printLisp, printProfile } from '../../../src/language/index.js';
import type { Policy } from '../../../src/policy/index.js';
import { fileVerdict } from '../../../src/policy/index.js';
import { policyOf as yamlPolicyOf } from '../../policy/helpers.js';
import { bodies, withoutSpans } from '../acl-helpers.js';
import { keepsConditions } from '../printing.js';
import { policyOf } from './helpers.js';

function read(text: string): Policy {
  const file = { name: 'printed.vxed', text };
  return unwrap(parseLispProfile(file), [file]);
}

test('popd in vxelisp comes back from its print with every word of its explanations', (t) => {
  const policy = read(readFileSync('profiles/popd.vxed', 'utf8'));
  const text = unwrap(printLisp(policy));
  t.deepEqual(withoutSpans(read(text)), withoutSpans(policy));
  t.is(unwrap(printLisp(read(text))), text);
  // Names stay names.
  t.true(text.includes('(only? prot PROT_READ|PROT_EXEC)'));
  t.true(text.includes('(= (& type SOCK_TYPE_MASK) SOCK_STREAM)'));
});

for (const type of ['strict', 'filesystem']) {
  test(`random ${type} profiles of YAML come back from their vxelisp print`, (t) => {
    fc.assert(
      fc.property(bodies(), (body) => {
        const safe = type === 'strict' ? body : body.replaceAll(/exec: once/g, 'exec: any');
        const policy = yamlPolicyOf(safe, type);
        const printed = printLisp(policy);
        if (!printed.ok) {
          t.regex(printed.diagnostics[0]?.message ?? '', /character that no string/);
          return;
        }
        const again = read(printed.value);
        t.deepEqual(shapeOf(again), shapeOf(policy));
        // What was read of the print is what its own print says, word by word.
        const second = unwrap(printLisp(again));
        t.deepEqual(withoutSpans(read(second)), withoutSpans(again));
      }),
      { numRuns: 150 },
    );
  });
}

/** Nesting of one kind of alternatives in itself means nothing, nor does a row that is said twice. */
function shapeOf(policy: Policy): unknown {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return distinctRows(value.map(plain));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, each]) => [key, plain(each)] as const);
    const object = Object.fromEntries(entries) as Record<string, unknown>;
    if ((object.kind !== 'any' && object.kind !== 'all') || !Array.isArray(object.of)) return object;
    const of = object.of.flatMap((part: { kind: string; of?: unknown[] }) =>
      part.kind === object.kind ? (part.of ?? []) : [part],
    );
    return of.length === 1 ? of[0] : { ...object, of };
  };
  return plain(withoutSpans(policy, false));
}

function distinctRows(values: readonly unknown[]): readonly unknown[] {
  const texts = values.map((value) =>
    JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each)),
  );
  const isRow = (value: unknown): boolean => typeof value === 'object' && value !== null && 'tests' in value;
  return values.filter((value, index) => !isRow(value) || texts.indexOf(texts[index] ?? '') === index);
}

test('a row that is said twice, once as a list of one, is printed once', (t) => {
  const twice = 'ioctl: [{fd: {only: 0xffff}, errno: EACCES}, {fd: [{only: 0xffff}], errno: EACCES}]';
  const policy = yamlPolicyOf(`exec: once\ncalls: {quiet: {${twice}}}\n`, 'filesystem');
  const text = unwrap(printLisp(policy));
  t.is(text.split('ioctl').length, 2, text);
  t.deepEqual(shapeOf(read(text)), shapeOf(policy));
});

test('a condition of any structure is printed as a predicate with its meaning', (t) => {
  keepsConditions(t, {
    print: printLisp,
    read,
    base: policyOf('(permit read)'),
    words: ['', '(lisp)', 'not 3', '[1, 2] and {from: 1}', '{with: 1'],
    least: 200,
  });
});

const BODIES: readonly string[] = [
  '(permit-when socket (not (in? domain AF_UNIX AF_INET)))',
  '(permit-when mmap (if (with? prot PROT_EXEC) (without? flags MAP_ANONYMOUS) #t))',
  '(permit-when socket (= (>> type 11) 0) (between? domain -3 4))',
  '(permit-when socket (< (& type 0xff) 7) (>= domain 3) (<= protocol 9))',
  '(quiet socket EACCES) (permit read)',
  '(permit socket) (quiet socket EACCES (= domain 1) (= domain 2)) (quiet socket EPERM (= domain 3))',
  '(description "a \\"quoted\\" \\\\ \\t \\u{1} \\u{e4}") (file "/a b" none) (file "/x\\ty" read)',
  '(limits (as unlimited) (nofile 3)) (accept tcp/1) (connect tcp/2) (interface loopback)',
];

for (const body of BODIES) {
  test(`comes back word by word: ${body}`, (t) => {
    const policy = policyOf(body);
    t.deepEqual(withoutSpans(read(unwrap(printLisp(policy)))), withoutSpans(policy));
  });
}

const PREDICATES: readonly string[] = [
  '(file-when "/srv" (suffix? ".html" path) read)',
  '(define ends (list ".a" ".b")) (file-when "/" (some? (lambda (end) (suffix? end path)) ends) read write)',
  '(define (name-of path) (first (reverse (split "/" path)))) (file-when "/x" (= (name-of path) "k") none)',
  '(define (f a . more) (in? a more)) (file-when "/x" (f path "/x/a" "/x/b") read) (file-when "/x" #t none)',
  '(define (within top words) (file-when top (if (beneath? "/x/y" path) #f (glob? "/**/[a-c]?" path)) words)) (within "/x" \'read)',
  '(file-when "/x" (let (parts (split "/" path) n (length parts)) (and (> n 2) (< n 5))) read)',
  '(file-when "/x" (every? string-length-odd? (list path)) read)',
]; // biome-ignore format: a table

for (const body of PREDICATES) {
  test(`a predicate is written with all that it rests on: ${body}`, (t) => {
    const library = '(define (string-length-odd? s) (with? (string-length s) 1))\n';
    const policy = policyOf(library + body);
    const text = unwrap(printLisp(policy));
    t.false(text.includes('(define'));
    const again = read(text);
    t.deepEqual(withoutSpans(again), withoutSpans(policy));
    t.is(unwrap(printLisp(again)), text);
    const paths = ['/srv/a.html', '/x', '/x/k', '/x/a', '/x/b', '/x/y/ab', '/x/z/ab', '/x/a/b/c.a', '/x.b'];
    for (const path of paths) {
      const granted = (rules: Policy) => [...(fileVerdict(rules, path)?.access ?? ['-'])].join();
      t.is(granted(again), granted(policy), path);
    }
  });
}

test('a predicate is said in vxelisp alone, and the other forms name it', (t) => {
  const policy = policyOf(
    '(file-when "/srv" (suffix? ".html" path) read)',
    undefined,
    '(vxed 1) (name x) (type filesystem)',
  );
  for (const print of [printProfile, printAcl]) {
    const printed = print(policy);
    t.false(printed.ok);
    t.regex(
      printed.ok ? '' : (printed.diagnostics[0]?.message ?? ''),
      /^files:\/srv:when is a predicate over paths/,
    );
  }
});

test('what vxelisp has no words for is named', (t) => {
  const policy = policyOf('(permit read)');
  const refused = { id: 'calls:open', call: 'open', permit: [], quiet: [], span: policy.span };
  const said = (more: Partial<Policy>): string => {
    const result = printLisp({ ...policy, ...more });
    return result.ok ? result.value : (result.diagnostics[0]?.message ?? '');
  };
  t.regex(
    said({ calls: new Map([...policy.calls, ['open', refused]]) }),
    /calls:open refuses the call by name/,
  );
  t.regex(said({ description: 'a\0b' }), /no string of vxelisp holds/);
  const limit = { id: 'limits:x', type: 'RLIMIT_X', value: 1n, span: policy.span };
  t.regex(said({ limits: [limit] }), /limits:x is a limit that vxelisp has no word for/);
});
