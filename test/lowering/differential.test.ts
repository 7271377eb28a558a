import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import { AUDIT_ARCH, compileOci, lowerSeccomp, simulate } from '../../src/lowering/seccomp/index.js';
import type { ArgumentRow, ArgumentTest, CallRule, Condition, Policy } from '../../src/policy/index.js';
import {
  callNumber,
  completeCalls,
  decideCall,
  errnoNumber,
  knownCalls,
  scalarEvent,
  signatureOf,
} from '../../src/policy/index.js';
import { policyOf, ports } from './helpers.js';

/** Ends a property with the first disagreement between the evaluator and the two filters. */
function compare(policy: Policy, samples: Iterable<readonly [string, readonly bigint[]]>): number {
  const plan = unwrap(lowerSeccomp(policy, 'x86_64', ports.compiler, ports.calls));
  const oci = unwrap(compileOci(plan.oci, 'x86_64', ports.calls, ports.compiler));
  let count = 0;
  for (const [call, values] of samples) {
    const decision = decideCall(policy, scalarEvent(call, values));
    const data = { nr: callNumber(call) ?? -1, arch: AUDIT_ARCH.x86_64, arguments: values };
    const own = simulate(plan.filter, data);
    const engine = simulate(oci, data);
    const errno = decision.errno === undefined ? 0 : (errnoNumber(decision.errno) ?? 0);
    const allowed = plan.supervised.includes(call) ? 'notify0' : 'allow0';
    const wantedOwn = decision.verdict === 'allow' ? allowed : decision.quiet ? `errno${errno}` : 'notify0';
    const wantedEngine =
      decision.verdict === 'allow' || decision.rule === 'exec:once' ? 'allow0' : `errno${errno}`;
    const where = `${call}(${values.map((value) => `0x${value.toString(16)}`).join(', ')}): ${decision.reason}`;
    if (`${own.action}${own.data}` !== wantedOwn)
      throw new Error(`own filter: ${own.action}${own.data}, not ${wantedOwn}: ${where}`);
    if (call === 'uretprobe' || call === 'uprobe') continue; // no engine's library knows these names
    if (call === 'execveat' && decision.rule === 'exec:once') {
      if (engine.action !== 'errno') throw new Error(`OCI form permits execveat: ${where}`);
    } else if (plan.unspelled.includes(call) && wantedEngine === 'errno1' && !decision.quiet) {
      if (`${engine.action}${engine.data}` !== 'errno38') throw new Error(`OCI form permits: ${where}`);
    } else if (`${engine.action}${engine.data}` !== wantedEngine) {
      throw new Error(`OCI form: ${engine.action}${engine.data}, not ${wantedEngine}: ${where}`);
    }
    count++;
  }
  return count;
}

/** Numbers near the ones that rules speak of, and others; some with garbage in the upper half. */
function values(rules: Iterable<CallRule>): fc.Arbitrary<bigint> {
  const spoken = new Set<bigint>([0n, 1n, 2n]);
  for (const rule of rules) {
    const rows = [...(rule.permit === 'all' ? [] : rule.permit), ...rule.quiet];
    for (const { condition } of rows.flatMap((row) => row.tests))
      for (const value of spokenOf(condition)) spoken.add(value);
  }
  const near = fc.constantFrom(...spoken).chain((value) =>
    fc.oneof(
      fc.constant(value),
      fc.integer({ min: 0, max: 63 }).map((bit) => value ^ (1n << BigInt(bit))),
      fc.constantFrom(value + 1n, value - 1n).map((other) => BigInt.asUintN(64, other)),
      fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((high) => BigInt.asUintN(64, value | (high << 32n))),
    ),
  );
  return fc.oneof(
    { weight: 5, arbitrary: near },
    { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }) },
  );
}

function spokenOf(condition: Condition): readonly bigint[] {
  if (condition.kind === 'masked') return [condition.value, condition.mask & 0xffff_ffff_ffff_ffffn];
  if (condition.kind === 'range') return [condition.from, condition.to];
  return condition.of.flatMap(spokenOf);
}

function samplesOf(
  policy: Policy,
  calls: readonly string[],
  count: number,
  seed: number,
): [string, bigint[]][] {
  const value = values(policy.calls.values());
  const sample = fc.tuple(fc.constantFrom(...calls), fc.array(value, { minLength: 6, maxLength: 6 }));
  return fc.sample(sample, { numRuns: count, seed });
}

const all = [...knownCalls().keys()];

const fixed: readonly [string, Policy][] = [
  ['nothing', policyOf('')],
  ['a filesystem profile', policyOf('exec: any\n', 'filesystem')],
  [
    'overlaps of every kind',
    policyOf(`
calls:
  permit: [ioctl]
  when:
    socket: [{domain: [1, 2, 10], type: {is: [1, 2], mask: 0xf}}, {domain: 2}, {protocol: {from: 3, to: 17}}]
    clone: [{flags: {only: 0x1200011}}, {flags: {with: 0x100, without: 0x10000000}}]
    lseek: [{offset: {from: 5, to: 0x100000007}, whence: {from: 0, to: 2}}]
    kill: [{pid: {from: -5, to: 5}, sig: [9, 15]}]
    open: [{mode: {only: 0644}}]
  quiet:
    ioctl: [{request: [0x5412, 0x541c], errno: EPERM}, {fd: 0, request: {from: 0x5400, to: 0x54ff}, errno: ENOTTY}]
    socket: [{domain: 1, errno: EACCES}, {domain: {from: 1, to: 4}, errno: ENOSYS}]
    kill: [{sig: 15, errno: ESRCH}]
`),
  ],
];

for (const [what, policy] of fixed) {
  test(`the evaluator and both filters agree: ${what}`, (t) => {
    const ruled = [...policy.calls.keys()];
    const samples = [...samplesOf(policy, ruled, 3000, 1), ...samplesOf(policy, all, 1000, 2)];
    t.true(compare(policy, samples) > 2500);
  });
}

test('the evaluator and both filters agree: popd', (t) => {
  const text = readFileSync('profiles/popd.vxed.yaml', 'utf8');
  const policy = unwrap(parseProfile({ name: 'popd.vxed.yaml', text }));
  const split = [...policy.calls.values()].filter((rule) => rule.permit !== 'all').map((rule) => rule.call);
  const samples = [...samplesOf(policy, split, 6000, 3), ...samplesOf(policy, all, 2000, 4)];
  t.true(compare(policy, samples) > 7500);
});

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

const span = policyOf('').span;

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

test('the evaluator and both filters agree: random rules', (t) => {
  let compared = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.array(randomRule, { minLength: 1, maxLength: 2 }), fc.integer(), (rules, seed) => {
      const empty = policyOf('');
      const calls = completeCalls(empty, span, new Map(rules.map((rule) => [rule.call, rule])));
      const policy: Policy = { ...empty, calls };
      const plan = lowerSeccomp(policy, 'x86_64', ports.compiler, ports.calls);
      // A rule that no filter can hold is an error; what is not an error must agree.
      if (!plan.ok) {
        refused++;
        t.true(
          plan.diagnostics.every(({ code }) => code === 'too-large' || code === 'not-expressible'),
          plan.diagnostics[0]?.message,
        );
        return;
      }
      compared += compare(
        policy,
        samplesOf(
          policy,
          rules.map((rule) => rule.call),
          150,
          seed,
        ),
      );
    }),
    { numRuns: 60 },
  );
  t.log(`${compared} calls compared; ${refused} of 60 policies refused`);
  t.true(compared > 2000, `${compared}`);
});
