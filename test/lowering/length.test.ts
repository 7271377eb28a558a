import test from 'ava';
import fc from 'fast-check';
import { unwrap } from '../../src/common/index.js';
import { RETURN } from '../../src/lowering/seccomp/bpf.js';
import { filterOf, ownFilter } from '../../src/lowering/seccomp/filter.js';
import { planCalls } from '../../src/lowering/seccomp/plan.js';
import type { Policy } from '../../src/policy/index.js';
import { policyOf } from './helpers.js';
import { libraryFilter } from './library.js';
import { randomPolicy } from './random.js';
import { shippedProfiles } from './shipped.js';

/** libseccomp has no rule for numbers that nobody knows; here they get what it gives them. */
function lengths(policy: Policy): { readonly own: number; readonly library: number } {
  const own = filterOf(unwrap(planCalls(policy, 'x86_64')), 'x86_64', { unknown: RETURN.notify });
  return { own: own.byteLength / 8, library: libraryFilter(policy).byteLength / 8 };
}

for (const { path, policy } of shippedProfiles()) {
  test(`the filter is not longer than libseccomp's own: ${path}`, (t) => {
    const library = libraryFilter(policy).byteLength / 8;
    // What ships is shorter with all that libseccomp's lacks.
    const own = unwrap(ownFilter(unwrap(planCalls(policy, 'x86_64')), 'x86_64')).byteLength / 8;
    t.log(`${own} instructions, libseccomp ${library}`);
    t.true(own <= library, `${own} instructions, libseccomp ${library}`);
  });
}

test("the filter is not longer than libseccomp's own: profiles that say little", (t) => {
  for (const policy of [
    policyOf(''),
    policyOf('exec: any\n', 'filesystem'),
    policyOf('calls: {permit: [read]}\n'),
  ]) {
    const { own, library } = lengths(policy);
    t.true(own <= library, `${own} instructions, libseccomp ${library}`);
  }
});

const NEVER = [
  '{errno: EACCES, flags: {from: 0xd1ea8fcf, to: 0xd1ea8fdd, is: 2, mask: 0x1a}}',
  '{errno: EACCES, flags: {is: 2, mask: 0x1a, from: 0xd1ea8fcf, to: 0xd1ea8fdd}}',
  '{errno: EACCES, flags: {with: 4, without: 6}}',
  '{errno: EACCES, flags: {from: 0x40, to: 0x7f, without: 0x40}}',
];
test('rows that no arguments satisfy take no instruction', (t) => {
  const plain = lengths(policyOf('calls: {permit: [openat]}\n'));
  for (const row of NEVER) {
    const policy = policyOf(
      `calls: {permit: [openat], quiet: {openat: [${row}, {errno: EPERM, dirfd: 3, flags: {with: 1, without: 3}}]}}\n`,
    );
    const { own, library } = lengths(policy);
    t.is(own, plain.own, row);
    t.true(own <= library, `${own} instructions, libseccomp ${library}`);
  }
  const other = lengths(
    policyOf(
      'calls: {permit: [openat], quiet: {openat: [{errno: EACCES, flags: {from: 0x40, to: 0x7f, without: 0x20}}]}}\n',
    ),
  );
  t.true(other.own > plain.own, 'control: a row that some satisfy does');
  // What the row's first questions have told would lead past questions of the next row, so that the ways of its last one differ.
  const hidden = lengths(
    policyOf(`calls:
  when: {mmap: [{length: {without: 0xb}}]}
  quiet: {mmap: [{length: [{from: 0x15, to: 0x9fb9d589ed5aff01}, 0xa, 0x55a7ea45fc74b38a], flags: {is: 4, mask: 6, without: 4}, fd: 20, errno: EACCES}]}
`),
  );
  t.true(hidden.own <= hidden.library, `${hidden.own} instructions, libseccomp ${hidden.library}`);
});

test("the filter is not longer than libseccomp's own: random policies", (t) => {
  const seed = Number(process.env.VXE_SEED ?? 1);
  let [own, library, compared] = [0, 0, 0];
  for (const policy of fc.sample(randomPolicy, { numRuns: 150, seed })) {
    if (!planCalls(policy, 'x86_64').ok) continue;
    let both: ReturnType<typeof lengths>;
    try {
      both = lengths(policy);
    } catch {
      // The library has no program for rules that contradict each other in its own order.
      continue;
    }
    t.true(
      both.own <= both.library,
      `VXE_SEED=${seed}: ${both.own} instructions, libseccomp ${both.library}`,
    );
    own += both.own;
    library += both.library;
    compared++;
  }
  t.log(`${compared} policies: ${own} instructions, libseccomp ${library}`);
  t.true(compared > 50, `${compared}`);
});
