import type { Node } from 'yaml';
import type { NetworkPolicy } from '../../policy/index.js';
import { readSocketWords, SocketDrafts } from '../sockets.js';
import { choice, knownMembers, scalarList } from './fields.js';
import { NETWORK_KEYS } from './keys.js';
import type { Member, Reader } from './reader.js';

/** `network`: the sockets that may be used, and the interface that there is. */
export function readNetwork(reader: Reader, member: Member | undefined): NetworkPolicy {
  if (member === undefined) return { sockets: [], interface: 'none' };
  const example = '{accept: [tcp/110], interface: host}';
  const members = knownMembers(reader, member.value, 'network', NETWORK_KEYS, example);
  const drafts = new SocketDrafts();
  for (const word of ['accept', 'connect'] as const) {
    scalarList(reader, members?.get(word), `network.${word}`, '[tcp/110]', (text, node) => {
      readPort(reader, drafts, word, text, node);
      return undefined;
    });
  }
  readSockets(reader, drafts, members?.get('sockets'));
  const words = ['host', 'none', 'loopback'] as const;
  const chosen = choice(reader, members?.get('interface'), 'network.interface', words);
  if (members !== undefined && !members.has('interface') && drafts.firstGrant !== undefined) {
    reader.report(
      'missing-key',
      'ports are granted, but not on which interface',
      member.keySpan,
      'add interface: host',
    );
  }
  return { sockets: drafts.rules, interface: chosen ?? 'none' };
}

/** The short lists hold single ports: what is more specific or wider takes a rule that says all of it. */
function readPort(
  reader: Reader,
  drafts: SocketDrafts,
  word: 'accept' | 'connect',
  text: string,
  node: Node,
): void {
  if (!/^(tcp|udp)\/[0-9]+$/.test(text)) {
    const hint = `write tcp/110 or udp/53; addresses and ranges go to network.sockets: {"${text}": ${word}}`;
    reader.report('bad-value', `${text} is not a port`, reader.span(node), hint);
    return;
  }
  const problem = drafts.add(text, [word], reader.span(node), 'list');
  if (problem !== undefined) reader.diagnostics.push(problem);
}

function readSockets(reader: Reader, drafts: SocketDrafts, member: Member | undefined): void {
  if (member === undefined) return;
  const example = '{"tcp/10.0.0.0/8:443": connect}';
  for (const item of reader.members(member.value, 'network.sockets', example) ?? []) {
    const text = reader.text(item.value, `the access of ${item.key}`);
    if (text === undefined) continue;
    const words = readSocketWords(text.split(/\s+/).filter((word) => word !== ''));
    if (typeof words === 'string') {
      reader.report('bad-value', words, item.span);
      continue;
    }
    const problem = drafts.add(item.key, words, item.keySpan, 'rule');
    if (problem !== undefined) reader.diagnostics.push(problem);
  }
}
