import type { Policy } from '../policy/index.js';
import { OPENING_CALLS } from '../policy/index.js';
import { grantsOwn } from './own-files.js';

/** What becomes of a call under an engine that has no supervisor. */
export type Elsewhere = 'permit' | 'absent';

/**
 * Calls that the supervisor performs in the caller's place. listen takes a port of the kernel's choice where the socket was
 * never bound, and no Landlock ABI so far looks there. A ring of the caller's own making would perform what no filter sees.
 */
const ALWAYS: ReadonlyMap<string, Elsewhere> = new Map([
  ['listen', 'permit'],
  ['io_uring_setup', 'absent'],
]);

/** Whether the call is such a one under this policy. Files of the calling process are not there yet when Landlock's rules are made. */
export function supervision(policy: Policy, call: string): Elsewhere | undefined {
  return OPENING_CALLS.includes(call) && grantsOwn(policy) ? 'permit' : ALWAYS.get(call);
}
