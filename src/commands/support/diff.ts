/** The lines that two texts differ in, each with a mark, and one line of what is around. */
export function diffLines(before: string, after: string): readonly string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const lengths: number[][] = Array.from({ length: a.length + 1 }, () =>
    new Array<number>(b.length + 1).fill(0),
  );
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = lengths[i];
    if (row === undefined) continue;
    for (let j = b.length - 1; j >= 0; j--)
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const marked: { readonly mark: ' ' | '-' | '+'; readonly text: string }[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      marked.push({ mark: ' ', text: a[i] ?? '' });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      marked.push({ mark: '-', text: a[i++] ?? '' });
    } else {
      marked.push({ mark: '+', text: b[j++] ?? '' });
    }
  }
  const near = (index: number): boolean =>
    [index - 1, index, index + 1].some((each) => (marked[each]?.mark ?? ' ') !== ' ');
  return marked.flatMap(({ mark, text }, index) => (near(index) ? [`${mark} ${text}`] : []));
}
