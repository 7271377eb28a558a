/** A value that the canonical writer takes; undefined members of objects are left out. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/**
 * Writes JSON with sorted keys, two-space indent and a final newline, so that equal values are equal bytes.
 * A bigint is written as a plain integer: JSON.stringify would round 2^64-1 or refuse it.
 */
export function canonicalJson(value: JsonValue): string {
  return `${write(value, '')}\n`;
}

/** The same order of keys on a single line, for records and comparisons. */
export function compactJson(value: JsonValue): string {
  return write(value, undefined);
}

function write(value: JsonValue, indent: string | undefined): string {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return numberText(value);
    default:
      return value === null ? 'null' : writeCompound(value, indent);
  }
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no JSON form`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is beyond the exact integers; pass it as a bigint`);
  }
  return JSON.stringify(value);
}

function writeCompound(
  value: readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined },
  indent: string | undefined,
): string {
  const inner = indent === undefined ? undefined : `${indent}  `;
  const items: string[] = [];
  const list = isList(value);
  if (list) {
    for (const item of value) items.push(write(item, inner));
  } else {
    for (const key of Object.keys(value).sort()) {
      const member = value[key];
      if (member === undefined) continue;
      items.push(`${JSON.stringify(key)}:${indent === undefined ? '' : ' '}${write(member, inner)}`);
    }
  }
  const [open, close] = list ? ['[', ']'] : ['{', '}'];
  if (items.length === 0) return open + close;
  if (inner === undefined) return open + items.join(',') + close;
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`;
}

function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}
