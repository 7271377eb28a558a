import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Argument } from './calls.js';
import { callNumber, knownCalls, nearestName, signatureOf } from './calls.js';
import { constantValue, parseConstants } from './constants.js';

/** Where a socket is bound or connected to. */
export type SocketAddress =
  | { readonly family: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string }
  | { readonly family: 'abstract'; readonly name: string };

export type EventArgument =
  | { readonly kind: 'integer'; readonly value: bigint; readonly text: string }
  | { readonly kind: 'string'; readonly value: string; readonly text: string }
  | { readonly kind: 'address'; readonly value: SocketAddress; readonly text: string }
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
  if (match === null) return badEvent(`${text} is not a call`, 'write it as openat("/etc/passwd", O_RDONLY)');
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
    } else if (argument.type === 'fd' && next?.kind === 'address') {
      placed.push(MISSING);
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
  if (given.kind === 'address' && argument.type !== 'sockaddr') {
    return badEvent(
      `${call}: ${argument.name} is not an address`,
      'addresses go to connect, bind and sendto',
    );
  }
  return undefined;
}

function parseArgument(piece: string): Result<EventArgument> {
  if (piece === '' || piece === '_' || piece === '...') return success(MISSING);
  if (piece.startsWith('"')) return success({ kind: 'string', value: unquote(piece), text: piece });
  const address = parseAddress(piece);
  if (address !== undefined) return success({ kind: 'address', value: address, text: piece });
  const value = parseConstants(piece);
  return value.ok ? success({ kind: 'integer', value: value.value, text: piece }) : value;
}

function parseAddress(text: string): SocketAddress | undefined {
  const inet = /^(tcp|udp)\/(?:(\[[0-9a-fA-F:.]+\]|[^:/\s]+):)?([0-9]+)$/.exec(text);
  if (inet !== null) {
    const port = Number(inet[3]);
    if (port > 65535) return undefined;
    return { family: inet[1] === 'udp' ? 'udp' : 'tcp', host: inet[2] ?? '*', port };
  }
  if (text.startsWith('unix:@')) return { family: 'abstract', name: text.slice(6) };
  if (text.startsWith('unix:')) return { family: 'unix', path: text.slice(5) };
  return undefined;
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
