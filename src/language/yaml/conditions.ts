import type { Node } from 'yaml';
import { isMap, isSeq } from 'yaml';
import { hex, maskOf, toUnsigned } from '../../common/index.js';
import type { Argument, Condition } from '../../policy/index.js';
import { equals, only, parseConstants, withAll, without } from '../../policy/index.js';
import { knownMembers } from './fields.js';
import type { ConditionKey } from './keys.js';
import { CONDITION_KEYS } from './keys.js';
import type { Member, Reader } from './reader.js';

const EXAMPLE = '{is: SOCK_STREAM, mask: SOCK_TYPE_MASK}';

/** A value, a list of conditions, or a mapping of statements that must all hold. */
export function readCondition(
  reader: Reader,
  argument: Argument,
  node: Node | undefined,
): Condition | undefined {
  if (isSeq(node)) return readAny(reader, argument, node);
  if (isMap(node)) return readStatements(reader, argument, node);
  const value = readValue(reader, argument, node);
  return value === undefined ? undefined : equals(value, argument.width);
}

function readAny(reader: Reader, argument: Argument, node: Node): Condition | undefined {
  const items = reader.items(node, argument.name, '[AF_INET, AF_INET6]') ?? [];
  if (items.length === 0) {
    return reader.report(
      'bad-value',
      `${argument.name} has an empty list, which nothing satisfies`,
      reader.span(node),
    );
  }
  const of = items.map((item) => readCondition(reader, argument, item)).filter((item) => item !== undefined);
  return { kind: 'any', of };
}

function readStatements(reader: Reader, argument: Argument, node: Node): Condition | undefined {
  const members = knownMembers(reader, node, 'a condition', CONDITION_KEYS, EXAMPLE);
  if (members === undefined) return undefined;
  const of: Condition[] = [];
  for (const [key, member] of members) {
    const part = readStatement(reader, argument, key, member, members);
    if (part !== undefined) of.push(part);
  }
  if (members.size === 0) {
    return reader.report(
      'bad-value',
      `${argument.name} has an empty condition`,
      reader.span(node),
      `such as ${EXAMPLE}`,
    );
  }
  const [first] = of;
  return of.length === 1 ? first : { kind: 'all', of };
}

function readStatement(
  reader: Reader,
  argument: Argument,
  key: ConditionKey,
  member: Member,
  members: ReadonlyMap<ConditionKey, Member>,
): Condition | undefined {
  switch (key) {
    case 'is':
      return readIs(reader, argument, member, members.get('mask'));
    case 'mask':
      if (members.has('is')) return undefined;
      return reader.report(
        'missing-key',
        'mask needs an is to compare with',
        member.keySpan,
        `such as ${EXAMPLE}`,
      );
    case 'from':
      return readRange(reader, argument, member, members.get('to'));
    case 'to':
      return members.has('from') ? undefined : readRange(reader, argument, undefined, member);
    default:
      return readBits(reader, argument, key, member);
  }
}

function readBits(
  reader: Reader,
  argument: Argument,
  key: 'without' | 'with' | 'only',
  member: Member,
): Condition | undefined {
  const bits = readValue(reader, argument, member.value);
  if (bits === undefined) return undefined;
  if (bits === 0n && key !== 'only') {
    return reader.report(
      'bad-value',
      `${key}: 0 says nothing`,
      member.span,
      'name the bits, such as PROT_EXEC',
    );
  }
  if (key === 'only') return only(bits, argument.width);
  return key === 'with' ? withAll(bits) : without(bits);
}

function readIs(
  reader: Reader,
  argument: Argument,
  is: Member,
  mask: Member | undefined,
): Condition | undefined {
  const maskValue = mask === undefined ? maskOf(argument.width) : readValue(reader, argument, mask.value);
  const nodes = isSeq(is.value) ? (reader.items(is.value, 'is', '[1, 2]') ?? []) : [is.value];
  const of: Condition[] = [];
  for (const node of nodes) {
    const value = readValue(reader, argument, node);
    if (value === undefined || maskValue === undefined) continue;
    if ((value & ~maskValue) !== 0n) {
      const hint = `${hex(value)} has bits outside ${hex(maskValue)}`;
      reader.report('bad-value', 'a value with bits outside its mask never holds', reader.span(node), hint);
      continue;
    }
    of.push({ kind: 'masked', mask: maskValue, value });
  }
  const [first] = of;
  return of.length === 1 ? first : of.length === 0 ? undefined : { kind: 'any', of };
}

function readRange(
  reader: Reader,
  argument: Argument,
  from: Member | undefined,
  to: Member | undefined,
): Condition | undefined {
  const low = from === undefined ? 0n : readInteger(reader, argument, from.value);
  const high = to === undefined ? maskOf(argument.width) : readInteger(reader, argument, to.value);
  if (low === undefined || high === undefined) return undefined;
  const span = from?.span ?? to?.span ?? reader.wholeSpan;
  if (low > high)
    return reader.report('bad-value', `no value lies from ${low} to ${high}`, span, 'swap the two');
  if (low >= 0n) return { kind: 'range', from: low, to: high };
  const top = maskOf(argument.width);
  const first = toUnsigned(low, argument.width) ?? 0n;
  if (high < 0n) return { kind: 'range', from: first, to: toUnsigned(high, argument.width) ?? top };
  // Negative numbers are the upper half of the unsigned patterns.
  return {
    kind: 'any',
    of: [
      { kind: 'range', from: first, to: top },
      { kind: 'range', from: 0n, to: high },
    ],
  };
}

function readValue(reader: Reader, argument: Argument, node: Node | undefined): bigint | undefined {
  const value = readInteger(reader, argument, node);
  return value === undefined ? undefined : toUnsigned(value, argument.width);
}

function readInteger(reader: Reader, argument: Argument, node: Node | undefined): bigint | undefined {
  const text = reader.text(node, argument.name);
  if (text === undefined) return undefined;
  const parsed = parseConstants(text);
  if (!parsed.ok) {
    for (const diagnostic of parsed.diagnostics) {
      reader.report(diagnostic.code, diagnostic.message, reader.span(node), diagnostic.hint);
    }
    return undefined;
  }
  if (toUnsigned(parsed.value, argument.width) === undefined) {
    const hint = `the kernel looks at ${argument.width} bits of ${argument.name}`;
    return reader.report('bad-value', `${text} does not fit`, reader.span(node), hint);
  }
  return parsed.value;
}
