import type { Policy } from '../policy/index.js';

/** What the launcher sets beside filter, ruleset and mounts. */
export interface Settings {
  readonly capabilities: readonly string[];
  readonly rlimits: readonly { readonly type: string; readonly hard: bigint }[];
  readonly noNewPrivileges: boolean;
  /** In a network namespace of its own. */
  readonly apart: boolean;
}

/** What the settings leave to a program although the policy does not. */
export function settingDifferences(policy: Policy, settings: Settings): readonly string[] {
  const found: string[] = [];
  for (const name of settings.capabilities)
    if (!policy.capabilities.includes(name)) found.push(`${name} is kept, and the profile does not grant it`);
  for (const { type, value } of policy.limits) {
    const set = settings.rlimits.find((limit) => limit.type === type);
    if (set === undefined) found.push(`${type} is not limited, and the profile has ${value}`);
    else if (set.hard > value) found.push(`${type} is ${set.hard}, and the profile has ${value}`);
  }
  if (!settings.noNewPrivileges)
    found.push('a set-user-id program can raise privileges: noNewPrivileges is off');
  if (policy.network.interface !== 'host' && !settings.apart)
    found.push(`the network is the host's, and the profile has ${policy.network.interface}`);
  return found;
}
