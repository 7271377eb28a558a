import fc from 'fast-check';
import { AUDIT_ARCH } from '../../src/lowering/seccomp/index.js';
import type {
  Arch,
  ArgumentRow,
  ArgumentTest,
  CallRule,
  Condition,
  HookRule,
  Policy,
} from '../../src/policy/index.js';
import {
  callNumber,
  canonicalArguments,
  completeCalls,
  knownCalls,
  signatureOf,
} from '../../src/policy/index.js';
import { policyOf } from './helpers.js';

const EMPTY = policyOf('network: {interface: host}\n');
const { span } = EMPTY;
/** Newer kernels perform the two probe calls without asking a filter. */
export const UNASKED: readonly string[] = ['uretprobe', 'uprobe'];
const ALL = callsOf('x86_64');
const TOP = 0xffff_ffff_ffff_ffffn;

function callsOf(arch: Arch): readonly string[] {
  return [...knownCalls(arch).keys()].filter((call) => !UNASKED.includes(call));
}

/** A call as a filter sees it; without a name where no table of VXE has the number. */
export interface Sample {
  readonly call: string | undefined;
  readonly nr: number;
  readonly arch: number;
  readonly arguments: readonly bigint[];
}

export const X86_64 = AUDIT_ARCH.x86_64;
export const I386 = 0x4000_0003;
export const ARM = 0x4000_0028;
const X32 = 0x4000_0000;

/** Numbers near the ones that rules speak of, and others; some with garbage in the upper half. */
function values(rows: readonly ArgumentRow[]): fc.Arbitrary<bigint> {
  const spoken = new Set<bigint>([0n, 1n, 2n]);
  for (const { condition } of rows.flatMap((row) => row.tests))
    for (const value of spokenOf(condition)) spoken.add(value);
  const near = fc.constantFrom(...spoken).chain((value) =>
    fc.oneof(
      fc.constant(value),
      fc.integer({ min: 0, max: 63 }).map((bit) => value ^ (1n << BigInt(bit))),
      fc.constantFrom(value + 1n, value - 1n).map((other) => BigInt.asUintN(64, other)),
      fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((high) => BigInt.asUintN(64, value | (high << 32n))),
    ),
  );
  return fc.oneof({ weight: 5, arbitrary: near }, { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: TOP }) });
}

function rowsIn({ calls, hooks }: Policy, call?: string): readonly ArgumentRow[] {
  const ruled = [...calls.values()].flatMap((rule) =>
    call === undefined || rule.call === call
      ? [...(rule.permit === 'all' ? [] : rule.permit), ...rule.quiet]
      : [],
  );
  return [...ruled, ...hooks.flatMap((hook) => (call === undefined || hook.call === call ? hook.rows : []))];
}

function spokenOf(condition: Condition): readonly bigint[] {
  if (condition.kind === 'masked') return [condition.value, condition.mask & TOP];
  if (condition.kind === 'range') return [condition.from, condition.to];
  return condition.of.flatMap(spokenOf);
}

/** Calls of these names with arguments near those that the rules speak of: of the call itself, or of all. */
function samplesOf(
  policy: Policy,
  calls: readonly string[],
  of: 'own' | 'all',
  count: number,
  seed: number,
  arch: Arch,
): readonly Sample[] {
  const whole = values(rowsIn(policy));
  const sample = fc.constantFrom(...calls).chain((call) => {
    const value = of === 'all' ? whole : values(rowsIn(policy, call));
    return fc.array(value, { minLength: 6, maxLength: 6 }).map(
      (list): Sample => ({
        call,
        nr: callNumber(call, arch) ?? -1,
        arch: AUDIT_ARCH[arch],
        // Applied twice it is nothing, so that what rules speak of comes to be in its registers.
        arguments: canonicalArguments(call, arch, list),
      }),
    );
  });
  return fc.sample(sample, { numRuns: count, seed });
}

/** Calls of all kinds: those with rules, all others, unknown numbers, and other ways into the kernel. */
export function anySamples(
  policy: Policy,
  count: number,
  seed: number,
  arch: Arch = 'x86_64',
): readonly Sample[] {
  const all = callsOf(arch);
  const [audit, foreign] = [AUDIT_ARCH[arch], arch === 'x86_64' ? [I386] : [ARM, X86_64, I386]];
  const ruled = [...policy.calls.values()].filter(
    ({ call, permit, quiet }) => all.includes(call) && (permit !== 'all' || quiet.length > 0),
  );
  const spoken = new Set([...ruled, ...policy.hooks].map((rule) => rule.call));
  const names = spoken.size === 0 ? all : [...spoken];
  const list = fc.array(fc.bigInt({ min: 0n, max: TOP }), { minLength: 6, maxLength: 6 });
  const known = new Set(knownCalls(arch).values());
  const unknown = fc
    .oneof(fc.integer({ min: 330, max: 440 }), fc.integer({ min: 450, max: 500 }), fc.nat(X32 - 1))
    .filter((nr) => !known.has(nr));
  // Where a table of numbers goes wrong, it does so at an edge.
  const edges = [...known].flatMap((nr) => [nr - 1, nr + 1]).filter((nr) => nr >= 0 && !known.has(nr));
  const last = [X32 - 1, X32, X32 + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
  const other = fc.oneof(
    fc.tuple(fc.constantFrom(...edges, ...last), fc.constant(audit)),
    fc.tuple(unknown, fc.constant(audit)),
    fc.tuple(
      fc.nat(600).map((nr) => nr + X32),
      fc.constant(audit),
    ),
    fc.tuple(fc.nat(470), fc.constantFrom(...foreign)),
  );
  const strange = fc
    .tuple(other, list)
    .map(
      ([[nr, arch], values]): Sample => ({ call: undefined, nr, arch, arguments: narrowed(values, arch) }),
    );
  return [
    ...samplesOf(policy, names, 'own', Math.ceil(count * 0.6), seed, arch),
    ...samplesOf(policy, all, 'all', Math.ceil(count * 0.2), seed + 1, arch),
    // Where two calls are taken for each other, they are neighbours more often than not.
    ...samplesOf(policy, neighbours(names, arch), 'all', Math.ceil(count * 0.1), seed + 3, arch),
    ...fc.sample(strange, { numRuns: Math.floor(count * 0.1), seed: seed + 2 }),
  ];
}

function neighbours(names: readonly string[], arch: Arch): readonly string[] {
  const numbers = new Set(names.map((name) => callNumber(name, arch) ?? -1));
  return callsOf(arch).filter((call) =>
    [-1, 1].some((step) => numbers.has((callNumber(call, arch) ?? -9) + step)),
  );
}

/** A 32-bit entry has 32-bit arguments. */
function narrowed(list: readonly bigint[], arch: number): readonly bigint[] {
  return arch === I386 || arch === ARM ? list.map((value) => BigInt.asUintN(32, value)) : list;
}

const ARGUED = ['socket', 'ioctl', 'mmap', 'prctl', 'clone', 'fcntl', 'sendto', 'openat'];

function conditionFor(width: 16 | 32 | 64): fc.Arbitrary<Condition> {
  const top = (1n << BigInt(width)) - 1n;
  const word = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: top }));
  const leaf: fc.Arbitrary<Condition> = fc.oneof(
    word.map((value): Condition => ({ kind: 'masked', mask: top, value })),
    word.map((bits): Condition => ({ kind: 'masked', mask: bits, value: 0n })),
    word.map((value): Condition => ({ kind: 'masked', mask: top, value })),
    fc.tuple(word, word).map(([mask, value]): Condition => ({ kind: 'masked', mask, value: value & mask })),
    fc.tuple(word, word).map(
      ([from, length]): Condition => ({
        kind: 'range',
        from,
        to: from + length > top ? top : from + length,
      }),
    ),
  );
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    {
      weight: 1,
      arbitrary: fc.array(leaf, { minLength: 1, maxLength: 3 }).map((of): Condition => ({ kind: 'any', of })),
    },
    {
      weight: 1,
      arbitrary: fc.array(leaf, { minLength: 1, maxLength: 2 }).map((of): Condition => ({ kind: 'all', of })),
    },
  );
}

function rowFor(call: string): fc.Arbitrary<ArgumentRow> {
  const tests = (signatureOf(call) ?? []).map((argument) => {
    const { index, name, width } = argument;
    return conditionFor(width).map(
      (condition): ArgumentTest => ({ index, name, width, condition, text: '' }),
    );
  });
  return fc
    .subarray(tests, { minLength: 1, maxLength: 3 })
    .chain((chosen) => fc.tuple(...chosen))
    .map((chosen): ArgumentRow => ({ tests: chosen, span }));
}

const randomRule: fc.Arbitrary<CallRule> = fc.constantFrom(...ARGUED).chain((call) =>
  fc
    .tuple(
      fc.oneof(fc.constant('all' as const), fc.array(rowFor(call), { maxLength: 3 })),
      fc.array(fc.tuple(rowFor(call), fc.constantFrom('EACCES', 'ENOSYS', 'EPERM')), { maxLength: 2 }),
    )
    .map(([permit, quiet]) => ({
      id: `calls:${call}`,
      call,
      permit,
      quiet: quiet.map(([row, errno]) => ({ ...row, errno })),
      span,
    })),
);

/** What is told after a call: always, or in some rows. */
const randomHook: fc.Arbitrary<HookRule> = fc
  .constantFrom(...ARGUED)
  .chain((call) =>
    fc
      .oneof(
        { weight: 1, arbitrary: fc.constant([{ tests: [], span }]) },
        { weight: 4, arbitrary: fc.array(rowFor(call), { minLength: 1, maxLength: 3 }) },
      )
      .map((rows) => ({ id: `after:${call}`, call, rows, span })),
  );

/** A strict policy with rules of every kind of condition for a few calls, and any others permitted whole. */
export const randomPolicy: fc.Arbitrary<Policy> = fc
  .tuple(
    fc.array(randomRule, { minLength: 1, maxLength: 2 }),
    fc.subarray(ALL.filter((call) => ![...ARGUED, 'io_uring_setup'].includes(call))),
    fc.uniqueArray(randomHook, { maxLength: 3, selector: ({ call }) => call }),
  )
  .map(([rules, whole, hooks]): Policy => {
    const named = whole.map((call): [string, CallRule] => [
      call,
      { id: `calls:${call}`, call, permit: 'all', quiet: [], span },
    ]);
    const own = new Map([...named, ...rules.map((rule): [string, CallRule] => [rule.call, rule])]);
    return { ...EMPTY, calls: completeCalls(EMPTY, span, own), hooks };
  });
