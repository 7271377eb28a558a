import type { Address, AddressRange, Endpoint, InternetRule, Policy } from '../policy/index.js';
import { addressBits, inRange, internetRules } from '../policy/index.js';

/** A destination that stands for all of its kind: what rules there are say one and the same of those. */
export type Destination = Endpoint & { readonly address: Address };

const EVERYTHING: readonly AddressRange[] = [
  { family: 4, value: 0n, prefix: 0 },
  { family: 6, value: 0n, prefix: 0 },
];

/** Where a network of the instance's own has addresses. */
export const LOOPBACK: readonly AddressRange[] = [
  { family: 4, value: 0x7f00_0000n, prefix: 8 },
  { family: 6, value: 1n, prefix: 128 },
];

/** Ranges to show an address of, where any would do: those kept for examples. */
const SHOWN: readonly AddressRange[] = [
  { family: 4, value: 0xc000_0200n, prefix: 24 },
  { family: 6, value: 0x2001_0db8n << 96n, prefix: 32 },
];

/**
 * A destination of each kind: rules are constant between the prefixes and the ends of the ranges of ports that they name, so one
 * address within each prefix and no longer one, with one port of each piece, stands for all destinations there are.
 */
export function destinations(
  policies: readonly Policy[],
  questions: readonly AddressRange[] = [],
  ports: readonly number[] = [],
): readonly Destination[] {
  const rules = policies.flatMap((policy) => internetRules(policy.network));
  const ranges = [...EVERYTHING, ...SHOWN, ...LOOPBACK, ...questions, ...rules.flatMap(rangeOf)];
  const addresses = [...ranges]
    .sort((a, b) => order(a) - order(b))
    .flatMap((range) => {
      const value = freeAddress(range, ranges);
      return value === undefined ? [] : [{ family: range.family, value }];
    });
  const cuts = cutPorts(rules, ports);
  return addresses.flatMap((address) =>
    (['tcp', 'udp'] as const).flatMap((protocol) =>
      cuts.map((port): Destination => ({ protocol, address, port })),
    ),
  );
}

/** The ranges to show come first. */
function order(range: AddressRange): number {
  return SHOWN.includes(range) ? 0 : LOOPBACK.includes(range) ? 2 : 1;
}

function rangeOf({ object }: InternetRule): readonly AddressRange[] {
  return object.address === undefined ? [] : [object.address];
}

function cutPorts(rules: readonly InternetRule[], ports: readonly number[]): readonly number[] {
  const cuts = new Set([
    1,
    ...rules.flatMap(({ object }) => [object.ports.from, object.ports.to + 1]),
    ...ports.flatMap((port) => [port, port + 1]),
    0,
  ]);
  return [...cuts].filter((port) => port <= 65535);
}

/** An address in the range and in none of those that lie within it; undefined where they fill it. Never the unspecified one. */
function freeAddress(range: AddressRange, all: readonly AddressRange[]): bigint | undefined {
  const inner = all.filter((other) => other.prefix > range.prefix && inRange(range, other));
  const bits = addressBits(range.family);
  if (range.prefix === bits) return range.value === 0n ? undefined : range.value;
  if (inner.length === 0) return range.value | 1n;
  const half = 1n << BigInt(bits - range.prefix - 1);
  for (const value of [range.value | half, range.value]) {
    const part = { family: range.family, value, prefix: range.prefix + 1 };
    if (inner.some((other) => other.prefix === part.prefix && other.value === part.value)) continue;
    const found = freeAddress(part, inner);
    if (found !== undefined) return found;
  }
  return undefined;
}
