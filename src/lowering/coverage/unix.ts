import type { Policy, SocketRule } from '../../policy/index.js';
import type { Coverage, Mechanism } from '../plan.js';
import { addressesNoUnixSocket } from '../reach.js';
import { reachesAbstract, refusesUnix } from '../socket-plan.js';
import type { Place } from './place.js';
import { isApart, isFiltered, mayBeSeparate, row, unheld } from './place.js';

const SOCKET_FILES_ABI = 9;
const SCOPE_ABI = 6;

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
      ? row(policy, rule.id, mechanism, '')
      : unheld(policy, rule.id, 'this kernel does not rule connections to sockets by path', needs);
  return { ...found, needs: mechanism.includes('landlock') ? needs : found.needs, span: rule.span };
}

/** Landlock's scope keeps all names outside out of reach, or none. */
function abstractRow(policy: Policy, rule: SocketRule, place: Place): Coverage {
  const { object, access, span } = rule;
  const needs = place.abiText(SCOPE_ABI);
  if (access.size === 0) return { ...abstractScope(policy, rule.id, place), span };
  if (object.kind === 'abstract' && object.name === undefined && access.size === 2)
    return { ...row(policy, rule.id, [], 'every abstract name in its network is in reach'), span };
  const note = 'nothing here tells one abstract name from another: all of them are in reach, or none';
  return { ...unheld(policy, rule.id, note, needs), span };
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
  const note =
    mechanism.join() === 'rootfs' ? 'there are no other sockets than its own, but those in mounts' : '';
  return { ...row(policy, rule, mechanism, note), needs };
}
