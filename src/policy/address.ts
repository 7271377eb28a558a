/** An address range: IPv4, or IPv6; an IPv4-mapped IPv6 address is the IPv4 address. */
export interface AddressRange {
  readonly family: 4 | 6;
  /** Bits beyond the prefix are zero. */
  readonly value: bigint;
  readonly prefix: number;
}

/** One address. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

const MAPPED = 0xffffn;

export function addressBits(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** Reads `10.1.2.3` or `fd00::1`, an embedded IPv4 tail included; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const value = parseIpv6(text);
  return value === undefined ? undefined : unmapped(value);
}

/** Reads `10.0.0.0/8` or an address; bits beyond the prefix are the caller's mistake, and undefined. */
export function parseRange(text: string): AddressRange | undefined {
  const [, address = '', prefixText] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const written = address.includes(':') ? 128 : 32;
  const prefix = prefixText === undefined ? written : Number(prefixText);
  const parsed = parseAddress(address);
  if (parsed === undefined || prefix > written) return undefined;
  const bits = addressBits(parsed.family);
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter prefix would be part mapped and part not.
  const inner = prefix - (written - bits);
  if (inner < 0) return undefined;
  const range = { ...parsed, prefix: inner };
  return networkOf(range) === parsed.value ? range : undefined;
}

/** The first address of a range. */
export function networkOf({ family, value, prefix }: AddressRange): bigint {
  const host = BigInt(addressBits(family) - prefix);
  return (value >> host) << host;
}

/** Whether the address, or all of the range, lies in the range. */
export function inRange(range: AddressRange, one: Address | AddressRange): boolean {
  if (range.family !== one.family || ('prefix' in one && one.prefix < range.prefix)) return false;
  const shift = BigInt(addressBits(range.family) - range.prefix);
  return range.value >> shift === one.value >> shift;
}

export function addressText({ family, value }: Address): string {
  if (family === 4) return octets(value);
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(16 * (7 - index))) & 0xffffn),
  );
  const run = longestZeroRun(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

/** The range as rules have it: IPv6 in brackets, the prefix where it is not a single address. */
export function rangeText(range: AddressRange): string {
  const address = addressText(range);
  const bare = range.family === 6 ? `[${address}]` : address;
  return range.prefix === addressBits(range.family) ? bare : `${bare}/${range.prefix}`;
}

function octets(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  // No leading zeros: some readers take them for octal.
  if (!parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const tail = /^(.*:)([0-9]+(?:\.[0-9]+){3})$/.exec(text);
  if (tail !== null) {
    const v4 = parseIpv4(tail[2] ?? '');
    if (v4 === undefined) return undefined;
    return parseIpv6(`${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [before = [], after = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - before.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function unmapped(value: bigint): Address {
  return value >> 32n === MAPPED ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value };
}
