import type { Policy } from '../../policy/index.js';
import type { Coverage, Mechanism } from '../plan.js';
import type { Arch, KernelFeatures } from '../ports.js';

/** Where the policy runs, as far as coverage depends on it. */
export interface Place {
  readonly isHost: boolean;
  readonly arch: Arch;
  readonly features: KernelFeatures;
  /** Landlock's name and kernel for an ABI, for what a row needs. */
  readonly abiText: (abi: number) => string;
}

export const FILTER_NEEDS = 'seccomp with user notification (Linux 5.0)';
export const NAMESPACE_NEEDS = 'namespaces: the superuser, or user namespaces';
export const ADDRESS_NEEDS = 'cgroup v2 with BPF programs for socket addresses, and the superuser';

/** Whether the filter, and the supervisor that it raises calls to, can be had. */
export function isFiltered(place: Place): boolean {
  return ['user_notif', 'errno'].every((action) => place.features.seccompActions.includes(action));
}

/** Whether the kernel lets this user separate anything. */
export function mayBeSeparate(features: KernelFeatures): boolean {
  return features.namespaces ?? features.userNamespaces;
}

/** In a network of its own. */
export function isApart(policy: Policy, place: Place): boolean {
  return policy.network.interface !== 'host' && mayBeSeparate(place.features);
}

export function row(policy: Policy, rule: string, mechanism: readonly Mechanism[], note: string): Coverage {
  return { rule, mechanism, status: 'full', note, needs: '', span: policy.span };
}

export function unheld(policy: Policy, rule: string, note: string, needs: string): Coverage {
  return { ...row(policy, rule, [], note), status: 'none', needs };
}
