import { type SourceFile, unwrap } from '../common/index.js';
import { parseProfile } from '../language/index.js';
import type { Lowered } from '../lowering/index.js';
import { allConstants, type Policy, type PolicyType } from '../policy/index.js';

/**
 * What stands in for the profile of a bundle that has none yet. No call is permitted: under its filter no program gets anywhere, whichever
 * engine loads it. The launcher refuses such a bundle before that; the recorder alone runs it, without filter and Landlock.
 * The files are open so that nothing is masked by mounts, which stay in place under the recorder.
 */
export function unprofiledPolicy(name: string): { readonly file: SourceFile; readonly policy: Policy } {
  const file = { name: 'the place of a profile', text: openProfile(name, 'strict') };
  return { file, policy: unwrap(parseProfile(file), [file]) };
}

function openProfile(name: string, type: PolicyType): string {
  return `vxed: 1
name: ${JSON.stringify(name)}
description: none yet
type: ${type}
files: {/: read write create remove execute}
network: {interface: host}
exec: any
services: [syslog]
descriptors: [stdio, listen]
`;
}

/** What refuses the program of such a bundle while it is recorded: nothing but its mounts, and whatever the kernel refuses to root. */
export function recordedPolicy(name: string): Policy {
  const file = { name: 'no profile', text: openProfile(name, 'filesystem') };
  const capabilities = [...allConstants().keys()].filter((each) => each.startsWith('CAP_'));
  return { ...unwrap(parseProfile(file), [file]), capabilities };
}

/** The plans without what would refuse the program something while it is recorded, besides filter and Landlock. */
export function openToRecorder(lowered: Lowered): Lowered {
  return {
    ...lowered,
    addresses: '',
    refusesUnix: false,
    listen: [],
    supervised: [],
    rings: [],
    ownFiles: '',
    rlimits: [],
    resources: [],
  };
}
