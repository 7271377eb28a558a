// The tables of docs/measured, for the suites that must not get worse than what is recorded there.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../docs/measured');
const cellsOf = (line) =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The rows in which a column counts as `good`, by the text of their first `keys` cells. */
function recorded(name, column, keys, good) {
  const file = join(folder, `${name}.md`);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const place = cellsOf(lines[0] ?? '').indexOf(column);
  if (place < 0) throw new Error(`docs/measured/${name}.md has no column ${column}`);
  return lines
    .slice(2)
    .map(cellsOf)
    .filter((cells) => good(cells[place]))
    .map((cells) => cells.slice(0, keys).join(' | '));
}

/** Prints a TAP line: nothing that is recorded as good is gone or has become bad. `now` holds the keys of what is good. */
export function compareWithRecord({ number, name, column, keys, good, now }) {
  const before = recorded(name, column, keys, good);
  const lost = before.filter((key) => !now.has(key));
  const well = before.length > 0 && lost.length === 0;
  console.log(`${well ? 'ok' : 'not ok'} ${number} - docs/measured/${name}.md: nothing of it has got worse`);
  if (before.length === 0) console.log('#   nothing is recorded there');
  for (const key of lost) console.log(`#   ${key}`);
  return well;
}
