import type { AddressRange } from '../../policy/index.js';
import { inRange, networkOf, parseRange, rangeText } from '../../policy/index.js';
import { evidenceOf } from '../facts/evidence.js';
import type { Observations, SeenAddress } from '../facts/observe.js';
import type { LeftOut, ServiceDraft, SocketDraft, SocketWord } from './draft.js';

export interface SocketRules {
  readonly drafts: readonly SocketDraft[];
  readonly leftOut: readonly LeftOut[];
}

/** So many hosts are each a rule of their own; of more, the network that has them all. */
const FEW = 4;
/** A network that is larger says nothing about whom the program speaks with. */
const SHORTEST_PREFIX = { 4: 16, 6: 48 };
/** Ports further apart than this are no range that somebody chose. */
const WIDEST_RANGE = 1024;
/** Below it are the ports of services; whoever asks has one above. */
const FIRST_FREE_PORT = 1024;
/** From here on Linux chooses ports (net.ipv4.ip_local_port_range); nobody is found there twice. */
const FIRST_CHOSEN_PORT = 32768;
const ANY_PORT = 'udp/*';

/** What was seen of one object, a port without its hosts. */
interface Group {
  readonly words: Set<SocketWord>;
  readonly from: SeenAddress[];
}

/** The ports that were bound, those of others that were reached, at which addresses, and the names outside the file system. */
export function socketRules(seen: Observations): SocketRules {
  const groups = new Map<string, Group>();
  const leftOut: LeftOut[] = [];
  const answered = answers(seen.addresses);
  for (const each of seen.addresses) {
    const word = wordOf(each);
    const object =
      word === undefined ? undefined : answered.has(each) ? { named: true, text: ANY_PORT } : objectOf(each);
    if (word === undefined || object === undefined) continue;
    if (!object.named) {
      leftOut.push({ what: `${each.call} ${each.address.text}`, why: object.text, evidence: each.evidence });
      continue;
    }
    const group = groups.get(object.text) ?? { words: new Set(), from: [] };
    group.words.add(word);
    group.from.push(each);
    groups.set(object.text, group);
  }
  const drafts = joined([...groups].flatMap(([object, group]) => draftsOf(object, group)));
  return { drafts: drafts.sort((a, b) => (a.object < b.object ? -1 : 1)), leftOut };
}

/** A program that serves more than a few free ports near each other takes one of a range for each client, and the next time another of it. */
function joined(drafts: readonly SocketDraft[]): SocketDraft[] {
  const served = drafts.flatMap((draft) => {
    const port = Number(/^tcp\/([0-9]+)$/.exec(draft.object)?.[1] ?? 0);
    return port >= FIRST_FREE_PORT && draft.words.join() === 'accept' ? [{ draft, port }] : [];
  });
  const near: { readonly draft: SocketDraft; readonly port: number }[][] = [];
  for (const each of served.sort((a, b) => a.port - b.port)) {
    const last = near.at(-1);
    if (last?.[0] !== undefined && each.port - last[0].port < WIDEST_RANGE) last.push(each);
    else near.push([each]);
  }
  const ranges = near.filter((group) => group.length > FEW);
  const single = new Set(ranges.flatMap((group) => group.map(({ draft }) => draft)));
  return [...drafts.filter((draft) => !single.has(draft)), ...ranges.map(rangeOf)];
}

function rangeOf(served: readonly { readonly draft: SocketDraft; readonly port: number }[]): SocketDraft {
  const object = `tcp/${served[0]?.port}-${served.at(-1)?.port}`;
  return {
    id: `network:${object}`,
    object,
    words: ['accept'],
    evidence: evidenceOf(served.flatMap(({ draft }) => draft.evidence ?? [])),
    inferred: `served ${served.length} of these ports`,
    mark: undefined,
  };
}

/**
 * What a server of datagrams sent to those who asked it: to ports that their kernels chose, of hosts that chose themselves. The next ones are
 * others, so that neither the ports nor the hosts are evidence.
 */
function answers(addresses: readonly SeenAddress[]): ReadonlySet<SeenAddress> {
  const sent = sentByServer(addresses);
  const ports = new Set(sent.map((each) => each.address.port));
  const chosen = new Set(sent.filter(toChosenPort).map((each) => each.address.port));
  return new Set(ports.size > FEW || chosen.size > 1 ? sent : []);
}

/** What a server of datagrams sent to ports that Linux chose for who asked: in the next run they are others, which is nothing new. */
export function chosenPorts(addresses: readonly SeenAddress[]): ReadonlySet<SeenAddress> {
  return new Set(sentByServer(addresses).filter(toChosenPort));
}

function sentByServer(addresses: readonly SeenAddress[]): readonly SeenAddress[] {
  const served = new Set(
    addresses.flatMap((each) => (each.call === 'bind' && isDatagram(each) ? [each.address.port] : [])),
  );
  if (served.size === 0) return [];
  return addresses.filter(
    (each) =>
      wordOf(each) === 'send' &&
      isDatagram(each) &&
      !served.has(each.address.port) &&
      (each.address.port ?? 0) >= FIRST_FREE_PORT,
  );
}

function toChosenPort({ address }: SeenAddress): boolean {
  return (address.port ?? 0) >= FIRST_CHOSEN_PORT;
}

function isDatagram({ address }: SeenAddress): boolean {
  return /^AF_INET6?$/.test(address.family) && address.type === 'SOCK_DGRAM' && (address.port ?? 0) > 0;
}

function draftsOf(object: string, group: Group): readonly SocketDraft[] {
  if (object.startsWith('unix:')) return [draftOf(object, group, undefined)];
  if (object === ANY_PORT) {
    const ports = new Set(group.from.map((each) => each.address.port)).size;
    return [draftOf(object, group, `answers at ${ports} ports, and could then send to any host at any port`)];
  }
  if (group.words.has('accept')) return servedDrafts(object, group);
  const [, protocol = '', port = ''] = /^(tcp|udp)\/([0-9]+)$/.exec(object) ?? [];
  const hosts = new Map<string, SeenAddress[]>();
  for (const each of group.from) hosts.set(hostOf(each), [...(hosts.get(hostOf(each)) ?? []), each]);
  const ranges = [...hosts.keys()].map((host) => parseRange(host));
  const known = ranges.flatMap((range) => (range === undefined || range.value === 0n ? [] : [range]));
  if (known.length < ranges.length) return [draftOf(object, group, wholePort([...hosts.keys()]))];
  if (hosts.size <= FEW)
    return [...hosts].map(([host, from], index) => {
      const range = known[index];
      const text = range === undefined ? object : `${protocol}/${rangeText(range)}:${port}`;
      return draftOf(text, { words: new Set(from.flatMap(wordsOf)), from }, `reaches ${host}`);
    });
  const network = commonNetwork(known);
  if (network === undefined) return [draftOf(object, group, wholePort([...hosts.keys()]))];
  const text = rangeText(network);
  return [
    draftOf(
      `${protocol}/${text}:${port}`,
      group,
      `reaches ${hosts.size} hosts of ${text}, and could then reach all of it`,
    ),
  ];
}

/**
 * A port that is served, and one that is reached: two questions. A narrower rule takes away what the port's own grants, so that of a port that is served
 * all that can be said of the others is the port.
 */
function servedDrafts(object: string, group: Group): readonly SocketDraft[] {
  const served = group.from.filter((each) => wordOf(each) === 'accept');
  const reached = group.from.filter((each) => wordOf(each) !== 'accept');
  const accept = draftOf(object, { words: new Set(['accept']), from: served }, undefined);
  if (reached.length === 0) return [accept];
  const words = new Set(reached.flatMap(wordsOf));
  const others = draftOf(object, { words, from: reached }, wholePort(reached.map(hostOf)));
  return [accept, { ...others, id: `network:${object}:${others.words.join('+')}` }];
}

/** The smallest network of all these addresses; undefined where they have no worthwhile one in common. */
function commonNetwork(ranges: readonly AddressRange[]): AddressRange | undefined {
  const [first] = ranges;
  if (first === undefined || ranges.some(({ family }) => family !== first.family)) return undefined;
  for (let { prefix } = first; prefix >= SHORTEST_PREFIX[first.family]; prefix--) {
    const network = { ...first, prefix };
    const range = { ...network, value: networkOf(network) };
    if (ranges.every((each) => inRange(range, each))) return range;
  }
  return undefined;
}

function wholePort(hosts: readonly string[]): string {
  const shown = [...new Set(hosts)].sort();
  const names =
    shown.length > 8 ? `${shown.slice(0, 8).join(', ')} and ${shown.length - 8} more` : shown.join(', ');
  return `reaches ${names}, and could then reach others at that port`;
}

function hostOf({ address }: SeenAddress): string {
  return address.host ?? '?';
}

function wordsOf(each: SeenAddress): readonly SocketWord[] {
  const word = wordOf(each);
  return word === undefined ? [] : [word];
}

function draftOf(object: string, { words, from }: Group, reason: string | undefined): SocketDraft {
  return {
    id: `network:${object}`,
    object,
    words: (['accept', 'connect', 'send'] as const).filter((word) => words.has(word)),
    evidence: evidenceOf(from.map((each) => each.evidence)),
    inferred: undefined,
    mark: reason === undefined ? undefined : { reason },
  };
}

function wordOf({ call, address }: SeenAddress): SocketWord | undefined {
  if (call === 'bind') return 'accept';
  if (call === 'connect') return 'connect';
  return /^send/.test(call) && address.type !== 'SOCK_STREAM' ? 'send' : undefined;
}

/** What a rule names, or why none can; undefined where the file rules hold it, or nothing does. */
function objectOf({
  call,
  address,
}: SeenAddress): { readonly named: boolean; readonly text: string } | undefined {
  if (address.family === 'AF_UNIX') {
    // What is made at a path is the folder's rule, and the log is the supervisor's.
    const named = address.path !== undefined && address.path !== '/dev/log';
    if (!named || (call === 'bind' && !address.path.startsWith('@'))) return undefined;
    return { named: true, text: `unix:${address.path}` };
  }
  if (!/^AF_INET6?$/.test(address.family) || address.port === undefined) return undefined;
  const protocol =
    address.type === 'SOCK_STREAM' || address.type === undefined
      ? 'tcp'
      : address.type === 'SOCK_DGRAM'
        ? 'udp'
        : undefined;
  if (protocol === undefined) return { named: false, text: 'there are no rules for such sockets' };
  if (address.port === 0)
    return { named: false, text: 'a port of the kernel’s choice is another in each run' };
  return { named: true, text: `${protocol}/${address.port}` };
}

/** Services that the supervisor stands in for. */
export function services(seen: Observations): readonly ServiceDraft[] {
  const asked = seen.addresses.filter(
    ({ call, address }) => call === 'connect' && address.path === '/dev/log',
  );
  if (asked.length === 0) return [];
  const evidence = evidenceOf(asked.map((each) => each.evidence));
  return [{ id: 'services:syslog', name: 'syslog', evidence, inferred: undefined, mark: undefined }];
}
