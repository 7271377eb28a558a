import type { Width } from '../common/index.js';
import { callNumbers } from './data/calls.js';
import { signatureLines } from './data/signatures.js';

const WIDTHS = {
  mode: 16,
  int: 32,
  uint: 32,
  fd: 32,
  dirfd: 32,
  long: 64,
  size: 64,
  ptr: 64,
  path: 64,
  text: 64,
  sockaddr: 64,
} as const satisfies Record<string, Width>;

export type ArgumentType = keyof typeof WIDTHS;

export interface Argument {
  readonly index: number;
  readonly name: string;
  readonly type: ArgumentType;
  readonly width: Width;
}

/** Architectures that plans are made for. Profiles speak of calls as x86_64 has them. */
export type Arch = 'x86_64' | 'aarch64';

const NUMBERS: Readonly<Record<Arch, ReadonlyMap<string, number>>> = callNumbers();
const SIGNATURES: ReadonlyMap<string, readonly Argument[]> = new Map(signatureLines().map(parseSignature));

function parseSignature(line: string): [string, readonly Argument[]] {
  const [name = '', ...pairs] = line.split(' ');
  const parsed = pairs.map((pair, index): Argument => {
    const [argument = '', type = ''] = pair.split(':');
    if (!isArgumentType(type)) throw new TypeError(`${name}: no argument type ${type}`);
    return { index, name: argument, type, width: WIDTHS[type] };
  });
  return [name, parsed];
}

function isArgumentType(text: string): text is ArgumentType {
  return Object.hasOwn(WIDTHS, text);
}

/** The number of a call that VXE knows; undefined for all others. */
export function callNumber(name: string, arch: Arch = 'x86_64'): number | undefined {
  return NUMBERS[arch].get(name);
}

/** Every call that VXE knows, with its number; an architecture may have fewer of them than x86_64. */
export function knownCalls(arch: Arch = 'x86_64'): ReadonlyMap<string, number> {
  return NUMBERS[arch];
}

/** The arguments of a call; undefined where VXE has no signature for it. */
export function signatureOf(call: string): readonly Argument[] | undefined {
  return SIGNATURES.get(call);
}
