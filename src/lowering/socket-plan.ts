import type { InternetRule, Policy, PortRange, SocketAccess } from '../policy/index.js';
import { decidePort, internetRules } from '../policy/index.js';
import type { AddressRow } from './addresses/index.js';
import { addressRows, portIntervals } from './addresses/index.js';
import type { KernelFeatures } from './ports.js';
import { addressesNoUnixSocket, mayFastOpen, mayOpenUdp } from './reach.js';

/** What rules speak of as one: a word on sockets of one protocol. */
export interface Pair {
  readonly word: SocketAccess;
  readonly protocol: 'tcp' | 'udp';
}

/** A right of Landlock on ports, the ABI that brought it, and what it is for. */
interface PortRight {
  readonly right: string;
  readonly abi: number;
  readonly pairs: readonly Pair[];
}

export const PORT_RIGHTS: readonly PortRight[] = [
  { right: 'bind_tcp', abi: 4, pairs: [{ word: 'accept', protocol: 'tcp' }] },
  { right: 'connect_tcp', abi: 4, pairs: [{ word: 'connect', protocol: 'tcp' }] },
  { right: 'bind_udp', abi: 10, pairs: [{ word: 'accept', protocol: 'udp' }] },
  {
    right: 'connect_send_udp',
    abi: 10,
    pairs: [
      { word: 'connect', protocol: 'udp' },
      { word: 'send', protocol: 'udp' },
    ],
  },
];

/** A UDP socket that connects or sends before it is bound takes a port of the kernel's choice: Landlock asks for this one then, as for a bind to it. */
const KERNELS_PORT = 0;

export const PAIRS: readonly Pair[] = PORT_RIGHTS.flatMap(({ pairs }) => pairs);

/** One rule of Landlock for each port; a range of more of them is left to the cgroup. */
const LISTED_MAX = 1024;

/** What Landlock is given for one of its rights. */
export interface PortGrant {
  /** all: every port is granted, so that the right is not handled. unlisted: too many for rules, likewise. */
  readonly ports: readonly number[] | 'all' | 'unlisted';
  /** Whether that is all that the rules say: they know no addresses, and say the same for each word of the right. */
  readonly exact: boolean;
}

export function portGrant(policy: Policy, right: PortRight): PortGrant {
  const rules = internetRules(policy.network);
  const granted: PortRange[] = [];
  let exact = true;
  for (const range of portIntervals(rules)) {
    const verdicts = right.pairs.map(({ word, protocol }) => decidePort(rules, word, protocol, range.from));
    if (verdicts.some((verdict) => verdict !== 'none')) granted.push(range);
    if (verdicts.includes('some') || new Set(verdicts).size > 1) exact = false;
  }
  if (right.right === 'bind_udp' && needsKernelsPort(rules)) {
    granted.unshift({ from: KERNELS_PORT, to: KERNELS_PORT });
    exact = false;
  }
  const count = granted.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (count === 65536) return { ports: 'all', exact };
  if (count > LISTED_MAX) return { ports: 'unlisted', exact: false };
  return { ports: granted.flatMap(({ from, to }) => range(from, to)), exact };
}

function needsKernelsPort(rules: readonly InternetRule[]): boolean {
  const leads = rules.some(
    ({ object, access }) => object.protocol === 'udp' && (access.has('connect') || access.has('send')),
  );
  return leads && decidePort(rules, 'accept', 'udp', KERNELS_PORT) === 'none';
}

/** Whether Landlock would grant a bind to port 0 only because sockets that lead somewhere need it. */
export function lendsKernelsPort(policy: Policy, pair: Pair): boolean {
  return rightOf(pair).right === 'bind_udp' && needsKernelsPort(internetRules(policy.network));
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** What holds a pair exactly; undefined where nothing at hand does. */
export type Holder = 'landlock' | 'cgroup' | 'network-namespace' | 'nothing-refused';

export function holderOf(policy: Policy, pair: Pair, features: KernelFeatures): Holder | undefined {
  // With loopback down there is nobody to reach, the instance's own sockets included.
  if (policy.network.interface === 'none' && (features.namespaces ?? features.userNamespaces))
    return 'network-namespace';
  const right = rightOf(pair);
  const grant = portGrant(policy, right);
  if (grant.exact && grant.ports === 'all') return 'nothing-refused';
  if (byPorts(policy, pair) && features.landlockAbi >= right.abi) return 'landlock';
  return features.cgroup?.addresses === true ? 'cgroup' : undefined;
}

/** Whether ports are all that has to be looked at, where Landlock looks. */
export function byPorts(policy: Policy, pair: Pair): boolean {
  if (!portGrant(policy, rightOf(pair)).exact) return false;
  return pair.protocol === 'udp' || pair.word === 'accept' || !mayFastOpen(policy);
}

export function rightOf({ word, protocol }: Pair): PortRight {
  const found = PORT_RIGHTS.find(({ pairs }) =>
    pairs.some((pair) => pair.word === word && pair.protocol === protocol),
  );
  if (found === undefined) throw new RangeError(`${protocol} has no ${word}`);
  return found;
}

/** The lines for the cgroup's programs: those of each pair that nothing else holds; of UDP none where the filter lets no such socket be made. */
export function addressPlan(policy: Policy, features: KernelFeatures): readonly AddressRow[] {
  const rules: readonly InternetRule[] = internetRules(policy.network);
  const idle = !mayOpenUdp(policy) && !rules.some(({ object }) => object.protocol === 'udp');
  return PAIRS.filter((pair) => holderOf(policy, pair, features) === 'cgroup')
    .filter(({ protocol }) => protocol === 'tcp' || !idle)
    .flatMap(({ word, protocol }) => addressRows(rules, word, protocol));
}

/** `tcp/110`, `tcp/80-90`: what may be bound on some address, for what is looked at by port alone. */
export function listenText(policy: Policy): readonly string[] {
  const rules = internetRules(policy.network);
  const granted = portIntervals(rules).filter(
    ({ from }) => decidePort(rules, 'accept', 'tcp', from) !== 'none',
  );
  return joined(granted).map(({ from, to }) => `tcp/${from === to ? from : `${from}-${to}`}`);
}

function joined(ranges: readonly PortRange[]): readonly PortRange[] {
  const all: PortRange[] = [];
  for (const next of ranges) {
    const last = all.at(-1);
    // Single ports stand by themselves: each is looked for before a launch.
    const wide = last !== undefined && (last.to > last.from || next.to > next.from);
    if (last !== undefined && wide && last.to + 1 === next.from)
      all[all.length - 1] = { from: last.from, to: next.to };
    else all.push(next);
  }
  return all;
}

/** Whether the rules put abstract names of others into reach, so that nothing scopes them. */
export function reachesAbstract(policy: Policy): boolean {
  return policy.network.sockets.some(({ object, access }) => object.kind === 'abstract' && access.size > 0);
}

const SOCKET_FILES_ABI = 9;

/**
 * Whether programs of the cgroup refuse unix sockets every address: over the host's tree, before Landlock asks for the sockets' files,
 * where the profile has no rule that lets them be reached. What the file rules grant there is then refused, too.
 */
export function refusesUnix(policy: Policy, isHost: boolean, features: KernelFeatures): boolean {
  if (!isHost || features.landlockAbi >= SOCKET_FILES_ABI || features.cgroup?.unix !== true) return false;
  if (addressesNoUnixSocket(policy)) return false;
  const granted = policy.network.sockets.some(
    ({ object, access }) => object.kind !== 'internet' && access.size > 0,
  );
  // The supervisor connects the program's own socket to the log, which the programs would refuse it as well.
  return !granted && !policy.services.includes('syslog');
}
