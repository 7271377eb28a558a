import type { Policy, Resource, Service } from '../../policy/index.js';
import { SIGNAL_CALLS, TRACE_CALLS } from '../../policy/index.js';
import type { Coverage, Mechanism } from '../plan.js';
import { refusesWhole } from '../reach.js';
import type { Place } from './place.js';
import { FILTER_NEEDS, isFiltered, mayBeSeparate, row, unheld } from './place.js';
import { othersAbstract } from './unix.js';

/** What is said of the instance as a whole: whom it reaches, what it may have, and what it is given. */
export function instanceCoverage(policy: Policy, place: Place): readonly Coverage[] {
  return [
    ...scopeCoverage(policy, place),
    row(policy, 'capabilities', ['capabilities'], capabilityNote(policy)),
    ...policy.limits.map((limit) => ({ ...row(policy, limit.id, ['rlimit'], ''), span: limit.span })),
    ...policy.resources.map(({ id, resource, span }) => ({
      ...resourceRow(policy, id, resource, place),
      span,
    })),
    ...namespaceRows(policy, place),
    row(policy, 'descriptors', ['launcher'], descriptorNote(policy)),
    ...policy.services.map((service) => serviceRow(policy, service, place)),
  ];
}

const SCOPE_ABI = 6;
const TRACE_ABI = 1;

function scopeCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const signal: Mechanism[] = place.features.landlockAbi >= SCOPE_ABI ? ['landlock'] : [];
  // A process may trace none that is not held by all that holds itself.
  const trace: Mechanism[] = place.features.landlockAbi >= TRACE_ABI ? ['landlock'] : [];
  if (!place.isHost && mayBeSeparate(place.features)) {
    signal.push('pid-namespace');
    trace.push('pid-namespace');
  }
  if (isFiltered(place) && SIGNAL_CALLS.every((call) => refusesWhole(policy, call))) signal.push('seccomp');
  if (isFiltered(place) && TRACE_CALLS.every((call) => refusesWhole(policy, call))) trace.push('seccomp');
  return [
    scopeRow(policy, 'scope:signal', signal, SCOPE_ABI, place),
    scopeRow(policy, 'scope:trace', trace, TRACE_ABI, place),
    othersAbstract(policy, place),
  ];
}

function scopeRow(
  policy: Policy,
  rule: string,
  mechanism: readonly Mechanism[],
  abi: number,
  place: Place,
): Coverage {
  const needs = mechanism.some((name) => name !== 'landlock') ? '' : place.abiText(abi);
  const held = mechanism.length > 0;
  const note = held ? '' : 'this kernel does not keep it within the instance';
  return { ...row(policy, rule, mechanism, note), status: held ? 'full' : 'none', needs };
}

function capabilityNote(policy: Policy): string {
  return policy.capabilities.length === 0 ? 'none' : policy.capabilities.join(' ');
}

/** swap is the memory controller's. */
function controllerOf(resource: Resource): string {
  return resource === 'swap' ? 'memory' : resource;
}

function resourceRow(policy: Policy, rule: string, resource: Resource, place: Place): Coverage {
  const controller = controllerOf(resource);
  const { cgroup } = place.features;
  if (cgroup?.controllers.includes(controller) !== true) {
    const note = `no cgroup v2 hierarchy here offers this user the controller ${controller}`;
    return unheld(policy, rule, note, `cgroup v2 with the controller ${controller}`);
  }
  if (resource === 'io' && cgroup.diskWeights !== true)
    return unheld(policy, rule, 'no disk here is divided by weight', 'a disk with enable=1 in io.cost.qos');
  return row(policy, rule, ['cgroup'], '');
}

function namespaceRows(policy: Policy, place: Place): readonly Coverage[] {
  if (policy.namespaces === undefined) return [];
  const note = policy.namespaces.length === 0 ? 'none may be made' : `only ${policy.namespaces.join(', ')}`;
  if (isFiltered(place)) return [row(policy, 'namespaces', ['seccomp'], note)];
  return [unheld(policy, 'namespaces', 'nothing here refuses the flags of clone and unshare', FILTER_NEEDS)];
}

function descriptorNote({ descriptors }: Policy): string {
  const kept = descriptors.length === 0 ? "none of the launcher's are passed on" : descriptors.join(', ');
  return `${kept}; all others are closed when the program is executed`;
}

const SERVICE_NOTES = {
  syslog:
    'the supervisor relays /dev/log to the log of the instance, and makes the connection itself where connect is refused',
  notify: 'the supervisor relays what the program tells its service manager',
} as const;

function serviceRow(policy: Policy, service: Service, place: Place): Coverage {
  const rule = `services:${service}`;
  if (isFiltered(place)) return row(policy, rule, ['supervisor'], SERVICE_NOTES[service]);
  return unheld(policy, rule, 'the supervisor that relays it has nothing to listen to', FILTER_NEEDS);
}
