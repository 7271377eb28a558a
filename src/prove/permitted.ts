import type { CallEvent, EventArgument, EventWorld, Policy, SocketAddress } from '../policy/index.js';
import { constantValue, decide, signatureOf, socketAddressText } from '../policy/index.js';
import { destinations } from './addresses.js';
import { argumentIs, argumentsOf, meaningOf } from './policy.js';
import { freshBelow, regionsAt, regionsOf } from './regions.js';
import type { Solver } from './solver.js';
import type { Term, Terms } from './term.js';

/** Something that the profile permits although it should never be. */
export interface Instance {
  readonly text: string;
  readonly reason: string;
  /** The call, where it is one. */
  readonly event?: CallEvent;
}

/** The bits of an argument on which it depends what a call needs of a file. */
const DECIDING_BITS: Readonly<Record<string, readonly [number, readonly string[]]>> = {
  open: [1, ['O_ACCMODE', 'O_CREAT', 'O_TRUNC', 'O_TMPFILE', 'O_PATH']],
  openat: [2, ['O_ACCMODE', 'O_CREAT', 'O_TRUNC', 'O_TMPFILE', 'O_PATH']],
  mknod: [1, ['S_IFMT']],
  mknodat: [2, ['S_IFMT']],
};

/** Every region of paths by one that stands for it. */
export function examplePaths(policy: Policy): readonly EventArgument[] {
  const named = new Set([
    ...policy.files.map((rule) => rule.path),
    ...policy.network.sockets.flatMap(({ object }) => (object.kind === 'unix' ? [object.path] : [])),
  ]);
  const paths = regionsAt([...named, ...regionsOf(policy).map((each) => each.path)]).flatMap(({ path }) => [
    path,
    freshBelow(path, named),
  ]);
  return [...new Set(paths)].map(pathArgument);
}

export function exampleAddresses(policy: Policy): readonly EventArgument[] {
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

export function pathArgument(path: string): EventArgument {
  return { kind: 'string', value: path, text: JSON.stringify(path) };
}

/**
 * A call with these arguments that the evaluator permits. What the files must grant depends on a few bits of the flags: each
 * of their combinations is asked for by itself, and what is found goes through the evaluator as a whole.
 */
export async function permittedCall(
  policy: Policy,
  call: string,
  fixed: ReadonlyMap<number, EventArgument>,
  solver: Solver,
  world: EventWorld | undefined,
  terms: Terms,
  where: Term = terms.true,
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
      return instanceOf(call, fixed, [], length, serviced.reason);
    const model = await solver.find(terms.and(meaningOf(policy, call, terms).permitted, where, ...parts));
    if (model === undefined) continue;
    const values = argumentsOf(model);
    const decision = decide(policy, eventOf(call, fixed, values, length), world);
    if (decision.verdict === 'allow') return instanceOf(call, fixed, values, length, decision.reason);
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

function instanceOf(
  call: string,
  fixed: ReadonlyMap<number, EventArgument>,
  values: readonly bigint[],
  length: number,
  reason: string,
): Instance {
  const event = eventOf(call, fixed, values, length);
  const texts = event.arguments.map((argument) => (argument.kind === 'missing' ? '_' : argument.text));
  return { text: `${call}(${texts.join(', ')})`, reason, event };
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

export function addressArgument(value: SocketAddress): EventArgument {
  return { kind: 'address', value, text: socketAddressText(value) };
}

export function constant(name: string): bigint {
  const value = constantValue(name);
  if (value === undefined) throw new RangeError(`there is no constant ${name}`);
  return value;
}
