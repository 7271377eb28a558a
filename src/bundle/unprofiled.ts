import { type SourceFile, unwrap } from '../common/index.js';
import { parseProfile } from '../language/index.js';
import type { Lowered } from '../lowering/index.js';
import type { Policy } from '../policy/index.js';

/**
 * What stands in for the profile of a bundle that has none yet. No call is permitted: under its filter no program gets anywhere, whichever
 * engine loads it. The launcher refuses such a bundle before that; the recorder alone runs it, without filter and Landlock.
 * The files are open so that nothing is masked by mounts, which stay in place under the recorder.
 */
export function unprofiledPolicy(name: string): { readonly file: SourceFile; readonly policy: Policy } {
  const file = {
    name: 'the place of a profile',
    text: `vxed: 1
name: ${JSON.stringify(name)}
description: none yet
type: strict
files: {/: read write create remove execute}
network: {interface: host}
exec: any
services: [syslog]
descriptors: [stdio, listen]
`,
  };
  return { file, policy: unwrap(parseProfile(file), [file]) };
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
