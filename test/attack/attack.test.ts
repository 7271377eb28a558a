import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { kernelFacts } from '../../src/native/index.js';
import { parseEvent } from '../../src/policy/index.js';
import { Battery, nativeProgram } from '../../src/runtime/index.js';
import { type Shop, shopFor, vxe } from '../commands/helpers.js';

/** Namespaces of the whole machine's kind need root; the workshops run as it in CI. */
const asRoot = process.geteuid?.() === 0 ? test.serial : test.serial.skip;

interface Report {
  readonly attempts: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly by: string;
    readonly rule: string;
    readonly why: string;
  }[];
  readonly held: number;
  readonly open: number;
  readonly failed: number;
}

async function bundleOf(shop: Shop, profile?: string, recipe = ''): Promise<void> {
  if (profile !== undefined) writeFileSync(join(shop.folder, 'profiles/example.vxed.yaml'), profile);
  writeFileSync(
    join(shop.folder, 'recipes/example.yaml'),
    `recipe: 1\nname: example\nsource: {exec: ${shop.program}}\nprofile: example\nprogram: [${shop.program}]\n${recipe}`,
  );
  const created = await vxe(shop, [
    'bundle',
    'create',
    'example',
    '--accounts-from',
    join(shop.folder, 'etc'),
  ]);
  if (created.status !== 0) throw new Error(created.stderr);
}

async function attack(shop: Shop, ...options: string[]): Promise<{ status: number | null; report: Report }> {
  const ran = await vxe(shop, ['attack', 'example', '--json', ...options]);
  try {
    return { status: ran.status, report: JSON.parse(ran.stdout) };
  } catch {
    throw new Error(`${ran.stdout}\n${ran.stderr}`);
  }
}

const namesOf = (report: Report, verdict: string): string[] =>
  report.attempts.filter((each) => each.verdict === verdict).map((each) => each.name);

test('the evaluator understands the event of every attempt', async (t) => {
  const rows = await new Battery(nativeProgram('vxe-attack')).rows();
  t.true(rows.length > 200);
  for (const event of rows.flatMap((row) => row.events)) {
    const parsed = parseEvent(event);
    // A call that is newer than VXE's table is refused as unknown, which is an answer too.
    t.true(parsed.ok || parsed.diagnostics.every(({ code }) => code === 'unknown-call'), event);
  }
});

asRoot(
  'a bundle that may do next to nothing: every attempt is refused, even where none can be forked',
  async (t) => {
    const shop = shopFor(t);
    await bundleOf(shop);
    const { status, report } = await attack(shop);
    t.deepEqual(namesOf(report, 'failed'), []);
    t.deepEqual(namesOf(report, 'open'), []);
    t.is(status, 0);
    const shell = report.attempts.find((each) => each.name === 'exec-shell');
    t.like(shell, { by: 'seccomp', rule: 'exec:once', verdict: 'held' });
  },
);

const GENEROUS = `vxed: 1
name: example
description: may make files and sockets
type: strict
files:
  /: read execute
network: {accept: [], connect: [], interface: none}
exec: once
calls:
  permit: [read, write, exit_group, clone, wait4, clock_nanosleep, unshare, socket]
`;

asRoot('what the profile leaves open is told as open, and is no failure', async (t) => {
  const shop = shopFor(t);
  await bundleOf(shop, GENEROUS);
  const { status, report } = await attack(
    shop,
    '--quick',
    '--only',
    'unshare-user',
    '--only',
    'udp6-send',
    '--only',
    'tcp-connect',
  );
  t.deepEqual(namesOf(report, 'failed'), [], JSON.stringify(report));
  t.deepEqual(namesOf(report, 'open'), ['unshare-user']);
  t.is(status, 0);
});

const WITHOUT_FORK = `vxed: 1
name: example
description: may open files, and not fork; tells of a descriptor by one call alone
type: strict
files:
  /: read execute
network: {accept: [], connect: [], interface: none}
exec: once
calls:
  permit: [read, write, exit_group, openat, close, newfstatat]
`;

asRoot("what one attempt leaves open where none can be forked is not taken for the launcher's", async (t) => {
  const shop = shopFor(t);
  await bundleOf(shop, WITHOUT_FORK);
  const { report } = await attack(shop, '--quick');
  t.deepEqual(namesOf(report, 'failed'), []);
  t.true(report.attempts.length > 200);
});

const SPOOL = (program: string): string => `vxed: 1
name: example
description: may make files in a folder of the host, and not remove them
type: strict
files:
  /usr: read execute
  ${program}: read execute
  /spool: read write create
network: {accept: [], connect: [], interface: none}
exec: once
calls:
  permit: [read, write, exit_group, clone, wait4, clock_nanosleep, openat, close, mkdir]
`;

asRoot('what attempts make on the host is swept away, and nothing else', async (t) => {
  const shop = shopFor(t);
  const spool = join(shop.folder, 'spool');
  mkdirSync(spool);
  writeFileSync(join(spool, 'letter'), 'dear');
  await bundleOf(
    shop,
    SPOOL(shop.program),
    `mounts:\n  /spool: {source: ${spool}, options: [rw, nosuid, nodev, noexec], kind: directory}\n`,
  );
  const { status, report } = await attack(shop, '--quick');
  t.deepEqual(
    namesOf(report, 'failed'),
    [],
    JSON.stringify(report.attempts.filter((each) => each.verdict === 'failed')),
  );
  t.true(namesOf(report, 'open').includes('create-anywhere'));
  t.true(namesOf(report, 'open').includes('mkdir-anywhere'));
  t.is(status, 0);
  t.deepEqual(readdirSync(spool), ['letter']);
});

asRoot('a filter that lets through what the profile refuses is found out', async (t) => {
  const shop = shopFor(t);
  await bundleOf(shop);
  const filter = join(shop.bundles, 'example/vxe/filter.bpf');
  const before = readFileSync(filter);
  // return SECCOMP_RET_ALLOW
  const allowAll = Buffer.alloc(8);
  allowAll.writeUInt16LE(6, 0);
  allowAll.writeUInt32LE(0x7fff0000, 4);
  writeFileSync(filter, allowAll);
  const { status, report } = await attack(shop, '--quick');
  t.is(status, 1);
  const failed = namesOf(report, 'failed');
  for (const name of ['memory-execute', 'unshare-user', 'key-add', 'own-judge', 'int80-call'])
    t.true(failed.includes(name), `${name} was not found: ${failed.join(' ')}`);
  t.regex(report.attempts.find((each) => each.name === 'key-add')?.why ?? '', /it works inside/);
  writeFileSync(filter, before);
  t.is((await attack(shop, '--quick', '--only', 'key-add')).status, 0);
});

asRoot('nothing is left behind', async (t) => {
  const shop = shopFor(t);
  await bundleOf(shop);
  const ran = await vxe(shop, ['attack', 'example', '--quick', '--only', 'exec-shell']);
  t.is(ran.status, 0, ran.stderr);
  t.regex(ran.stdout, /^exec-shell +works +EPERM +seccomp \(exec:once\)/m);
  t.regex(ran.stdout, /^1 attempts on example, 1 refused that work without VXE/m);
  t.is((await vxe(shop, ['bundle', 'audit', 'example'])).status, 0);
});

const misuse: readonly [string, readonly string[], RegExp][] = [
  ['a bundle that is not there', ['nobody'], /^vxe: nobody: there is no bundle/],
  [
    'an attempt that is not there',
    ['nobody', '--only', 'dance'],
    /^vxe: dance: there is no attempt of this name; see/,
  ],
];
for (const [title, args, message] of misuse) {
  test(`misuse: ${title}`, async (t) => {
    const ran = await vxe(shopFor(t), ['attack', ...args]);
    t.not(ran.status, 0);
    t.regex(ran.stderr, message);
  });
}

test('the list tells what each attempt tries', async (t) => {
  const ran = await vxe(shopFor(t), ['attack', 'example', '--list', '--only', 'exec-shell']);
  t.is(ran.status, 0, ran.stderr);
  t.regex(ran.stdout, /^exec-shell +programs +Runs a shell by its path\.$/m);
});

/** Where this process's own cgroup of version 2 is; undefined where there is none to make folders in. */
function ownCgroup(): string | undefined {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup']
    .filter((mount) => existsSync(join(mount, 'cgroup.controllers')))
    .map((mount) => join(mount, own))
    .find((folder) => existsSync(folder));
}

asRoot('a bundle is attacked while it runs in the cgroup of its name', async (t) => {
  const shop = shopFor(t);
  const parent = ownCgroup();
  if (parent === undefined) {
    t.log('there is no cgroup v2 here');
    return t.pass();
  }
  const profile = readFileSync(join(shop.folder, 'profiles/example.vxed.yaml'), 'utf8');
  // What a cgroup's programs hold, so that there is one.
  const addresses = profile.replace(
    /^network: .*$/m,
    'network: {sockets: {"tcp/127.0.0.1:9": connect}, interface: loopback}',
  );
  t.not(addresses, profile);
  if (kernelFacts().trials['bpf:cgroup-addresses'] !== 'yes') {
    t.log('no program can be put into a cgroup here');
    return t.pass();
  }
  await bundleOf(shop, addresses);
  const running = join(parent, 'vxe-example');
  mkdirSync(running);
  t.teardown(() => rmdirSync(running));
  const { status, report } = await attack(shop, '--quick', '--only', 'exec-shell');
  t.deepEqual(namesOf(report, 'held'), ['exec-shell']);
  t.is(status, 0);
});

test('the reference lists every attempt as it is', async (t) => {
  const page = readFileSync('docs/attack.md', 'utf8');
  const rows = await new Battery(nativeProgram('vxe-attack')).rows();
  for (const row of rows) {
    const line = `| \`${row.name}\` | ${row.tries} | ${row.control} |`;
    t.true(page.includes(line), `docs/attack.md lacks: ${line}`);
  }
  const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \| .* \| .* \|$/gm)].map((match) => match[1]);
  const told = listed.filter((name) => name !== 'name' && name !== 'outcome');
  t.deepEqual(
    told.filter((name) => !rows.some((row) => row.name === name)),
    [],
    'attempts that are no more',
  );
});
