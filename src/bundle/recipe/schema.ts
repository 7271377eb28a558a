import type { Diagnostic, DiagnosticCode, SourceSpan } from '../../common/index.js';
import { nearestName } from '../../common/index.js';

/** The part of JSON Schema that schemas/recipe.schema.json is written in; a key outside it is refused when it is read. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'null';
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly description?: string;
}

/** A value of a text together with where it stands. */
export interface Placed {
  readonly span: SourceSpan;
  readonly value:
    | {
        readonly kind: 'map';
        readonly entries: readonly {
          readonly key: string;
          readonly keySpan: SourceSpan;
          readonly value: Placed;
        }[];
      }
    | { readonly kind: 'list'; readonly items: readonly Placed[] }
    | { readonly kind: 'scalar'; readonly scalar: string | number | boolean | null };
}

/** Checks a placed value; each diagnostic names the place, what stands there and what was expected. */
export function checkSchema(root: Schema, value: Placed): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  check(root, root, value, '', diagnostics);
  return diagnostics;
}

function check(root: Schema, given: Schema, value: Placed, path: string, out: Diagnostic[]): void {
  const schema = resolve(root, given);
  const add = (code: DiagnosticCode, message: string, span = value.span, hint?: string): void => {
    out.push({ code, message, span, ...(hint === undefined ? {} : { hint }) });
  };
  const label = path === '' ? 'the recipe' : path;

  if (schema.oneOf !== undefined) {
    const variant = choose(root, schema.oneOf, value);
    if (variant !== undefined) check(root, variant, value, path, out);
    else
      add(
        'wrong-type',
        `${label} is ${describe(value)}; expected ${schema.oneOf.map((each) => expectation(root, each)).join(' or ')}`,
      );
    return;
  }
  if (schema.type !== undefined && !isOfType(schema.type, value)) {
    const octal =
      value.value.kind === 'scalar' && typeof value.value.scalar === 'number' && schema.type === 'string';
    add(
      'wrong-type',
      `${label} is ${describe(value)}; expected ${expectation(root, schema)}`,
      value.span,
      octal ? 'put it in quotes' : undefined,
    );
    return;
  }
  const node = value.value;
  if (node.kind === 'scalar') checkScalar(schema, node.scalar, label, add);
  else if (node.kind === 'list') checkList(root, schema, node.items, path, value, out, add);
  else checkMap(root, schema, node.entries, path, out, add);
}

type Add = (code: DiagnosticCode, message: string, span?: SourceSpan, hint?: string) => void;

function checkScalar(
  schema: Schema,
  scalar: string | number | boolean | null,
  label: string,
  add: Add,
): void {
  const shown = JSON.stringify(scalar);
  if (schema.const !== undefined && scalar !== schema.const)
    add('bad-value', `${label} is ${shown}; expected ${JSON.stringify(schema.const)}`);
  if (schema.enum !== undefined && !schema.enum.includes(scalar)) {
    add('bad-value', `${label} is ${shown}; expected one of ${schema.enum.join(', ')}`);
  }
  if (typeof scalar === 'string') {
    if (schema.minLength !== undefined && scalar.length < schema.minLength)
      add('bad-value', `${label} is too short: expected at least ${schema.minLength} characters`);
    if (schema.maxLength !== undefined && scalar.length > schema.maxLength)
      add('too-large', `${label} is too long: expected at most ${schema.maxLength} characters`);
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(scalar))
      add('bad-value', `${label} is ${shown}, which is not ${wording(schema)}`);
  }
  if (typeof scalar === 'number') {
    if (schema.minimum !== undefined && scalar < schema.minimum)
      add('bad-value', `${label} is ${shown}; expected at least ${schema.minimum}`);
    if (schema.maximum !== undefined && scalar > schema.maximum)
      add('bad-value', `${label} is ${shown}; expected at most ${schema.maximum}`);
  }
}

function checkList(
  root: Schema,
  schema: Schema,
  items: readonly Placed[],
  path: string,
  value: Placed,
  out: Diagnostic[],
  add: Add,
): void {
  const label = path === '' ? 'the recipe' : path;
  if (schema.minItems !== undefined && items.length < schema.minItems)
    add('bad-value', `${label} needs at least ${schema.minItems} item${schema.minItems === 1 ? '' : 's'}`);
  if (schema.maxItems !== undefined && items.length > schema.maxItems)
    add('too-large', `${label} has more than ${schema.maxItems} items`, value.span);
  const seen = new Set<unknown>();
  items.forEach((item, index) => {
    if (schema.items !== undefined) check(root, schema.items, item, `${path}[${index}]`, out);
    if (schema.uniqueItems !== true || item.value.kind !== 'scalar') return;
    if (seen.has(item.value.scalar))
      add('conflict', `${label} has ${JSON.stringify(item.value.scalar)} twice`, item.span);
    seen.add(item.value.scalar);
  });
}

type Entries = readonly { readonly key: string; readonly keySpan: SourceSpan; readonly value: Placed }[];

function checkMap(
  root: Schema,
  schema: Schema,
  entries: Entries,
  path: string,
  out: Diagnostic[],
  add: Add,
): void {
  const join = (key: string): string =>
    path === '' ? key : key.startsWith('/') ? `${path} ${key}` : `${path}.${key}`;
  const known = Object.keys(schema.properties ?? {});
  for (const { key, keySpan, value } of entries) {
    if (schema.propertyNames !== undefined) {
      const name = resolve(root, schema.propertyNames);
      checkScalar(name, key, `the key ${join(key)}`, (code, message) => add(code, message, keySpan));
    }
    const own = known.includes(key) ? schema.properties?.[key] : undefined;
    if (own !== undefined) check(root, own, value, join(key), out);
    else if (schema.additionalProperties === false) {
      const near = nearestName(key, known);
      add(
        'unknown-key',
        `unknown key ${JSON.stringify(key)}`,
        keySpan,
        near === undefined ? `known keys here: ${known.join(', ')}` : `did you mean ${JSON.stringify(near)}?`,
      );
    } else if (typeof schema.additionalProperties === 'object')
      check(root, schema.additionalProperties, value, join(key), out);
  }
  for (const key of schema.required ?? []) {
    if (!entries.some((entry) => entry.key === key))
      add('missing-key', `${path === '' ? 'the recipe' : path} lacks the key ${JSON.stringify(key)}`);
  }
}

/** The variant that the value is meant to be: of its type, and with the keys that the variant requires. */
function choose(root: Schema, variants: readonly Schema[], value: Placed): Schema | undefined {
  const ofType = variants
    .map((each) => resolve(root, each))
    .filter((each) => each.type === undefined || isOfType(each.type, value));
  if (ofType.length <= 1) return ofType[0];
  const node = value.value;
  if (node.kind !== 'map') return ofType[0];
  return ofType.find((each) =>
    (each.required ?? []).every((key) => node.entries.some((entry) => entry.key === key)),
  );
}

function resolve(root: Schema, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const name = schema.$ref.replace(/^#\/\$defs\//, '');
  const target = root.$defs?.[name];
  if (target === undefined) throw new Error(`the schema refers to ${schema.$ref}, which it does not define`);
  const { $ref: _ref, ...rest } = schema;
  return { ...resolve(root, target), ...rest };
}

function isOfType(type: NonNullable<Schema['type']>, value: Placed): boolean {
  const node = value.value;
  switch (type) {
    case 'object':
      return node.kind === 'map';
    case 'array':
      return node.kind === 'list';
    case 'string':
      return node.kind === 'scalar' && typeof node.scalar === 'string';
    case 'integer':
      return node.kind === 'scalar' && typeof node.scalar === 'number' && Number.isInteger(node.scalar);
    case 'null':
      return node.kind === 'scalar' && node.scalar === null;
  }
}

const TYPE_WORDS = {
  object: 'a map',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
  null: 'nothing',
} as const;

function expectation(root: Schema, given: Schema): string {
  const schema = resolve(root, given);
  if (schema.required !== undefined && schema.required.length > 0)
    return `a map with ${schema.required.join(', ')}`;
  return schema.type === undefined ? 'another value' : TYPE_WORDS[schema.type];
}

function describe(value: Placed): string {
  const node = value.value;
  if (node.kind === 'map')
    return node.entries.length === 0
      ? 'an empty map'
      : `a map with ${node.entries.map((entry) => entry.key).join(', ')}`;
  if (node.kind === 'list') return 'a list';
  return node.scalar === null ? 'nothing' : JSON.stringify(node.scalar);
}

const WORDINGS: Readonly<Record<string, string>> = {
  '^[a-z0-9][a-z0-9._-]{0,62}$':
    'a name (lower-case letters, digits, dots, dashes and underscores, at most 63)',
  '^[a-z_][a-z0-9_.-]{0,31}$': 'an account name',
};

function wording(schema: Schema): string {
  const known = WORDINGS[schema.pattern ?? ''];
  if (known !== undefined) return known;
  if (schema.pattern?.startsWith('^/') === true)
    return 'an absolute path without dot segments or a final slash';
  return `of the right form${schema.description === undefined ? '' : `: ${schema.description.replace(/\.$/, '')}`}`;
}
