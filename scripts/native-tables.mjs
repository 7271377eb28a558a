// Writes runtime-native/decode/tables.c from the tables of src/policy (build/ts must be there): one source for both sides.
//   node scripts/native-tables.mjs            writes the file
//   node scripts/native-tables.mjs --print    prints it (test/policy/values.test.ts compares)
import { writeFileSync } from 'node:fs';
import { knownCalls, signatureOf, valueUses } from '../build/ts/src/policy/index.js';

const file = 'runtime-native/decode/tables.c';
const WHOLE = (1n << 64n) - 1n;

const number = (value) =>
  value === WHOLE ? 'UINT64_MAX' : value < 10n ? `${value}` : `0x${value.toString(16)}`;

const sets = new Map();
const useLists = [];

function setName(set) {
  if (!sets.has(set.name)) sets.set(set.name, set);
  return `set_${set.name}`;
}

function useText({ set, where }) {
  const values = where?.values ?? [];
  return `{&${setName(set)}, ${where?.index ?? -1}, ${values.length}, {${values.map(number).join(', ') || '0'}}}`;
}

function argumentText(call, argument) {
  const uses = valueUses(call, argument);
  const type = `VXE_ARG_${argument.type.toUpperCase()}`;
  if (uses.length === 0) return `{"${argument.name}", ${type}, NULL, 0}`;
  const name = `uses_${call}_${argument.name}`;
  useLists.push(`static const struct vxe_value_use ${name}[] = {${uses.map(useText).join(', ')}};`);
  return `{"${argument.name}", ${type}, ${name}, ${uses.length}}`;
}

function callText([call, nr]) {
  const signature = signatureOf(call);
  const list = (signature ?? []).map((argument) => argumentText(call, argument)).join(', ');
  return `\t{"${call}", ${nr}, ${signature === undefined ? -1 : signature.length}, {${list || '{0}'}}},`;
}

function setText(set) {
  if (set.kind !== 'names')
    return [
      `static const struct vxe_value_set set_${set.name} = {VXE_VALUE_${set.kind.toUpperCase()}, NULL};`,
    ];
  return [
    `static const struct vxe_value_name names_${set.name}[] = {`,
    ...set.names.map(({ mask, value, name }) => `\t{${number(mask)}, ${number(value)}, "${name}"},`),
    '\t{0, 0, NULL},',
    '};',
    `static const struct vxe_value_set set_${set.name} = {VXE_VALUE_NAMES, names_${set.name}};`,
  ];
}

const calls = [...knownCalls()].sort(([, a], [, b]) => a - b).map(callText);
const text = [
  '/* Written by scripts/native-tables.mjs from src/policy/data: change it there. */',
  '/* clang-format off */',
  '#include "calls.h"',
  '',
  ...[...sets.values()].flatMap(setText),
  '',
  ...useLists,
  '',
  '/* By number, on x86_64. */',
  'const struct vxe_call_shape vxe_call_shapes[] = {',
  ...calls,
  '};',
  'const size_t vxe_call_shape_count = sizeof(vxe_call_shapes) / sizeof(*vxe_call_shapes);',
  '',
].join('\n');

if (process.argv[2] === '--print') process.stdout.write(text);
else writeFileSync(file, text);
