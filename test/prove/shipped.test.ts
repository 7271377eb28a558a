import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import type { WorldEntry } from '../../src/lowering/index.js';
import { bundleTree, compileOci, parseAddressRows } from '../../src/lowering/index.js';
import type { Policy } from '../../src/policy/index.js';
import { parentPath } from '../../src/policy/index.js';
import {
  fileDifferences,
  findDifference,
  mountTable,
  networkDifferences,
  startSolver,
} from '../../src/prove/index.js';
import { lower, ports } from '../lowering/helpers.js';
import { shippedProfiles } from '../lowering/shipped.js';

const solver = await startSolver();
test.after.always(() => solver.close());

/** A tree that has what the rules speak of, and mounts where something is made: what a bundle of the profile would be. */
function worldFor(policy: Policy): { entries: readonly WorldEntry[]; open: readonly string[] } {
  const entries = new Map<string, WorldEntry>([['/', { path: '/', kind: 'directory' }]]);
  const open: string[] = [];
  for (const { path, access, folder } of policy.files) {
    for (let at = parentPath(path); at !== '/'; at = parentPath(at))
      entries.set(at, { path: at, kind: 'directory' });
    const isFolder = folder || access.has('create') || access.has('remove');
    if (isFolder) open.push(path);
    if (entries.get(path) === undefined) entries.set(path, { path, kind: isFolder ? 'directory' : 'file' });
  }
  return { entries: [...entries.values()], open };
}

for (const { path, policy } of shippedProfiles()) {
  test(`proved: ${path}`, async (t) => {
    const world = worldFor(policy);
    // Addresses and datagrams are held by programs on a cgroup; the filter and the files, which are proved here, do not depend on it.
    const cgroup = { addresses: true, unix: true, controllers: [], paths: [] };
    const plans = lower(policy, world, { cgroup });
    const { filter, oci, soft } = plans.seccomp;
    const own = {
      policy,
      filter,
      arch: 'x86_64',
      loader: { kind: 'vxe', supervised: plans.supervised },
    } as const;
    t.is(await findDifference(own, solver), undefined);
    const performing = { kind: 'soft', supervised: plans.supervised } as const;
    t.is(
      await findDifference({ policy, filter: soft, arch: 'x86_64', loader: performing }, solver),
      undefined,
    );
    const engine = unwrap(compileOci(oci, 'x86_64', ports.calls, ports.compiler));
    const knows = (call: string): boolean => ports.calls.resolve(call, 'x86_64') !== undefined;
    const other = { policy, filter: engine, arch: 'x86_64', loader: { kind: 'oci', knows } } as const;
    t.is(await findDifference(other, solver), undefined);
    const there = lower(policy, world, { cgroup }, 'aarch64');
    const abroad = { policy, filter: there.seccomp.filter, arch: 'aarch64' } as const;
    const loader = { kind: 'vxe', supervised: there.supervised } as const;
    t.is(await findDifference({ ...abroad, loader }, solver), undefined);
    const softly = { ...loader, kind: 'soft' } as const;
    t.is(await findDifference({ ...abroad, filter: there.seccomp.soft, loader: softly }, solver), undefined);
    const landlock = [plans.landlock];
    const mounts = mountTable({
      ...plans,
      rootReadonly: true,
      mounts: world.open.map((each) => ({ destination: each, options: [] })),
    });
    const found = await fileDifferences(policy, { landlock, mounts }, bundleTree(world), solver);
    t.deepEqual(
      found.map(({ text }) => text),
      [],
    );
    const apart = plans.networkInterface !== 'host';
    const accepted = new Set(policy.acceptUnenforced.map(({ id }) => id));
    const reached = await networkDifferences(
      policy,
      { landlock, apart, supervised: plans.supervised, addresses: parseAddressRows(plans.addresses) ?? [] },
      solver,
    );
    t.deepEqual(
      reached.filter(({ rule }) => !accepted.has(rule)),
      [],
    );
  });
}
