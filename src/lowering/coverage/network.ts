import type { InternetRule, Policy } from '../../policy/index.js';
import { internetRules, wordsFor } from '../../policy/index.js';
import type { Coverage, Mechanism } from '../plan.js';
import { mayOpenInternet, mayOpenOther, mayOpenUdp, refusesWhole } from '../reach.js';
import type { Pair } from '../socket-plan.js';
import { byPorts, holderOf, lendsKernelsPort, PAIRS, portGrant, rightOf } from '../socket-plan.js';
import type { Place } from './place.js';
import { ADDRESS_NEEDS, FILTER_NEEDS, isApart, isFiltered, NAMESPACE_NEEDS, row, unheld } from './place.js';

/** How the rules on addresses are held, and what no rule grants is refused. */
export function networkCoverage(policy: Policy, place: Place): readonly Coverage[] {
  return [
    interfaceRow(policy, place),
    ...internetRules(policy.network).map((rule) => ruleRow(policy, rule, place)),
    defaultRow(policy, 'accept', place),
    defaultRow(policy, 'connect', place),
    datagramRow(policy, place),
    otherRow(policy, place),
  ];
}

function interfaceRow(policy: Policy, place: Place): Coverage {
  const rule = 'network:interface';
  if (policy.network.interface === 'host') return row(policy, rule, [], interfaceNote(policy));
  if (isApart(policy, place)) return row(policy, rule, ['network-namespace'], interfaceNote(policy));
  return unheld(policy, rule, 'no network of its own can be made here', NAMESPACE_NEEDS);
}

function interfaceNote(policy: Policy): string {
  switch (policy.network.interface) {
    case 'host':
      return "the host's interfaces; what may be done with them is what the other network rules say";
    case 'loopback':
      return 'a network of its own with loopback alone';
    case 'none':
      return 'a network of its own with nothing up';
  }
}

/** A rule is held where every word that it decides is: those that it grants, and those that it takes from a wider rule. */
function ruleRow(policy: Policy, rule: InternetRule, place: Place): Coverage {
  const mechanism = new Set<Mechanism>();
  const lacking: Pair[] = [];
  for (const word of wordsFor(rule.object)) {
    if (!rule.access.has(word) && !grantedAround(policy, rule, word)) continue;
    const pair = { word, protocol: rule.object.protocol };
    const holder = holderOf(policy, pair, place.features);
    if (holder === undefined) lacking.push(pair);
    else if (holder !== 'nothing-refused') mechanism.add(holder);
  }
  const [first] = lacking;
  const base = { span: rule.span, needs: first === undefined ? '' : needsText(policy, first, place) };
  if (first === undefined) return { ...row(policy, rule.id, [...mechanism], ''), ...base };
  return { ...unheld(policy, rule.id, lackText(policy, first), base.needs), ...base };
}

function lackText(policy: Policy, pair: Pair): string {
  if (byPorts(policy, pair)) return `this kernel does not rule ports of ${pair.protocol.toUpperCase()}`;
  if (lendsKernelsPort(policy, pair))
    return 'Landlock lets UDP sockets take a port by sending only where they may be bound to port 0, which no rule grants';
  return portGrant(policy, rightOf(pair)).exact
    ? 'the calls let MSG_FASTOPEN connect without a connect call, which is all that port rules look at'
    : 'nothing here rules addresses, or ranges of so many ports';
}

function grantedAround(policy: Policy, rule: InternetRule, word: Pair['word']): boolean {
  return internetRules(policy.network).some(
    (other) => other !== rule && other.object.protocol === rule.object.protocol && other.access.has(word),
  );
}

function needsText(policy: Policy, pair: Pair, place: Place): string {
  if (lendsKernelsPort(policy, pair)) return `${ADDRESS_NEEDS}, or a rule that grants accept on udp/0`;
  return byPorts(policy, pair) ? place.abiText(rightOf(pair).abi) : ADDRESS_NEEDS;
}

/** All TCP addresses that no rule grants. */
function defaultRow(policy: Policy, word: 'accept' | 'connect', place: Place): Coverage {
  const rule = `network:${word}`;
  const pair = { word, protocol: 'tcp' } as const;
  const call = word === 'accept' ? 'bind' : 'connect';
  const mechanism: Mechanism[] = [];
  const closed = refusesWhole(policy, call) || !mayOpenInternet(policy);
  if (isFiltered(place) && closed) mechanism.push('seccomp');
  if (isApart(policy, place)) mechanism.push('network-namespace');
  const holder = holderOf(policy, pair, place.features);
  if (holder === 'nothing-refused') return row(policy, rule, mechanism, 'the rules grant all');
  if (holder === 'landlock' || holder === 'cgroup') mechanism.push(holder);
  const alone = mechanism.every((name) => name === 'landlock' || name === 'cgroup');
  const needs = alone ? needsText(policy, pair, place) : '';
  if (mechanism.length === 0) {
    return unheld(policy, rule, lackText(policy, pair), needs);
  }
  if (word === 'connect' || refusesWhole(policy, 'listen'))
    return { ...row(policy, rule, mechanism, ''), needs };
  // Without a network of its own, a socket that was never bound listens on a port of the kernel's choice.
  if (!isFiltered(place) && !isApart(policy, place))
    return unheld(policy, rule, 'nothing here holds listen to sockets bound to a granted port', FILTER_NEEDS);
  const note =
    'the supervisor performs listen, on sockets bound to a granted port; other engines let it take a port of the kernel';
  return { ...row(policy, rule, [...mechanism, 'supervisor'], note), needs };
}

/** All UDP addresses that no rule grants. */
function datagramRow(policy: Policy, place: Place): Coverage {
  const rule = 'network:udp';
  if (!mayOpenUdp(policy) && isFiltered(place))
    return row(policy, rule, ['seccomp'], 'no UDP socket can be made');
  if (isApart(policy, place))
    return row(policy, rule, ['network-namespace'], 'datagrams reach no other host');
  const pairs = PAIRS.filter(({ protocol }) => protocol === 'udp');
  const holders = pairs.map((pair) => holderOf(policy, pair, place.features));
  const lacking = pairs[holders.indexOf(undefined)];
  if (lacking === undefined) {
    const mechanism = new Set(
      holders.filter((name): name is 'landlock' | 'cgroup' => name === 'landlock' || name === 'cgroup'),
    );
    const needs = pairs.map((pair) => needsText(policy, pair, place))[0] ?? '';
    return { ...row(policy, rule, [...mechanism], ''), needs };
  }
  if (!mayOpenUdp(policy)) return unheld(policy, rule, 'nothing here refuses UDP sockets', FILTER_NEEDS);
  if (lendsKernelsPort(policy, lacking) && place.features.landlockAbi >= rightOf(lacking).abi)
    return unheld(policy, rule, lackText(policy, lacking), needsText(policy, lacking, place));
  const note = 'UDP sockets can be made, and nothing here rules where they lead';
  return unheld(policy, rule, note, `${place.abiText(10)} or ${ADDRESS_NEEDS}`);
}

/** The socket rules speak of TCP and UDP; other protocols must be out of reach. */
function otherRow(policy: Policy, place: Place): Coverage {
  const rule = 'network:raw';
  const open = mayOpenOther(policy);
  if (!open && isFiltered(place))
    return row(policy, rule, ['seccomp'], 'no other socket than TCP and UDP can be made');
  if (isApart(policy, place))
    return row(policy, rule, ['network-namespace'], 'other sockets than TCP and UDP reach no other host');
  if (!open) return unheld(policy, rule, 'nothing here refuses sockets other than TCP and UDP', FILTER_NEEDS);
  const note =
    'the profile lets other sockets than TCP and UDP be made (raw ones, MPTCP, SCTP), and nothing rules where they lead';
  return unheld(policy, rule, note, 'rows for socket that name SOCK_STREAM or SOCK_DGRAM, and its protocol');
}
