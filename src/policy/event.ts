import type { Result } from '../common/index.js';
import { failure, nearestName, success } from '../common/index.js';
import type { Address } from './address.js';
import { addressBits, parseAddress, rangeText } from './address.js';
import type { Argument } from './calls.js';
import { callNumber, knownCalls, signatureOf } from './calls.js';
import { constantValue, parseConstants } from './constants.js';
import { PORT_MAX, parseSocketObject } from './socket-object.js';

/** Where a socket is bound or connected to. */
export type SocketAddress =
  /** No address: whichever it may be. */
  | { readonly family: 'tcp' | 'udp'; readonly address: Address | undefined; readonly port: number }
  | { readonly family: 'unix'; readonly path: string }
  | { readonly family: 'abstract'; readonly name: string };

export type EventArgument =
  | { readonly kind: 'integer'; readonly value: bigint; readonly text: string }
  | { readonly kind: 'string'; readonly value: string; readonly text: string }
  | { readonly kind: 'address'; readonly value: SocketAddress; readonly text: string }
  /** A process by where it is: other, outside the instance. */
  | { readonly kind: 'process'; readonly value: 'instance' | 'other'; readonly text: string }
  /** Not said: nothing is known about it. */
  | { readonly kind: 'missing' };

/** One system call as the evaluator judges it; arguments stand where the kernel has them. */
export interface CallEvent {
  readonly call: string;
  readonly arguments: readonly EventArgument[];
}

const MISSING: EventArgument = { kind: 'missing' };

/** Reads `openat("/etc/shadow", O_WRONLY)`; a leading AT_FDCWD, and the descriptor before an address, may be left out. */
export function parseEvent(text: string): Result<CallEvent> {
  const match = /^\s*([a-z_][a-z0-9_]*)\s*(?:\((.*)\))?\s*$/is.exec(text);
  if (match === null)
    return badEvent(
      `${text.trim() === '' ? 'an empty text' : text} is not a call`,
      'write it as openat("/etc/passwd", O_RDONLY)',
    );
  const [, call = '', list = ''] = match;
  if (callNumber(call) === undefined) {
    const near = nearestName(call, knownCalls().keys());
    return failure({
      code: 'unknown-call',
      message: `there is no system call ${call}`,
      hint: near === undefined ? 'write the name as the kernel has it' : `did you mean ${near}?`,
    });
  }
  const pieces = splitArguments(list);
  if (pieces === undefined) return badEvent(`${text}: a string is not closed`, 'close it with "');
  const given: EventArgument[] = [];
  for (const piece of pieces) {
    const argument = parseArgument(piece);
    if (!argument.ok) return argument;
    given.push(argument.value);
  }
  const signature = signatureOf(call);
  if (signature === undefined) return success({ call, arguments: given });
  return place(call, signature, given);
}

/** Puts the arguments where the signature has them. */
function place(
  call: string,
  signature: readonly Argument[],
  given: readonly EventArgument[],
): Result<CallEvent> {
  const placed: EventArgument[] = [];
  const rest = [...given];
  for (const argument of signature) {
    const next = rest[0];
    if (argument.type === 'dirfd' && next?.kind === 'string') {
      placed.push({ kind: 'integer', value: constantValue('AT_FDCWD') ?? -100n, text: 'AT_FDCWD' });
    } else if (next?.kind === 'address' && !takesAddress(call, argument)) {
      // What stands before the address may be left out.
      placed.push(argument.name === 'flags' ? { kind: 'integer', value: 0n, text: '0' } : MISSING);
    } else {
      rest.shift();
      placed.push(next ?? MISSING);
    }
  }
  if (rest.length > 0) {
    const names = signature.map((argument) => argument.name).join(', ');
    return badEvent(
      `${call} takes ${signature.length} arguments, not ${given.length}`,
      `they are ${call}(${names})`,
    );
  }
  for (const [index, argument] of signature.entries()) {
    const problem = mismatch(call, argument, placed[index] ?? MISSING);
    if (problem !== undefined) return problem;
  }
  return success({ call, arguments: placed });
}

function mismatch(call: string, argument: Argument, given: EventArgument): Result<CallEvent> | undefined {
  const pointer = argument.width === 64 && argument.type !== 'long' && argument.type !== 'size';
  if (given.kind === 'string' && !pointer) {
    return badEvent(
      `${call}: ${argument.name} is a number, not ${given.text}`,
      'write a number or a constant',
    );
  }
  if (given.kind === 'address' && !takesAddress(call, argument)) {
    return badEvent(
      `${call}: ${argument.name} is not an address`,
      'addresses go to connect, bind, sendto, sendmsg and sendmmsg',
    );
  }
  if (given.kind === 'process' && !/^(pid[12]?|tgid|tid|pidfd|who)$/.test(argument.name)) {
    return badEvent(`${call}: ${argument.name} is not a process`, 'write a number or a constant');
  }
  return undefined;
}

/** Of a message, the address that it holds is what rules speak of. */
function takesAddress(call: string, { type, index }: Argument): boolean {
  return type === 'sockaddr' || ((call === 'sendmsg' || call === 'sendmmsg') && index === 1);
}

function parseArgument(piece: string): Result<EventArgument> {
  if (piece === '' || piece === '_' || piece === '...') return success(MISSING);
  if (piece.startsWith('"')) return success({ kind: 'string', value: unquote(piece), text: piece });
  if (/^(tcp|udp)\/|^unix:/.test(piece)) {
    const address = parseSocketAddress(piece);
    if (typeof address === 'string')
      return badEvent(address, 'write tcp/10.1.2.3:5432, udp/[::1]:53 or unix:/run/x');
    return success({ kind: 'address', value: address, text: piece });
  }
  if (piece === 'instance' || piece === 'other')
    return success({ kind: 'process', value: piece, text: piece });
  const value = parseConstants(piece);
  return value.ok ? success({ kind: 'integer', value: value.value, text: piece }) : value;
}

/** Otherwise what is wrong with it. */
function parseSocketAddress(text: string): SocketAddress | string {
  if (text.startsWith('unix:') && !text.startsWith('unix:@')) return { family: 'unix', path: text.slice(5) };
  const [, protocol, where, portText] = /^(tcp|udp)\/(?:(\S+):)?([0-9]{1,5})$/.exec(text) ?? [];
  if (protocol !== undefined && Number(portText) <= PORT_MAX) {
    // Unlike a rule, a call may name 0.0.0.0.
    const address = where === undefined ? undefined : parseAddress(where.replace(/^\[(.*:.*)\]$/, '$1'));
    if (where === undefined || where === '*' || address !== undefined)
      return { family: protocol === 'udp' ? 'udp' : 'tcp', address, port: Number(portText) };
  }
  const object = parseSocketObject(text);
  if (typeof object === 'string') return object;
  if (object.kind === 'abstract' && object.name !== undefined)
    return { family: 'abstract', name: object.name };
  return `${text} is a range, and a call names one address and port`;
}

/** An address as calls are written with it. */
export function socketAddressText(value: SocketAddress): string {
  if (value.family === 'unix') return `unix:${value.path}`;
  if (value.family === 'abstract') return `unix:@${value.name}`;
  const { family, address, port } = value;
  if (address === undefined) return `${family}/${port}`;
  return `${family}/${rangeText({ ...address, prefix: addressBits(address.family) })}:${port}`;
}

/** Splits at commas outside strings and brackets; undefined for a string without end. */
function splitArguments(list: string): string[] | undefined {
  if (list.trim() === '') return [];
  const pieces: string[] = [];
  let piece = '';
  let depth = 0;
  for (let index = 0; index < list.length; index++) {
    const char = list[index] ?? '';
    if (char === '"') {
      const end = stringEnd(list, index);
      if (end === undefined) return undefined;
      piece += list.slice(index, end);
      index = end - 1;
    } else if (char === ',' && depth === 0) {
      pieces.push(piece.trim());
      piece = '';
    } else {
      if (char === '[' || char === '{') depth++;
      if (char === ']' || char === '}') depth--;
      piece += char;
    }
  }
  return [...pieces, piece.trim()];
}

function stringEnd(text: string, start: number): number | undefined {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === '"') return index + 1;
  }
  return undefined;
}

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, code: string) => {
    if (code.startsWith('x') && code.length === 3)
      return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return { n: '\n', t: '\t', r: '\r', '0': '\0' }[code] ?? code;
  });
}

function badEvent<T>(message: string, hint: string): Result<T> {
  return failure({ code: 'bad-event', message, hint });
}

/** An event of integers only, for tests and recordings. */
export function scalarEvent(call: string, values: readonly bigint[]): CallEvent {
  return { call, arguments: values.map((value) => ({ kind: 'integer', value, text: String(value) })) };
}
