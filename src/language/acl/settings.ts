import type { SourceFile, SourceSpan } from '../../common/index.js';
import { parseInteger } from '../../common/index.js';
import type {
  AcceptedRule,
  Descriptor,
  LimitRule,
  Namespace,
  NetworkInterface,
  ResourceRule,
  Service,
} from '../../policy/index.js';
import { constantValue, DESCRIPTORS, NAMESPACES, RESOURCES, SERVICES } from '../../policy/index.js';
import { readResource, resourceNamed } from '../resources.js';
import { LIMITS } from '../yaml/keys.js';
import type { Complaints, Word } from './lines.js';
import type { Setting } from './rules.js';

/** What the settings of a rule list say of the policy. */
export interface Settings {
  readonly name: string;
  readonly description: string;
  readonly network: NetworkInterface | undefined;
  readonly capabilities: readonly string[];
  readonly limits: readonly LimitRule[];
  readonly resources: readonly ResourceRule[];
  readonly namespaces: readonly Namespace[] | undefined;
  readonly descriptors: readonly Descriptor[];
  readonly services: readonly Service[];
  readonly acceptUnenforced: readonly AcceptedRule[];
  readonly span: SourceSpan;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

export function readSettings(
  file: SourceFile,
  settings: readonly Setting[],
  whole: SourceSpan,
  complaints: Complaints,
): Settings {
  const seen = new Map<string, SourceSpan>();
  const once = (key: string, span: SourceSpan): boolean => {
    const before = seen.get(key);
    seen.set(key, span);
    if (before === undefined) return true;
    complaints.diagnostics.push({
      code: 'duplicate-key',
      message: `${key} is said twice`,
      span,
      hint: 'keep one of the two',
      related: [{ message: 'first here', span: before }],
    });
    return false;
  };
  const capabilities: string[] = [];
  const limits: LimitRule[] = [];
  const resources: ResourceRule[] = [];
  const words = { namespace: new Set<string>(), descriptor: new Set<string>() };
  const services: Service[] = [];
  const acceptUnenforced: AcceptedRule[] = [];
  let name = fileName(file.name);
  let span = whole;
  let description = '';
  let network: NetworkInterface | undefined;
  for (const setting of settings) {
    const [value] = setting.values;
    if (value === undefined) continue;
    switch (setting.name) {
      case 'name':
        if (once('@name', setting.key.span)) {
          name = value.text;
          span = value.span;
        }
        break;
      case 'description':
        if (once('@description', setting.key.span))
          description = setting.values.map((word) => word.text).join(' ');
        break;
      case 'network':
        if (once('@network', setting.key.span)) network = readNetwork(value, complaints);
        break;
      case 'capability':
        for (const word of setting.values)
          if (once(word.text, word.span) && isCapability(word, complaints)) capabilities.push(word.text);
        break;
      case 'limit': {
        const limit = readLimit(value, setting.values[1], complaints);
        if (limit !== undefined && once(limit.id, value.span)) limits.push(limit);
        break;
      }
      case 'resource': {
        const resource = readResourceRule(value, setting.values[1], complaints);
        if (resource !== undefined && once(resource.id, value.span)) resources.push(resource);
        break;
      }
      case 'namespace':
      case 'descriptor':
        for (const word of setting.values)
          if (once(`${setting.key.text} ${word.text}`, word.span) && isOneOf(word, setting, complaints))
            words[setting.name].add(word.text);
        break;
      case 'service':
        for (const word of setting.values) {
          const service = readService(word, complaints);
          if (service !== undefined && once(service, word.span)) services.push(service);
        }
        break;
      case 'accept-unenforced':
        for (const word of setting.values)
          if (once(word.text, word.span)) acceptUnenforced.push({ id: word.text, span: word.span });
        break;
    }
  }
  if (!NAME.test(name)) {
    const hint = 'write @name with small letters, digits, dot, dash and underscore, such as @name popd';
    complaints.report('bad-value', `${name} cannot be a profile's name`, span, hint);
  }
  const namespaces = NAMESPACES.filter((each) => words.namespace.has(each));
  const descriptors = DESCRIPTORS.filter((each) => words.descriptor.has(each));
  return {
    name,
    description,
    network,
    capabilities,
    limits,
    resources,
    namespaces: words.namespace.size === 0 ? undefined : namespaces,
    descriptors: words.descriptor.size === 0 ? ['stdio'] : descriptors,
    services,
    acceptUnenforced,
    span,
  };
}

/** A list that does not say its name has that of its file. */
function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.acl$/, '');
}

function readNetwork(word: Word, complaints: Complaints): NetworkInterface | undefined {
  const words = ['host', 'none', 'loopback'] as const;
  const known = words.find((candidate) => candidate === word.text);
  if (known !== undefined) return known;
  return complaints.report(
    'bad-value',
    `the network cannot be ${word.text}`,
    word.span,
    `expected ${words.join(', ')}`,
  );
}

function isCapability(word: Word, complaints: Complaints): boolean {
  if (/^CAP_[A-Z_0-9]+$/.test(word.text) && constantValue(word.text) !== undefined) return true;
  const hint = 'expected the name as the kernel has it, such as CAP_SETUID';
  complaints.report('unknown-constant', `${word.text} is not a capability`, word.span, hint);
  return false;
}

/** A word of such a setting; none stands alone. */
function isOneOf(word: Word, { name, values }: Setting, complaints: Complaints): boolean {
  const known: readonly string[] = name === 'namespace' ? NAMESPACES : DESCRIPTORS;
  if (known.includes(word.text) || (word.text === 'none' && values.length === 1)) return true;
  const hint = `expected ${known.join(', ')}, or none alone`;
  complaints.report('bad-value', `there is no ${name} ${word.text} to grant`, word.span, hint);
  return false;
}

function readResourceRule(
  word: Word,
  value: Word | undefined,
  complaints: Complaints,
): ResourceRule | undefined {
  const resource = resourceNamed(word.text);
  if (resource === undefined) {
    const hint = `expected ${RESOURCES.join(', ')}`;
    return complaints.report('bad-value', `there is no resource ${word.text}`, word.span, hint);
  }
  if (value === undefined) return undefined;
  const amount = readResource(resource, value.text);
  if (typeof amount === 'string') return complaints.report('bad-value', amount, value.span);
  return { id: `resources:${resource}`, resource, value: amount, span: word.span };
}

function readService(word: Word, complaints: Complaints): Service | undefined {
  const known = SERVICES.find((candidate) => candidate === word.text);
  if (known !== undefined) return known;
  return complaints.report(
    'bad-value',
    `there is no service ${word.text}`,
    word.span,
    `expected ${SERVICES.join(', ')}`,
  );
}

function readLimit(word: Word, value: Word | undefined, complaints: Complaints): LimitRule | undefined {
  const type = LIMITS.get(word.text);
  if (type === undefined)
    return complaints.report(
      'bad-value',
      `there is no limit ${word.text}`,
      word.span,
      `expected ${[...LIMITS.keys()].join(', ')}`,
    );
  if (value === undefined) return undefined;
  const number = limitValue(value.text);
  if (number !== undefined) return { id: `limits:${word.text}`, type, value: number, span: word.span };
  const hint = 'expected a number below 2^64-1, one with K, M, G or T, or unlimited';
  return complaints.report('bad-value', `${value.text} is not a limit`, value.span, hint);
}

function limitValue(text: string): bigint | undefined {
  if (text === 'unlimited') return UNLIMITED;
  const match = /^([0-9]+)([KMGT]?)$/.exec(text);
  const number = match === null ? undefined : parseInteger(match[1] ?? '');
  if (match === null || number === undefined) return undefined;
  const value = number << BigInt(10 * ' KMGT'.indexOf(match[2] || ' '));
  return value < UNLIMITED ? value : undefined;
}
