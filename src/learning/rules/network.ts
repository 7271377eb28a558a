import { evidenceOf } from '../facts/evidence.js';
import type { Observations, SeenAddress } from '../facts/observe.js';
import type { LeftOut, SocketDraft, SocketWord } from './draft.js';

export interface SocketRules {
  readonly drafts: readonly SocketDraft[];
  readonly leftOut: readonly LeftOut[];
}

interface Object {
  readonly object: string;
  readonly outward: boolean;
}

/** The ports, and the names outside the file system, that were bound, connected to and sent to. */
export function socketRules(seen: Observations): SocketRules {
  const objects = new Map<string, { words: Set<SocketWord>; from: SeenAddress[]; outward: Set<string> }>();
  const leftOut: LeftOut[] = [];
  for (const each of seen.addresses) {
    const word = wordOf(each);
    const object = word === undefined ? undefined : objectOf(each);
    if (word === undefined || object === undefined) continue;
    if (typeof object === 'string') {
      leftOut.push({
        what: `${each.call} ${each.address.text}`,
        why: object,
        evidence: each.evidence,
      });
      continue;
    }
    const entry = objects.get(object.object) ?? { words: new Set(), from: [], outward: new Set() };
    entry.words.add(word);
    entry.from.push(each);
    if (object.outward && word !== 'accept') entry.outward.add(each.address.host ?? '?');
    objects.set(object.object, entry);
  }
  return { drafts: [...objects].map(draftOf).sort((a, b) => (a.object < b.object ? -1 : 1)), leftOut };
}

function draftOf([object, { words, from, outward }]: [
  string,
  { words: ReadonlySet<SocketWord>; from: readonly SeenAddress[]; outward: ReadonlySet<string> },
]): SocketDraft {
  return {
    id: `network:${object}`,
    object,
    words: (['accept', 'connect', 'send'] as const).filter((word) => words.has(word)),
    evidence: evidenceOf(from.map((each) => each.evidence)),
    inferred: undefined,
    mark:
      outward.size === 0
        ? undefined
        : { reason: `reaches ${[...outward].sort().join(', ')}, and could then reach others at that port` },
  };
}

function wordOf({ call, address }: SeenAddress): SocketWord | undefined {
  if (call === 'bind') return 'accept';
  if (call === 'connect') return 'connect';
  return /^send/.test(call) && address.type !== 'SOCK_STREAM' ? 'send' : undefined;
}

/** What a rule names; a text where none can, and why; undefined where the file rules hold it, or nothing does. */
function objectOf({ call, address }: SeenAddress): Object | string | undefined {
  if (address.family === 'AF_UNIX') {
    // What is made at a path is the folder's rule, and the log is the supervisor's.
    const named = address.path !== undefined && address.path !== '/dev/log';
    if (!named || (call === 'bind' && !address.path.startsWith('@'))) return undefined;
    return { object: `unix:${address.path}`, outward: false };
  }
  if (!/^AF_INET6?$/.test(address.family) || address.port === undefined) return undefined;
  const protocol =
    address.type === 'SOCK_STREAM' || address.type === undefined
      ? 'tcp'
      : address.type === 'SOCK_DGRAM'
        ? 'udp'
        : undefined;
  if (protocol === undefined) return 'there are no rules for such sockets';
  if (address.port === 0) return 'a port of the kernel’s choice is another in each run';
  return { object: `${protocol}/${address.port}`, outward: true };
}

/** Services that the supervisor stands in for. */
export function services(seen: Observations): readonly string[] {
  return seen.addresses.some(({ call, address }) => call === 'connect' && address.path === '/dev/log')
    ? ['syslog']
    : [];
}
