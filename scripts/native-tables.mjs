// Writes runtime-native/decode/tables.c from the tables of src/policy (build/ts must be there): one source for both sides.
//   node scripts/native-tables.mjs            writes the file
//   node scripts/native-tables.mjs --print    prints it (test/policy/values.test.ts compares)
import { writeFileSync } from 'node:fs';
import {
  knownCalls,
  machineArguments,
  RING_OPERATIONS,
  RING_REGISTRATIONS,
  signatureOf,
  valueUses,
} from '../build/ts/src/policy/index.js';

const file = 'runtime-native/decode/tables.c';
const WHOLE = (1n << 64n) - 1n;

const number = (value) =>
  value === WHOLE ? 'UINT64_MAX' : value < 10n ? `${value}` : `0x${value.toString(16)}`;

/** After one of these, what is found at a path may be another thing. */
const MOVES_NAMES = new Set([
  ...[
    'rename',
    'renameat',
    'renameat2',
    'link',
    'linkat',
    'symlink',
    'symlinkat',
    'unlink',
    'unlinkat',
    'rmdir',
  ],
  ...[
    'mkdir',
    'mkdirat',
    'mknod',
    'mknodat',
    'creat',
    'bind',
    'mount',
    'umount2',
    'move_mount',
    'pivot_root',
  ],
  ...['setns', 'unshare'],
]);
for (const call of MOVES_NAMES) if (!knownCalls().has(call)) throw new Error(`${call} is no call`);

const names = [];
const sets = new Map();
const uses = [];

/** A set's place; its names are added to theirs, with an end. */
function setPlace(set) {
  const known = sets.get(set.name);
  if (known) return known.place;
  const place = sets.size;
  const first = set.kind === 'names' ? names.length : 0;
  sets.set(set.name, { place, text: `\t{VXE_VALUE_${set.kind.toUpperCase()}, ${first}}, /* ${set.name} */` });
  if (set.kind === 'names') {
    for (const { mask, value, name } of set.names)
      names.push(`\t{${number(mask)}, ${number(value)}, "${name}"},`);
    names.push('\t{0, 0, ""},');
  }
  return place;
}

function useText({ set, where }, call, argument) {
  const values = where?.values ?? [];
  const list = values.map(number).join(', ') || '0';
  return `\t{{${list}}, ${setPlace(set)}, ${where?.index ?? -1}, ${values.length}}, /* ${call} ${argument.name} */`;
}

function argumentText(call, argument) {
  const used = valueUses(call, argument);
  const first = used.length > 0 ? uses.length : 0;
  uses.push(...used.map((use) => useText(use, call, argument)));
  return `{"${argument.name}", VXE_ARG_${argument.type.toUpperCase()}, ${used.length}, ${first}}`;
}

function callText([call, nr]) {
  const signature = signatureOf(call);
  const list = (signature ?? []).map((argument) => argumentText(call, argument)).join(', ');
  return `\t{"${call}", ${nr}, ${signature === undefined ? -1 : signature.length}, ${MOVES_NAMES.has(call) ? 1 : 0}, {${list || '{{0}, 0, 0, 0}'}}},`;
}

const table = (type, name, rows) => [`const struct ${type} ${name}[] = {`, ...rows, '};', ''];

/** Where aarch64 has an argument otherwise than x86_64. */
const moved = [...knownCalls('aarch64').keys()].sort().flatMap((call) =>
  machineArguments(call, 'aarch64')
    .filter(({ index, register, swapped }) => index !== register || swapped.length > 0)
    .map(({ index, register, swapped, where }) => {
      const pairs = swapped.map(([a, b]) => `{${a}, ${b}}`).join(', ');
      const other = where === undefined ? '-1, 0' : `${where.index}, ${number(where.value)}`;
      return `\t{"${call}", ${index}, ${register}, ${other}, {${pairs || '{0, 0}'}}, ${swapped.length}},`;
    }),
);

const words = (name, acts) => [
  `const char *const ${name}[] = {`,
  ...acts.map(({ word }) => `\t"${word}",`),
  '\tNULL,',
  '};',
];

const calls = [...knownCalls()].sort(([, a], [, b]) => a - b).map(callText);
const text = [
  '/* Written by scripts/native-tables.mjs from src/policy/data: change it there. */',
  '/* clang-format off */',
  '#include "calls.h"',
  '',
  ...table('vxe_value_name', 'vxe_value_names', names),
  ...table(
    'vxe_value_set',
    'vxe_value_sets',
    [...sets.values()].map(({ text }) => text),
  ),
  ...table('vxe_value_use', 'vxe_value_uses', uses),
  '/* By number, on x86_64. */',
  ...table('vxe_call_shape', 'vxe_call_shapes', calls),
  'const size_t vxe_call_shape_count = sizeof(vxe_call_shapes) / sizeof(*vxe_call_shapes);',
  '',
  '/* What is not here aarch64 has as x86_64. */',
  'const struct vxe_machine_argument vxe_aarch64_arguments[] = {',
  ...moved,
  '};',
  'const size_t vxe_aarch64_argument_count = sizeof(vxe_aarch64_arguments) / sizeof(*vxe_aarch64_arguments);',
  '',
  '/* By number. */',
  ...words('vxe_ring_operations', RING_OPERATIONS),
  ...words('vxe_ring_registrations', RING_REGISTRATIONS),
  '',
].join('\n');

if (process.argv[2] === '--print') process.stdout.write(text);
else writeFileSync(file, text);
