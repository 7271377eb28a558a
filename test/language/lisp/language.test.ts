import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../../src/common/index.js';
import { formatLisp, inlineLibraries, LispSession, type LoadLibrary } from '../../../src/language/index.js';
import { Regex, RegexError } from '../../../src/language/lisp/regex.js';
import { conditionHolds, decideCall, scalarEvent } from '../../../src/policy/index.js';
import { errorOf, outcomeOf, policyOf, rowsOf, withoutSpans } from './helpers.js';

test('an error shows the line, a caret and what was expected', (t) => {
  t.is(
    errorOf('(permit raed)'),
    'test.vxed:2:9: there is no system call raed\n  2 | (permit raed)\n    |         ^^^^\n  = did you mean read?',
  );
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['(permit read', /2:1: this \( is never closed/],
  ['(permit read))', /2:14: this \) closes nothing/],
  ['(description "x', /2:14: this string is never closed/],
  ['(description "\\q")', /\\q is no escape/],
  ['(limit nofile 12x)', /12x is neither a number nor a name/],
  ['(limit nofile 99999999999999999999)', /does not fit into 64 bits/],
  ['(permti read)', /there is no function or form permti[\s\S]*did you mean permit\?/],
  ['(define AF_INET 3)', /AF_INET is a constant already/],
  ['(define permit 3)', /permit is part of the language/],
  ['(define x 1) (define x 2)', /x is defined twice[\s\S]*first here/],
  ['(define (f x) (f x)) (f 1)', /there is no function or form f/],
  ['(define (a x) (b x)) (define (b x) (a x))', /there is no function or form b/],
  ['(define (f g) (g g))', /there is no function or form g/],
  ['(define (w f) (map f (list f)))', /f is a value, not a function/],
  ['(define-macro (m x) (m x)) (m 1)', /m cannot lead to itself/],
  [
    '(define-macro (a x) (b x)) (define-macro (b x) (a x)) (a 1)',
    /macros write out macros more than|nested deeper/,
  ],
  ['(define-macro (a x) (b x)) (define-macro (b x) (a x)) (define y (a 1))', /nested deeper than/],
  ['(define read 1) (permit read)', /read is a word of permit and also a name/],
  ['(define (f domain) (permit-when socket (= domain 1))) (f 3)', /domain is an argument of socket here/],
  ['(permit-when socket (= domian AF_INET))', /socket has no argument domian[\s\S]*did you mean domain\?/],
  ['(permit-when socket (= domain AF_INTE))', /no argument AF_INTE[\s\S]*did you mean AF_INET\?/],
  ['(permit-when socket (= domain "x"))', /= wants a number, and this is a string, "x"/],
  [
    '(permit-when openat (prefix? "/etc" path))',
    /prefix\? cannot look into what path points to[\s\S]*rule paths with \(file/,
  ],
  ['(permit-when openat (= path "/etc"))', /cannot look into what path points to/],
  ['(permit-when connect (= addr "tcp/25"))', /rule ports with \(accept/],
  ['(permit-when socket (= domain type))', /compares two arguments/],
  ['(permit-when socket (= (* domain 2) 4))', /known only when the call is made/],
  ['(permit-when socket (= (& type 1) 2))', /bits outside its mask never holds/],
  ['(permit-when socket (< type 0))', /never holds/],
  ['(permit-when socket (< type -1))', /compares without sign/],
  ['(permit-when socket (< (& type 5) 3))', /a range over the scattered bits 0x5/],
  ['(permit-when socket (= domain 0x100000000))', /does not fit[\s\S]*32 bits of domain/],
  ['(permit-when socket #f)', /this predicate never holds/],
  ['(permit-when socket 3)', /a predicate wants a truth value/],
  ['(permit-when socket (if (= domain 1) #t))', /what holds otherwise is not said/],
  ['(permit-when socket (begin (permit read) #t))', /a rule cannot stand inside a predicate/],
  ['(permit socket) (permit-when socket (= domain 1))', /permitted both with any arguments and with some/],
  ['(permit-when read_all (= x 1))', /there is no system call read_all/],
  ['(quiet socket EACESS)', /EACESS is not an error of the kernel[\s\S]*did you mean EACCES\?/],
  ['(file "etc" read)', /etc is not an absolute path/],
  ['(file "/etc/**x" read)', /\*\* stands alone between two slashes/],
  ['(file "/etc/[z-a]" read)', /no character lies from z-a/],
  ['(file "/etc/*/" read)', /pattern with a final slash[\s\S]*write \/etc\/\*/],
  ['(program "/bin/*")', /is a pattern[\s\S]*name one program/],
  ['(file-when "/etc" (suffix? 3 path) read)', /suffix\? wants a string/],
  ['(file-when "/etc" (suffix? ".x" path))', /this is not how file-when is written/],
  ['(file-when "/etc/*" #t read)', /is a pattern[\s\S]*leave the rest to the predicate/],
  ['(define path "/x") (file-when "/etc" (suffix? ".x" path) read)', /path is what file-when asks about/],
  ['(file-when "/etc" (begin (permit read) #t) read)', /a rule cannot stand inside a predicate/],
  ['(file-when "/etc" path read)', /a predicate wants a truth value/],
  ['(file "/etc" read) (suffix? ".x" path)', /path is not defined/],
  ['(file "/etc/" raed)', /raed is not an access[\s\S]*did you mean read\?/],
  ['(file "/etc" read) (file "/etc" write)', /\/etc is ruled twice/],
  ['(accept tcp/110)', /not on which interface/],
  ['(accept "tcp/10.0.0.1:53") (interface host)', /tcp\/10\.0\.0\.1:53 is not a port/],
  ['(socket "tcp/10.0.0.1/8" connect) (interface host)', /bits beyond its prefix/],
  ['(socket tcp/53 send) (interface host)', /no datagrams/],
  ['(sockets (tcp/53 accept) (tcp/53 connect)) (interface host)', /ruled twice/],
  ['(socket tcp/53 use)', /use is not an access to sockets/],
  ['(signal all)', /signal wants instance or none/],
  ['(trace none) (trace none)', /trace is said twice/],
  ['(namespaces net)', /namespaces cannot be net/],
  ['(descriptors 3)', /a word/],
  ['(resource memmory 1)', /no resource memmory/],
  ['(resources (pids 1) (pids 2))', /limited twice/],
  ['(resource cpu 2)', /not an amount of cpu/],
  ['(exec "bin/sh")', /exec cannot be bin\/sh/],
  ['(limit nofiles 3)', /there is no limit nofiles[\s\S]*did you mean nofile\?/],
  ['(permit execve)', /\(exec once\) keeps execve for the launch/],
  ['(type filesystem)', /type is said twice/],
  ['(include "gone.vxl")', /there is no library gone.vxl/],
  ['(string-length 3)', /string-length wants a string, and this is a number, 3/],
  ['(nth 5 (list 1))', /the list has no such item/],
  ['(regex? "[a" "a")', /not a regular expression: this \[ is never closed/],
  ['(define (f x) (nth x (list 1))) (f 3)', /in f, called here/],
  ['((permit read))', /the name of a form or function was expected/],
];

for (const [text, message] of WRONG) test(`wrong: ${text}`, (t) => t.regex(errorOf(text), message));

test('a profile without its head says what is missing', (t) => {
  t.regex(
    String(outcomeOf('(permit read)', undefined, '')),
    /has no vxed[\s\S]*has no name[\s\S]*has no type/,
  );
  t.regex(
    String(outcomeOf('', undefined, '(vxed 2) (name x) (type strict)')),
    /reads version 1 of profiles, not 2/,
  );
});

test('what would take too long ends at the budget, soon', (t) => {
  const doubling = `(define l0 (list 1 2)) ${Array.from({ length: 40 }, (_, i) => `(define l${i + 1} (append l${i} l${i}))`).join(' ')}`;
  const calls = `(define (f0 x) (+ x 1)) ${Array.from({ length: 40 }, (_, i) => `(define (f${i + 1} x) (+ (f${i} x) (f${i} x)))`).join(' ')} (f40 1)`;
  const macros = `(define-macro (m0 x) (+ x x)) ${Array.from({ length: 40 }, (_, i) => `(define-macro (m${i + 1} x) (m${i} (+ x x)))`).join(' ')} (define y (m40 1))`;
  const tests = `(define (p0 t) (or (= t 1) (= t 2))) ${Array.from({ length: 30 }, (_, i) => `(define (p${i + 1} t) (let (q (p${i} t)) (or q q)))`).join(' ')} (permit-when socket (p30 type))`;
  const rows = `(permit-when socketpair ${`(and ${'(or (= domain 1) (= type 2) (= protocol 3)) '.repeat(12)})`})`;
  const strings = `(define s0 "xxxxxxxx") ${Array.from({ length: 40 }, (_, i) => `(define s${i + 1} (string s${i} s${i}))`).join(' ')}`;
  const start = process.cpuUsage();
  for (const text of [doubling, calls, macros, tests, rows, strings]) {
    t.regex(errorOf(text), /more than|longer than/, text.slice(0, 40));
  }
  t.regex(errorOf(`(define y ${'('.repeat(5000)}`), /nested deeper/);
  t.true(process.cpuUsage(start).user < 10_000_000);
});

/** A predicate of some comparisons as text, and what it says of values by plain arithmetic. */
interface Said {
  readonly text: string;
  holds(values: readonly bigint[]): boolean;
}

const NAMES = ['domain', 'type', 'protocol'];

function saying(depth: number): fc.Arbitrary<Said> {
  const number = fc.bigInt(0n, 7n);
  const argument = fc.nat(2);
  const compare = fc
    .tuple(argument, fc.constantFrom('=', '!=', '<=', '>='), number)
    .map(([at, operator, n]): Said => {
      const says = (v: bigint) =>
        ({ '=': v === n, '!=': v !== n, '<=': v <= n, '>=': v >= n })[operator] ?? false;
      return { text: `(${operator} ${NAMES[at]} ${n})`, holds: (values) => says(values[at] ?? 0n) };
    });
  const bits = fc
    .tuple(argument, fc.constantFrom('with?', 'without?', 'only?'), fc.bigInt(1n, 7n))
    .map(([at, operator, n]): Said => {
      const says = (v: bigint) =>
        ({ 'with?': (v & n) === n, 'without?': (v & n) === 0n, 'only?': (v & ~n) === 0n })[operator] ?? false;
      return { text: `(${operator} ${NAMES[at]} ${n})`, holds: (values) => says(values[at] ?? 0n) };
    });
  const part = fc.tuple(argument, fc.bigInt(0n, 3n), fc.bigInt(0n, 3n)).map(([at, a, b]): Said => {
    const [low, high] = a < b ? [a, b] : [b, a];
    return {
      text: `(between? (& (>> ${NAMES[at]} 1) 3) ${low} ${high})`,
      holds: (values) => {
        const v = ((values[at] ?? 0n) >> 1n) & 3n;
        return low <= v && v <= high;
      },
    };
  });
  const atom = fc.oneof(compare, bits, part);
  if (depth === 0) return atom;
  const inner = saying(depth - 1);
  return fc.oneof(
    atom,
    inner.map((a): Said => ({ text: `(not ${a.text})`, holds: (v) => !a.holds(v) })),
    fc
      .tuple(inner, inner)
      .map(([a, b]): Said => ({ text: `(and ${a.text} ${b.text})`, holds: (v) => a.holds(v) && b.holds(v) })),
    fc
      .tuple(inner, inner)
      .map(([a, b]): Said => ({ text: `(or ${a.text} ${b.text})`, holds: (v) => a.holds(v) || b.holds(v) })),
    fc.tuple(inner, inner, inner).map(
      ([a, b, c]): Said => ({
        text: `(if ${a.text} ${b.text} ${c.text})`,
        holds: (v) => (a.holds(v) ? b.holds(v) : c.holds(v)),
      }),
    ),
  );
}

test('the rows of a predicate hold exactly where the predicate does', (t) => {
  let holding = 0;
  let count = 0;
  const value = fc.oneof(fc.bigInt(0n, 8n), fc.constantFrom(0xffff_ffffn, 0x1_0000_0003n));
  fc.assert(
    fc.property(
      saying(3),
      fc.array(fc.tuple(value, value, value), { minLength: 8, maxLength: 8 }),
      (said, samples) => {
        const policy = policyOf(`(permit-when socket ${said.text})`);
        for (const values of samples) {
          const cut = values.map((each) => each & 0xffff_ffffn);
          const allowed = decideCall(policy, scalarEvent('socket', values)).verdict === 'allow';
          t.is(allowed, said.holds(cut), `${said.text} of ${values}`);
          if (allowed) holding++;
          count++;
        }
      },
    ),
    { numRuns: 400 },
  );
  t.true(holding > 100 && holding < count - 100);
});

test('conditions on one argument stay one test, others become rows', (t) => {
  const policy = policyOf(
    '(permit-when socket (and (or (= domain 1) (= domain 2)) (or (= type 3) (= protocol 4))))',
  );
  const rows = rowsOf(policy, 'socket');
  t.is(rows === 'all' ? 0 : rows.length, 2);
  if (rows !== 'all')
    for (const row of rows) {
      const first = row.tests[0];
      t.true(first !== undefined && first.name === 'domain' && conditionHolds(first.condition, 2n));
    }
});

test('libraries are read once, from the folder of their user, and can be written into the text', (t) => {
  const library = { name: '/lib/base.vxl', text: '(define (reads . paths) (file paths read)) ; read only\n' };
  const second = { name: '/lib/more.vxl', text: '(include "base.vxl")\n(reads "/etc")' };
  const load: LoadLibrary = (path) => [library, second].find((each) => each.name.endsWith(`/${path}`));
  const text = '(include "more.vxl") (include "base.vxl")\n(reads "/usr/lib")';
  const policy = policyOf(text, load);
  t.deepEqual(
    policy.files.map((rule) => `${rule.path} ${rule.span.source}`),
    ['/etc /lib/base.vxl', '/usr/lib /lib/base.vxl'],
  );
  const whole = unwrap(inlineLibraries({ name: 'test.vxed', text }, load));
  t.false(whole.includes('include'));
  t.deepEqual(withoutSpans(policyOf(whole)), withoutSpans(policy));
});

test('a macro meets no name of its user', (t) => {
  const session = new LispSession();
  const answer = (text: string) =>
    unwrap(session.answer({ name: 'x', text })).map((each) =>
      each.kind === 'value' ? each.text : each.kind,
    );
  answer('(define base 10) (define-macro (twice form) (let (x form) (+ x x base)))');
  t.deepEqual(answer('(let (x 1 base 100) (twice (+ x 1)))'), ['14']);
  t.deepEqual(session.complete('popc'), ['popcount']);
  t.true(session.isOpen('(+ 1') && !session.isOpen('(+ 1)') && !session.isOpen(')'));
});

const MESSY = `; head

(permit   read ; first
   write
   ; alone

   close )
(define (f   x)
  (if (= x 1) "a"    "b")) ; behind


'(1   "a\\n" x)
(permit-when socket (and (= domain AF_INET) (= (& type SOCK_TYPE_MASK) SOCK_STREAM) (in? protocol 0 IPPROTO_TCP)) (= domain AF_UNIX))
; end
`;

test('the layout is stable and keeps forms and comments', (t) => {
  const once = unwrap(formatLisp({ name: 'm', text: MESSY }));
  t.is(unwrap(formatLisp({ name: 'm', text: once })), once);
  const bare = (text: string) => text.replace(/\s+/g, ' ').replace(/ (?=\))/g, '');
  t.is(bare(once), bare(MESSY));
  t.true(once.split('\n').every((line) => line.length <= 100));
  t.false(unwrap(formatLisp({ name: 'm', text: '(a))'.slice(0, 3) })) === '');
});

test('random forms keep their meaning and their layout', (t) => {
  const atom = fc.constantFrom(
    'a',
    '12',
    '"s t"',
    "'q",
    'AF_INET|AF_UNIX',
    'a-longer-name-of-something',
    'define',
    'permit',
  );
  const gap = fc.constantFrom(' ', '  ', '\n', '\n\n', '\n\n\n', ' ; c\n', '\n; d\n', '\n\n; e\n\n');
  const { form } = fc.letrec<{ form: string }>((tie) => ({
    form: fc.oneof(
      { maxDepth: 5 },
      atom,
      fc
        .array(fc.tuple(gap, tie('form')), { maxLength: 7 })
        .map((items) => `(${items.map(([g, f]) => g + f).join('')}${items.length > 3 ? '\n; z\n' : ''})`),
    ),
  }));
  const bare = (text: string) =>
    text
      .replace(/\s+/g, ' ')
      .replace(/ (?=\))/g, '')
      .replace(/\( /g, '(')
      .trim();
  fc.assert(
    fc.property(fc.array(fc.tuple(form, gap), { maxLength: 4 }), (forms) => {
      const text = forms.map(([f, g]) => f + g).join('\n');
      const once = unwrap(formatLisp({ name: 'r', text }));
      t.is(bare(once), bare(text));
      t.is(unwrap(formatLisp({ name: 'r', text: once })), once);
    }),
    { numRuns: 500 },
  );
});

test('regular expressions match as those of the platform do', (t) => {
  const pieces = [
    'a',
    'b',
    '.',
    'a*',
    'b+',
    '(a|b)',
    '(ab)?',
    '[ab]',
    '[^a]',
    'a{2}',
    '(a|b){1,2}',
    '^',
    '$',
    '\\w',
    '\\.',
  ];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.'), maxLength: 8 }),
      (parts, text) => {
        const source = parts.join('');
        t.is(
          new Regex(source).matches(text, true),
          new RegExp(source, 's').test(text),
          `${source} on ${text}`,
        );
        t.is(
          new Regex(source).matches(text, false),
          new RegExp(`^(?:${source})$`, 's').test(text),
          `${source} is ${text}`,
        );
      },
    ),
    { numRuns: 3000 },
  );
});

test('a regular expression takes linear time, and a bad one says where', (t) => {
  const start = process.cpuUsage();
  t.false(new Regex('(a*)*(a|a)*(a?){50}b').matches('a'.repeat(5000), false));
  t.true(process.cpuUsage(start).user < 5_000_000);
  for (const bad of [
    '(',
    ')',
    '[a',
    '*',
    'a{3,2}',
    'a{999}',
    '\\q',
    '(?=a)',
    '((((a{255}){255}){255}){255}',
    '(((){255}){255}){255}',
  ])
    t.throws(() => new Regex(bad), { instanceOf: RegexError }, bad);
});
