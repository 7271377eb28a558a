import test from 'ava';
import { loadAddon, nativePorts } from '../../src/native/index.js';
import { knownCalls } from '../../src/policy/index.js';

const addon = loadAddon();
const ports = nativePorts(addon);
const ALLOW = 0x7fff_0000;
const ERRNO_38 = 0x0005_0026;

test('the addon names its libseccomp', (t) => {
  t.regex(addon.version(), /^2\.[5-9]\.[0-9]+$/);
});

test('names and numbers go both ways', (t) => {
  t.is(addon.resolveCall('openat', 'x86_64'), 257);
  t.is(addon.callName(257, 'x86_64'), 'openat');
  t.is(addon.resolveCall('nothing_like_it', 'x86_64'), undefined);
  t.is(addon.resolveCall('socketcall', 'x86_64'), undefined);
  t.is(addon.callName(1023, 'x86_64'), undefined);
  t.is(addon.callName(-1, 'x86_64'), undefined);
});

test("VXE's table has every call of libseccomp, and two of the kernel's own", (t) => {
  const theirs = ports.calls.list('x86_64');
  for (const [name, nr] of theirs) t.is(knownCalls().get(name), nr, name);
  const ours = [...knownCalls().keys()].filter((name) => !theirs.has(name));
  t.deepEqual(ours, ['uretprobe', 'uprobe']);
});

test('the kernel at hand is described', (t) => {
  const features = ports.features();
  t.true(Number.isInteger(features.landlockAbi) && features.landlockAbi >= 0);
  t.true(features.seccompActions.includes('errno'));
  t.is(typeof features.userNamespaces, 'boolean');
});

const empty = { arch: 'x86_64', defaultAction: ERRNO_38, badArchAction: ALLOW, optimize: 2, rules: [] };

test('a filter is a list of whole instructions, and the same one each time', (t) => {
  const rules = [
    { nr: 0, action: ALLOW, comparisons: [{ index: 0, mask: 0xffff_ffff_ffff_ffffn, value: 3n }] },
  ];
  const first = addon.compile({ ...empty, rules });
  t.true(first.length > 0 && first.length % 8 === 0);
  t.deepEqual(addon.compile({ ...empty, rules }), first);
});

interface NativeError extends Error {
  readonly code?: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly rule?: number;
}

const rule = { nr: 0, action: ALLOW, comparisons: [] };
const comparison = { index: 0, mask: 1n, value: 1n };

const bad: readonly [string, unknown, Partial<NativeError>][] = [
  ['an empty object', {}, { code: 'ERR_INVALID_ARG_TYPE' }],
  ['an architecture that is none', { ...empty, arch: 'pdp11' }, { code: 'ERR_OUT_OF_RANGE' }],
  ['an endless name', { ...empty, arch: 'x'.repeat(1000) }, { code: 'ERR_OUT_OF_RANGE' }],
  ['a name with a zero byte', { ...empty, arch: 'x86_64\0' }, { code: 'ERR_OUT_OF_RANGE' }],
  ['a fraction as an action', { ...empty, defaultAction: 1.5 }, { code: 'ERR_OUT_OF_RANGE' }],
  ['a negative action', { ...empty, defaultAction: -1 }, { code: 'ERR_OUT_OF_RANGE' }],
  ['an action that is none', { ...empty, defaultAction: 0x1234 }, { errno: 22, syscall: 'seccomp_init' }],
  ['rules that are no list', { ...empty, rules: {} }, { code: 'ERR_INVALID_ARG_TYPE' }],
  ['a rule that is none', { ...empty, rules: [3] }, { code: 'ERR_INVALID_ARG_TYPE' }],
  [
    'a rule that repeats the default',
    { ...empty, rules: [{ ...rule, action: ERRNO_38 }] },
    { errno: 13, rule: 0 },
  ],
  ['a call number beyond all', { ...empty, rules: [{ ...rule, nr: 2 ** 31 }] }, { code: 'ERR_OUT_OF_RANGE' }],
  [
    'seven comparisons',
    { ...empty, rules: [{ ...rule, comparisons: Array(7).fill(comparison) }] },
    { code: 'ERR_OUT_OF_RANGE' },
  ],
  [
    'a seventh argument',
    { ...empty, rules: [{ ...rule, comparisons: [{ ...comparison, index: 6 }] }] },
    { errno: 22, rule: 0 },
  ],
  [
    'one argument twice',
    { ...empty, rules: [rule, { ...rule, nr: 1, comparisons: [comparison, comparison] }] },
    { errno: 22, rule: 1 },
  ],
  [
    'a number as a mask',
    { ...empty, rules: [{ ...rule, comparisons: [{ ...comparison, mask: 1 }] }] },
    { code: 'ERR_INVALID_ARG_TYPE' },
  ],
  [
    'a negative mask',
    { ...empty, rules: [{ ...rule, comparisons: [{ ...comparison, mask: -1n }] }] },
    { code: 'ERR_OUT_OF_RANGE' },
  ],
  [
    'a mask of 65 bits',
    { ...empty, rules: [{ ...rule, comparisons: [{ ...comparison, mask: 1n << 64n }] }] },
    { code: 'ERR_OUT_OF_RANGE' },
  ],
];

for (const [what, program, expected] of bad) {
  test(`${what} is an exception that says so`, (t) => {
    const compile = addon.compile as (program: unknown) => Buffer;
    const error = t.throws<NativeError>(() => compile(program));
    for (const [key, value] of Object.entries(expected))
      t.is(error[key as keyof NativeError], value, error.message);
  });
}

test('a getter that throws is passed on', (t) => {
  const program = {
    get arch(): string {
      throw new Error('mine');
    },
  };
  t.throws(() => addon.compile(program as never), { message: 'mine' });
});

test('through the port, what libseccomp refuses is a diagnostic that names the call', (t) => {
  const result = ports.compiler.compile({
    arch: 'x86_64',
    defaultAction: { kind: 'notify' },
    badArchAction: { kind: 'notify' },
    rules: [{ nr: 41, action: { kind: 'notify' }, comparisons: [] }],
  });
  t.false(result.ok);
  t.regex(result.ok ? '' : (result.diagnostics[0]?.message ?? ''), /refused the filter for socket/);
});

test('a missing addon says how to build it', (t) => {
  const error = t.throws(() => loadAddon('/nowhere/node_seccomp.node'));
  t.regex(error.message, /cannot be loaded/);
});
