import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { CallEvent, EventArgument, EventWorld, Policy, SocketAddress } from '../policy/index.js';
import {
  constantValue,
  decide,
  decideEndpoint,
  inRange,
  internetRules,
  parseEvent,
  parseRange,
  signatureOf,
  socketAddressText,
} from '../policy/index.js';
import type { Destination } from './addresses.js';
import { destinations, LOOPBACK } from './addresses.js';
import { argumentIs, argumentsOf, meaningOf } from './policy.js';
import { accessAt, freshBelow, placed, regionsAt, regionsOf } from './regions.js';
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
  const paths = policy.exec === 'once' ? launched : regionsOf(policy).map(({ path }) => path);
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

/** The calls by which something is sent to an address, and the word that a rule needs for it. */
const WAYS = {
  tcp: [['connect', 'connect']],
  udp: [
    ['connect', 'connect'],
    ['sendto', 'send'],
    ['sendmsg', 'send'],
    ['sendmmsg', 'send'],
  ],
} as const;

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
  if (policy.network.interface === 'none') return success(undefined);
  const asked = destinations(
    [policy],
    range === undefined ? [] : [range],
    port === undefined ? [] : [port],
  ).filter(
    (each) =>
      (port === undefined || each.port === port) &&
      (range === undefined || inRange(range, each.address) !== (not !== undefined)) &&
      (policy.network.interface === 'host' || LOOPBACK.some((own) => inRange(own, each.address))),
  );
  const rules = internetRules(policy.network);
  for (const to of asked) {
    for (const [call, word] of WAYS[to.protocol]) {
      if (!decideEndpoint(rules, word, to).granted) continue;
      const found = await reaching(policy, call, to, solver);
      if (found !== undefined) return success(found);
    }
  }
  return success(undefined);
}

/** A call that reaches a destination that the rules grant, if the calls let such a socket be made and used. */
async function reaching(
  policy: Policy,
  call: string,
  to: Destination,
  solver: Solver,
): Promise<Instance | undefined> {
  const terms = new Terms();
  const family = to.address.family === 6 ? ['AF_INET6'] : ['AF_INET', 'AF_INET6'];
  const type = to.protocol === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM';
  const made = terms.and(
    meaningOf(policy, 'socket', terms).permitted,
    terms.or(...family.map((name) => argumentIs(0, constant(name), terms, 0xffff_ffffn))),
    argumentIs(1, constant(type), terms, constant('SOCK_TYPE_MASK')),
  );
  if ((await solver.find(made)) === undefined) return undefined;
  const { protocol, address, port } = to;
  const index = call === 'sendto' ? 4 : 1;
  const fixed = new Map([[index, addressArgument({ family: protocol, address, port })]]);
  return await permittedCall(policy, call, fixed, solver, undefined, new Terms());
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
    if (type === 'sockaddr' && ['connect', 'bind', 'sendto'].includes(call))
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
  const named = new Set([
    ...policy.files.map((rule) => rule.path),
    ...policy.network.sockets.flatMap(({ object }) => (object.kind === 'unix' ? [object.path] : [])),
  ]);
  const paths = regionsAt([...named, ...regionsOf(policy).map((each) => each.path)]).flatMap(({ path }) => [
    path,
    freshBelow(path, named),
  ]);
  return [...new Set(paths)].map((path) => ({ kind: 'string', value: path, text: JSON.stringify(path) }));
}

function exampleAddresses(policy: Policy): readonly EventArgument[] {
  const internet = destinations([policy]).map(
    ({ protocol, address, port }): SocketAddress => ({ family: protocol, address, port }),
  );
  const unix = examplePaths(policy).flatMap((path): SocketAddress[] =>
    path.kind === 'string' ? [{ family: 'unix', path: path.value }] : [],
  );
  const names = policy.network.sockets.flatMap(({ object }): SocketAddress[] =>
    object.kind === 'abstract' ? [{ family: 'abstract', name: object.name ?? 'any' }] : [],
  );
  return [
    ...internet,
    ...unix,
    ...names,
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
  return { kind: 'address', value, text: socketAddressText(value) };
}

function constant(name: string): bigint {
  const value = constantValue(name);
  if (value === undefined) throw new RangeError(`there is no constant ${name}`);
  return value;
}
