/** What two lists of texts differ in: each text with a mark, in order. */
interface Marked {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** The lines that two texts differ in, each with a mark, and one line of what is around. */
export function diffLines(before: string, after: string): readonly string[] {
  return withContext(differences(before.split('\n'), after.split('\n'))).map(
    ({ mark, text }) => `${mark} ${text}`,
  );
}

/** The same for people: of a long list the words that came or went and where, and not the list. */
export function shownDiff(before: string, after: string): readonly string[] {
  const marked = differences(logicalLines(before), logicalLines(after));
  return withContext(marked.flatMap((line, index) => shortened(line, partnerOf(marked, index)))).map(
    ({ mark, text }) => `${mark} ${text}`,
  );
}

function differences(a: readonly string[], b: readonly string[]): readonly Marked[] {
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
  const marked: Marked[] = [];
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
  return marked;
}

function withContext(marked: readonly Marked[]): readonly Marked[] {
  const near = (index: number): boolean =>
    [index - 1, index, index + 1].some((each) => (marked[each]?.mark ?? ' ') !== ' ');
  return marked.filter((_, index) => near(index));
}

/** Lists of as many words are shown by what differs. */
const LONG = 8;

interface FlowList {
  /** What stands before its bracket: the key, with its indentation. */
  readonly key: string;
  readonly words: readonly string[];
}

/** The line of the other text that has the same list, among the changes around. */
function partnerOf(marked: readonly Marked[], index: number): FlowList | undefined {
  const own = marked[index];
  const list = own === undefined || own.mark === ' ' ? undefined : longList(own.text);
  if (list === undefined) return undefined;
  for (const step of [-1, 1])
    for (let at = index + step; (marked[at]?.mark ?? ' ') !== ' '; at += step) {
      const other = marked[at];
      const partner = other === undefined || other.mark === own?.mark ? undefined : flowList(other.text);
      if (partner?.key === list.key) return partner;
    }
  return undefined;
}

function shortened({ mark, text }: Marked, partner: FlowList | undefined): readonly Marked[] {
  const list = longList(text);
  if (list === undefined) return [{ mark, text }];
  const { key, words } = list;
  if (mark === ' ')
    return [{ mark, text: `${key}[${words.slice(0, 2).join(', ')}, ... ${words.length - 2} more]` }];
  if (partner === undefined) return [{ mark, text }];
  const lines: Marked[] = [];
  let run: string[] = [];
  let last: string | undefined;
  const told = (): void => {
    if (run.length > 0)
      lines.push({
        mark,
        text: `${key}${run.join(', ')} (${last === undefined ? 'at the beginning' : `after ${last}`})`,
      });
    run = [];
  };
  for (const word of mark === '-' ? differences(words, partner.words) : differences(partner.words, words)) {
    if (word.mark === mark) run.push(word.text);
    if (word.mark !== ' ') continue;
    told();
    last = word.text;
  }
  told();
  return lines;
}

function longList(text: string): FlowList | undefined {
  const list = flowList(text);
  return list !== undefined && list.words.length >= LONG ? list : undefined;
}

function flowList(text: string): FlowList | undefined {
  const [, key, inner] = /^([^[{"'#]*)\[(.*)\]\s*$/.exec(text) ?? [];
  return key === undefined || inner === undefined ? undefined : { key, words: wordsOf(inner) };
}

/** The words of a flow list, whose own brackets and quotes may have commas in them. */
function wordsOf(inner: string): readonly string[] {
  const words: string[] = [];
  let [depth, quote, from] = [0, '', 0];
  for (let at = 0; at <= inner.length; at++) {
    const letter = inner[at] ?? ',';
    if (at < inner.length) ({ depth, quote } = step(letter, depth, quote));
    if (at < inner.length && (letter !== ',' || depth > 0 || quote !== '')) continue;
    const word = inner.slice(from, at).trim();
    if (word !== '') words.push(word);
    from = at + 1;
  }
  return words;
}

function step(letter: string, depth: number, quote: string): { depth: number; quote: string } {
  if (quote !== '') return { depth, quote: letter === quote ? '' : quote };
  if (letter === '"' || letter === "'") return { depth, quote: letter };
  if (letter === '[' || letter === '{') return { depth: depth + 1, quote };
  return { depth: letter === ']' || letter === '}' ? depth - 1 : depth, quote };
}

/** Lines, where a flow list that is broken over several is one, with its key. */
function logicalLines(text: string): readonly string[] {
  const lines = text.split('\n');
  const joined: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const first = lines[at] ?? '';
    const below = lines[at + 1]?.trimStart() ?? '';
    const keyAlone = /^\s*[\w-]+:$/.test(first) && below.startsWith('[');
    const end = keyAlone || first.includes('[') ? closes(lines, keyAlone ? at + 1 : at) : undefined;
    if (end === undefined) joined.push(first);
    else
      joined.push(
        [first, ...lines.slice(at + 1, end + 1).map((line) => line.trim())].join(' ').replace(/\[ +/, '['),
      );
    at = end ?? at;
  }
  return joined;
}

/** The line in which the brackets that are opened in this one are closed; undefined: they are not, or a remark stands among them. */
function closes(lines: readonly string[], from: number): number | undefined {
  let [depth, quote] = [0, ''];
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (/(^|\s)#/.test(line)) return undefined;
    for (const letter of line) ({ depth, quote } = step(letter, depth, quote));
    if (depth <= 0 && quote === '') return at;
  }
  return undefined;
}
