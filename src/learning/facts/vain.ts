import { signatureOf } from '../../policy/index.js';
import type { RecordedCall, Recording } from '../recording/index.js';
import { succeeded } from './needs.js';

/** Sockets that a program made and got nothing from, as `AF_UNIX SOCK_STREAM`, with why. */
export type VainSockets = ReadonlyMap<string, string>;

/**
 * Two kinds. Unix sockets of which every connection failed, as the C library's to nscd where there is none. And sockets of datagrams that
 * were connected and never sent anything: the C library asks so which of its own addresses the kernel would take, to put a
 * name's addresses in order; without an answer they stay as they are.
 */
export function vainSockets(recordings: readonly Recording[]): VainSockets {
  const calls = recordings.map((recording) => recording.calls);
  const found = new Map<string, string>();
  for (const type of ['SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_SEQPACKET'])
    if (failsAlways(calls.flat(), type))
      found.set(`AF_UNIX ${type}`, 'every connection failed: whom it looks for is not there');
  if (calls.flat().some(isAsking) && calls.every(asksOnly))
    for (const family of ['AF_INET', 'AF_INET6'])
      found.set(`${family} SOCK_DGRAM`, 'connects and sends nothing: asks which address it would have');
  return found;
}

/** Whether every connection was one of these sockets': they are not made any more, and nothing is left to connect. */
export function connectsInVainOnly(recordings: readonly Recording[], vain: VainSockets): boolean {
  const connections = recordings.flatMap(({ calls }) => calls.filter(({ call }) => call === 'connect'));
  return connections.every(
    ({ address }) => address !== undefined && vain.has(`${address.family} ${address.type}`),
  );
}

function failsAlways(calls: readonly RecordedCall[], type: string): boolean {
  // Where the type is not known it could be this one.
  const own = calls.filter(({ address }) => address?.family === 'AF_UNIX' && (address.type ?? type) === type);
  return (
    own.some(({ call }) => call === 'connect') && own.every((call) => call.call === 'connect' && failed(call))
  );
}

function failed(call: RecordedCall): boolean {
  return !succeeded(call) && /^(ENOENT|ENOTDIR|ECONNREFUSED)$/.test(call.errno ?? '');
}

function isAsking({ call, address }: RecordedCall): boolean {
  return call === 'connect' && isDatagram(address);
}

function isDatagram(address: RecordedCall['address']): boolean {
  return /^AF_INET6?$/.test(address?.family ?? '') && (address?.type ?? 'SOCK_DGRAM') === 'SOCK_DGRAM';
}

const SENDS = /^send(to|msg|mmsg)$/;
const MOVES = /^(p?(read|write)(v2?|64)?|recv(from|msg|mmsg)|splice|sendfile|vmsplice)$/;

/** Of one recording: datagram sockets are connected, and neither bound, sent from, nor what is read or written next. */
function asksOnly(calls: readonly RecordedCall[]): boolean {
  const asking = new Set(calls.filter(isAsking).map(({ pid }) => pid));
  for (const [index, call] of calls.entries()) {
    if (isDatagram(call.address) && call.call !== 'connect') return false;
    // On a connected socket no address is said: it could be one of these.
    if (asking.has(call.pid) && call.address === undefined && SENDS.test(call.call)) return false;
    if (isAsking(call) && isUsed(calls, index)) return false;
  }
  return true;
}

/** Whether the next that is recorded of the same descriptor moves data. A repeated call has no line of its own: it did what the first one did. */
function isUsed(calls: readonly RecordedCall[], index: number): boolean {
  const asked = calls[index];
  const fd = asked?.args[0];
  for (const next of calls.slice(index + 1)) {
    if (next.pid !== asked?.pid) continue;
    // The number is another's from here on.
    if (next.result === fd && !MOVES.test(next.call)) return false;
    if (next.args[0] !== fd || signatureOf(next.call)?.[0]?.type !== 'fd') continue;
    return MOVES.test(next.call);
  }
  return false;
}
