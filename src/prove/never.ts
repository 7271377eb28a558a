import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { CallEvent, EventArgument, EventWorld, Policy, SocketAddress } from '../policy/index.js';
import { constantValue, decide, parseEvent, signatureOf } from '../policy/index.js';
import { argumentIs, argumentsOf, callText, meaningOf } from './policy.js';
import { accessAt, freshBelow, placed, regionsOf } from './regions.js';
import type { Solver } from './solver.js';
import type { Term } from './term.js';
import { Terms } from './term.js';

/** Something that the profile permits although it should never be. */
export interface Instance {
  readonly text: string;
  readonly reason: string;
}

type Answer = Promise<Result<Instance | undefined>>;

/**
 * Answers an administrator's question: whether the policy permits any call of a kind. The question is `exec where writable`,
 * `connect to [not] ADDRESS[/BITS] [port N]`, or a call with `_` for anything. Undefined: it never does.
 */
export async function findInstance(
  policy: Policy,
  question: string,
  solver: Solver,
  world?: EventWorld,
): Answer {
  const text = question.trim().replace(/\s+/g, ' ');
  const real = placed(policy, world);
  if (text === 'exec where writable') return success(writableProgram(real, world));
  if (/^connect to\b/.test(text)) return await connection(real, text, solver);
  return await matchingCall(real, text, solver, world);
}

/** A path that may be both executed and changed: what is written there is then run. */
function writableProgram(policy: Policy, world: EventWorld | undefined): Instance | undefined {
  const launched = policy.program === undefined ? [] : [world?.resolve(policy.program) ?? policy.program];
  const paths =
    policy.exec === 'once'
      ? launched
      : regionsOf(policy.files.map((rule) => rule.path)).map(({ path }) => path);
  for (const path of paths) {
    const access = accessAt(policy, path);
    const change = (['write', 'create'] as const).filter((word) => access.has(word));
    if (access.has('execute') && change.length > 0)
      return {
        text: path,
        reason: `it and what lies below it may be executed, and ${change.join(' and ')} is granted`,
      };
  }
  return undefined;
}

interface Range {
  readonly family: 4 | 6;
  readonly value: bigint;
  readonly bits: number;
}

/** Addresses to show where any would do: one that is routed, one of this host. */
const EXAMPLES = ['192.0.2.1', '198.51.100.1', '10.0.0.1', '127.0.0.1', '2001:db8::1', '::1'];

async function connection(policy: Policy, text: string, solver: Solver): Answer {
  const match = /^connect to( not)?(?: (any|[0-9a-fA-F:.]+(?:\/\d+)?))?(?: port (\d+))?$/.exec(text);
  const [, not, where = 'any', portText] = match ?? [];
  const range = where === 'any' ? undefined : parseRange(where);
  const port = portText === undefined ? undefined : Number(portText);
  if (
    match === null ||
    text === 'connect to' ||
    (where !== 'any' && range === undefined) ||
    (not !== undefined && range === undefined) ||
    (port ?? 0) > 65535
  )
    return failure({
      code: 'bad-event',
      message: `${text} is not a question about connections`,
      hint: 'write connect to not 10.0.0.0/8, connect to 192.0.2.1 port 25, or connect to any',
    });
  const own = range === undefined ? [] : [addressText(range)];
  // The rules know ports and no addresses, so that one address of the set stands for all that can be reached.
  const reachable = [...EXAMPLES, ...own].filter(
    (address) =>
      inside(range, address) !== (not !== undefined) &&
      (policy.network.interface === 'host' || /^(127\.|::1$)/.test(address)),
  );
  const [address] = reachable;
  if (address === undefined || policy.network.interface === 'none') return success(undefined);
  const family = address.includes(':') ? 'AF_INET6' : 'AF_INET';
  const terms = new Terms();
  const socket = await solver.find(
    terms.and(
      meaningOf(policy, 'socket', terms).permitted,
      argumentIs(0, constant(family), terms, 0xffff_ffffn),
      argumentIs(1, constant('SOCK_STREAM'), terms, constant('SOCK_TYPE_MASK')),
    ),
  );
  if (socket === undefined) return success(undefined);
  const host = address.includes(':') ? `[${address}]` : address;
  for (const rule of policy.network.connect) {
    if (port !== undefined && rule.port !== port) continue;
    const to: SocketAddress = { family: 'tcp', host, port: rule.port };
    const found = await permittedCall(
      policy,
      'connect',
      new Map([[1, addressArgument(to)]]),
      solver,
      undefined,
      terms,
    );
    if (found !== undefined) return success(found);
  }
  return success(await fastOpen(policy, host, port, solver));
}

/** Connections that no connect call makes, of which the port rules know nothing. */
async function fastOpen(
  policy: Policy,
  host: string,
  port: number | undefined,
  solver: Solver,
): Promise<Instance | undefined> {
  const flag = constant('MSG_FASTOPEN');
  for (const [call, index, address] of [
    ['sendto', 3, 4],
    ['sendmsg', 2, undefined],
    ['sendmmsg', 3, undefined],
  ] as const) {
    const terms = new Terms();
    const model = await solver.find(
      terms.and(
        meaningOf(policy, call, terms).permitted,
        argumentIs(index, flag, terms, flag),
        address === undefined ? terms.true : terms.not(argumentIs(address, 0n, terms)),
      ),
    );
    if (model !== undefined)
      return {
        text: callText(call, argumentsOf(model)),
        reason: `MSG_FASTOPEN connects to ${host}${port === undefined ? '' : ` port ${port}`} without a connect call`,
      };
  }
  return undefined;
}

/** The bits of an argument on which it depends what a call needs of a file. */
const DECIDING_BITS: Readonly<Record<string, readonly [number, readonly string[]]>> = {
  open: [1, ['O_ACCMODE', 'O_CREAT', 'O_TRUNC', 'O_TMPFILE', 'O_PATH']],
  openat: [2, ['O_ACCMODE', 'O_CREAT', 'O_TRUNC', 'O_TMPFILE', 'O_PATH']],
  mknod: [1, ['S_IFMT']],
  mknodat: [2, ['S_IFMT']],
};

async function matchingCall(
  policy: Policy,
  text: string,
  solver: Solver,
  world: EventWorld | undefined,
): Answer {
  const parsed = parseEvent(text);
  if (!parsed.ok) return parsed;
  const { call, arguments: given } = parsed.value;
  const signature = signatureOf(call) ?? [];
  const fixed = new Map<number, EventArgument>();
  const open: (readonly [number, readonly EventArgument[]])[] = [];
  for (const [index, argument] of given.entries())
    if (argument.kind !== 'missing') fixed.set(index, argument);
  for (const { index, type, name } of signature) {
    const value = fixed.get(index);
    if (value?.kind === 'integer' && (type === 'path' || type === 'sockaddr'))
      return failure({
        code: 'bad-event',
        message: `${call}: ${name} is ${type === 'path' ? 'a path' : 'an address'}, not ${value.text}`,
        hint: `the arguments are ${call}(${signature.map((each) => each.name).join(', ')}); write _ for anything`,
      });
    if (value !== undefined) continue;
    if (type === 'path') open.push([index, examplePaths(policy)]);
    if (type === 'sockaddr' && (call === 'connect' || call === 'bind'))
      open.push([index, exampleAddresses(policy)]);
  }
  const terms = new Terms();
  for (const choice of choices(open)) {
    const found = await permittedCall(policy, call, new Map([...fixed, ...choice]), solver, world, terms);
    if (found !== undefined) return success(found);
  }
  return success(undefined);
}

/** Every region of paths by one that stands for it. */
function examplePaths(policy: Policy): readonly EventArgument[] {
  const named = new Set(policy.files.map((rule) => rule.path));
  const paths = regionsOf(named).flatMap(({ path }) => [path, freshBelow(path, named)]);
  return [...new Set(paths)].map((path) => ({ kind: 'string', value: path, text: JSON.stringify(path) }));
}

function exampleAddresses(policy: Policy): readonly EventArgument[] {
  const ports = [...policy.network.accept, ...policy.network.connect].map((rule) => rule.port);
  const tcp = [...new Set([...ports, 1])].map((port): SocketAddress => ({ family: 'tcp', host: '*', port }));
  const unix = examplePaths(policy).flatMap((path): SocketAddress[] =>
    path.kind === 'string' ? [{ family: 'unix', path: path.value }] : [],
  );
  return [
    ...tcp,
    ...unix,
    { family: 'udp', host: '*', port: 1 } as const,
    { family: 'abstract', name: 'any' } as const,
    { family: 'unix', path: '/dev/log' } as const,
  ].map(addressArgument);
}

function* choices(
  open: readonly (readonly [number, readonly EventArgument[]])[],
): Generator<Map<number, EventArgument>> {
  const [first, ...rest] = open;
  if (first === undefined) {
    yield new Map();
    return;
  }
  for (const argument of first[1])
    for (const other of choices(rest)) yield new Map([[first[0], argument], ...other]);
}

/**
 * A call with these arguments that the evaluator permits. What the files must grant depends on a few bits of the flags: each
 * of their combinations is asked for by itself, and what is found goes through the evaluator as a whole.
 */
async function permittedCall(
  policy: Policy,
  call: string,
  fixed: ReadonlyMap<number, EventArgument>,
  solver: Solver,
  world: EventWorld | undefined,
  terms: Terms,
): Promise<Instance | undefined> {
  const deciding = DECIDING_BITS[call];
  const length = signatureOf(call)?.length ?? 6;
  for (const bits of decidingBits(call, fixed)) {
    const parts: Term[] = [...fixed].map(([index, argument]) => {
      const width = signatureOf(call)?.[index]?.width ?? 64;
      const mask = (1n << BigInt(width)) - 1n;
      return argument.kind === 'integer'
        ? argumentIs(index, argument.value, terms, mask)
        : pointer(index, terms);
    });
    if (deciding !== undefined && bits !== undefined) {
      const mask = deciding[1].reduce((all, name) => all | constant(name), 0n);
      parts.push(argumentIs(deciding[0], bits, terms, mask));
    }
    // A connection that a service makes is no matter of the call rules.
    const serviced = decide(policy, eventOf(call, fixed, [], length), world);
    if (serviced.rule.startsWith('services:') && serviced.verdict === 'allow')
      return { text: textOf(call, fixed, [], length), reason: serviced.reason };
    const model = await solver.find(terms.and(meaningOf(policy, call, terms).permitted, ...parts));
    if (model === undefined) continue;
    const values = argumentsOf(model);
    const decision = decide(policy, eventOf(call, fixed, values, length), world);
    if (decision.verdict === 'allow')
      return { text: textOf(call, fixed, values, length), reason: decision.reason };
  }
  return undefined;
}

/** The evaluator's own stand-in for an address in the caller's memory. */
function pointer(index: number, terms: Terms): Term {
  return argumentIs(index, 0x7f00_0000_0000n, terms);
}

function eventOf(
  call: string,
  fixed: ReadonlyMap<number, EventArgument>,
  values: readonly bigint[],
  length: number,
): CallEvent {
  const all = Array.from({ length }, (_, index): EventArgument => {
    const value = values[index] ?? 0n;
    return fixed.get(index) ?? { kind: 'integer', value, text: `0x${value.toString(16)}` };
  });
  return { call, arguments: all };
}

function textOf(
  call: string,
  fixed: ReadonlyMap<number, EventArgument>,
  values: readonly bigint[],
  length: number,
): string {
  const texts = eventOf(call, fixed, values, length).arguments.map((argument) =>
    argument.kind === 'missing' ? '_' : argument.text,
  );
  return `${call}(${texts.join(', ')})`;
}

/** The combinations of the bits that decide what the files must grant; one where the argument is given. */
function decidingBits(
  call: string,
  fixed: ReadonlyMap<number, EventArgument>,
): readonly (bigint | undefined)[] {
  const deciding = DECIDING_BITS[call];
  if (deciding === undefined) return [undefined];
  const [index, names] = deciding;
  const mask = names.reduce((all, name) => all | constant(name), 0n);
  const given = fixed.get(index);
  if (given?.kind === 'integer') return [given.value & mask];
  const combinations = [0n];
  for (let bit = 1n; bit <= mask; bit <<= 1n)
    if ((mask & bit) !== 0n) combinations.push(...combinations.map((value) => value | bit));
  return combinations;
}

function addressArgument(value: SocketAddress): EventArgument {
  const text =
    value.family === 'unix'
      ? `unix:${value.path}`
      : value.family === 'abstract'
        ? `unix:@${value.name}`
        : `${value.family}/${value.host === '*' ? '' : `${value.host}:`}${value.port}`;
  return { kind: 'address', value, text };
}

function constant(name: string): bigint {
  const value = constantValue(name);
  if (value === undefined) throw new RangeError(`there is no constant ${name}`);
  return value;
}

function parseRange(text: string): Range | undefined {
  const [address = '', bitsText] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  const width = parsed.family === 4 ? 32 : 128;
  const bits = bitsText === undefined ? width : Number(bitsText);
  return bits > width ? undefined : { ...parsed, bits };
}

function parseAddress(text: string): { readonly family: 4 | 6; readonly value: bigint } | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.').map(Number);
    if (
      parts.length !== 4 ||
      parts.some((part) => !Number.isInteger(part) || part > 255) ||
      !/^[\d.]+$/.test(text)
    )
      return undefined;
    return { family: 4, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const words = halves.map((half) => (half === '' ? [] : half.split(':')));
  const [before = [], after = []] = words;
  const missing = 8 - before.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  if (!all.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return undefined;
  return { family: 6, value: all.reduce((value, word) => (value << 16n) | BigInt(`0x${word}`), 0n) };
}

function inside(range: Range | undefined, text: string): boolean {
  const address = parseAddress(text);
  if (range === undefined) return true;
  if (address === undefined || address.family !== range.family) return false;
  const shift = BigInt((range.family === 4 ? 32 : 128) - range.bits);
  return address.value >> shift === range.value >> shift;
}

/** The first address of a range that a host can have. */
function addressText({ family, value, bits }: Range): string {
  const width = family === 4 ? 32 : 128;
  const network = (value >> BigInt(width - bits)) << BigInt(width - bits);
  const host = bits === width ? network : network | 1n;
  const step = family === 4 ? 8n : 16n;
  const parts = Array.from({ length: family === 4 ? 4 : 8 }, (_, index) => {
    const part = (host >> (BigInt((family === 4 ? 3 : 7) - index) * step)) & ((1n << step) - 1n);
    return part.toString(family === 4 ? 10 : 16);
  });
  return parts.join(family === 4 ? '.' : ':');
}
