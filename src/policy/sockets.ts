import type { SourceSpan } from '../common/index.js';
import type { Address } from './address.js';
import { inRange } from './address.js';
import type { AnyRule, FileRules } from './file-rules.js';
import { fileVerdict } from './file-rules.js';
import type { NetworkPolicy, SocketAccess, SocketRule } from './model.js';
import { SOCKET_WORDS } from './model.js';
import { isBeneath } from './paths.js';
import type { InternetObject, PortRange, SocketObject } from './socket-object.js';
import { socketText } from './socket-object.js';

/** A rule on addresses. */
export type InternetRule = SocketRule & { readonly object: InternetObject };

/** The other end, or the end of its own that a socket is bound to; no address: whichever it may be. */
export interface Endpoint {
  readonly protocol: 'tcp' | 'udp';
  readonly address: Address | undefined;
  readonly port: number;
}

/** What the rules say of something: whether they grant it, and by which of them; no rule speaks of it where there is none. */
export interface SocketVerdict {
  readonly granted: boolean;
  readonly rule: SocketRule | undefined;
}

export function socketRule(
  object: SocketObject,
  access: Iterable<SocketAccess>,
  span: SourceSpan,
): SocketRule {
  const words = new Set(access);
  const inOrder = SOCKET_WORDS.filter((word) => words.has(word));
  return { id: `network:${socketText(object)}`, object, access: new Set(inOrder), span };
}

/** Whether the profile speaks of addresses where it speaks of this protocol, and not of ports alone. */
export function rulesByAddress({ sockets }: NetworkPolicy, protocol: InternetObject['protocol']): boolean {
  return sockets.some(
    ({ object }) =>
      object.kind === 'internet' && object.protocol === protocol && object.address !== undefined,
  );
}

/** What may be said of an object; all else about it would mean nothing. */
export function wordsFor(object: SocketObject): readonly SocketAccess[] {
  // TCP has no datagrams, and making the file or name of a unix socket is no matter of these rules.
  if (object.kind !== 'internet') return ['connect', 'send'];
  return object.protocol === 'tcp' ? ['accept', 'connect'] : SOCKET_WORDS;
}

export function internetRules(network: NetworkPolicy): readonly InternetRule[] {
  return network.sockets.filter((rule): rule is InternetRule => rule.object.kind === 'internet');
}

/**
 * The verdict on an address and port. The longest prefix wins, a rule without an address being the shortest; of equal ones the
 * narrower range of ports; where neither is narrower, only what all of them grant. 0.0.0.0, :: and an address that is not said
 * stand for whichever address it turns out to be: they are granted where every address is.
 */
export function decideEndpoint(
  rules: readonly InternetRule[],
  word: SocketAccess,
  { protocol, address, port }: Endpoint,
): SocketVerdict {
  const relevant = rules.filter(({ object }) => object.protocol === protocol && hasPort(object.ports, port));
  if (address !== undefined && address.value !== 0n) return best(covering(relevant, address), word);
  // An IPv6 socket on :: serves IPv4, too, and the kernel may take :: as a destination for either loopback address.
  const families: readonly (4 | 6)[] = address?.family === 4 ? [4] : [4, 6];
  const verdicts = families.flatMap((family) => everywhere(relevant, word, family));
  return verdicts.find((verdict) => !verdict.granted) ?? verdicts[0] ?? { granted: false, rule: undefined };
}

/** Whether a port is granted on every address, on some, or on none. */
export function decidePort(
  rules: readonly InternetRule[],
  word: SocketAccess,
  protocol: 'tcp' | 'udp',
  port: number,
): 'all' | 'some' | 'none' {
  const relevant = rules.filter(({ object }) => object.protocol === protocol && hasPort(object.ports, port));
  const verdicts = ([4, 6] as const).flatMap((family) => everywhere(relevant, word, family));
  const granted = verdicts.filter((verdict) => verdict.granted).length;
  return granted === 0 ? 'none' : granted === verdicts.length ? 'all' : 'some';
}

function hasPort(ports: PortRange, port: number): boolean {
  return ports.from <= port && port <= ports.to;
}

/** One verdict for the addresses that no prefix names, and one for each prefix. */
function everywhere(
  rules: readonly InternetRule[],
  word: SocketAccess,
  family: 4 | 6,
): readonly SocketVerdict[] {
  const wide = rules.filter(({ object }) => isWide(object, family));
  const narrow = rules.flatMap(({ object }) =>
    object.address?.family === family && object.address.prefix > 0 ? [object.address] : [],
  );
  return [best(wide, word), ...narrow.map((range) => best(covering(rules, range), word))];
}

function isWide({ address }: InternetObject, family: 4 | 6): boolean {
  return address === undefined || (address.family === family && address.prefix === 0);
}

function covering(
  rules: readonly InternetRule[],
  one: Address | (Address & { readonly prefix: number }),
): readonly InternetRule[] {
  return rules.filter(({ object }) => object.address === undefined || inRange(object.address, one));
}

/** The verdict of the most specific of rules that all speak of the one thing. */
function best(rules: readonly InternetRule[], word: SocketAccess): SocketVerdict {
  let winners: InternetRule[] = [];
  for (const rule of rules) {
    const [winner] = winners;
    const order = winner === undefined ? 1 : compareSpecific(rule.object, winner.object);
    if (order > 0) winners = [rule];
    else if (order === 0) winners.push(rule);
  }
  const refusing = winners.find((rule) => !rule.access.has(word));
  return { granted: winners.length > 0 && refusing === undefined, rule: refusing ?? winners[0] };
}

/** What is granted on all of an object, as far as rules that speak of all of it decide. */
export function grantedOn(rules: readonly InternetRule[], object: InternetObject): ReadonlySet<SocketAccess> {
  const holding = rules.filter(
    ({ object: outer }) =>
      outer.protocol === object.protocol &&
      outer.ports.from <= object.ports.from &&
      object.ports.to <= outer.ports.to &&
      (outer.address === undefined ||
        (object.address !== undefined && inRange(outer.address, object.address))),
  );
  return new Set(SOCKET_WORDS.filter((word) => best(holding, word).granted));
}

/** Above zero where `a` is more specific, zero where neither is. */
export function compareSpecific(a: InternetObject, b: InternetObject): number {
  const prefix = (object: InternetObject): number => object.address?.prefix ?? -1;
  const width = ({ ports }: InternetObject): number => ports.to - ports.from;
  return prefix(a) - prefix(b) || width(b) - width(a);
}

/** Whether a socket at a path may be connected or sent to: the nearest rule for sockets there, else the file rule's write. */
export function decideUnix(
  network: NetworkPolicy,
  rules: FileRules,
  word: 'connect' | 'send',
  path: string,
): { readonly granted: boolean; readonly rule: SocketRule | AnyRule | undefined } {
  const rule = unixRuleFor(network, path);
  if (rule !== undefined) return { granted: rule.access.has(word), rule };
  const file = fileVerdict(rules, path);
  const decided = file?.rules.find((each) => !each.access.has('write')) ?? file?.rules[0];
  return { granted: file?.access.has('write') === true, rule: decided };
}

function unixRuleFor(network: NetworkPolicy, path: string): SocketRule | undefined {
  let found: { readonly rule: SocketRule; readonly length: number } | undefined;
  for (const rule of network.sockets) {
    if (rule.object.kind !== 'unix' || !isBeneath(path, rule.object.path)) continue;
    if (found === undefined || rule.object.path.length > found.length)
      found = { rule, length: rule.object.path.length };
  }
  return found?.rule;
}

/** The verdict on an abstract name of a socket outside the instance. */
export function decideAbstract(
  network: NetworkPolicy,
  word: 'connect' | 'send',
  name: string,
): SocketVerdict {
  const rules = network.sockets.filter(({ object }) => object.kind === 'abstract');
  const named = (wanted: string | undefined): SocketRule | undefined =>
    rules.find(({ object }) => object.kind === 'abstract' && object.name === wanted);
  const rule = named(name) ?? named(undefined);
  return { granted: rule?.access.has(word) === true, rule };
}
