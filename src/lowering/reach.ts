import { maskOf } from '../common/index.js';
import type { ArgumentTest, Condition, Policy } from '../policy/index.js';
import { constantValue, decideCall, OBJECT_CALLS, SIGNAL_CALLS, scalarEvent } from '../policy/index.js';
import { unixSockets } from './unix-sockets.js';

const SOCKET_TYPES = ['SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_RAW', 'SOCK_SEQPACKET', 'SOCK_RDM'];
const INTERNET = ['AF_INET', 'AF_INET6'];

/** The largest number of a protocol that any family has. */
const PROTOCOL_MAX = 262n;

/** Asks it once of each policy: the answer rests on hundreds of calls. */
function once(ask: (policy: Policy) => boolean): (policy: Policy) => boolean {
  const known = new WeakMap<Policy, boolean>();
  return (policy) => {
    const before = known.get(policy);
    if (before !== undefined) return before;
    const answer = ask(policy);
    known.set(policy, answer);
    return answer;
  };
}

export function refusesWhole(policy: Policy, call: string): boolean {
  const rule = policy.calls.get(call);
  if (rule === undefined) return policy.unnamed === 'refuse';
  return rule.permit !== 'all' && rule.permit.length === 0;
}

/** No unix socket can be led to an address that the caller chooses. */
export const addressesNoUnixSocket = once((policy) => {
  const sockets = unixSockets(policy);
  const sends = !['sendmsg', 'sendmmsg'].every((call) => refusesWhole(policy, call)) || maySendTo(policy);
  return !(sockets.send && sends) && !(sockets.connect && !refusesWhole(policy, 'connect'));
});

/** Whether any socket of the internet families can be made. */
export const mayOpenInternet = once((policy) =>
  INTERNET.some((family) => SOCKET_TYPES.some((type) => permitsSocket(policy, family, type))),
);

/** Tries every protocol number that a family can have, since the rows may name any; `only` leaves out the others. */
function permitsSocket(
  policy: Policy,
  family: string,
  type: string,
  only: (protocol: bigint) => boolean = () => true,
): boolean {
  const domain = constantValue(family) ?? 0n;
  const kind = constantValue(type) ?? 0n;
  for (let protocol = 0n; protocol <= PROTOCOL_MAX; protocol++) {
    if (!only(protocol)) continue;
    if (decideCall(policy, scalarEvent('socket', [domain, kind, protocol])).verdict === 'allow') return true;
  }
  return false;
}

const TCP = [0n, constantValue('IPPROTO_TCP') ?? 6n];
const UDP = [0n, constantValue('IPPROTO_UDP') ?? 17n];

const mayOpenTcp = once((policy) =>
  INTERNET.some((family) =>
    permitsSocket(policy, family, 'SOCK_STREAM', (protocol) => TCP.includes(protocol)),
  ),
);

export const mayOpenUdp = once((policy) =>
  INTERNET.some((family) =>
    permitsSocket(policy, family, 'SOCK_DGRAM', (protocol) => UDP.includes(protocol)),
  ),
);

/** Sockets of the internet families that are neither TCP nor UDP: raw ones, MPTCP, SCTP and all others. */
export const mayOpenOther = once((policy) => {
  const usual: Readonly<Record<string, readonly bigint[]>> = { SOCK_STREAM: TCP, SOCK_DGRAM: UDP };
  return INTERNET.some((family) =>
    SOCKET_TYPES.some((type) =>
      permitsSocket(policy, family, type, (protocol) => usual[type]?.includes(protocol) !== true),
    ),
  );
});

const FAST_OPEN = constantValue('MSG_FASTOPEN') ?? 0x2000_0000n;

/** The calls that connect without connect(2), with where they have the flags, and the address where it is an argument. */
const SENDING = [
  { call: 'sendto', flags: 3, address: 4 },
  { call: 'sendmsg', flags: 2, address: undefined },
  { call: 'sendmmsg', flags: 3, address: undefined },
] as const;

/** Whether a TCP connection may be made by sending: the port rules of the kernel look at connect(2) alone. */
export const mayFastOpen = once(
  (policy) => mayOpenTcp(policy) && SENDING.some((way) => maySendWithFlag(policy, way)),
);

function maySendWithFlag(policy: Policy, { call, flags, address }: (typeof SENDING)[number]): boolean {
  const may = new Map<number, (condition: Condition) => boolean>([[flags, mayHaveFlag]]);
  if (address !== undefined) may.set(address, mayBeSet);
  return mayHold(policy, call, may, (test) => test.index === flags && isTheFlag(test.condition));
}

/** Whether sendto may be given an address. */
function maySendTo(policy: Policy): boolean {
  return mayHold(policy, 'sendto', new Map([[4, mayBeSet]]), () => false);
}

/**
 * Whether a call may be permitted with arguments of a kind: what `may` says of the conditions on some of them, true where that is
 * not clear; the others can be anything. `always` tells a quiet row's test that holds for all of that kind.
 */
function mayHold(
  policy: Policy,
  call: string,
  may: ReadonlyMap<number, (condition: Condition) => boolean>,
  always: (test: ArgumentTest) => boolean,
): boolean {
  const rule = policy.calls.get(call);
  if (rule === undefined) return policy.unnamed === 'permit';
  if (rule.quiet.some((row) => row.tests.every((test) => saysNothing(test) || always(test)))) return false;
  if (rule.permit === 'all') return true;
  return rule.permit.some((row) => row.tests.every((test) => may.get(test.index)?.(test.condition) ?? true));
}

/** Whether the test holds for every value. */
function saysNothing({ condition, width }: ArgumentTest): boolean {
  const all = maskOf(width);
  const holds = (each: Condition): boolean => {
    switch (each.kind) {
      case 'masked':
        return (each.mask & all) === 0n && each.value === 0n;
      case 'range':
        return each.from === 0n && each.to >= all;
      case 'any':
        return each.of.some(holds);
      case 'all':
        return each.of.every(holds);
    }
  };
  return holds(condition);
}

/** Whether an address that is there may satisfy the condition. */
function mayBeSet(condition: Condition): boolean {
  switch (condition.kind) {
    case 'masked':
      return condition.value !== 0n || condition.mask !== maskOf(64);
    case 'range':
      return condition.to > 0n;
    case 'any':
      return condition.of.some(mayBeSet);
    case 'all':
      return condition.of.every(mayBeSet);
  }
}

/** Whether the condition holds for every value that has the flag. */
function isTheFlag(condition: Condition): boolean {
  return condition.kind === 'masked' && condition.mask === FAST_OPEN && condition.value === FAST_OPEN;
}

/** Whether a value that has the flag may satisfy the condition; true where that is not clear. */
function mayHaveFlag(condition: Condition): boolean {
  switch (condition.kind) {
    case 'masked':
      return (condition.mask & FAST_OPEN) === 0n || (condition.value & FAST_OPEN) !== 0n;
    case 'range': {
      const { from, to } = condition;
      const next = (from & FAST_OPEN) !== 0n ? from : (from / FAST_OPEN) * FAST_OPEN + FAST_OPEN;
      return next <= to;
    }
    case 'any':
      return condition.of.some(mayHaveFlag);
    case 'all':
      return condition.of.every(mayHaveFlag);
  }
}

/** Calls that no Landlock domain may make, whatever capabilities its processes have. */
const MOUNT_CALLS = ['mount', 'umount2', 'move_mount', 'pivot_root', 'fsconfig'];

/**
 * The calls that soft mode's filter raises even where they are permitted: what they name is judged there. Sending is one of them where
 * a socket can be made that takes an address with what is sent.
 */
export function raisedCalls(policy: Policy): ReadonlySet<string> {
  const sends = mayOpenUdp(policy) || mayFastOpen(policy) || unixSockets(policy).send;
  return new Set([
    ...OBJECT_CALLS,
    'open_by_handle_at',
    'ioctl',
    ...SIGNAL_CALLS,
    ...MOUNT_CALLS,
    ...(sends ? SENDING.map(({ call }) => call) : []),
  ]);
}
