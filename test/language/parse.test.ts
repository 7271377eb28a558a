import test from 'ava';
import fc from 'fast-check';
import { formatDiagnostic } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';
import { conditionHolds } from '../../src/policy/index.js';

const HEAD = 'vxed: 1\nname: test\ntype: strict\n';

function read(text: string) {
  return parseProfile({ name: 'test.vxed.yaml', text });
}

/** `code@line:column` of each diagnostic. */
function problems(text: string): readonly string[] {
  const parsed = read(text);
  if (parsed.ok) return [];
  return parsed.diagnostics.map(({ code, span }) => `${code}@${span?.start.line}:${span?.start.column}`);
}

const bad: readonly [string, string, readonly string[]][] = [
  ['an empty text', '', ['wrong-type@1:1']],
  ['a list', '- a\n', ['wrong-type@1:1']],
  ['broken YAML', 'a: [1\n', ['syntax@2:1']],
  ['two documents', `${HEAD}---\nb: 1\n`, ['syntax@4:1']],
  ['nothing required', 'name: x\n', ['missing-key@1:1', 'missing-key@1:1']],
  ['another version', 'vxed: 2\nname: x\ntype: strict\n', ['unsupported@1:7']],
  ['an unknown key', `${HEAD}filez: {}\n`, ['unknown-key@4:1']],
  ['a key twice', `${HEAD}name: b\n`, ['duplicate-key@4:1']],
  ['a name with a slash', 'vxed: 1\nname: ../x\ntype: strict\n', ['bad-value@2:7']],
  ['an unknown type', 'vxed: 1\nname: x\ntype: lax\n', ['bad-value@3:7']],
  ['a relative path', `${HEAD}files:\n  etc: read\n`, ['bad-path@5:3']],
  ['dots in a path', `${HEAD}files:\n  /etc/../x: read\n`, ['bad-path@5:3']],
  ['a pattern without end', `${HEAD}files:\n  /etc/[a: read\n`, ['bad-path@5:3']],
  ['a pattern as the program', `${HEAD}program: /bin/*\n`, ['bad-path@4:10']],
  ['one pattern twice', `${HEAD}files:\n  /e/*/**: read\n  /e/*: none\n`, ['duplicate-key@6:3']],
  ['one path twice', `${HEAD}files:\n  /etc: read\n  /etc/: none\n`, ['duplicate-key@6:3']],
  ['an unknown access', `${HEAD}files:\n  /etc: raed\n`, ['bad-value@5:9']],
  ['none with more', `${HEAD}files:\n  /etc: none read\n`, ['bad-value@5:9']],
  ['no access', `${HEAD}files:\n  /etc:\n`, ['wrong-type@5:8']],
  ['files as a list', `${HEAD}files: [/etc]\n`, ['wrong-type@4:8']],
  ['an unknown call', `${HEAD}calls: {permit: [raed]}\n`, ['unknown-call@4:18']],
  ['a call twice', `${HEAD}calls: {permit: [read, read]}\n`, ['duplicate-key@4:24']],
  ['permitted and with rows', `${HEAD}calls: {permit: [read], when: {read: [{fd: 0}]}}\n`, ['conflict@4:32']],
  ['an unknown argument', `${HEAD}calls: {when: {read: [{file: 0}]}}\n`, ['unknown-argument@4:24']],
  ['a call without a signature', `${HEAD}calls: {when: {mq_notify: [{a: 0}]}}\n`, ['unknown-argument@4:29']],
  ['an unknown constant', `${HEAD}calls: {when: {socket: [{domain: AF_INTE}]}}\n`, ['unknown-constant@4:34']],
  ['a value too large', `${HEAD}calls: {when: {socket: [{domain: 0x100000000}]}}\n`, ['bad-value@4:34']],
  [
    'an unknown statement',
    `${HEAD}calls: {when: {socket: [{domain: {equals: 1}}]}}\n`,
    ['unknown-key@4:35', 'bad-value@4:34'],
  ],
  ['a mask alone', `${HEAD}calls: {when: {socket: [{type: {mask: 1}}]}}\n`, ['missing-key@4:33']],
  [
    'a value outside its mask',
    `${HEAD}calls: {when: {socket: [{type: {is: 2, mask: 1}}]}}\n`,
    ['bad-value@4:37'],
  ],
  ['a range upside down', `${HEAD}calls: {when: {kill: [{sig: {from: 9, to: 1}}]}}\n`, ['bad-value@4:36']],
  ['no bits', `${HEAD}calls: {when: {mmap: [{prot: {without: 0}}]}}\n`, ['bad-value@4:40']],
  ['rows without rows', `${HEAD}calls: {when: {mmap: []}}\n`, ['bad-value@4:22']],
  ['a row without conditions', `${HEAD}calls: {when: {mmap: [{}]}}\n`, ['bad-value@4:23']],
  ['quiet without errno', `${HEAD}calls: {quiet: {socket: [{domain: 1}]}}\n`, ['missing-key@4:26']],
  [
    'quiet with a wrong errno',
    `${HEAD}calls: {quiet: {socket: [{errno: EPREM}]}}\n`,
    ['unknown-constant@4:34'],
  ],
  ['execve beside exec: once', `${HEAD}calls: {permit: [execve]}\n`, ['conflict@4:18']],
  [
    'a quiet execve beside exec: once',
    `${HEAD}calls: {quiet: {execve: [{errno: EACCES}]}}\n`,
    ['conflict@4:17'],
  ],
  ['a hook after an unknown call', `${HEAD}calls: {after: {opanat: [{}]}}\n`, ['unknown-call@4:17']],
  [
    'a hook by an unknown argument',
    `${HEAD}calls: {after: {openat: [{flag: 0}]}}\n`,
    ['unknown-argument@4:27'],
  ],
  ['a hook without rows', `${HEAD}calls: {after: {openat: []}}\n`, ['bad-value@4:25']],
  [
    'two hooks after one call',
    `${HEAD}calls: {after: {setuid: [{}], setuid: [{uid: 0}]}}\n`,
    ['duplicate-key@4:31'],
  ],
  [
    'a row of a hook beside one that always holds',
    `${HEAD}calls: {after: {setuid: [{}, {uid: 0}]}}\n`,
    ['conflict@4:17'],
  ],
  ...['exit', 'exit_group', 'rt_sigreturn', 'restart_syscall', 'uretprobe', 'uprobe'].map(
    (call): [string, string, readonly string[]] => [
      `a hook after ${call}`,
      `${HEAD}calls: {after: {${call}: [{}]}}\n`,
      ['conflict@4:17'],
    ],
  ),
  ...['execve', 'execveat'].map((call): [string, string, readonly string[]] => [
    `a hook by an argument of ${call}`,
    `${HEAD}calls: {after: {${call}: [{argv: 0}]}}\n`,
    ['conflict@4:17'],
  ]),
  [
    'mount in a filesystem profile',
    'vxed: 1\nname: x\ntype: filesystem\ncalls: {permit: [mount]}\n',
    ['conflict@4:18'],
  ],
  ['a port that is none', `${HEAD}network: {accept: [tcp/70000], interface: host}\n`, ['bad-value@4:20']],
  [
    'an address in a list',
    `${HEAD}network: {accept: [tcp/10.0.0.1:53], interface: host}\n`,
    ['bad-value@4:20'],
  ],
  ['a send over TCP', `${HEAD}network: {sockets: {tcp/53: send}, interface: host}\n`, ['bad-value@4:21']],
  ['no access to sockets', `${HEAD}network: {sockets: {tcp/53: use}, interface: host}\n`, ['bad-value@4:29']],
  [
    'a port that is refused and granted',
    `${HEAD}network: {accept: [tcp/53], sockets: {tcp/53: none}, interface: host}\n`,
    ['duplicate-key@4:39'],
  ],
  [
    'one socket by two names',
    `${HEAD}network: {sockets: {tcp/*: accept, "*": connect}, interface: host}\n`,
    ['duplicate-key@4:36'],
  ],
  ['an address without an interface', `${HEAD}network: {sockets: {"*": connect}}\n`, ['missing-key@4:1']],
  ['a relative program', `${HEAD}exec: [sh]\n`, ['bad-path@4:8']],
  ['no reach of signals', `${HEAD}processes: {signal: all}\n`, ['bad-value@4:21']],
  ['no namespace', `${HEAD}namespaces: [net]\n`, ['bad-value@4:14']],
  ['no descriptor', `${HEAD}descriptors: [3]\n`, ['bad-value@4:15']],
  ['no resource', `${HEAD}resources: {mem: 1}\n`, ['unknown-key@4:13']],
  ['a part of a processor without a sign', `${HEAD}resources: {cpu: 2}\n`, ['bad-value@4:18']],
  ['no weight', `${HEAD}resources: {io: 0}\n`, ['bad-value@4:17']],
  ['no processes', `${HEAD}resources: {pids: 0}\n`, ['bad-value@4:19']],
  ['ports without an interface', `${HEAD}network: {accept: [tcp/110]}\n`, ['missing-key@4:1']],
  ['an unknown capability', `${HEAD}capabilities: [CAP_ROOT]\n`, ['unknown-constant@4:16']],
  ['an unknown limit', `${HEAD}limits: {files: 3}\n`, ['unknown-key@4:10']],
  ['a limit that is none', `${HEAD}limits: {nofile: -3}\n`, ['bad-value@4:18']],
  ['a limit too large', `${HEAD}limits: {as: 99999999999T}\n`, ['bad-value@4:14']],
  ['an unknown service', `${HEAD}services: [cron]\n`, ['bad-value@4:12']],
  ['an alias', 'vxed: 1\nname: &a test\ntype: strict\ndescription: *a\n', ['unsupported@4:14']],
  ['a tag', `${HEAD}description: !secret x\n`, ['syntax@4:14']],
];

for (const [what, text, expected] of bad) {
  test(`${what} is refused, with its place`, (t) => {
    t.deepEqual(problems(text), expected);
  });
}

test('every complaint about a profile comes at once, with hints', (t) => {
  const parsed = read(`${HEAD}filez: {}\ncalls: {permit: [raed, opanat]}\n`);
  const hints = parsed.ok ? [] : parsed.diagnostics.map((diagnostic) => diagnostic.hint);
  t.deepEqual(hints, ['did you mean files?', 'did you mean read?', 'did you mean openat?']);
});

test('a complaint shows the line and a caret', (t) => {
  const file = { name: 'p.vxed.yaml', text: `${HEAD}files:\n  /etc: raed\n` };
  const parsed = parseProfile(file);
  const [first] = parsed.ok ? [] : parsed.diagnostics;
  t.is(
    first === undefined ? '' : formatDiagnostic(first, [file]).split('\n').slice(1, 3).join('\n'),
    '  5 |   /etc: raed\n    |         ^^^^',
  );
});

function policy(body: string): Policy {
  const parsed = read(HEAD + body);
  if (!parsed.ok) throw new Error(parsed.diagnostics[0]?.message);
  return parsed.value;
}

test('what is not said is not granted', (t) => {
  const empty = policy('');
  t.deepEqual(empty.files, []);
  t.is(empty.exec, 'once');
  t.is(empty.unnamed, 'refuse');
  t.deepEqual(empty.network, { sockets: [], interface: 'none' });
  t.deepEqual(empty.descriptors, ['stdio']);
  t.is(empty.programs, undefined);
  t.deepEqual(empty.resources, []);
  t.deepEqual(empty.capabilities, []);
});

test('limits are exact', (t) => {
  const limits = policy(
    'limits: {as: 512M, nofile: 18446744073709551614, core: unlimited, fsize: 0}\n',
  ).limits;
  t.deepEqual(
    limits.map(({ type, value }) => [type, value]),
    [
      ['RLIMIT_AS', 512n << 20n],
      ['RLIMIT_NOFILE', 0xffff_ffff_ffff_fffen],
      ['RLIMIT_CORE', 0xffff_ffff_ffff_ffffn],
      ['RLIMIT_FSIZE', 0n],
    ],
  );
});

const conditions: readonly [string, readonly bigint[], readonly bigint[]][] = [
  ['3', [3n], [2n, 4n]],
  ['0x10|1', [17n], [16n, 1n]],
  ['[1, 2]', [1n, 2n], [0n, 3n]],
  ['{is: 1, mask: 0xf}', [1n, 0x11n], [2n]],
  ['{is: [1, 2], mask: 0xf}', [0x21n, 0x12n], [3n]],
  ['{without: 4}', [0n, 3n, 8n], [4n, 5n]],
  ['{with: 6}', [6n, 7n], [2n, 4n]],
  ['{only: 3}', [0n, 3n], [4n]],
  ['{from: 2, to: 5}', [2n, 5n], [1n, 6n]],
  ['{from: 2}', [2n, 0xffff_ffffn], [1n]],
  ['{to: 2}', [0n, 2n], [3n]],
  ['{from: -1, to: 1}', [0xffff_ffffn, 0n, 1n], [2n, 0xffff_fffen]],
  ['{with: 1, without: 2}', [1n, 5n], [3n, 0n]],
  ['-1', [0xffff_ffffn], [1n]],
];

for (const [text, holds, fails] of conditions) {
  test(`the condition ${text}`, (t) => {
    const permit = policy(`calls: {when: {kill: [{sig: ${text}}]}}\n`).calls.get('kill')?.permit;
    const [row] = permit === undefined || permit === 'all' ? [] : permit;
    const [only] = row?.tests ?? [];
    if (only === undefined) return t.fail();
    t.is(only.text, text);
    for (const value of holds) t.true(conditionHolds(only.condition, value), String(value));
    for (const value of fails) t.false(conditionHolds(only.condition, value), String(value));
  });
}

test('no text makes the reader throw, and every complaint has a place within the text', (t) => {
  const pieces = fc.constantFrom(
    'vxed: 1\n',
    'name: x\n',
    'type: strict\n',
    'calls:\n',
    '  permit: ',
    '[read',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '- ',
    '? ',
    'files: ',
    '/etc: ',
    '"',
    "'",
    '|\n',
    '#',
    '\n',
    '  ',
    '!!x ',
    '\t',
    '0x',
    ': ',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
      const text = parts.join('');
      const parsed = read(text);
      if (parsed.ok) return;
      for (const { span } of parsed.diagnostics) {
        t.true(span !== undefined && span.start.offset <= text.length && span.end.offset <= text.length);
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

const SAID: readonly [string, string, RegExp][] = [
  [
    'a key twice',
    `${HEAD}name: b\n`,
    /4:1: name is said twice\n {2}4 .*\n.*\n {2}= keep one.*\n {2}\S+:2:1: first here/,
  ],
  [
    'two documents',
    `${HEAD}---\nb: 1\n`,
    /^\S+4:1: a profile is one document\n.*\n.*\n {2}= remove this line and what is behind it$/,
  ],
  ['a tab', `${HEAD}\tfiles: {}\n`, /a tab cannot indent[\s\S]*= indent with blanks/],
  ['a sign that begins no word', `${HEAD}program: @x\n`, /cannot begin with this sign[\s\S]*quotes/],
  ['a second colon', `${HEAD}description: a: b\n`, /second colon[\s\S]*quotes/],
  ['a NUL', `${HEAD}files: {"/a\\0b": read}\n`, /has a NUL character in it/],
  [
    'what goes too deep',
    `${HEAD}files: ${'['.repeat(6000)}\n`,
    /^\S+4:\d+: brackets are nested too deep\n {2}4 \| …\[+…\n {4}\| +\^\n {2}= a profile has a few levels$/,
  ],
];
for (const [what, text, wanted] of SAID) {
  test(`what is said of ${what}`, (t) => {
    const parsed = read(text);
    const file = { name: 'test.vxed.yaml', text };
    const said = parsed.ok ? '' : parsed.diagnostics.map((each) => formatDiagnostic(each, [file])).join('\n');
    t.regex(said, wanted);
    t.true(said.split('\n').every((line) => line.length < 300));
  });
}
