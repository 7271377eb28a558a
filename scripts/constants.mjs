// Writes docs/reference/constants.md from the tables of src/policy (build/ts must be there).
//   node scripts/constants.mjs            writes the page
//   node scripts/constants.mjs --print    prints it (test/language/lisp/constants.test.ts compares)
import { writeFileSync } from 'node:fs';
import { allConstants, errnoNames, errnoNumber } from '../build/ts/src/policy/index.js';

const page = 'docs/reference/constants.md';

const value = (number) => (number < 10n ? `${number}` : `0x${number.toString(16)}`);

/** Constants of one family stand together; the small families have one table. */
function families() {
  const groups = new Map();
  for (const [name, number] of [...allConstants()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const family = name.includes('_') ? `${name.split('_')[0]}_` : '';
    groups.set(family, [...(groups.get(family) ?? []), [name, number]]);
  }
  const others = [];
  for (const [family, members] of groups) {
    if (family !== '' && members.length > 3) continue;
    others.push(...members);
    groups.delete(family);
  }
  return [...groups, ['Others', others.sort(([a], [b]) => (a < b ? -1 : 1))]];
}

const table = (rows) => ['| name | value |', '| --- | --- |', ...rows].join('\n');

const sections = families().map(
  ([family, members]) =>
    `## ${family.replace(/_$/, '')}\n\n${table(members.map(([name, number]) => `| \`${name}\` | \`${value(number)}\` |`))}`,
);
const errors = [...errnoNames()].map((name) => `| \`${name}\` | \`${errnoNumber(name)}\` |`);

const text = `<!-- man: vxe-constants 5 -->
# vxe-constants

The kernel's constants by name, as profiles use them.

## Description

These names stand for numbers in conditions on arguments, in every form of a profile and in the calls that \`vxe explain\` and \`vxe prove\` are asked about. Several are joined by \`|\`. The values are those of
x86-64; a constant that is not here is written as a number. The names of errors are for \`quiet\` rules alone.

${sections.join('\n\n')}

## Errors

${table(errors)}

## See also

[vxe(1)](cli.md), [vxe-profile(5)](profile.md), [vxe-lisp(5)](vxelisp.md)
`;

if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync(page, text);
