import test from 'ava';
import fc from 'fast-check';
import type { Diagnostic, DiagnosticCode } from '../../src/common/index.js';
import { formatDiagnostic, unwrap } from '../../src/common/index.js';
import { parseAcl, parseProfile, printAcl, printProfile } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';
import { decide, parseEvent, scalarEvent } from '../../src/policy/index.js';
import { policyOf } from '../policy/helpers.js';
import { bodies, withoutSpans } from './acl-helpers.js';

function read(text: string): Policy {
  const file = { name: 'list.acl', text };
  return unwrap(parseAcl(file), [file]);
}

function complaints(text: string): readonly Diagnostic[] {
  const parsed = parseAcl({ name: 'list.acl', text });
  return parsed.ok ? [] : parsed.diagnostics;
}

const APACHE = `# A web server: pages are read, scratch and log folders are written.
@name apache
@description "a web server"
@capability CAP_SETUID CAP_SETGID   # to its own user
@limit nofile 1K

@general
file /usr/lib read
file /etc read
file /etc/passwd none          # more specific: it wins
file /srv read

@target /usr/sbin/apache2
file /usr/sbin/apache2 read/execute
file /srv read                 # the target's own rule stands before the general one
file "/var/log/a pache/" read/write/create
socket tcp/80 accept
socket *:8080 accept/connect
socket * none
process self execute
`;

test('a rule list becomes the policy that the same profile in YAML becomes', (t) => {
  const yaml = `description: a web server
program: /usr/sbin/apache2
files:
  /usr/lib: read
  /etc: read
  /etc/passwd: none
  /srv: read
  /usr/sbin/apache2: read execute
  /var/log/a pache/: read write create
network: {accept: [tcp/80, tcp/8080], connect: [tcp/8080], sockets: {"tcp/*": none}, interface: host}
exec: any
capabilities: [CAP_SETUID, CAP_SETGID]
limits: {nofile: 1024}
`;
  const wanted = policyOf(yaml, 'filesystem');
  t.deepEqual(withoutSpans({ ...read(APACHE), name: 'test' }), withoutSpans(wanted));
});

test('the most specific rule decides, and a refusal names its line', (t) => {
  const decision = decide(read(APACHE), unwrap(parseEvent('openat(-100, "/etc/passwd", O_RDONLY)')));
  t.is(decision.verdict, 'refuse');
  t.is(decision.rule, 'files:/etc/passwd');
  t.is(decision.span.start.line, 10);
  const other = unwrap(parseEvent('openat(-100, "/etc/hosts", O_RDONLY)'));
  t.is(decide(read(APACHE), other).verdict, 'allow');
});

test('a list without a name has that of its file', (t) => {
  t.is(unwrap(parseAcl({ name: '/etc/vxe/profiles/popd.acl', text: '' })).name, 'popd');
});

test("a target's rule stands in place of the general one", (t) => {
  const policy = read('@target /bin/x\nfile /a read/write\n@general\nfile /a none\nfile /b none\n');
  t.deepEqual(
    policy.files.map((rule) => `${rule.path} ${[...rule.access]}`),
    ['/a read,write', '/b '],
  );
});

const wrong: readonly [string, string, DiagnosticCode, number, number, RegExp, RegExp?][] = [
  ['an unknown type', 'files /etc read', 'bad-value', 1, 1, /files is not a type/, /did you mean file\?/],
  ['no identifier', '\n\nfile', 'syntax', 3, 1, /is missing/, /file \/etc read/],
  ['no permissions', 'file /etc', 'syntax', 1, 6, /permissions are missing/],
  ['an unknown permission', 'file /etc read/rite', 'bad-value', 1, 16, /rite is not/, /did you mean write\?/],
  ['an empty permission', 'file /etc read/', 'bad-value', 1, 16, /a permission is missing/],
  ['none with others', 'file /etc read/none', 'bad-value', 1, 16, /none stands alone/],
  ['a permission twice', 'file /etc read/read', 'bad-value', 1, 16, /said twice/],
  ['blanks instead of /', 'file /etc read write', 'syntax', 1, 16, /one word too many/, /read\/write/],
  ['a relative path', 'file etc read', 'bad-path', 1, 6, /not an absolute path/],
  ['a path with dots', 'file /etc/../x read', 'bad-path', 1, 6, /shortest/, /write \/x/],
  ['a pattern without end', 'file /etc/[a read', 'bad-path', 1, 6, /never closed/, /write \\\[/],
  ['the same path twice', 'file /a read\nfile /a/ write', 'duplicate-key', 2, 1, /ruled twice/],
  ['the same port twice', 'socket tcp/1 accept\nsocket *:1 connect', 'duplicate-key', 2, 1, /ruled twice/],
  [
    'a prefix too long',
    'socket 10.0.0.0/33:80 connect',
    'bad-value',
    1,
    8,
    /10\.0\.0\.0\/33 is not an address/,
  ],
  ['bits beyond the prefix', 'socket 10.0.0.1/8:80 connect', 'bad-value', 1, 8, /bits beyond its prefix/],
  ['no IPv4 address', 'socket 10.0.0.256:80 connect', 'bad-value', 1, 8, /10\.0\.0\.256 is not an address/],
  ['no IPv6 address', 'socket [::1::2]:80 connect', 'bad-value', 1, 8, /::1::2 is not an address/],
  ['the unspecified address', 'socket 0.0.0.0:80 accept', 'bad-value', 1, 8, /whichever address/],
  ['no port', 'socket tcp/65536 accept', 'bad-value', 1, 8, /65536 is not a port/],
  ['a range that is none', 'socket tcp/90-80 accept', 'bad-value', 1, 8, /no port lies from 90 to 80/],
  ['a port without a protocol', 'socket 80 accept', 'bad-value', 1, 8, /write tcp\/80/],
  ['a name for an address', 'socket localhost:80 connect', 'bad-value', 1, 8, /does not name a socket/],
  ['a send', 'socket tcp/53 send', 'bad-value', 1, 8, /no datagrams/],
  ['a unix socket to make', 'socket unix:/run/x accept', 'bad-value', 1, 8, /making a file/],
  ['an abstract name to take', 'socket unix:@x accept', 'bad-value', 1, 8, /process outside/],
  ['a relative socket', 'socket unix:x connect', 'bad-value', 1, 8, /no absolute path/],
  ['a process by its number', 'process 17 signal', 'bad-value', 1, 9, /17 names no process/],
  [
    'a program to signal',
    'process /bin/x signal',
    'bad-value',
    1,
    1,
    /signal is not a permission on \/bin\/x/,
  ],
  ['a program to refuse', 'process /bin/x none', 'bad-value', 1, 1, /not executed where no rule/],
  [
    'programs and any',
    'process self execute\nprocess /bin/x execute',
    'conflict',
    2,
    9,
    /may execute anything/,
  ],
  ['a contradiction', 'process self signal\nprocess instance none', 'conflict', 2, 1, /self has signal/],
  ['an unknown resource', '@resource memmory 1', 'bad-value', 1, 11, /no resource memmory/],
  ['a resource that is none', '@resource cpu 2', 'bad-value', 1, 15, /2 is not an amount of cpu/],
  ['an unknown namespace', '@namespace net', 'bad-value', 1, 12, /no namespace net/],
  ['an unknown descriptor', '@descriptor 3', 'bad-value', 1, 13, /no descriptor 3/],
  ["a user's section", '@user alice\nfile /a read', 'not-expressible', 1, 7, /@user alice/],
  ['two targets', '@target /a\n@target /b', 'not-expressible', 2, 9, /for \/a already/],
  ['a target that is no path', '@target popd', 'bad-path', 1, 9, /popd does not name a program/],
  ['an unknown setting', '@nmae x', 'unknown-key', 1, 1, /@nmae/, /did you mean @name\?/],
  ['a section with a word too many', '@general all', 'syntax', 1, 10, /takes nothing/],
  ['a name that is none', '@name POPD', 'bad-value', 1, 7, /POPD cannot be/],
  ['two names', '@name a\n@name b', 'duplicate-key', 2, 1, /said twice/],
  ['an unknown capability', '@capability CAP_X', 'unknown-constant', 1, 13, /CAP_X/],
  ['a limit without a value', '@limit nofile', 'syntax', 1, 1, /does not look/, /@limit nofile 256/],
  ['an unknown limit', '@limit files 3', 'bad-value', 1, 8, /no limit files/],
  ['a limit that is none', '@limit nofile many', 'bad-value', 1, 15, /many is not a limit/],
  ['an unknown service', '@service log', 'bad-value', 1, 10, /no service log/],
  ['an unknown network', '@network lan', 'bad-value', 1, 10, /cannot be lan/],
  ['an open quote', 'file "/a read', 'syntax', 1, 6, /does not end/],
];
for (const [what, text, code, line, column, message, hint] of wrong) {
  test(`an error with its place: ${what}`, (t) => {
    const [first] = complaints(text);
    t.is(first?.code, code);
    t.regex(first?.message ?? '', message);
    t.deepEqual([first?.span?.start.line, first?.span?.start.column], [line, column]);
    if (hint !== undefined) t.regex(first?.hint ?? '', hint);
  });
}

test('an error shows the line, a caret and what was expected', (t) => {
  const file = { name: 'list.acl', text: '# head\nfile /etc read/rite\n' };
  const [first] = complaints(file.text);
  const text = first === undefined ? '' : formatDiagnostic(first, [file]);
  t.is(
    text,
    [
      'list.acl:2:16: rite is not a permission on a file',
      '  2 | file /etc read/rite',
      '    |                ^^^^',
      '  = did you mean write?',
    ].join('\n'),
  );
});

test('random profiles of type filesystem go from YAML to a rule list and back without a loss', (t) => {
  fc.assert(
    fc.property(bodies(false), fc.boolean(), fc.boolean(), (body, chroot, rings) => {
      const calls = [
        ...(chroot ? ['chroot'] : []),
        ...(rings ? ['io_uring_setup', 'io_uring_enter', 'io_uring_register'] : []),
      ];
      const more = calls.length > 0 ? `calls: {permit: [${calls.join(', ')}]}\n` : '';
      const policy = policyOf(`${body}${more}`, 'filesystem');
      const list = unwrap(printAcl(policy));
      t.deepEqual(withoutSpans(read(list)), withoutSpans(policy));
      const yaml = { name: 'back.vxed.yaml', text: unwrap(printProfile(read(list))) };
      t.deepEqual(withoutSpans(unwrap(parseProfile(yaml))), withoutSpans(policy));
    }),
    { numRuns: 150 },
  );
});

test('rings are a word of a list, all three calls or none', (t) => {
  const list = read('process self rings\n');
  const yaml = policyOf(
    'calls: {permit: [io_uring_setup, io_uring_enter, io_uring_register]}\n',
    'filesystem',
  );
  for (const call of ['io_uring_setup', 'io_uring_enter', 'io_uring_register'])
    for (const args of [[8n], [0xffff_ffffn, 31n]])
      t.deepEqual(
        decide(list, scalarEvent(call, args)).verdict,
        decide(yaml, scalarEvent(call, args)).verdict,
        call,
      );
  t.is(decide(list, scalarEvent('io_uring_register', [0xffff_ffffn])).errno, 'EINVAL');
  t.is(decide(read(''), scalarEvent('io_uring_setup', [8n])).errno, 'ENOSYS');
  const half = printAcl(policyOf('calls: {permit: [io_uring_setup]}\n', 'filesystem'));
  t.regex(half.ok ? '' : (half.diagnostics[0]?.message ?? ''), /^calls:io_uring_setup: a rule list cannot/);
});

test('the refusal of the audit socket is a rule of its own, and leaves other sockets as they were', (t) => {
  const policy = read('socket audit none\n');
  const verdict = (...args: readonly bigint[]): string => {
    const decision = decide(policy, scalarEvent('socket', args));
    return `${decision.verdict} ${decision.errno ?? ''} ${decision.quiet}`;
  };
  t.is(verdict(16n, 3n, 9n), 'refuse EPROTONOSUPPORT true');
  for (const args of [
    [2n, 1n, 6n],
    [2n, 2n, 0n],
    [1n, 1n, 0n],
    [16n, 3n, 0n],
    [16n, 3n, 15n],
  ])
    t.is(
      decide(policy, scalarEvent('socket', args)).verdict,
      decide(read(''), scalarEvent('socket', args)).verdict,
      args.join(),
    );
  const list = unwrap(printAcl(policy));
  t.regex(list, /^socket audit none$/m);
  t.deepEqual(withoutSpans(read(list)), withoutSpans(policy));
  const yaml = { name: 'list.vxed.yaml', text: unwrap(printProfile(policy)) };
  t.deepEqual(withoutSpans(unwrap(parseProfile(yaml)), false), withoutSpans(policy, false));
  t.is(complaints('socket audit connect')[0]?.code, 'not-expressible');
});

test('what a rule list has no words for is named', (t) => {
  const message = (body: string, type: string): string => {
    const printed = printAcl(policyOf(body, type));
    return printed.ok ? '' : printed.diagnostics.map((each) => each.message).join('\n');
  };
  t.regex(message('calls: {permit: [read]}\n', 'strict'), /type: strict/);
  const rows = 'exec: any\ncalls: {when: {mmap: [{prot: 1}]}, quiet: {chmod: [{errno: EPERM}]}}\n';
  t.regex(message(rows, 'filesystem'), /calls:mmap/);
  t.regex(message(rows, 'filesystem'), /calls:chmod/);
});

test('no text makes the reader throw', (t) => {
  const word = fc.constantFrom(
    'file',
    'socket',
    'process',
    '@target',
    '@name',
    '/a',
    'tcp/1',
    'read',
    '/',
    '"',
    '#',
    '\n',
    ' ',
    '\t',
    '\\',
    'é',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 12 }), (words) => {
      const text = words.join(' ');
      const parsed = parseAcl({ name: 'x.acl', text });
      if (parsed.ok) return;
      t.true(parsed.diagnostics.every(({ span }) => span !== undefined && span.end.offset <= text.length));
    }),
    { numRuns: 500 },
  );
});
