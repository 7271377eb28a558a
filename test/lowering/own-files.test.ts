import test from 'ava';
import { lowerPolicy, simulate } from '../../src/lowering/index.js';
import { callNumber } from '../../src/policy/index.js';
import { landlockLines, lower, policyOf, targetOf, worldOf } from './helpers.js';

const WORLD = worldOf('/', '/bin/', '/bin/web', '~/proc/');
const CALLS = 'exec: once\ncalls: {permit: [read, openat, openat2]}\n';

function own(...rules: readonly string[]): string {
  return `files:\n  /bin/web: read execute\n${rules.map((rule) => `  ${rule}\n`).join('')}${CALLS}`;
}

test('files of the calling process are left to the supervisor, which every open that is permitted is raised to', (t) => {
  const lowered = lower(
    policyOf(own('/proc/self/stat: read', '"/proc/self/task/*/comm": read write', '/proc/meminfo: read')),
    WORLD,
  );
  t.is(lowered.ownFiles, '/proc/self/stat read\n/proc/self/task/*/comm read write');
  t.deepEqual(lowered.supervised, ['openat', 'openat2']);
  t.false(landlockLines(lowered).some((line) => line.includes('/proc/self')));
  t.true(landlockLines(lowered).some((line) => line.includes('/proc/meminfo')));
  const answer = (call: string): string => {
    const nr = callNumber(call) ?? -1;
    return simulate(lowered.seccomp.filter, { arch: 0xc000003e, nr, arguments: [0n, 0n, 0n, 0n, 0n, 0n] })
      .action;
  };
  t.deepEqual(['openat', 'openat2', 'read'].map(answer), ['notify', 'notify', 'allow']);
  const judged = lowered.judge.files.filter(({ path }) => path.startsWith('/proc/self'));
  t.deepEqual(
    judged.map(({ rule, path, access }) => `${rule} ${path} ${access.join(' ')}`),
    [
      'files:/proc/self/task/*/comm /proc/self/task/*/comm read write',
      'files:/proc/self/stat /proc/self/stat read',
    ],
  );
});

test('a profile without such rules raises no open', (t) => {
  const lowered = lower(policyOf(own('/proc/self/stat: none')), WORLD);
  t.is(lowered.ownFiles, '');
  t.deepEqual(lowered.supervised, []);
});

test('a rule for a process is for the file that it names and for nothing below', (t) => {
  const policy = policyOf(own('/proc/self/task: read'));
  t.is(lower(policy, WORLD).ownFiles, '/proc/self/task read');
});

const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['memory', ['/proc/self/mem: read'], /files:\/proc\/self\/mem cannot be held/],
  ['all of it', ['/proc/self/: read'], /files:\/proc\/self cannot be held/],
  ['a pattern over all', ['"/proc/self/*": read'], /cannot be held/],
  ['threads of all names', ['"/proc/self/task/*/*": read'], /cannot be held/],
  ['more than is given', ['/proc/self/status: read write'], /cannot grant write/],
  ['one thread', ['/proc/thread-self/comm: read'], /for one thread/],
  ['less than /proc', ['/proc: read', '/proc/self/environ: none'], /cannot take read away/],
];
for (const [what, rules, message] of wrong) {
  test(`what cannot be held is an error that names the rule: ${what}`, (t) => {
    const lowered = lowerPolicy(policyOf(own(...rules)), targetOf(WORLD));
    t.false(lowered.ok);
    t.true(!lowered.ok && lowered.diagnostics.some((each) => message.test(each.message)));
    t.true(!lowered.ok && lowered.diagnostics.every((each) => (each.hint ?? '') !== ''));
  });
}

test('openat for some arguments only is an error: what is raised for its path could not be told from what is refused', (t) => {
  const text = `files: {/bin/web: read execute, /proc/self/stat: read}\nexec: once\ncalls: {permit: [read], when: {openat: [{flags: {without: O_CREAT}}]}}\n`;
  const lowered = lowerPolicy(policyOf(text), targetOf(WORLD));
  t.true(
    !lowered.ok &&
      lowered.diagnostics.some(({ message }) => /openat cannot be permitted for some/.test(message)),
  );
});
