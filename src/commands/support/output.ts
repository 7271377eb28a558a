/** Columns for people: each as wide as its widest cell, the last as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head.map((each) => each.toUpperCase()), ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line as lines of so many columns, broken at spaces; what is broken goes on two columns further in than it begins. */
export function wrapped(line: string, width: number | undefined): readonly string[] {
  // A terminal that nobody told its size says 0.
  if (width === undefined || width === 0 || line.length <= width) return [line];
  const [indent = ''] = /^ */.exec(line) ?? [];
  const lines: string[] = [];
  let current = '';
  for (const word of line.trim().split(' ')) {
    const before = lines.length === 0 ? indent : `${indent}  `;
    if (current === '') current = `${before}${word}`;
    else if (current.length + 1 + word.length <= width) current += ` ${word}`;
    else {
      lines.push(current);
      current = `${indent}  ${word}`;
    }
  }
  return [...lines, current];
}

/** A size for people, in binary units. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
