import test from 'ava';
import fc from 'fast-check';
import type { Policy } from '../../src/policy/index.js';
import { decide, fileVerdict, narrowPolicy, parseEvent } from '../../src/policy/index.js';
import { policyOf } from './helpers.js';

const members: readonly Policy[] = [
  policyOf(
    'files: {/etc: read, /etc/shadow: none}\nexec: any\ncalls: {permit: [openat, execve, read], when: {kill: [{sig: 9}]}}\n',
  ),
  policyOf('files: {/: read, /etc/ssl: none, /bin: read execute}\nexec: any\n', 'filesystem'),
  policyOf(
    'files: {/etc: read write}\ncalls: {permit: [openat, kill], quiet: {kill: [{sig: 9, errno: ESRCH}]}}\n',
  ),
  policyOf('network: {accept: [tcp/110, tcp/25], interface: host}\nexec: any\n', 'filesystem'),
  policyOf('network: {accept: [tcp/110], interface: none}\ncalls: {permit: [bind, socket, kill]}\n'),
];

const events = [
  'openat("/etc/passwd", O_RDONLY)',
  'openat("/etc/passwd", O_RDWR)',
  'openat("/etc/shadow", O_RDONLY)',
  'openat("/etc/ssl/x", O_RDONLY)',
  'openat("/home/x", O_RDONLY)',
  'execve("/bin/x")',
  'read(0)',
  'kill(1, 9)',
  'kill(1, 15)',
  'getpid()',
  'mount("a", "/b")',
  'clone3(0, 0)',
  'bind(3, tcp/110)',
  'bind(3, tcp/25)',
  'socket(AF_INET, SOCK_DGRAM, 0)',
  'socket(AF_INET, SOCK_STREAM, 0)',
  'exit_group(0)',
];

function permits(policy: Policy, text: string): boolean {
  const event = parseEvent(text);
  if (!event.ok) throw new Error(event.diagnostics[0]?.message);
  return decide(policy, event.value).verdict === 'allow';
}

test('a stack permits exactly what every member permits', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...members), { minLength: 2, maxLength: 4 }),
      fc.constantFrom(...events),
      (stack, event) => {
        const together = stack.reduce((all, member) => narrowPolicy(all, member));
        t.is(
          permits(together, event),
          stack.every((member) => permits(member, event)),
          event,
        );
      },
    ),
    { numRuns: 1000 },
  );
  t.pass();
});

test('limits, capabilities, services and acceptances of a stack are the narrower ones', (t) => {
  const a = policyOf(
    'limits: {nofile: 10}\ncapabilities: [CAP_SETUID, CAP_CHOWN]\naccept-unenforced: [x]\nservices: [syslog]\n',
  );
  const b = policyOf('limits: {nofile: 20, nproc: 3}\ncapabilities: [CAP_CHOWN]\n');
  const both = narrowPolicy(a, b);
  t.deepEqual(
    both.limits.map(({ type, value }) => [type, value]),
    [
      ['RLIMIT_NOFILE', 10n],
      ['RLIMIT_NPROC', 3n],
    ],
  );
  t.deepEqual(both.capabilities, ['CAP_CHOWN']);
  t.deepEqual(both.acceptUnenforced, []);
  t.deepEqual(both.services, []);
});

function grants(policy: Policy, path: string): string {
  return [...(fileVerdict(policy, path)?.access ?? [])].sort().join(' ');
}

const STACKS: readonly [string, string, string, Readonly<Record<string, string>>][] = [
  [
    'a pattern within a path',
    '/srv/*/public: read write',
    '/srv: read',
    { '/srv/a/public': 'read', '/srv/a/public/b': 'read', '/srv/a': '', '/srv': '' },
  ],
  [
    'a path within a pattern',
    '/home/*/www: read write',
    '/home: read, /home/alice: read write',
    { '/home/alice/www/x': 'read write', '/home/bob/www': 'read', '/home/alice': '' },
  ],
  [
    'an exception within a pattern',
    '/home/*/www: read',
    '/home: read, /home/alice: none',
    { '/home/alice/www': '', '/home/bob/www': 'read' },
  ],
  ['the same pattern', '/a/*/b: read write', '/a/*/b: read execute', { '/a/x/b': 'read', '/a/x': '' }],
  [
    'at any depth',
    '/**/cgi: read execute',
    '/srv: read execute',
    { '/srv/a/b/cgi': 'execute read', '/cgi': '' },
  ],
];

for (const [what, one, other, wanted] of STACKS) {
  test(`a stack with patterns: ${what}`, (t) => {
    const [a, b] = [policyOf(`files: {${one}}\n`), policyOf(`files: {${other}}\n`)];
    for (const both of [narrowPolicy(a, b), narrowPolicy(b, a)])
      for (const [path, words] of Object.entries(wanted)) t.is(grants(both, path), words, path);
  });
}

test('patterns whose stack no rules can say are an error that names a path and what to do', (t) => {
  const a = policyOf('files: {/srv/*/key: read}\n');
  const b = policyOf('files: {/srv/www*: read write}\n');
  const error = t.throws(() => narrowPolicy(a, b), { message: /such as at \/srv\// });
  t.regex(
    (error as { readonly hint?: string }).hint ?? '',
    /write a rule or pattern for what is like \/srv\/.* into both profiles/,
  );
});

test('what the error says to do is enough', (t) => {
  const shared = '/srv/www*/key: read write';
  const a = policyOf(`files: {/srv/*/key: read, ${shared}}\n`);
  const b = policyOf(`files: {/srv/www*: read write, ${shared}}\n`);
  t.is(grants(narrowPolicy(a, b), '/srv/www1/key/x'), 'read write');
  t.is(grants(narrowPolicy(a, b), '/srv/www1/other'), '');
});

const part = fc.constantFrom('a', 'b', '*', '?', 'a*', '*b', '**', '[ab]');
const rule = fc.tuple(
  fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`),
  fc.subarray(['read', 'write', 'execute']),
);
const rules = fc.uniqueArray(rule, {
  minLength: 1,
  maxLength: 3,
  selector: ([path]) => path.replaceAll('**/**', '**').replace(/(\/\*\*)+$/, ''),
});
const somewhere = fc
  .array(fc.constantFrom('a', 'b', 'c', 'ab', 'ba'), { maxLength: 4 })
  .map((names) => `/${names.join('/')}`);

test('a stack with patterns grants what both grant, or is an error', (t) => {
  let [stacked, refused] = [0, 0];
  const paths = fc.sample(somewhere, { numRuns: 300, seed: 7 });
  fc.assert(
    fc.property(rules, rules, (one, other) => {
      const [a, b] = [one, other].map((list) => {
        const lines = list.map(([path, words]) => `  "${path}": ${words.join(' ') || 'none'}`);
        return policyOf(`files:\n${lines.join('\n')}\n`);
      }) as [Policy, Policy];
      let both: Policy;
      try {
        both = narrowPolicy(a, b);
      } catch (error) {
        t.regex(String(error), /in more ways than rules can say/);
        refused++;
        return;
      }
      stacked++;
      for (const path of paths) {
        const theirs = grants(b, path).split(' ');
        const wanted = grants(a, path)
          .split(' ')
          .filter((word) => theirs.includes(word));
        t.is(grants(both, path), wanted.join(' '), path);
      }
    }),
    { numRuns: 250, seed: 11 },
  );
  t.log(`${stacked} stacked, ${refused} refused`);
  t.true(stacked > 60);
});

test('what both refuse quietly in one way is one row, and the first of two errors stays', (t) => {
  const rows = (errno: string) => `calls: {quiet: {socket: [{domain: 16, errno: ${errno}}]}}\n`;
  const quiet = (a: string, b: string) =>
    narrowPolicy(policyOf(rows(a)), policyOf(rows(b)))
      .calls.get('socket')
      ?.quiet.map(({ errno }) => errno);
  t.deepEqual(quiet('EACCES', 'EACCES'), ['EACCES']);
  t.deepEqual(quiet('EACCES', 'EPERM'), ['EACCES', 'EPERM']);
});
