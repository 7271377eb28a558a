import { addressText } from './address.js';
import { constantValue } from './constants.js';
import type { Decision } from './decision.js';
import { allow, origin, refuse } from './decision.js';
import type { CallEvent, EventArgument, SocketAddress } from './event.js';
import type { EventWorld } from './file-needs.js';
import { placeRules } from './file-rules.js';
import type { FileRule, Policy, SocketAccess, SocketRule } from './model.js';
import { normalPath } from './paths.js';
import { decideAbstract, decideEndpoint, decideUnix, internetRules } from './sockets.js';

/** Where each call has the address, and where its flags, if a flag can make it a connection. */
const CALLS: Readonly<
  Record<string, { readonly address: number; readonly flags?: number; readonly word: SocketAccess }>
> = {
  bind: { address: 1, word: 'accept' },
  connect: { address: 1, word: 'connect' },
  sendto: { address: 4, flags: 3, word: 'send' },
  sendmsg: { address: 1, flags: 2, word: 'send' },
  sendmmsg: { address: 1, flags: 3, word: 'send' },
};

/** What the socket rules say of a call that names an address; undefined for all others. */
export function decideSockets(
  policy: Policy,
  event: CallEvent,
  world: EventWorld | undefined,
): Decision | undefined {
  const call = CALLS[event.call];
  const address = event.arguments[call?.address ?? -1];
  if (call === undefined || address?.kind !== 'address') return undefined;
  const { value } = address;
  switch (value.family) {
    case 'unix':
      return call.word === 'accept' ? undefined : unixDecision(policy, call.word, value.path, world);
    case 'abstract':
      return abstractDecision(policy, call.word, value.name);
    default:
      return internetDecision(policy, wordOf(call, value, event), value);
  }
}

/** On a TCP socket an address to send to means a connection (MSG_FASTOPEN), or nothing. */
function wordOf(
  call: { readonly word: SocketAccess; readonly flags?: number },
  value: SocketAddress,
  event: CallEvent,
): SocketAccess {
  if (call.word !== 'send') return call.word;
  const fastOpen = constantValue('MSG_FASTOPEN') ?? 0n;
  const flags = integer(event.arguments[call.flags ?? -1]);
  return value.family === 'tcp' || (flags & fastOpen) !== 0n ? 'connect' : 'send';
}

function integer(argument: EventArgument | undefined): bigint {
  return argument?.kind === 'integer' ? argument.value : 0n;
}

const VERBS = { accept: 'binding to', connect: 'connecting to', send: 'sending to' } as const;

function internetDecision(
  policy: Policy,
  word: SocketAccess,
  value: Extract<SocketAddress, { family: 'tcp' | 'udp' }>,
): Decision {
  const { family: protocol, address, port } = value;
  const { granted, rule } = decideEndpoint(internetRules(policy.network), word, { protocol, address, port });
  const named = address === undefined ? '' : ` on ${addressText(address)}`;
  const what = `${VERBS[word]} ${protocol}/${port}${named}`;
  const unsaid = address === undefined || address.value === 0n;
  const every = unsaid ? ', which must be granted for every address' : '';
  if (granted && rule !== undefined)
    return allow(rule.id, rule.span, `${what} is granted${origin(rule.span)}`);
  if (rule === undefined)
    return refuse(
      'EACCES',
      protocol === 'udp' ? 'network:udp' : `network:${word}`,
      policy.span,
      `no rule grants ${what}${every}`,
    );
  return refuse(
    'EACCES',
    rule.id,
    rule.span,
    `${what}${every}: the rule says ${wordsText(rule)}${origin(rule.span)}`,
  );
}

function unixDecision(
  policy: Policy,
  word: 'connect' | 'send',
  written: string,
  world: EventWorld | undefined,
): Decision {
  const normal = normalPath(written);
  if (normal === undefined)
    return refuse(
      'EACCES',
      'files:default',
      policy.span,
      `${written} is not an absolute path, so no rule can be found for it`,
    );
  const path = world?.resolve(normal) ?? normal;
  const { granted, rule } = decideUnix(policy.network, placeRules(policy, world), word, path);
  if (rule === undefined)
    return refuse('EACCES', 'files:default', policy.span, `no rule of ${policy.name} speaks of ${path}`);
  if (granted) return allow(rule.id, rule.span, `${VERBS[word]} ${path} is granted${origin(rule.span)}`);
  const says = 'object' in rule ? wordsText(rule) : accessWords(rule);
  const needs = 'object' in rule ? word : 'write';
  return refuse(
    'EACCES',
    rule.id,
    rule.span,
    `${VERBS[word]} ${path} needs ${needs}; the rule says ${says}${origin(rule.span)}`,
  );
}

function abstractDecision(policy: Policy, word: SocketAccess, name: string): Decision {
  // A name of the instance's own, in its network; who may connect to it is no matter of its profile.
  if (word === 'accept')
    return allow('scope:abstract-unix', policy.span, `unix:@${name} becomes a name of the instance's own`);
  const { granted, rule } = decideAbstract(policy.network, word, name);
  if (granted && rule !== undefined)
    return allow(rule.id, rule.span, `${VERBS[word]} unix:@${name} is granted${origin(rule.span)}`);
  const why =
    rule === undefined ? 'no rule grants it' : `the rule says ${wordsText(rule)}${origin(rule.span)}`;
  const text = `${VERBS[word]} unix:@${name} of a process outside the instance: ${why}`;
  return refuse('EPERM', rule?.id ?? 'scope:abstract-unix', rule?.span ?? policy.span, text);
}

function wordsText(rule: SocketRule): string {
  return rule.access.size === 0 ? 'none' : [...rule.access].join(' ');
}

function accessWords(rule: Pick<FileRule, 'access'>): string {
  return rule.access.size === 0 ? 'none' : [...rule.access].join(' ');
}
