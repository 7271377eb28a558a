import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { editProfile, parseProfile, printProfile } from '../../src/language/index.js';
import type { Policy } from '../../src/policy/index.js';
import { decideCall, narrowPolicy, scalarEvent } from '../../src/policy/index.js';
import { policyOf } from '../policy/helpers.js';
import { bodies, withoutSpans } from './acl-helpers.js';
import { keepsConditions } from './printing.js';

function read(text: string): Policy {
  const file = { name: 'printed.vxed.yaml', text };
  return unwrap(parseProfile(file), [file]);
}

const shipped = readdirSync('profiles').filter((name) => name.endsWith('.vxed.yaml'));
for (const name of shipped) {
  test(`${name}: printed and read again it is the same policy, and printed again the same text`, (t) => {
    const policy = read(readFileSync(`profiles/${name}`, 'utf8'));
    const text = unwrap(printProfile(policy));
    t.deepEqual(withoutSpans(read(text)), withoutSpans(policy));
    t.is(unwrap(printProfile(read(text))), text);
  });
}

for (const type of ['strict', 'filesystem']) {
  test(`random ${type} profiles come back from their print`, (t) => {
    fc.assert(
      fc.property(bodies(), (body) => {
        const safe = type === 'strict' ? body : body.replaceAll(/exec: once/g, 'exec: any');
        const policy = policyOf(safe, type);
        const text = unwrap(printProfile(policy));
        t.deepEqual(withoutSpans(read(text)), withoutSpans(policy));
      }),
      { numRuns: 150 },
    );
  });
}

test('a condition of any structure is printed with its meaning', (t) => {
  const base = policyOf('calls: {permit: [read]}\n');
  keepsConditions(t, { print: printProfile, read, base, words: ['(lisp)'], least: 150 });
});

test('a stack of two profiles can be printed, and decides alike', (t) => {
  const one = 'calls: {permit: [read, write], when: {mmap: [{prot: {only: 3}}, {prot: {only: 5}}]}}\n';
  const two = 'calls: {permit: [read, write], when: {mmap: [{prot: {without: 4}, flags: {with: 2}}]}}\n';
  const stack = { ...narrowPolicy(policyOf(one), policyOf(two)), name: 'stack' };
  const printed = read(unwrap(printProfile(stack)));
  for (let prot = 0n; prot < 8n; prot++) {
    for (let flags = 0n; flags < 4n; flags++) {
      const event = scalarEvent('mmap', [0n, 1n, prot, flags, 3n, 0n]);
      t.is(decideCall(printed, event).verdict, decideCall(stack, event).verdict, `${prot} ${flags}`);
    }
  }
});

test('what YAML has no words for is named', (t) => {
  const policy = policyOf('calls: {permit: [read]}\n');
  const refused = { id: 'calls:open', call: 'open', permit: [], quiet: [], span: policy.span };
  const result = printProfile({ ...policy, calls: new Map([...policy.calls, ['open', refused]]) });
  t.false(result.ok);
  t.regex(result.ok ? '' : (result.diagnostics[0]?.message ?? ''), /calls:open/);
  const less = new Map([...policy.calls].filter(([call]) => call !== 'exit'));
  const without = printProfile({ ...policy, calls: less });
  t.regex(without.ok ? '' : (without.diagnostics[0]?.message ?? ''), /exit/);
});

const COMMENTED = `# the head
vxed: 1
name: test   # its name
type: strict
files:
  # why it is there
  /etc: read   # all of it
  /var: write read
network: {accept: [tcp/1, tcp/2], interface: host}
calls:
  permit:
    # a group
    - read
    - exit
    - write   # out
  when:
    mmap:
      # no code
      - {prot: {only: PROT_READ|PROT_WRITE}}
      - {prot: 1}
  after:
    # who asks
    setuid: [{}]   # all of them
    openat:
      # what is made
      - {flags: {with: O_CREAT}}
`;

test('an edit keeps comments, and changes nothing but what it must', (t) => {
  const file = { name: 'mine.vxed.yaml', text: COMMENTED };
  const policy = read(COMMENTED);
  t.is(unwrap(editProfile(file, policy)), COMMENTED);
  const wanted = read(
    COMMENTED.replace('/var: write read', '/var: read\n  /srv: none')
      .replace('    - write   # out\n', '    - close\n')
      .replace('      - {prot: 1}\n', '      - {prot: 2}\n      - {prot: 4}\n')
      .replace('tcp/1, tcp/2', 'tcp/2')
      .replace(
        '      - {flags: {with: O_CREAT}}\n',
        '      - {flags: {with: O_CREAT}}\n      - {flags: 1}\n',
      ),
  );
  const text = unwrap(editProfile(file, wanted));
  t.deepEqual(withoutSpans(read(text)), withoutSpans(wanted));
  for (const comment of [
    '# the head',
    '# its name',
    '# why it is there',
    '# all of it',
    '# a group',
    '# no code',
    '# who asks',
    '# all of them',
    '# what is made',
  ])
    t.true(text.includes(comment), comment);
  t.false(text.includes('# out'));
  t.true(text.includes('- exit'));
  t.regex(text, /\/srv: none/);
});

test('an edit reaches any other policy from any policy', (t) => {
  fc.assert(
    fc.property(bodies(), bodies(), (before, after) => {
      const text = `# kept\nvxed: 1\nname: test\ntype: strict\n${before}`;
      const wanted = policyOf(after);
      const edited = unwrap(editProfile({ name: 'a', text }, wanted));
      t.deepEqual(withoutSpans(read(edited), false), withoutSpans(wanted, false));
      t.true(edited.startsWith('# kept\n'));
    }),
    { numRuns: 60 },
  );
});
