import type {
  Address,
  AddressRange,
  Endpoint,
  InternetRule,
  PortRange,
  SocketAccess,
} from '../../policy/index.js';
import {
  addressBits,
  compareSpecific,
  decideEndpoint,
  inRange,
  addressText as oneAddressText,
  parseRange,
} from '../../policy/index.js';

/**
 * One line of what a cgroup's socket programs hold. The first line for the word and protocol that matches decides, what none
 * matches is refused, and a word and protocol without any line is not ruled here. The single addresses 0.0.0.0 and :: are
 * themselves; without an address a line is for all.
 */
export interface AddressRow {
  readonly word: SocketAccess;
  readonly protocol: 'tcp' | 'udp';
  readonly address: AddressRange | undefined;
  readonly ports: PortRange;
  readonly allow: boolean;
}

/** The rules on one word and protocol as lines, so that reading them from the top is all there is to do. */
export function addressRows(
  rules: readonly InternetRule[],
  word: SocketAccess,
  protocol: 'tcp' | 'udp',
): readonly AddressRow[] {
  const mine = rules.filter(({ object }) => object.protocol === protocol);
  const sorted = [...mine].sort(
    (a, b) =>
      compareSpecific(b.object, a.object) ||
      // Where neither is narrower, what one of them refuses is refused.
      Number(a.access.has(word)) - Number(b.access.has(word)),
  );
  const rows = sorted.map(({ object, access }): AddressRow => {
    const { address, ports } = object;
    return { word, protocol, address, ports, allow: access.has(word) };
  });
  const whichever = ([4, 6] as const).flatMap((family) => unspecifiedRows(mine, word, protocol, family));
  const all = [...whichever, ...rows];
  // One line at least says that the word is ruled; behind the last that allows, the default says the same.
  while (all.length > 1 && all.at(-1)?.allow === false) all.pop();
  return all;
}

/** 0.0.0.0 and :: stand for whichever address it turns out to be. */
function unspecifiedRows(
  rules: readonly InternetRule[],
  word: SocketAccess,
  protocol: 'tcp' | 'udp',
  family: 4 | 6,
): readonly AddressRow[] {
  const address = { family, value: 0n, prefix: addressBits(family) };
  const ports = (port: number): boolean => decideEndpoint(rules, word, { protocol, address, port }).granted;
  return [
    ...portIntervals(rules)
      .filter(({ from }) => ports(from))
      .map((range): AddressRow => ({ word, protocol, address, ports: range, allow: true })),
    { word, protocol, address, ports: { from: 0, to: 65535 }, allow: false },
  ];
}

/** The ports cut where a rule begins or ends: within one piece all are alike. */
export function portIntervals(rules: readonly InternetRule[]): readonly PortRange[] {
  const starts = new Set([0, ...rules.flatMap(({ object }) => [object.ports.from, object.ports.to + 1])]);
  const sorted = [...starts].filter((port) => port <= 65535).sort((a, b) => a - b);
  return sorted.map((from, index) => ({ from, to: (sorted[index + 1] ?? 65536) - 1 }));
}

/** The lines as the bundle carries them: `connect tcp 10.0.0.0/8 443-443 allow`, `*` for all addresses. */
export function addressText(rows: readonly AddressRow[]): string {
  return rows.map(rowText).join('\n');
}

function rowText({ word, protocol, address, ports, allow }: AddressRow): string {
  const where = address === undefined ? '*' : `${oneAddressText(address)}/${address.prefix}`;
  return `${word} ${protocol} ${where} ${ports.from}-${ports.to} ${allow ? 'allow' : 'refuse'}`;
}

/** Reads the lines again, as the launcher does; undefined where one is not of that form. */
export function parseAddressRows(text: string): readonly AddressRow[] | undefined {
  const rows: AddressRow[] = [];
  for (const line of text === '' ? [] : text.split('\n')) {
    const match = /^(accept|connect|send) (tcp|udp) (\S+) ([0-9]+)-([0-9]+) (allow|refuse)$/.exec(line);
    if (match === null) return undefined;
    const [, word, protocol, where = '', from, to, verdict] = match;
    const address = where === '*' ? undefined : parseRange(where);
    if (where !== '*' && address === undefined) return undefined;
    rows.push({
      word: word as SocketAccess,
      protocol: protocol === 'udp' ? 'udp' : 'tcp',
      address,
      ports: { from: Number(from), to: Number(to) },
      allow: verdict === 'allow',
    });
  }
  return rows;
}

/** What the programs made of the lines do with an address: the meaning that the launcher must give them. */
export function rowsPermit(
  rows: readonly AddressRow[],
  word: SocketAccess,
  { protocol, address, port }: Endpoint & { readonly address: Address },
): boolean {
  const ruling = rows.filter((row) => row.word === word && row.protocol === protocol);
  if (ruling.length === 0) return true;
  const first = ruling.find(
    (row) =>
      row.ports.from <= port &&
      port <= row.ports.to &&
      (row.address === undefined || inRange(row.address, address)),
  );
  return first?.allow === true;
}
