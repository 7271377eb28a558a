import test from 'ava';
import fc from 'fast-check';
import { lowerAfter } from '../../src/lowering/after.js';
import type { CoverageRow, KernelFeatures, PlannedHook } from '../../src/lowering/index.js';
import { coverPolicy, encodeProgram, lowerPolicy, parseAfter } from '../../src/lowering/index.js';
import { AUDIT_ARCH, simulate } from '../../src/lowering/seccomp/index.js';
import type { Arch, Policy } from '../../src/policy/index.js';
import {
  callNumber,
  canonicalArguments,
  hooksAfter,
  hooksOn,
  narrowPolicy,
  scalarEvent,
} from '../../src/policy/index.js';
import { callOf } from './answers.js';
import { lower, policyOf, targetOf, worldOf } from './helpers.js';
import type { Sample } from './random.js';
import { anySamples, I386, randomPolicy, X86_64 } from './random.js';

const world = worldOf('/');
const HELD: Partial<KernelFeatures> = { tracepoints: true };
const SEED = Number(process.env.VXE_SEED ?? 1);

function hooksOf(policy: Policy, arch: Arch = 'x86_64'): readonly PlannedHook[] {
  return lower(policy, world, HELD, arch).after?.hooks ?? [];
}

function runs({ program }: PlannedHook, sample: Pick<Sample, 'nr' | 'arch' | 'arguments'>): boolean {
  const filter = encodeProgram(program.map(([code, jt, jf, k]) => ({ code, jt, jf, k })));
  return simulate(filter, sample).action === 'allow';
}

const EXAMPLE = policyOf(
  'exec: any\ncalls: {after: {openat: [{flags: {with: O_CREAT}}, {dirfd: 7}], setuid: [{}], execve: [{}]}}\n',
  'filesystem',
);

test('the hooks of a profile are planned in its order, with their places', (t) => {
  const after = lower(EXAMPLE, world, HELD).after;
  t.is(after?.profile, 'test');
  t.deepEqual(
    after?.hooks.map(({ rule, call, nr }) => `${rule} ${call} ${nr}`),
    ['after:openat openat 257', 'after:setuid setuid 105', 'after:execve execve 59'],
  );
  for (const { at } of after?.hooks ?? []) t.regex(at, /:\d+:\d+$/);
  t.deepEqual(parseAfter(JSON.parse(JSON.stringify(after))), after);
});

test('a program runs where a row holds, for its own call by its own way into the kernel', (t) => {
  const [openat] = hooksOf(EXAMPLE);
  if (openat === undefined) throw new Error('no hook');
  const call = (nr: number, arch: number, ...list: bigint[]): boolean =>
    runs(openat, { nr, arch, arguments: list });
  t.true(call(257, X86_64, 3n, 1n, 0x40n));
  t.true(call(257, X86_64, 3n, 1n, 0xdead_0000_0000_0441n));
  t.true(call(257, X86_64, 7n, 1n, 0n));
  t.false(call(257, X86_64, 3n, 1n, 0x3n));
  t.false(call(256, X86_64, 3n, 1n, 0x40n));
  t.false(call(257 | 0x4000_0000, X86_64, 3n, 1n, 0x40n));
  t.false(call(257, I386, 3n, 1n, 0x40n));
  t.false(call(257, AUDIT_ARCH.aarch64, 3n, 1n, 0x40n));
});

for (const arch of ['x86_64', 'aarch64'] as const) {
  test(`the programs of random hooks run where the evaluator says, on ${arch}`, (t) => {
    let told = 0;
    let silent = 0;
    fc.assert(
      fc.property(randomPolicy, (policy) => {
        const lowered = lowerAfter(policy, targetOf(world, HELD, arch));
        if (!lowered.ok) {
          // As of rules, some conditions take more boxes than anybody could look through.
          t.deepEqual(new Set(lowered.diagnostics.map(({ code }) => code)), new Set(['too-large']));
          return;
        }
        const planned = lowered.value?.hooks ?? [];
        const there = policy.hooks.filter(({ call }) => callNumber(call, arch) !== undefined);
        t.deepEqual(
          planned.map(({ rule }) => rule),
          there.map(({ id }) => id),
        );
        for (const sample of anySamples(policy, 150, SEED, arch)) {
          const { call, arguments: registers } = sample;
          const event =
            call === undefined || sample.arch !== AUDIT_ARCH[arch]
              ? undefined
              : scalarEvent(call, canonicalArguments(call, arch, registers));
          const wanted = event === undefined ? [] : hooksOn(policy, event).map(({ id }) => id);
          const found = planned.filter((hook) => runs(hook, sample)).map(({ rule }) => rule);
          if (wanted.length > 0) told++;
          else silent++;
          t.deepEqual(found, wanted, callOf(sample));
        }
      }),
      { numRuns: 40, seed: SEED },
    );
    t.true(told > 100 && silent > 100, `${told} told, ${silent} not`);
  });
}

test('a stack tells what each member has told, in the order of the members, and permits no more for it', (t) => {
  const one = policyOf('exec: any\ncalls: {after: {setuid: [{uid: 0}], openat: [{}]}}\n', 'filesystem');
  const two = policyOf('calls: {permit: [setuid, read], after: {setuid: [{}]}}\n');
  const ids = (policy: Policy, ...uid: bigint[]): readonly string[] =>
    hooksAfter(policy, scalarEvent('setuid', uid)).map(({ span }) => `${span.start.line}`);
  const [mine, theirs] = [ids(one, 0n), ids(two, 0n)];
  t.deepEqual([mine.length, theirs.length], [1, 1]);
  t.deepEqual(ids(narrowPolicy(one, two), 0n), [...mine, ...theirs]);
  t.deepEqual(ids(narrowPolicy(two, one), 0n), [...theirs, ...mine]);
  t.deepEqual(ids(narrowPolicy(one, two), 5n), theirs);
  const rules = hooksOf(narrowPolicy(two, one)).map(({ rule }) => rule);
  t.deepEqual(rules, ['after:setuid', 'after:setuid', 'after:openat']);
  // The member that names it not refuses it, and nothing is told of what is refused.
  t.deepEqual(hooksAfter(narrowPolicy(one, two), scalarEvent('openat', [0n, 1n, 2n])), []);
  t.is(hooksOn(narrowPolicy(one, two), scalarEvent('openat', [0n, 1n, 2n])).length, 1);
});

test('what the filter refuses runs no hook', (t) => {
  const policy = policyOf(
    'calls: {permit: [setuid], quiet: {setuid: [{uid: 0, errno: EACCES}]}, after: {setuid: [{}], setgid: [{}]}}\n',
  );
  t.is(hooksAfter(policy, scalarEvent('setuid', [5n])).length, 1);
  t.deepEqual(hooksAfter(policy, scalarEvent('setuid', [0n])), []);
  t.deepEqual(hooksAfter(policy, scalarEvent('setgid', [0n])), []);
});

function row(
  policy: Policy,
  rule: string,
  features: Partial<KernelFeatures> = HELD,
): CoverageRow | undefined {
  const { coverage } = coverPolicy(policy, { ...targetOf(world, features) });
  return coverage.find((each) => each.rule === rule);
}

test('without tracepoints a hook stops the start, with its place, and accepted it is left out', (t) => {
  const lowered = lowerPolicy(EXAMPLE, targetOf(world));
  t.false(lowered.ok);
  const named = lowered.ok ? [] : lowered.diagnostics.filter(({ message }) => message.startsWith('after:'));
  t.deepEqual(
    named.map(({ code, message }) => `${code} ${message.split(' ')[0]}`),
    ['after:openat', 'after:setuid', 'after:execve'].map((rule) => `missing-feature ${rule}`),
  );
  for (const { span, hint, message } of named) {
    t.truthy(span);
    t.regex(message, /tracepoints \(CAP_BPF, CAP_PERFMON\)/);
    t.regex(hint ?? '', /superuser.*accept-unenforced: \["after:/);
  }
  const accepted = policyOf(
    'exec: any\ncalls: {after: {setuid: [{}]}}\naccept-unenforced: ["after:setuid"]\n',
    'filesystem',
  );
  t.is(lower(accepted, world).after, undefined);
  t.true(row(accepted, 'after:setuid', {})?.accepted);
  t.is(lower(accepted, world, HELD).after?.hooks.length, 1);
});

const RINGS = 'io_uring_setup, io_uring_enter, io_uring_register, pread64, preadv2';

test('what a ring does past the call is an error that names both', (t) => {
  const both = policyOf(`calls: {permit: [${RINGS}, openat], after: {openat: [{}], setuid: [{}]}}\n`);
  const problems = lowerPolicy(both, targetOf(world, { ...HELD, rings: true }));
  const texts = problems.ok ? [] : problems.diagnostics.map(({ message }) => message);
  t.is(texts.length, 1);
  t.regex(texts[0] ?? '', /^after:openat cannot be held here: .*OPENAT/);
  // Rows of arguments keep the operation from rings, and another way of a read is a read.
  const apart = `calls: {permit: [${RINGS}], when: {openat: [{flags: 0}]}, after: {openat: [{}]}}\n`;
  t.is(row(policyOf(apart), 'after:openat', { ...HELD, rings: true })?.status, 'full');
  const read = policyOf(`calls: {permit: [${RINGS}], after: {read: [{}], pread64: [{}]}}\n`);
  t.regex(row(read, 'after:read', { ...HELD, rings: true })?.note ?? '', /READ/);
  t.is(row(read, 'after:read', { ...HELD, rings: true })?.status, 'none');
});

test('the table says what a hook is told of', (t) => {
  const policy = policyOf(
    'calls: {permit: [listen, openat, bind], after: {listen: [{}], openat: [{flags: 1}], setuid: [{}]}}\n',
  );
  t.deepEqual(row(policy, 'after:listen')?.mechanism, ['bpf']);
  t.regex(
    row(policy, 'after:listen')?.note ?? '',
    /supervisor performs in its place is told where it succeeded/,
  );
  t.regex(
    row(policy, 'after:openat')?.note ?? '',
    /^told where a row holds; under other engines nobody is told$/,
  );
  t.regex(row(policy, 'after:setuid')?.note ?? '', /refuses setuid, so that it is told in soft mode alone/);
  const once = policyOf('calls: {after: {execve: [{}], execveat: [{}]}}\n');
  t.regex(
    row(once, 'after:execve')?.note ?? '',
    /permits the launch alone, so that any other is told in soft/,
  );
  t.regex(row(once, 'after:execveat')?.note ?? '', /the profile refuses execveat/);
  const stack = narrowPolicy(policy, { ...policy, name: 'other' });
  t.regex(row(stack, 'after:openat')?.note ?? '', /2 members of the stack, in their order/);
});

test('a call that the architecture does not have is told by nobody there', (t) => {
  const policy = policyOf('exec: any\ncalls: {after: {open: [{}], openat: [{}]}}\n', 'filesystem');
  t.deepEqual(
    hooksOf(policy, 'aarch64').map(({ rule, nr }) => `${rule} ${nr}`),
    ['after:openat 56'],
  );
  const { coverage } = coverPolicy(policy, targetOf(world, HELD, 'aarch64'));
  t.is(coverage.find(({ rule }) => rule === 'after:open')?.note, 'aarch64 has no such call');
});

test('rows that no program has room for are an error', (t) => {
  const rows = Array.from({ length: 2100 }, (_, index) => `{fd: ${index * 2 + 1}, arg: ${index * 3}}`);
  const policy = policyOf(`exec: any\ncalls: {after: {fcntl: [${rows.join(', ')}]}}\n`, 'filesystem');
  const lowered = lowerPolicy(policy, targetOf(world, HELD));
  t.deepEqual(lowered.ok ? [] : lowered.diagnostics.map(({ code, span }) => [code, span?.start.line]), [
    ['too-large', policy.hooks[0]?.span.start.line],
  ]);
});

for (const [what, value] of Object.entries({
  'no object': [],
  'another version': { after: 2, profile: 'a', hooks: [] },
  'a hook without a call': { after: 1, profile: 'a', hooks: [{ rule: 'x', at: '', nr: 1, program: [] }] },
  'an instruction of three words': {
    after: 1,
    profile: 'a',
    hooks: [{ rule: 'x', at: '', call: 'read', nr: 0, program: [[6, 0, 0]] }],
  },
  'a word too large': {
    after: 1,
    profile: 'a',
    hooks: [{ rule: 'x', at: '', call: 'read', nr: 0, program: [[6, 256, 0, 0]] }],
  },
}))
  test(`what no plan has is none: ${what}`, (t) => {
    t.is(parseAfter(value), undefined);
  });
