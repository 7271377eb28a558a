import type { SourceSpan } from '../../common/index.js';
import type {
  Descriptor,
  Namespace,
  Policy,
  PolicyType,
  ProcessReach,
  ProgramRule,
  ResourceRule,
} from '../../policy/index.js';
import { DESCRIPTORS, NAMESPACES, RESOURCES } from '../../policy/index.js';
import { programRule } from '../programs.js';
import { readResource, resourceNamed } from '../resources.js';
import { readSocketWords, SocketDrafts } from '../sockets.js';
import { usualProcesses } from '../yaml/instance.js';
import type { Clause } from './evaluate.js';
import { complain, LispError, saidTwice } from './form.js';
import type { Given } from './value.js';
import { wordOf, words } from './words.js';

type Plain = Extract<Clause, { kind: 'plain' }>;

/** The statements that {@link InstanceDraft} takes. */
export const INSTANCE_CLAUSES = [
  'accept',
  'connect',
  'socket',
  'signal',
  'trace',
  'namespaces',
  'descriptors',
  'resource',
] as const;

/** What a profile says of sockets, processes, namespaces, descriptors and resources, as the statements add it. */
export class InstanceDraft {
  readonly #sockets = new SocketDrafts();
  readonly #reach = new Map<
    'signal' | 'trace',
    { readonly reach: ProcessReach; readonly span: SourceSpan }
  >();
  readonly #resources = new Map<string, ResourceRule>();
  #namespaces: Set<Namespace> | undefined;
  #descriptors: Set<Descriptor> | undefined;

  /** Whether the statement is one of these. */
  add(clause: Plain): boolean {
    switch (clause.name) {
      case 'accept':
      case 'connect':
        this.#ports(clause.name, clause);
        return true;
      case 'socket':
        this.#socket(clause);
        return true;
      case 'signal':
      case 'trace':
        this.#processes(clause.name, clause);
        return true;
      case 'namespaces':
        this.#namespaces = chosen(clause, NAMESPACES, this.#namespaces);
        return true;
      case 'descriptors':
        this.#descriptors = chosen(clause, DESCRIPTORS, this.#descriptors);
        return true;
      case 'resource':
        this.#resource(clause);
        return true;
      default:
        return false;
    }
  }

  #ports(side: 'accept' | 'connect', clause: Plain): void {
    for (const { word, span } of words(side, clause.args)) {
      if (!/^(tcp|udp)\/[0-9]+$/.test(word)) {
        const hint = `such as tcp/110; addresses and ranges are written (socket "${word}" ${side})`;
        throw complain('bad-value', `${word} is not a port`, span, hint);
      }
      const problem = this.#sockets.add(word, [side], span, 'list');
      if (problem !== undefined) throw new LispError(problem);
    }
  }

  #socket(clause: Plain): void {
    const [objects, ...rest] = clause.args;
    if (objects === undefined || rest.length === 0)
      throw complain(
        'syntax',
        'socket wants an address and what may be done with it',
        clause.span,
        '(socket "tcp/10.0.0.0/8:443" connect)',
      );
    const access = readSocketWords(words('socket', rest).map(({ word }) => word));
    if (typeof access === 'string') throw complain('bad-value', access, rest[0]?.span ?? clause.span);
    for (const { word, span } of words('socket', [objects])) {
      const problem = this.#sockets.add(word, access, span, 'rule');
      if (problem !== undefined) throw new LispError(problem);
    }
  }

  #processes(name: 'signal' | 'trace', clause: Plain): void {
    const [given, ...more] = words(name, clause.args);
    const reach = (['instance', 'none'] as const).find((word) => word === given?.word);
    if (reach === undefined || more.length > 0)
      throw complain('bad-value', `${name} wants instance or none`, clause.span, `(${name} none)`);
    const before = this.#reach.get(name);
    if (before !== undefined)
      throw saidTwice(`${name} is said twice`, clause.span, before.span, 'remove one of them');
    this.#reach.set(name, { reach, span: clause.span });
  }

  #resource(clause: Plain): void {
    const [name, amount, ...more] = clause.args;
    if (name === undefined || amount === undefined || more.length > 0)
      throw complain(
        'syntax',
        'resource wants its name and an amount',
        clause.span,
        '(resource memory "512M")',
      );
    const { word, span } = wordOf('resource', name);
    const resource = resourceNamed(word);
    if (resource === undefined)
      throw complain('unknown-key', `there is no resource ${word}`, span, `they are ${RESOURCES.join(', ')}`);
    const before = this.#resources.get(resource);
    if (before !== undefined)
      throw saidTwice(`${word} is limited twice`, span, before.span, 'remove one of them');
    const value = readResource(resource, amountText(amount));
    if (typeof value === 'string') throw complain('bad-value', value, amount.span);
    this.#resources.set(resource, { id: `resources:${resource}`, resource, value, span });
  }

  get firstGrant(): SourceSpan | undefined {
    return this.#sockets.firstGrant?.span;
  }

  said(
    type: PolicyType,
    network: Policy['network']['interface'],
  ): Pick<Policy, 'network' | 'processes' | 'namespaces' | 'descriptors' | 'resources'> {
    const usual = usualProcesses(type);
    const namespaces = this.#namespaces;
    const descriptors = this.#descriptors;
    return {
      network: { sockets: this.#sockets.rules, interface: network },
      processes: {
        signal: this.#reach.get('signal')?.reach ?? usual.signal,
        trace: this.#reach.get('trace')?.reach ?? usual.trace,
      },
      namespaces: namespaces === undefined ? undefined : NAMESPACES.filter((name) => namespaces.has(name)),
      descriptors:
        descriptors === undefined ? ['stdio'] : DESCRIPTORS.filter((name) => descriptors.has(name)),
      resources: [...this.#resources.values()],
    };
  }
}

/** The programs of an exec statement; undefined where it is a word. */
export function programsOf(clause: Plain): readonly ProgramRule[] | undefined {
  const given = words('exec', clause.args);
  if (given.length > 0 && !given.some(({ word }) => word.startsWith('/'))) return undefined;
  const rules = new Map<string, ProgramRule>();
  for (const { word, span } of given) {
    const rule = programRule(word, span);
    if (!('id' in rule)) throw new LispError(rule);
    rules.set(rule.path, rule);
  }
  return [...rules.values()];
}

function chosen<W extends string>(clause: Plain, known: readonly W[], before: Set<W> | undefined): Set<W> {
  const all = before ?? new Set<W>();
  for (const { word, span } of words(clause.name, clause.args)) {
    const found = known.find((candidate) => candidate === word);
    if (found === undefined)
      throw complain(
        'bad-value',
        `${clause.name} cannot be ${word}`,
        span,
        `the words are ${known.join(', ')}`,
      );
    all.add(found);
  }
  return all;
}

function amountText({ value, span }: Given): string {
  if (value.kind === 'int') return value.value.toString();
  return wordOf('resource', { value, span }).word;
}
