import { type AddressRow, parseAddressRows, rowsPermit } from '../lowering/index.js';
import { isBeneath } from '../policy/index.js';

/** A config.json, as far as it says what a launch settles. */
type Json = { readonly [key: string]: unknown };

/**
 * Whether what the one configuration settles at a launch holds at least what the other would: then calls that the other's filter
 * permits may go through in an instance of the first, and reach nothing that the other's profile refuses. `undefined` says so; a text
 * names what differs.
 */
export function unsettled(launched: Json, next: Json): string | undefined {
  const others = (config: Json): string => {
    const { annotations, process, linux, ...rest } = config;
    return JSON.stringify([
      rest,
      without(process, ['landlock', 'capabilities', 'args', 'env', 'cwd']),
      without(linux, ['seccomp', 'maskedPaths', 'readonlyPaths']),
      without(annotations, COMPARED_OTHERWISE),
    ]);
  };
  if (others(launched) !== others(next)) return 'what is mounted, limited or supervised';
  if (!mountsHold(launched, next)) return 'what is mounted over';
  if (!capabilitiesHold(launched, next)) return 'capabilities';
  if (!landlockHolds(landlockOf(launched), landlockOf(next))) return 'files, ports and scopes';
  if (!ringsHold(launched, next)) return 'what rings do';
  return addressesHold(launched, next) ? undefined : 'addresses';
}

/** Judged by what they say: filters and the judge are what changes, names and notes hold nothing. */
const COMPARED_OTHERWISE = [
  'org.vxe.addresses',
  'org.vxe.unix',
  'org.vxe.rings',
  'org.vxe.after',
  'org.vxe.unenforced',
  'org.vxe.refuse.errno',
  'org.vxe.profile',
  'org.vxe.source',
];

/**
 * Whether what is told after calls is at least what the other plans have told: none is asked for, or the launch read the very hooks, wherever
 * the text of the profile says them. The texts are those of after.json; undefined: there is none.
 */
export function hooksHold(launched: string | undefined, next: string | undefined): boolean {
  if (next === undefined) return true;
  const told = (text: string): string =>
    JSON.stringify(JSON.parse(text), (key, value) => (key === 'at' ? undefined : value));
  return launched !== undefined && told(launched) === told(next);
}

function without(value: unknown, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(object(value)).filter(([key]) => !keys.includes(key)));
}

function mountsHold(launched: Json, next: Json): boolean {
  return ['maskedPaths', 'readonlyPaths'].every((key) => {
    const held = new Set(texts(object(launched.linux)[key]));
    return texts(object(next.linux)[key]).every((path) => held.has(path));
  });
}

function capabilitiesHold(launched: Json, next: Json): boolean {
  const sets = (config: Json): Json => object(object(config.process).capabilities);
  const wanted = sets(next);
  return Object.entries(sets(launched)).every(([set, list]) => {
    const allowed = new Set(texts(wanted[set]));
    return texts(list).every((name) => allowed.has(name));
  });
}

interface Ruleset {
  readonly handled: ReadonlySet<string>;
  readonly paths: readonly { readonly path: string; readonly rights: ReadonlySet<string> }[];
  readonly ports: readonly { readonly right: string; readonly port: number }[];
}

function landlockOf(config: Json): Ruleset | undefined {
  const { landlock } = object(config.process);
  if (landlock === undefined) return undefined;
  const { ruleset, rules } = object(landlock);
  const { handledAccessFS, handledAccessNet, scoped } = object(ruleset);
  const { pathBeneath, netPort } = object(rules);
  return {
    handled: new Set([...texts(handledAccessFS), ...texts(handledAccessNet), ...texts(scoped)]),
    paths: list(pathBeneath).flatMap((each) => {
      const { allowedAccess, paths } = object(each);
      return texts(paths).map((path) => ({ path, rights: new Set(texts(allowedAccess)) }));
    }),
    ports: list(netPort).flatMap((each) => {
      const { allowedAccess, ports } = object(each);
      return texts(allowedAccess).flatMap((right) =>
        list(ports).map((port) => ({ right, port: Number(port) })),
      );
    }),
  };
}

/** A right that is handled and granted here is granted there, or not handled there. */
function landlockHolds(launched: Ruleset | undefined, next: Ruleset | undefined): boolean {
  if (next === undefined) return true;
  if (launched === undefined) return false;
  if (![...next.handled].every((right) => launched.handled.has(right))) return false;
  const given = (right: string, path: string): boolean =>
    !next.handled.has(right) ||
    next.paths.some((rule) => rule.rights.has(right) && isBeneath(path, rule.path));
  if (!launched.paths.every(({ path, rights }) => [...rights].every((right) => given(right, path))))
    return false;
  return launched.ports.every(
    ({ right, port }) =>
      !next.handled.has(right) || next.ports.some((rule) => rule.right === right && rule.port === port),
  );
}

/** A ring keeps its list for as long as it is there. */
function ringsHold(launched: Json, next: Json): boolean {
  const words = (config: Json): readonly string[] =>
    String(object(config.annotations)['org.vxe.rings'] ?? '').split(' ');
  const allowed = new Set(['', ...words(next)]);
  return words(launched).every((word) => allowed.has(word));
}

function addressesHold(launched: Json, next: Json): boolean {
  const text = (config: Json, key: string): string => String(object(config.annotations)[key] ?? '');
  if (text(next, 'org.vxe.unix') !== '' && text(launched, 'org.vxe.unix') === '') return false;
  const [has, wants] = [launched, next].map((config) => parseAddressRows(text(config, 'org.vxe.addresses')));
  if (has === undefined || wants === undefined) return false;
  const words = new Set(wants.map(({ word, protocol }) => `${word} ${protocol}`));
  return [...words].every((pair) => pairHolds(has, wants, pair));
}

/** Between the ends of what the lines name all addresses and ports are alike, so that one of each piece tells. */
function pairHolds(has: readonly AddressRow[], wants: readonly AddressRow[], pair: string): boolean {
  const mine = (rows: readonly AddressRow[]): readonly AddressRow[] =>
    rows.filter(({ word, protocol }) => `${word} ${protocol}` === pair);
  const rows = [...mine(has), ...mine(wants)];
  const [first] = mine(wants);
  if (first === undefined || mine(has).length === 0) return first === undefined;
  const { word, protocol } = first;
  const ports = new Set([0, ...rows.flatMap(({ ports: { from, to } }) => [from, Math.min(to + 1, 65535)])]);
  return ([4, 6] as const).every((family) => {
    const bits = BigInt(family === 4 ? 32 : 128);
    const values = new Set([0n, 1n, (1n << bits) - 1n]);
    for (const { address } of rows) {
      if (address?.family !== family) continue;
      values.add(address.value);
      const end = address.value + (1n << (bits - BigInt(address.prefix)));
      if (end < 1n << bits) values.add(end);
    }
    return [...values].every((value) =>
      [...ports].every((port) => {
        const endpoint = { protocol, address: { family, value }, port };
        return !rowsPermit(has, word, endpoint) || rowsPermit(wants, word, endpoint);
      }),
    );
  });
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): readonly string[] {
  return list(value).filter((each): each is string => typeof each === 'string');
}
