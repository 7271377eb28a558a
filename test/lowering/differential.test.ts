import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import type { Result } from '../../src/common/index.js';
import { success, unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import { compileOci, lowerSeccomp, simulate } from '../../src/lowering/seccomp/index.js';
import type { Policy } from '../../src/policy/index.js';
import { callOf, decisionOn, engineAnswer, ownAnswer, textOf } from './answers.js';
import { policyOf, ports } from './helpers.js';
import { startKernel } from './kernel.js';
import type { Sample } from './random.js';
import { anySamples, randomPolicy } from './random.js';

const kernel = startKernel();
test.after.always(() => kernel.close());

/** How many decisions are compared, and from which start; `make test-long` takes a million from a new one. */
const DECISIONS = Number(process.env.VXE_DECISIONS ?? 10_000);
const SEED = Number(process.env.VXE_SEED ?? 1);
const EACH = 250;

interface Filters {
  readonly filter: Uint8Array;
  /** What an engine's library makes of the configuration. */
  readonly engine: Uint8Array;
  readonly supervised: readonly string[];
  readonly unspelled: readonly string[];
}

function filtersOf(policy: Policy): Result<Filters> {
  const plan = lowerSeccomp(policy, 'x86_64', ports.compiler, ports.calls);
  if (!plan.ok) return plan;
  const engine = unwrap(compileOci(plan.value.oci, 'x86_64', ports.calls, ports.compiler));
  return success({ ...plan.value, engine });
}

/** The evaluator, the interpreter and the running kernel on the same calls; both filters. Returns what they do not agree in. */
function disagreements(policy: Policy, filters: Filters, samples: readonly Sample[]): readonly string[] {
  const { filter, engine, supervised, unspelled } = filters;
  const [own = [], other = []] = kernel.decide([
    { filter, calls: samples },
    { filter: engine, calls: samples },
  ]);
  return samples.flatMap((sample, index): string[] => {
    const decision = decisionOn(policy, sample, 'x86_64');
    const wantedOwn = ownAnswer(sample, decision, supervised);
    const wantedEngine = engineAnswer(sample, decision, unspelled);
    const said: readonly [string, string, readonly string[]][] = [
      ['the interpreter', textOf(simulate(filter, sample)), [wantedOwn]],
      ['the kernel', textOf(own[index]), [wantedOwn]],
      ['the interpreter, for other engines', textOf(simulate(engine, sample)), wantedEngine],
      ['the kernel, for other engines', textOf(other[index]), wantedEngine],
    ];
    return said
      .filter(([, answer, wanted]) => !wanted.includes(answer))
      .map(([who, answer, wanted]) => `${callOf(sample)}: ${who} says ${answer}, not ${wanted.join(' or ')}`);
  });
}

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
  test(`the evaluator, the interpreter and the kernel agree: ${what}`, (t) => {
    t.deepEqual(disagreements(policy, unwrap(filtersOf(policy)), anySamples(policy, 3000, SEED)), []);
  });
}

test('the evaluator, the interpreter and the kernel agree: popd', (t) => {
  const text = readFileSync('profiles/popd.vxed.yaml', 'utf8');
  const policy = unwrap(parseProfile({ name: 'popd.vxed.yaml', text }));
  t.deepEqual(disagreements(policy, unwrap(filtersOf(policy)), anySamples(policy, 6000, SEED)), []);
});

test('the evaluator, the interpreter and the kernel agree: random policies', (t) => {
  let compared = 0;
  let refused = 0;
  for (let seed = SEED; compared < DECISIONS; seed++) {
    const [policy] = fc.sample(randomPolicy, { numRuns: 1, seed });
    if (policy === undefined) throw new Error('no policy was made');
    const filters = filtersOf(policy);
    // A rule that no filter can hold is an error; what is not an error must agree.
    if (!filters.ok) {
      refused++;
      const codes = filters.diagnostics.map(({ code }) => code);
      t.true(
        codes.every((code) => code === 'too-large' || code === 'not-expressible'),
        codes.join(),
      );
      continue;
    }
    const wrong = disagreements(policy, filters.value, anySamples(policy, EACH, seed));
    if (wrong.length > 0) t.fail(`VXE_SEED=${seed}: ${wrong.slice(0, 5).join('\n')}`);
    compared += EACH;
  }
  t.log(`${compared} decisions compared from seed ${SEED}; ${refused} policies refused`);
});
