import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { parse } from 'yaml';
import {
  CALLS_KEYS,
  CONDITION_KEYS,
  LIMITS,
  NETWORK_KEYS,
  PROCESS_KEYS,
  PROFILE_KEYS,
  parseProfile,
  REQUIRED_KEYS,
} from '../../src/language/index.js';
import {
  ACCESS_WORDS,
  DESCRIPTORS,
  NAMESPACES,
  RESOURCES,
  SERVICES,
  SOCKET_WORDS,
} from '../../src/policy/index.js';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: { readonly enum?: readonly string[] };
  readonly oneOf?: readonly Node[];
  readonly $defs?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: { readonly pattern?: string };
}

const text = readFileSync('schemas/profile.schema.json', 'utf8');
const schema: Node = JSON.parse(text) as Node;
const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(text) as object);

function keys(node: Node | undefined): string[] {
  return Object.keys(node?.properties ?? {}).sort();
}

const profile = schema.properties ?? {};
const pairs: readonly [string, readonly string[], readonly string[]][] = [
  ['a profile', keys(schema), PROFILE_KEYS],
  ['what a profile must have', schema.required ?? [], REQUIRED_KEYS],
  ['network', keys(profile.network), NETWORK_KEYS],
  ['processes', keys(profile.processes), PROCESS_KEYS],
  ['namespaces', profile.namespaces?.items?.enum ?? [], NAMESPACES],
  ['descriptors', profile.descriptors?.items?.enum ?? [], DESCRIPTORS],
  ['resources', keys(profile.resources), RESOURCES],
  ['calls', keys(profile.calls), CALLS_KEYS],
  ['limits', keys(profile.limits), [...LIMITS.keys()]],
  ['services', profile.services?.items?.enum ?? [], SERVICES],
  ['a condition', keys(schema.$defs?.condition?.oneOf?.[2]), CONDITION_KEYS],
];

for (const [what, published, read] of pairs) {
  test(`the schema and the reader have the same words for ${what}`, (t) => {
    t.deepEqual([...published].sort(), [...read].sort());
  });
}

test('the schema knows every access word', (t) => {
  const pattern = new RegExp(profile.files?.additionalProperties?.pattern ?? '^$');
  for (const word of [...ACCESS_WORDS, 'none']) t.regex(word, pattern);
  t.notRegex('none read', pattern);
  t.notRegex('write-only', pattern);
});

test('the schema knows every access to sockets', (t) => {
  const pattern = new RegExp(profile.network?.properties?.sockets?.additionalProperties?.pattern ?? '^$');
  for (const word of [...SOCKET_WORDS, 'none', 'accept connect']) t.regex(word, pattern);
  t.notRegex('none accept', pattern);
});

const SOCKETS: readonly [string, boolean][] = [
  ...[
    'tcp/80',
    'udp/53-60',
    '*',
    'tcp/*',
    '*:80',
    '10.0.0.0/8:80',
    'udp/[fd00::]/8:53',
    'unix:/run/x',
    'unix:@a b',
  ].map((text): [string, boolean] => [text, true]),
  ...['80', 'sctp/80', 'localhost:80', 'fd00::1', 'unix:x', 'unix:', 'unix:@', 'tcp/80:80'].map(
    (text): [string, boolean] => [text, false],
  ),
];

for (const [socket, good] of SOCKETS) {
  test(`the schema and the reader agree on the socket ${socket}`, (t) => {
    const source = `vxed: 1\nname: a\ntype: strict\nnetwork: {sockets: {${JSON.stringify(socket)}: connect}, interface: host}\n`;
    t.is(validate(parse(source)), good);
    t.is(parseProfile({ name: 'x', text: source }).ok, good);
  });
}

const shipped = readdirSync('profiles').filter((name) => name.endsWith('.vxed.yaml'));

test('there are shipped profiles', (t) => {
  t.true(shipped.includes('popd.vxed.yaml'));
});

for (const name of shipped) {
  test(`profiles/${name} is read, and satisfies the schema`, (t) => {
    const source = readFileSync(`profiles/${name}`, 'utf8');
    t.true(validate(parse(source)), JSON.stringify(validate.errors));
    const parsed = parseProfile({ name, text: source });
    t.true(parsed.ok, parsed.ok ? '' : parsed.diagnostics[0]?.message);
    t.is(parsed.ok ? `${parsed.value.name}.vxed.yaml` : '', name);
  });
}

const refused = [
  '{}',
  '{vxed: 2, name: a, type: strict}',
  '{vxed: 1, name: A, type: strict}',
  '{vxed: 1, name: a, type: open}',
];

for (const source of refused) {
  test(`the schema and the reader both refuse ${source}`, (t) => {
    t.false(validate(parse(source)));
    t.false(parseProfile({ name: 'x', text: source }).ok);
  });
}

const HOOKS: readonly [string, boolean][] = [
  ['{openat: [{}]}', true],
  ['{openat: [{flags: {with: O_CREAT}}, {flags: 1}]}', true],
  ['{openat: []}', false],
  ['{openat: {}}', false],
  ['[openat]', false],
  ['{openat: [{flags: {has: O_CREAT}}]}', false],
];

for (const [hooks, good] of HOOKS) {
  test(`the schema and the reader agree on what is told after calls: ${hooks}`, (t) => {
    const source = `vxed: 1\nname: a\ntype: strict\ncalls: {after: ${hooks}}\n`;
    t.is(validate(parse(source)), good);
    t.is(parseProfile({ name: 'x', text: source }).ok, good);
  });
}
