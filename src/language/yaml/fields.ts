import type { Node } from 'yaml';
import { nearestName } from '../../common/index.js';
import type { Member, Reader } from './reader.js';

/** Sorts a mapping's members by known keys and reports all others. */
export function knownMembers<K extends string>(
  reader: Reader,
  node: Node | undefined,
  what: string,
  keys: readonly K[],
  example: string,
): ReadonlyMap<K, Member> | undefined {
  const members = reader.members(node, what, example);
  if (members === undefined) return undefined;
  const known = new Map<K, Member>();
  for (const member of members) {
    const key = keys.find((candidate) => candidate === member.key);
    if (key !== undefined) known.set(key, member);
    else reportUnknown(reader, member, what, keys);
  }
  return known;
}

function reportUnknown(reader: Reader, member: Member, what: string, keys: readonly string[]): void {
  const near = nearestName(member.key, keys);
  const hint = near === undefined ? `the keys are ${keys.join(', ')}` : `did you mean ${near}?`;
  reader.report('unknown-key', `${what} has no key ${member.key}`, member.keySpan, hint);
}

/** A scalar that must be one of a few words. */
export function choice<W extends string>(
  reader: Reader,
  member: Member | undefined,
  what: string,
  words: readonly W[],
): W | undefined {
  if (member === undefined) return undefined;
  const text = reader.text(member.value, what);
  if (text === undefined) return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  return reader.report(
    'bad-value',
    `${what} cannot be ${text}`,
    member.span,
    `it is one of ${words.join(', ')}`,
  );
}

/** A list of scalars, each handed to `read`; doubles are reported. */
export function scalarList<T>(
  reader: Reader,
  member: Member | undefined,
  what: string,
  example: string,
  read: (text: string, node: Node) => T | undefined,
): T[] {
  if (member === undefined) return [];
  const values: T[] = [];
  const seen = new Set<string>();
  for (const node of reader.items(member.value, what, example) ?? []) {
    const text = reader.text(node, `an item of ${what}`);
    if (text === undefined) continue;
    if (seen.has(text)) {
      reader.report('duplicate-key', `${what} names ${text} twice`, reader.span(node), 'remove one of them');
      continue;
    }
    seen.add(text);
    const value = read(text, node);
    if (value !== undefined) values.push(value);
  }
  return values;
}
