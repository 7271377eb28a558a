import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { unwrap } from '../../src/common/index.js';
import { parseProfile } from '../../src/language/index.js';
import type { FileWorld, Lowered, WorldEntry } from '../../src/lowering/index.js';
import { ABI_TABLE, decodeProgram, encodeProgram } from '../../src/lowering/index.js';
import { cgroupTree, maySplit } from '../../src/native/index.js';
import type { CallEvent, EventArgument, Policy, SocketAddress } from '../../src/policy/index.js';
import { callNumber, constantValue, ownRulePath, parentPath, signatureOf } from '../../src/policy/index.js';
import { findInstance, startSolver, widerThan } from '../../src/prove/index.js';
import { buildWithSockets, lower, ports } from '../lowering/helpers.js';
import type { Edit, Hole } from './holes.js';
import { HOLES } from './holes.js';

/* Mistakes seeded into profiles that ship: each is found by its question, with a call that the running kernel lets through, and without the mistake refuses. */

const solver = await startSolver();
const root = process.getuid?.() === 0;
const tree = cgroupTree();
const hasCgroup = tree !== undefined && maySplit(tree) && ports.features().cgroup?.addresses === true;
const folder = mkdtempSync(join(tmpdir(), 'vxe-profile-holes-'));
const helper = join(folder, 'holes');

test.before(() => {
  if (!root) return;
  buildWithSockets('test/prove/holes.c', helper);
});
test.after.always(() => {
  solver.close();
  rmSync(folder, { recursive: true, force: true });
});

function edited(text: string, edits: readonly Edit[]): string {
  return edits.reduce((now, [from, to]) => {
    const parts = now.split(from);
    if (parts.length !== 2) throw new Error(`${JSON.stringify(from)} is there ${parts.length - 1} times`);
    return parts.join(to);
  }, text);
}

function policiesOf(hole: Hole): { sound: Policy; broken: Policy } {
  const text = edited(readFileSync(`profiles/${hole.profile}.vxed.yaml`, 'utf8'), hole.before ?? []);
  const parse = (source: string): Policy =>
    unwrap(parseProfile({ name: `${hole.profile}.vxed.yaml`, text: source }));
  return { sound: parse(text), broken: parse(edited(text, hole.mistake)) };
}

/** What the question finds, as it is printed, and as an event. */
async function foundIn(
  hole: Hole,
  policy: Policy,
  other: Policy,
): Promise<{ readonly text: string; readonly event?: CallEvent } | undefined> {
  if (hole.question !== 'implies') return unwrap(await findInstance(policy, hole.question.never, solver));
  const [found] = (await widerThan(policy, other, solver)).filter(({ what }) => what === 'call');
  return found;
}

for (const hole of HOLES) {
  const { name } = hole;
  test.serial(`found, and shown by the kernel: ${name}`, async (t) => {
    const { sound, broken } = policiesOf(hole);
    t.is(
      (await foundIn(hole, sound, sound))?.text,
      undefined,
      'without the mistake there is nothing to find',
    );
    const found = await foundIn(hole, broken, sound);
    t.regex(found?.text ?? 'nothing', hole.example);
    const event = found?.event;
    t.truthy(event, 'the example is a call');
    if (event === undefined) return;
    if (!root) {
      t.log('not root: nothing is replayed here');
      return;
    }
    const needed = [sound, broken].some((policy) => needsCgroup(policy, event));
    if (needed && !hasCgroup) {
      t.log('this user loads no programs into a cgroup v2 tree here: the address is not replayed');
      return;
    }
    const [refused, performed] = [sound, broken].map((policy, at) =>
      replay(policy, worldFor([sound, broken], event), event, `${HOLES.indexOf(hole)}-${at}`),
    );
    t.log(`${found?.text}: ${refused} without the mistake, ${performed} with it`);
    if (hole.control === undefined)
      t.true(isRefused(refused ?? ''), `the control is not refused: ${refused}`);
    else t.is(refused, hole.control);
    t.false(isRefused(performed ?? ''), `the example is refused: ${performed}`);
    t.not(refused, performed);
  });
}

test('at least twenty, in every kind of rule, of all profiles that ship', (t) => {
  t.true(HOLES.length >= 20);
  t.is(new Set(HOLES.map(({ name }) => name)).size, HOLES.length);
  t.is(new Set(HOLES.map(({ profile }) => profile)).size, 6);
});

/** A raised call's error, and the first of the errors that the filter itself gives. */
const RAISED = 2000;
const QUIET = 3000;
const EACCES = 13;

/** By the filter, by Landlock or by a program of the cgroup; all other errors are those of a call that went through. */
function isRefused(answer: string): boolean {
  const errno = Number(answer.split(' ')[2]);
  return errno >= RAISED || errno === EACCES;
}

function needsCgroup(policy: Policy, event: CallEvent): boolean {
  const internet = event.arguments.some(({ kind, ...rest }) => kind === 'address' && isInternet(rest));
  return internet && policy.network.sockets.some(({ object }) => object.kind === 'internet');
}

function isInternet(argument: object): boolean {
  return 'value' in argument && /^(tcp|udp)$/.test((argument.value as SocketAddress).family);
}

/** A tree that has what the rules of all of these speak of, mounts where something is written, and what the call is about. */
function worldFor(policies: readonly Policy[], event: CallEvent): FileWorld {
  const rules = policies.flatMap((policy) => policy.files);
  const named = event.arguments.flatMap((argument) => {
    if (argument.kind === 'string') return [argument.value];
    return argument.kind === 'address' && argument.value.family === 'unix' ? [argument.value.path] : [];
  });
  const paths = new Set([...rules.map(({ path }) => path), ...named]);
  const entries = new Map<string, WorldEntry>([['/', { path: '/', kind: 'directory' }]]);
  const open: string[] = [];
  for (const path of paths) {
    for (let at = parentPath(path); at !== '/'; at = parentPath(at))
      entries.set(at, { path: at, kind: 'directory' });
  }
  for (const path of paths) {
    const own = rules.filter((rule) => rule.path === path);
    const isFolder =
      entries.has(path) ||
      own.some(({ folder: ends, access }) => ends || access.has('create') || access.has('remove'));
    if (!entries.has(path)) entries.set(path, { path, kind: isFolder ? 'directory' : 'file' });
    if (own.some(({ access }) => access.has('write') || access.has('create'))) open.push(path);
  }
  return { entries: [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), open };
}

/** What the kernel answers to the call under the plans that the policy is lowered to. */
function replay(policy: Policy, world: FileWorld, event: CallEvent, name: string): string {
  const features = {
    cgroup: { addresses: true, unix: true, controllers: [], paths: [] },
    landlockAbi: Math.min(ports.features().landlockAbi, 7),
  };
  // No supervisor is here. An open that is raised for the files of the process itself goes on where it names something else.
  const files = policy.files.filter((rule) => ownRulePath(rule) === undefined);
  const patterns = policy.patterns.filter((rule) => ownRulePath(rule) === undefined);
  const plans = lower({ ...policy, files, patterns }, world, features);
  const top = join(folder, name);
  plant(top, world);
  const group = join(tree?.paths[0] ?? '/nonexistent', `vxe-profile-holes-${process.pid}-${name}`);
  const lines = [
    ...(plans.addresses === '' || !hasCgroup
      ? []
      : [`cgroup ${group}`, ...plans.addresses.split('\n').map((row) => `address ${row}`)]),
    `root ${top}`,
    ...plans.capabilities.map((each) => `capability ${constantValue(each)}`),
    ...landlockLines(plans),
    `filter ${filterBytes(plans.seccomp.filter)}`,
    ...callLines(event),
  ];
  const done = spawnSync(helper, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  if (existsSync(group)) throw new Error(`${group} is left behind`);
  if (done.status !== 0) throw new Error(`the helper fails: ${done.stderr}`);
  return done.stdout.trim();
}

function plant(top: string, { entries }: FileWorld): void {
  for (const { path, kind } of entries) {
    if (kind === 'directory') mkdirSync(join(top, path), { recursive: true });
    else if (!existsSync(join(top, path))) {
      mkdirSync(dirname(join(top, path)), { recursive: true });
      writeFileSync(join(top, path), 'no format that runs', { mode: 0o755 });
    }
  }
}

const RIGHTS = ABI_TABLE.flatMap((row) => row.fs);
const NET = ABI_TABLE.flatMap((row) => row.net);

function bits(table: readonly string[], rights: readonly string[]): string {
  return rights.reduce((all, right) => all | (1n << BigInt(table.indexOf(right))), 0n).toString(16);
}

function landlockLines({ landlock }: Lowered): readonly string[] {
  const { ruleset, rules } = landlock;
  return [
    `handle ${bits(RIGHTS, ruleset.handledAccessFS)} ${bits(NET, ruleset.handledAccessNet ?? [])}`,
    ...rules.pathBeneath.flatMap(({ allowedAccess, paths }) =>
      paths.map((path) => `rule ${bits(RIGHTS, allowedAccess)} ${path}`),
    ),
    ...(rules.netPort ?? []).flatMap(({ allowedAccess, ports: numbers }) =>
      numbers.map((port) => `port ${bits(NET, allowedAccess)} ${port}`),
    ),
  ];
}

/** The filter with errors of its own in place of what it raises and refuses, so that no error of the kernel looks like them. */
function filterBytes(filter: Uint8Array): string {
  const program = decodeProgram(filter).map((instruction) => {
    const { code, k } = instruction;
    if (code !== 0x06) return instruction;
    const action = (k & 0xffff_0000) >>> 0;
    if (action === 0x7fc0_0000) return { ...instruction, k: 0x0005_0000 | RAISED };
    return action === 0x0005_0000 ? { ...instruction, k: 0x0005_0000 | (QUIET + (k & 0xfff)) } : instruction;
  });
  return Buffer.from(encodeProgram(program)).toString('hex');
}

function callLines({ call, arguments: list }: CallEvent): readonly string[] {
  const address = list.find((each) => each.kind === 'address');
  const bytes = address === undefined ? undefined : addressBytes(address.value);
  const words = (signatureOf(call) ?? []).map(({ name, type, index }): string => {
    const argument = list[index] ?? { kind: 'missing' };
    if (bytes !== undefined && type === 'fd') return 'fd';
    if (bytes !== undefined && name === 'addrlen') return `n:${bytes.length.toString(16)}`;
    return wordOf(argument, bytes);
  });
  const socket = address === undefined ? [] : [`socket ${socketWords(address.value)}`];
  return [...socket, `call ${callNumber(call)} ${words.join(' ')}`];
}

function wordOf(argument: EventArgument, bytes: Buffer | undefined): string {
  switch (argument.kind) {
    case 'integer':
      return `n:${BigInt.asUintN(64, argument.value).toString(16)}`;
    case 'string':
      return `b:${Buffer.from(argument.value).toString('hex')}`;
    case 'address':
      return `b:${bytes?.toString('hex') ?? ''}`;
    default:
      return 'n:0';
  }
}

function socketWords(value: SocketAddress): string {
  const domain =
    value.family === 'unix' || value.family === 'abstract'
      ? 'AF_UNIX'
      : value.address?.family === 6
        ? 'AF_INET6'
        : 'AF_INET';
  return `${constantValue(domain)} ${constantValue(value.family === 'udp' ? 'SOCK_DGRAM' : 'SOCK_STREAM')}`;
}

/** struct sockaddr_in, sockaddr_in6 or sockaddr_un. */
function addressBytes(value: SocketAddress): Buffer {
  if (value.family === 'unix' || value.family === 'abstract') {
    const path = value.family === 'unix' ? `${value.path}\0` : `\0${value.name}`;
    return Buffer.concat([Buffer.from([1, 0]), Buffer.from(path)]);
  }
  const six = value.address?.family === 6;
  const bytes = Buffer.alloc(six ? 28 : 16);
  bytes.writeUInt16LE(six ? 10 : 2, 0);
  bytes.writeUInt16BE(value.port, 2);
  const digits = (value.address?.value ?? 0n).toString(16).padStart(six ? 32 : 8, '0');
  Buffer.from(digits, 'hex').copy(bytes, six ? 8 : 4);
  return bytes;
}
