import fc from 'fast-check';
import { hex } from '../../src/common/index.js';
import type { ArgumentRow, ArgumentTest, Condition, PatternRule, Policy } from '../../src/policy/index.js';
import { parsePathText, signatureOf } from '../../src/policy/index.js';

/** A policy as plain data without places in texts; what has no order is sorted. */
export function withoutSpans(policy: Policy, texts = true): unknown {
  return {
    ...policy,
    span: 0,
    files: sorted(policy.files.map((rule) => ({ ...rule, span: 0, access: [...rule.access].sort() }))),
    patterns: sorted(policy.patterns.map(plainPattern)),
    calls: sorted(
      [...policy.calls.values()].map((rule) => ({
        ...rule,
        span: 0,
        permit: rule.permit === 'all' ? 'all' : rule.permit.map((row) => plainRow(row, texts)),
        quiet: rule.quiet.map((row) => plainRow(row, texts)),
      })),
    ),
    // Of one profile there is one for each call, so that their order says nothing.
    hooks: sorted(
      policy.hooks.map((hook) => ({
        ...hook,
        span: 0,
        rows: hook.rows.map((row) => plainRow(row, texts)),
      })),
    ),
    capabilities: [...policy.capabilities].sort(),
    services: [...policy.services].sort(),
    network: {
      ...policy.network,
      sockets: sorted(policy.network.sockets.map((rule) => ({ ...rule, span: 0, access: [...rule.access] }))),
    },
    programs: policy.programs?.map((rule) => ({ ...rule, span: 0 })),
    resources: sorted(policy.resources.map((rule) => ({ ...rule, span: 0 }))),
    limits: sorted(policy.limits.map((rule) => ({ ...rule, span: 0 }))),
    acceptUnenforced: policy.acceptUnenforced.map((rule) => ({ ...rule, span: 0 })),
  };
}

/** A pattern is what it says. */
function plainPattern(rule: PatternRule): { readonly id: string } {
  const says = rule.kind === 'glob' ? rule.glob.text : `${rule.folder} ${rule.predicate.text}`;
  return { id: rule.id, ...{ says, access: [...rule.access].sort() } };
}

function sorted<T extends { readonly id: string; readonly call?: string }>(
  rules: readonly T[],
): readonly T[] {
  const key = (rule: T): string => `${rule.id} ${rule.call ?? ''}`;
  return [...rules].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function plainRow(row: ArgumentRow, texts: boolean): unknown {
  const tests = row.tests.map((test: ArgumentTest) => ({ ...test, text: texts ? test.text : '' }));
  return { ...row, span: 0, tests };
}

const NAMES = [
  'etc',
  'var',
  'mail',
  'a b',
  'x#y',
  "it's",
  'ä',
  '-',
  'true',
  '"q"',
  'srv',
  'lib:',
  '[x]',
  'tab\tx',
  '*',
  'a*.b',
  '?[!a-c]',
  '**',
  'st\\*r',
];
const path = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`);
/** Two spellings of one path or pattern are one. */
function canonical(text: string): string {
  const what = parsePathText(text);
  if (!what.ok) return text;
  return what.value.kind === 'path' ? what.value.path : what.value.glob.text;
}

const ports = fc.uniqueArray(fc.integer({ min: 0, max: 65535 }), { maxLength: 3 });
const CALLS = [
  'read',
  'mmap',
  'socket',
  'ioctl',
  'prctl',
  'openat',
  'fcntl',
  'clone',
  'sendto',
  'getpid',
  'chmod',
];

function value(width: number): fc.Arbitrary<bigint> {
  const top = (1n << BigInt(width)) - 1n;
  return fc.oneof(fc.bigInt(0n, 9n), fc.bigInt(0n, top), fc.constant(top));
}

function ascending([a, b]: readonly [bigint, bigint]): readonly [bigint, bigint] {
  return a < b ? [a, b] : [b, a];
}

/** Conditions of every shape that the model has, also those that no YAML has. */
export function conditions(width: 16 | 32 | 64, depth = 2): fc.Arbitrary<Condition> {
  const masked = fc
    .tuple(value(width), value(width))
    .map(([mask, bits]): Condition => ({ kind: 'masked', mask, value: bits & mask }));
  const range = fc
    .tuple(value(width), value(width))
    .map(ascending)
    .map(([from, to]): Condition => ({ kind: 'range', from, to }));
  if (depth === 0) return fc.oneof(masked, range);
  const parts = fc.array(conditions(width, depth - 1), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    masked,
    range,
    parts.map((of): Condition => ({ kind: 'any', of })),
    parts.map((of): Condition => ({ kind: 'all', of })),
  );
}

/** A condition in YAML, of every form that a profile can be written with. */
function conditionText(): fc.Arbitrary<string> {
  const number = value(16).map((bits) => hex(bits));
  const one = fc.oneof(
    number,
    number.map((bits) => `{only: ${bits}}`),
    number.filter((bits) => bits !== '0x0').map((bits) => `{without: ${bits}}`),
    number.filter((bits) => bits !== '0x0').map((bits) => `{with: ${bits}, from: 1}`),
    fc.tuple(value(16), value(16)).map(([a, b]) => `{is: ${a & b}, mask: ${a}}`),
    fc
      .tuple(value(15), value(15))
      .map(ascending)
      .map(([from, to]) => `{from: ${from}, to: ${to}}`),
    fc.constant('{from: -3, to: 4}'),
  );
  return fc.oneof(
    one,
    fc.array(one, { minLength: 1, maxLength: 3 }).map((all) => `[${all.join(', ')}]`),
  );
}

function row(call: string, errno: string): fc.Arbitrary<string> {
  const names = (signatureOf(call) ?? []).map((argument) => argument.name);
  return fc
    .tuple(
      fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 2 }),
      fc.array(conditionText(), { minLength: 2, maxLength: 2 }),
    )
    .map(([chosen, texts]) => `{${chosen.map((name, at) => `${name}: ${texts[at]}`).join(', ')}${errno}}`);
}

/** Rules on sockets that the short lists of ports cannot say, so that they never name what those name. */
const sockets = fc
  .uniqueArray(
    fc.oneof(
      fc
        .tuple(
          fc.constantFrom('tcp', 'udp'),
          fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '127.0.0.1', '[fd00::]/8', '[::1]', '0.0.0.0/0'),
          fc.constantFrom('', ':80', ':80-90', ':85-95', ':0'),
        )
        .map(([protocol, address, port]) => `${protocol}/${address}${port}`),
      fc.constantFrom(
        'tcp/*',
        'udp/*',
        'tcp/80-90',
        'udp/85-95',
        'unix:/run/x',
        'unix:/',
        'unix:@x',
        'unix:@*',
      ),
    ),
    { maxLength: 4 },
  )
  .chain((names) =>
    fc.tuple(
      ...names.map((name) => {
        const known = name.startsWith('tcp')
          ? ['accept', 'connect']
          : name.startsWith('udp')
            ? ['accept', 'connect', 'send']
            : ['connect', 'send'];
        return fc.subarray(known).map((words) => `${JSON.stringify(name)}: ${words.join(' ') || 'none'}`);
      }),
    ),
  )
  .map((rules) => rules.join(', '));

/** What a profile says of the instance as a whole. */
const instance = fc
  .tuple(
    fc.subarray(['signal: none', 'trace: none', 'trace: instance']).filter((words) => words.length < 3),
    fc.option(fc.subarray(['user', 'pid', 'time'])),
    fc.option(fc.subarray(['stdio', 'listen'])),
    fc.subarray(['memory: 512M', 'swap: 0', 'pids: 64', 'cpu: 150%', 'io: 50']),
  )
  .map(([processes, namespaces, descriptors, resources]) => [
    `processes: {${[...new Map(processes.map((word) => [word.split(':')[0], word])).values()].join(', ')}}`,
    ...(namespaces === null ? [] : [`namespaces: [${namespaces.join(', ')}]`]),
    ...(descriptors === null ? [] : [`descriptors: [${descriptors.join(', ')}]`]),
    `resources: {${resources.join(', ')}}`,
  ]);

/** Bodies of profiles, `name` and `type` left out; of type filesystem only what that type can say. */
export function bodies(withCalls = true): fc.Arbitrary<string> {
  const withRows = CALLS.filter((call) => (signatureOf(call) ?? []).length > 0);
  const calls = fc.tuple(
    fc.subarray(CALLS.slice(0, 5)),
    fc.subarray(withRows.slice(5)).chain((chosen) => fc.tuple(...chosen.map((call) => rowsOf(call, '')))),
    fc
      .subarray(withRows.slice(2))
      .chain((chosen) => fc.tuple(...chosen.map((call) => rowsOf(call, ', errno: EACCES')))),
    fc
      .subarray(withRows, { maxLength: 4 })
      .chain((chosen) =>
        fc.tuple(...chosen.map((call) => fc.oneof(fc.constant(`${call}: [{}]`), rowsOf(call, '')))),
      ),
  );
  return fc
    .tuple(
      fc.uniqueArray(path, { maxLength: 6, selector: canonical }),
      fc.array(fc.subarray(['read', 'write', 'create', 'remove', 'execute', 'ioctl']), {
        minLength: 6,
        maxLength: 6,
      }),
      ports,
      ports,
      fc.constantFrom('host', 'none', 'loopback'),
      fc.constantFrom('once', 'any', '[/bin/sh, /opt]'),
      fc.subarray(['CAP_SETUID', 'CAP_CHOWN', 'CAP_NET_RAW']),
      fc.subarray(['nofile: 3', 'core: 0', 'as: 512M', 'fsize: unlimited', 'cpu: 1025']),
      calls,
      fc.string({ maxLength: 12 }),
      sockets,
      instance,
    )
    .map((drawn) => {
      const [paths, access, accept, connect, network, exec, capabilities, limits, parts, description] = drawn;
      const [rules, others] = [drawn[10], drawn[11]];
      const [permit, when, quiet, after] = parts;
      const lines = [
        `description: ${JSON.stringify(description)}`,
        `files: {${paths.map((each, at) => `${JSON.stringify(each)}: ${access[at]?.join(' ') || 'none'}`).join(', ')}}`,
        `network: {accept: [${accept.map((each) => `tcp/${each}`)}], connect: [${connect.map((each) => `tcp/${each}`)}], sockets: {${rules}}, interface: ${network}}`,
        `exec: ${exec}`,
        `capabilities: [${capabilities.join(', ')}]`,
        `limits: {${limits.join(', ')}}`,
        'accept-unenforced: ["files:/etc"]',
        ...others,
      ];
      if (!withCalls) return `${lines.join('\n')}\n`;
      const members = [
        `permit: [${permit.join(', ')}]`,
        `when: {${when.join(', ')}}`,
        `quiet: {${quiet.join(', ')}}`,
        `after: {${after.join(', ')}}`,
      ];
      return `${lines.join('\n')}\ncalls: {${members.join(', ')}}\n`;
    });
}

function rowsOf(call: string, errno: string): fc.Arbitrary<string> {
  return fc
    .array(row(call, errno), { minLength: 1, maxLength: 2 })
    .map((rows) => `${call}: [${rows.join(', ')}]`);
}
