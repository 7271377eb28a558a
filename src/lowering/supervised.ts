/** What becomes of a call under an engine that has no supervisor. */
export type Elsewhere = 'permit' | 'absent';

/**
 * Calls that the supervisor performs in the caller's place. listen takes a port of the kernel's choice where the socket was
 * never bound, and no Landlock ABI so far looks there. A ring of the caller's own making would perform what no filter sees.
 */
export const SUPERVISED_CALLS: ReadonlyMap<string, Elsewhere> = new Map([
  ['listen', 'permit'],
  ['io_uring_setup', 'absent'],
]);
