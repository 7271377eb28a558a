import type { AddressRow, OciLandlock } from '../lowering/index.js';
import { rowsPermit } from '../lowering/index.js';
import type { Policy, RuleId, SocketAccess } from '../policy/index.js';
import {
  addressText,
  constantValue,
  decideAbstract,
  decideEndpoint,
  internetRules,
} from '../policy/index.js';
import type { Destination } from './addresses.js';
import { destinations } from './addresses.js';
import { argumentIs, argumentsOf, callText, meaningOf } from './policy.js';
import type { Solver } from './solver.js';
import type { Term } from './term.js';
import { Terms } from './term.js';

/** What holds the network, as the launcher gets it. */
export interface NetworkPlans {
  readonly landlock: readonly OciLandlock[];
  /** What the programs of the instance's cgroup decide by; empty: there are none. */
  readonly addresses: readonly AddressRow[];
  /** In a network namespace of its own, which nothing leaves. */
  readonly apart: boolean;
  /** Calls that the supervisor performs, on sockets bound to a granted port. */
  readonly supervised: readonly string[];
  /** Programs of the instance's cgroup refuse unix sockets every address. */
  readonly refusesUnix?: boolean;
}

/** Something that can be done on the network although the policy refuses it. */
export interface NetworkDifference {
  readonly rule: RuleId;
  readonly call: string;
  readonly text: string;
}

/** A name that no rule has. */
const ANY_NAME = 'any-other-name';
/** The kernel looks at this much of an int. */
const INT = 0xffff_ffffn;
const FAMILIES = ['AF_INET', 'AF_INET6'] as const;
const SENDING: readonly (readonly [call: string, flags: number, address: number | undefined])[] = [
  ['sendto', 3, 4],
  ['sendmsg', 2, undefined],
  ['sendmmsg', 3, undefined],
];

/** What an address is asked for, and by which calls. */
const WAYS: readonly {
  readonly word: SocketAccess;
  readonly protocol: 'tcp' | 'udp';
  readonly right: string;
  readonly calls: readonly (readonly [string, number | undefined])[];
}[] = [
  { word: 'accept', protocol: 'tcp', right: 'bind_tcp', calls: [['bind', undefined]] },
  { word: 'connect', protocol: 'tcp', right: 'connect_tcp', calls: [['connect', undefined]] },
  { word: 'accept', protocol: 'udp', right: 'bind_udp', calls: [['bind', undefined]] },
  { word: 'connect', protocol: 'udp', right: 'connect_send_udp', calls: [['connect', undefined]] },
  {
    word: 'send',
    protocol: 'udp',
    right: 'connect_send_udp',
    calls: SENDING.map(([call, , address]) => [call, address]),
  },
];

/**
 * Shows that filter, Landlock, cgroup programs and network namespace together reach no address that the policy does not grant. Rules
 * are constant between the prefixes and ports that they name: an address of each kind, with a port of each kind, stands for all.
 */
export async function networkDifferences(
  policy: Policy,
  plans: NetworkPlans,
  solver: Solver,
): Promise<readonly NetworkDifference[]> {
  const terms = new Terms();
  const found: NetworkDifference[] = [];
  const permitted = async (call: string, ...parts: readonly Term[]): Promise<string | undefined> => {
    const model = await solver.find(terms.and(meaningOf(policy, call, terms).permitted, ...parts));
    return model === undefined ? undefined : callText(call, argumentsOf(model));
  };
  const given = (address: number | undefined): readonly Term[] =>
    address === undefined ? [] : [terms.not(argumentIs(address, 0n, terms))];
  if (plans.apart) return found;
  const ranges = plans.addresses.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const everywhere = destinations([policy], ranges, portsOf(plans));
  await abstractNames();
  if ((await permitted('socket', inet(terms), isTcp(terms))) !== undefined) {
    await addresses('tcp');
    await portOfTheKernel();
    await fastOpen();
  }
  if ((await permitted('socket', inet(terms), isUdp(terms))) !== undefined) await addresses('udp');
  await otherProtocols();
  return found;

  async function addresses(protocol: 'tcp' | 'udp'): Promise<void> {
    const rules = internetRules(policy.network);
    for (const way of WAYS.filter((each) => each.protocol === protocol)) {
      const call = await firstOf(way.calls);
      if (call === undefined) continue;
      for (const destination of everywhere) {
        if (destination.protocol !== protocol) continue;
        if (decideEndpoint(rules, way.word, destination).granted) continue;
        if (!portPermits(plans.landlock, way.right, destination.port)) continue;
        if (!rowsPermit(plans.addresses, way.word, destination)) continue;
        const to = endpointText(destination);
        const text = `${call}(..., ${to}, ...): no rule grants it, and neither filter, Landlock nor cgroup refuses it`;
        found.push({ rule: ruleOf(way.word, protocol), call: `${call}(..., ${to}, ...)`, text });
        break;
      }
    }
  }

  async function firstOf(calls: (typeof WAYS)[number]['calls']): Promise<string | undefined> {
    for (const [call, address] of calls)
      if ((await permitted(call, ...given(address))) !== undefined) return call;
    return undefined;
  }

  /** A socket that was never bound gets a port when it listens. */
  async function portOfTheKernel(): Promise<void> {
    const call = await permitted('listen');
    if (call === undefined || plans.supervised.includes('listen')) return;
    found.push({
      rule: 'network:accept',
      call,
      text: `${call}: on a socket that is not bound it takes a port of the kernel's choice, and no supervisor looks`,
    });
  }

  /** A connection that no connect call makes, so that Landlock is not asked; the cgroup's programs are. */
  async function fastOpen(): Promise<void> {
    const flag = constant('MSG_FASTOPEN');
    const rules = internetRules(policy.network);
    const tcp = everywhere.filter(({ protocol }) => protocol === 'tcp');
    const reached = tcp.find(
      (each) =>
        !decideEndpoint(rules, 'connect', each).granted && rowsPermit(plans.addresses, 'connect', each),
    );
    if (reached === undefined) return;
    for (const [name, flags, address] of SENDING) {
      const call = await permitted(name, argumentIs(flags, flag, terms, flag), ...given(address));
      if (call === undefined) continue;
      const text = `${call}: MSG_FASTOPEN connects to ${endpointText(reached)}, and Landlock is not asked`;
      found.push({ rule: 'network:connect', call, text });
    }
  }

  async function otherProtocols(): Promise<void> {
    const call = await permitted('socket', inet(terms), terms.not(terms.or(isTcp(terms), isUdp(terms))));
    if (call === undefined) return;
    const text = `${call}: of this protocol no mechanism rules where it leads`;
    found.push({ rule: 'network:raw', call, text });
  }

  async function abstractNames(): Promise<void> {
    const scoped =
      plans.refusesUnix === true ||
      plans.landlock.some((layer) => layer.ruleset.scoped.includes('abstract_unix_socket'));
    const granted = (['connect', 'send'] as const).every(
      (word) => decideAbstract(policy.network, word, ANY_NAME).granted,
    );
    if (granted) return;
    const unix = argumentIs(0, constant('AF_UNIX'), terms, INT);
    if (scoped || (await permitted('socket', unix)) === undefined) return;
    for (const name of ['connect', 'sendto', 'sendmsg', 'sendmmsg']) {
      const parts = name === 'sendto' ? [terms.not(argumentIs(4, 0n, terms))] : [];
      const call = await permitted(name, ...parts);
      if (call === undefined) continue;
      const text = `${call}: unix:@${ANY_NAME} is no name that a rule grants, and nothing keeps it within the instance`;
      found.push({ rule: 'scope:abstract-unix', call, text });
      return;
    }
  }
}

/** Whether all layers let a port through. */
export function portPermits(layers: readonly OciLandlock[], right: string, port: number): boolean {
  return layers.every(
    (layer) =>
      !layer.ruleset.handledAccessNet.includes(right) ||
      layer.rules.netPort.some((rule) => rule.allowedAccess.includes(right) && rule.ports.includes(port)),
  );
}

/** The ports that the plans name, beside those of the rules. */
function portsOf({ landlock, addresses }: NetworkPlans): readonly number[] {
  const granted = landlock.flatMap((layer) => layer.rules.netPort.flatMap((rule) => rule.ports));
  const ends = addresses.flatMap(({ ports }) => [ports.from, ports.to]);
  return [...new Set([0, ...granted, ...ends])];
}

function ruleOf(word: SocketAccess, protocol: 'tcp' | 'udp'): RuleId {
  return protocol === 'udp' ? 'network:udp' : `network:${word}`;
}

function endpointText({ protocol, address, port }: Destination): string {
  const text = addressText(address);
  return `${protocol}/${address.family === 6 ? `[${text}]` : text}:${port}`;
}

function inet(terms: Terms): Term {
  return terms.or(...FAMILIES.map((family) => argumentIs(0, constant(family), terms, INT)));
}

function isTcp(terms: Terms): Term {
  const stream = argumentIs(1, constant('SOCK_STREAM'), terms, constant('SOCK_TYPE_MASK'));
  return terms.and(stream, isOf(terms, 0n, constant('IPPROTO_TCP')));
}

function isUdp(terms: Terms): Term {
  const datagram = argumentIs(1, constant('SOCK_DGRAM'), terms, constant('SOCK_TYPE_MASK'));
  return terms.and(datagram, isOf(terms, 0n, constant('IPPROTO_UDP')));
}

function isOf(terms: Terms, ...protocols: readonly bigint[]): Term {
  return terms.or(...protocols.map((protocol) => argumentIs(2, protocol, terms, INT)));
}

function constant(name: string): bigint {
  const value = constantValue(name);
  if (value === undefined) throw new RangeError(`there is no constant ${name}`);
  return value;
}
