import type { Policy } from '../policy/index.js';
import { constantValue, decideCall, scalarEvent } from '../policy/index.js';

/** What the unix sockets that a policy lets be made can do with an address. */
export interface UnixSockets {
  /** One of them can be connected: any that `socket` makes, and pairs of datagram sockets, which can change their peer. */
  readonly connect: boolean;
  /** One of them takes an address with what is sent: datagram sockets alone. The kernel refuses or ignores it on the others. */
  readonly send: boolean;
}

// The kernel makes a datagram socket where a raw one is asked for.
const DATAGRAM = ['SOCK_DGRAM', 'SOCK_RAW'];
const CONNECTED = ['SOCK_STREAM', 'SOCK_SEQPACKET'];

export function unixSockets(policy: Policy): UnixSockets {
  const datagram = makes(policy, 'socket', DATAGRAM) || makes(policy, 'socketpair', DATAGRAM);
  return { connect: datagram || makes(policy, 'socket', CONNECTED), send: datagram };
}

/** Tries all that the kernel accepts: a type with either flag, and no protocol or the family's own. */
function makes(policy: Policy, call: 'socket' | 'socketpair', types: readonly string[]): boolean {
  const domain = constantValue('AF_UNIX') ?? 0n;
  const cloexec = constantValue('SOCK_CLOEXEC') ?? 0n;
  const nonblock = constantValue('SOCK_NONBLOCK') ?? 0n;
  return types.some((type) =>
    [0n, cloexec, nonblock, cloexec | nonblock].some((flags) =>
      [0n, domain].some(
        (protocol) =>
          decideCall(policy, scalarEvent(call, [domain, (constantValue(type) ?? 0n) | flags, protocol]))
            .verdict === 'allow',
      ),
    ),
  );
}
