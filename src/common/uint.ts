/** Bits of a system call argument that the kernel looks at. */
export type Width = 16 | 32 | 64;

export const MAX_U32 = 0xffff_ffffn;
export const MAX_U64 = 0xffff_ffff_ffff_ffffn;

/** All ones in a width. */
export function maskOf(width: Width): bigint {
  return (1n << BigInt(width)) - 1n;
}

/** The two's complement pattern of an integer in a width, or undefined where it does not fit. */
export function toUnsigned(value: bigint, width: Width): bigint | undefined {
  const limit = 1n << BigInt(width);
  if (value >= limit || value < -(limit / 2n)) return undefined;
  return value < 0n ? value + limit : value;
}

/** Cuts a value to its low bits. */
export function truncate(value: bigint, width: Width): bigint {
  return BigInt.asUintN(width, value);
}

/** Reads a decimal, 0x, 0o or C-style octal integer, with an optional sign; undefined if it is none. */
export function parseInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(0x[0-9a-fA-F]+|0o?[0-7]+|[1-9][0-9]*|0)$/.exec(text);
  if (match === null) return undefined;
  const digits = match[2] ?? '';
  const octal = /^0o?([0-7]+)$/.exec(digits);
  const magnitude = octal === null ? BigInt(digits) : BigInt(`0o${octal[1]}`);
  return match[1] === '-' ? -magnitude : magnitude;
}

/** Hexadecimal with the C prefix. */
export function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
