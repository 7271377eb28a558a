import type { SourceSpan } from '../../common/index.js';
import { parseInteger } from '../../common/index.js';
import type {
  Descriptor,
  LimitRule,
  Namespace,
  Policy,
  PolicyType,
  ProcessPolicy,
  ProgramRule,
  ResourceRule,
} from '../../policy/index.js';
import { DESCRIPTORS, NAMESPACES, RESOURCES } from '../../policy/index.js';
import { programRule } from '../programs.js';
import { readResource } from '../resources.js';
import { choice, knownMembers, scalarList } from './fields.js';
import { LIMITS, PROCESS_KEYS } from './keys.js';
import type { Member, Reader } from './reader.js';

const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** `exec`: once, any, or the list of what alone may be executed. */
export function readExec(
  reader: Reader,
  member: Member | undefined,
): Pick<Policy, 'exec' | 'programs'> & { readonly span: SourceSpan } {
  const span = member?.span ?? reader.wholeSpan;
  if (member === undefined || !reader.isList(member.value)) {
    const exec = choice(reader, member, 'exec', ['once', 'any'] as const) ?? 'once';
    return { exec, programs: undefined, span };
  }
  const programs = scalarList(
    reader,
    member,
    'exec',
    '[/usr/bin/tar]',
    (text, node): ProgramRule | undefined => {
      const rule = programRule(text, reader.span(node));
      if ('id' in rule) return rule;
      reader.diagnostics.push(rule);
      return undefined;
    },
  );
  return { exec: 'any', programs, span };
}

/** What a profile of the type says where it says nothing of other processes. */
export function usualProcesses(type: PolicyType): ProcessPolicy {
  // A strict profile names ptrace or does not.
  return { signal: 'instance', trace: type === 'strict' ? 'instance' : 'none' };
}

export function readProcesses(reader: Reader, member: Member | undefined, type: PolicyType): ProcessPolicy {
  const usual = usualProcesses(type);
  if (member === undefined) return usual;
  const members = knownMembers(reader, member.value, 'processes', PROCESS_KEYS, '{signal: none}');
  const reach = ['instance', 'none'] as const;
  return {
    signal: choice(reader, members?.get('signal'), 'processes.signal', reach) ?? usual.signal,
    trace: choice(reader, members?.get('trace'), 'processes.trace', reach) ?? usual.trace,
  };
}

export function readNamespaces(reader: Reader, member: Member | undefined): readonly Namespace[] | undefined {
  return member === undefined ? undefined : wordList(reader, member, 'namespaces', NAMESPACES);
}

export function readDescriptors(reader: Reader, member: Member | undefined): readonly Descriptor[] {
  return member === undefined ? ['stdio'] : wordList(reader, member, 'descriptors', DESCRIPTORS);
}

function wordList<W extends string>(
  reader: Reader,
  member: Member,
  what: string,
  words: readonly W[],
): readonly W[] {
  const found = scalarList(reader, member, what, `[${words[0] ?? ''}]`, (text, node) => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    return reader.report(
      'bad-value',
      `${what} cannot be ${text}`,
      reader.span(node),
      `the words are ${words.join(', ')}`,
    );
  });
  return words.filter((word) => found.includes(word));
}

export function readResources(reader: Reader, member: Member | undefined): readonly ResourceRule[] {
  if (member === undefined) return [];
  const rules: ResourceRule[] = [];
  for (const [resource, item] of knownMembers(reader, member.value, 'resources', RESOURCES, '{pids: 64}') ??
    []) {
    const text = reader.text(item.value, resource);
    if (text === undefined) continue;
    const value = readResource(resource, text);
    if (typeof value === 'string') reader.report('bad-value', value, item.span);
    else rules.push({ id: `resources:${resource}`, resource, value, span: item.keySpan });
  }
  return rules;
}

export function readLimits(reader: Reader, member: Member | undefined): LimitRule[] {
  if (member === undefined) return [];
  const limits: LimitRule[] = [];
  const words = [...LIMITS.keys()];
  for (const [word, item] of knownMembers(reader, member.value, 'limits', words, '{nofile: 256}') ?? []) {
    const value = readLimit(reader, item);
    const type = LIMITS.get(word);
    if (value !== undefined && type !== undefined)
      limits.push({ id: `limits:${word}`, type, value, span: item.keySpan });
  }
  return limits;
}

function readLimit(reader: Reader, member: Member): bigint | undefined {
  const text = reader.text(member.value, member.key);
  if (text === undefined) return undefined;
  if (text === 'unlimited') return UNLIMITED;
  const match = /^([0-9]+)([KMGT]?)$/.exec(text);
  const number = match === null ? undefined : parseInteger(match[1] ?? '');
  if (match === null || number === undefined) {
    return reader.report(
      'bad-value',
      `${text} is not a limit`,
      member.span,
      'write a number, one with K, M, G or T, or unlimited',
    );
  }
  const value = number << BigInt(10 * ' KMGT'.indexOf(match[2] || ' '));
  return value < UNLIMITED
    ? value
    : reader.report('bad-value', `${text} is too large`, member.span, 'write unlimited');
}
