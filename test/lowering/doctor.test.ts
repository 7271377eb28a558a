import test from 'ava';
import type { KernelFacts } from '../../src/lowering/index.js';
import { ABI_TABLE, findings } from '../../src/lowering/index.js';
import { functionNumber, kernelFacts, loadAddon } from '../../src/native/index.js';
import { shopFor, vxe } from '../commands/helpers.js';

const here = kernelFacts();

function usable(facts: KernelFacts): ReadonlyMap<string, boolean> {
  return new Map(findings(facts).map((each) => [each.feature, each.usable]));
}

test('each right of Landlock is usable from its own ABI on', (t) => {
  for (let abi = 0; abi <= 11; abi++) {
    const table = usable({ ...here, landlockAbi: abi });
    for (const row of ABI_TABLE)
      for (const right of [...row.fs, ...row.net, ...row.scoped])
        t.is(table.get(`landlock:${right}`), row.abi <= abi, `${right} on ${abi}`);
  }
});

test('whatever is not usable has a reason and a cost, and what was not tried is not usable', (t) => {
  const nothing: KernelFacts = { kernel: '0', user: 1, landlockAbi: 0, seccompActions: [], trials: {} };
  const all = findings(nothing);
  t.true(all.length > 40);
  for (const each of all) {
    t.false(each.usable, each.feature);
    t.not(each.why, '', each.feature);
    t.not(each.cost, '', each.feature);
  }
  t.deepEqual(
    new Set(
      findings(here)
        .map((each) => each.feature)
        .slice(1),
    ),
    new Set(all.map((each) => each.feature).slice(1)),
  );
});

test('a refusal to the user is told apart from what the kernel lacks', (t) => {
  const why = (trial: string): string => {
    const facts = { ...here, trials: { ...here.trials, 'bpf:lsm': trial } };
    return findings(facts).find((each) => each.feature === 'bpf:lsm')?.why ?? '?';
  };
  t.is(why('yes'), '');
  t.is(why('EPERM'), 'this user may not (EPERM)');
  t.is(why('absent'), 'this kernel does not have it');
  t.regex(why('ENODATA'), /booted without bpf/);
});

test('the trials agree with what the launcher asks, and leave this process as it was', (t) => {
  const features = loadAddon().kernelFeatures();
  t.is(here.landlockAbi, features.landlockAbi);
  t.is(here.trials['seccomp:listener'] === 'yes', features.seccompActions.includes('user_notif'));
  t.deepEqual(kernelFacts(), here);
  t.throws(() => loadAddon().probe('nothing', 0));
});

test('a function is found in type information by its number, and nothing in what is none', (t) => {
  const strings = Buffer.from('\0int\0first\0second\0');
  const type = (name: number, kind: number, count: number, ...tail: readonly number[]): Buffer => {
    const words = Buffer.alloc(12 + tail.length * 4);
    words.writeUInt32LE(name, 0);
    words.writeUInt32LE((kind << 24) | count, 4);
    for (const [at, word] of tail.entries()) words.writeUInt32LE(word, 12 + at * 4);
    return words;
  };
  const types = Buffer.concat([
    type(1, 1, 0, 32),
    type(0, 13, 1, 1, 1),
    type(5, 12, 0),
    type(0, 4, 1, 1, 1, 0),
    type(11, 12, 0),
  ]);
  const head = Buffer.alloc(24);
  head.writeUInt16LE(0xeb9f, 0);
  for (const [at, word] of [24, 0, types.length, types.length, strings.length].entries())
    head.writeUInt32LE(word, 4 + at * 4);
  const image = Buffer.concat([head, types, strings]);
  t.is(functionNumber(image, 'first'), 3);
  t.is(functionNumber(image, 'second'), 5);
  t.is(functionNumber(image, 'int'), undefined);
  t.is(functionNumber(image, 'sec'), undefined);
  t.is(functionNumber(image.subarray(0, 40), 'first'), undefined);
  t.is(functionNumber(Buffer.from('no'), 'first'), undefined);
});

test('vxe doctor prints the table, and says of a profile whether it starts', async (t) => {
  const shop = shopFor(t);
  const plain = await vxe(shop, ['doctor']);
  const required = findings(here).filter((each) => each.required && !each.usable);
  t.is(plain.status, required.length === 0 ? 0 : 1, plain.stderr);
  for (const each of findings(here)) t.true(plain.stdout.includes(each.feature), each.feature);
  const held = await vxe(shop, ['doctor', 'popd', '--json']);
  const report = JSON.parse(held.stdout);
  t.is(held.status, report.starts ? 0 : 1);
  t.is(report.starts, report.problems.length === 0);
  const none = await vxe(shop, ['doctor', 'nowhere']);
  t.is(none.status, 1);
  t.regex(none.stderr, /nowhere: there is no profile/);
});
