import type { Policy, SocketRule } from '../../policy/index.js';
import type { Coverage, Mechanism } from '../plan.js';
import { addressesNoUnixSocket } from '../reach.js';
import { reachesAbstract, refusesUnix } from '../socket-plan.js';
import type { Place } from './place.js';
import { isApart, isFiltered, mayBeSeparate, row, unheld } from './place.js';

const SOCKET_FILES_ABI = 9;
const SCOPE_ABI = 6;
/** Landlock asks nothing of a socket that a process of the same layer has bound. */
const OWN_SOCKETS = "the instance's own sockets are within its reach, whatever the rules say";

/** How rules on unix sockets are held, and what none of them grants. */
export function unixCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const rules = policy.network.sockets.flatMap((rule): Coverage[] => {
    if (rule.object.kind === 'unix') return [pathRow(policy, rule, place)];
    return rule.object.kind === 'abstract' ? [abstractRow(policy, rule, place)] : [];
  });
  return [...rules, socketFileRow(policy, place)];
}

function nobody(policy: Policy, place: Place): boolean {
  return isFiltered(place) && addressesNoUnixSocket(policy);
}

/** A rule that refuses what a file rule would grant, or grants what it would not, takes a kernel that asks Landlock. */
function pathRow(policy: Policy, rule: SocketRule, place: Place): Coverage {
  const mechanism: Mechanism[] = [];
  if (nobody(policy, place)) mechanism.push('seccomp');
  if (rule.access.size === 1) {
    const note = 'connect and send are one right of the kernel: a rule has both, or none';
    return { ...unheld(policy, rule.id, note, ''), span: rule.span };
  }
  if (place.features.landlockAbi >= SOCKET_FILES_ABI) mechanism.push('landlock');
  if (refusesUnix(policy, place.isHost, place.features)) mechanism.push('cgroup');
  // Without it, nothing stops a connection: where the rule grants one, that is what it says.
  const needs = place.abiText(SOCKET_FILES_ABI);
  if (mechanism.length === 0 && rule.access.size > 0 && !place.isHost && mayBeSeparate(place.features))
    mechanism.push('rootfs');
  const found =
    mechanism.length > 0
      ? row(policy, rule.id, mechanism, mechanism.join() === 'landlock' ? OWN_SOCKETS : '')
      : unheld(policy, rule.id, 'this kernel does not rule connections to sockets by path', needs);
  return { ...found, needs: mechanism.includes('landlock') ? needs : found.needs, span: rule.span };
}

/** Landlock's scope keeps all names outside out of reach, or none. */
function abstractRow(policy: Policy, rule: SocketRule, place: Place): Coverage {
  const { object, access, span } = rule;
  if (access.size === 0) {
    if (!reachesAbstract(policy)) return { ...abstractScope(policy, rule.id, place), span };
    return { ...unheld(policy, rule.id, `another rule puts names into reach, and ${ALL_OR_NONE}`, ''), span };
  }
  if (access.size === 1) {
    const note = 'no mechanism refuses one of connect and send on abstract names: a rule has both, or none';
    return { ...unheld(policy, rule.id, note, ''), span };
  }
  const note = object.kind === 'abstract' && object.name !== undefined ? ', as every other one is then' : '';
  return { ...row(policy, rule.id, [], `in reach${note}`), span };
}

const ALL_OR_NONE =
  'the kernel keeps back all abstract names of others (Landlock scope, cgroup, network), or none';

/**
 * What keeps back the abstract names that no rule grants. One that a rule grants is held by nothing being in its way; then nothing is
 * in the way of the others either, which is said of them, where the profile does not grant them all.
 */
export function othersAbstract(policy: Policy, place: Place): Coverage {
  const rule = 'scope:abstract-unix';
  if (!reachesAbstract(policy)) return abstractScope(policy, rule, place);
  const all = policy.network.sockets.some(
    ({ object, access }) => object.kind === 'abstract' && object.name === undefined && access.size === 2,
  );
  if (all) return row(policy, rule, [], 'a rule of the profile grants every name');
  if (isApart(policy, place)) return row(policy, rule, ['network-namespace'], '');
  const single = policy.network.sockets.find(
    ({ object, access }) => object.kind === 'abstract' && access.size > 0,
  );
  return {
    ...unheld(policy, rule, `${single?.id ?? 'a rule'} grants a single name, and ${ALL_OR_NONE}`, ''),
    span: single?.span ?? policy.span,
    remedy:
      'grant all names (unix:@* with connect and send), give it a network of its own (interface: loopback or none)',
  };
}

export function abstractScope(policy: Policy, rule: string, place: Place): Coverage {
  const mechanism: Mechanism[] = [];
  if (place.features.landlockAbi >= SCOPE_ABI && !reachesAbstract(policy)) mechanism.push('landlock');
  if (isApart(policy, place)) mechanism.push('network-namespace');
  if (nobody(policy, place)) mechanism.push('seccomp');
  if (refusesUnix(policy, place.isHost, place.features)) mechanism.push('cgroup');
  const needs = mechanism.some((name) => name !== 'landlock') ? '' : place.abiText(SCOPE_ABI);
  if (mechanism.length > 0) return { ...row(policy, rule, mechanism, ''), needs };
  return unheld(policy, rule, 'this kernel does not keep it within the instance', needs);
}

/** A connection to a socket that is a file needs write on it; older kernels do not ask Landlock. */
function socketFileRow(policy: Policy, place: Place): Coverage {
  const rule = 'files:unix-sockets';
  const mechanism: Mechanism[] = [];
  if (nobody(policy, place)) mechanism.push('seccomp');
  if (place.features.landlockAbi >= SOCKET_FILES_ABI) mechanism.push('landlock');
  if (!place.isHost && mayBeSeparate(place.features)) mechanism.push('rootfs');
  if (mechanism.length === 0 && refusesUnix(policy, place.isHost, place.features)) {
    const note = 'this kernel cannot tell them apart: every connection to a unix socket is refused';
    return row(policy, rule, ['cgroup'], note);
  }
  const needs = mechanism.some((name) => name !== 'landlock') ? '' : place.abiText(SOCKET_FILES_ABI);
  if (mechanism.length === 0) {
    const note = 'this kernel lets it connect to unix sockets by path whatever the file rules say';
    return unheld(policy, rule, note, `${needs}, or calls that refuse AF_UNIX to socket`);
  }
  const notes: Readonly<Record<string, string>> = {
    rootfs: 'there are no other sockets than its own, but those in mounts',
    landlock: OWN_SOCKETS,
    'landlock,rootfs': OWN_SOCKETS,
  };
  return { ...row(policy, rule, mechanism, notes[mechanism.join()] ?? ''), needs };
}
