import type { Form, ListForm, Reading, Trivia } from './form.js';

const WIDTH = 100;

/** Forms of which so many operands stay on the first line, where the rest goes below with two columns of indent. */
const BODY_FORMS: ReadonlyMap<string, number> = new Map([
  ['define', 1],
  ['define-macro', 1],
  ['lambda', 1],
  ['let', 1],
  ['if', 1],
  ['cond', 0],
  ['files', 0],
  ['sockets', 0],
  ['resources', 0],
  ['limits', 0],
  ['permit', 0],
  ['capabilities', 0],
  ['permit-when', 1],
  ['quiet', 2],
  ['after', 1],
  ['file', 1],
  ['socket', 1],
  ['for-each', 1],
  ['map', 1],
  ['filter', 1],
]);

/** The one layout of a text: forms, comments and their order stay as they are. */
export function printForms(reading: Reading): string {
  const lines: string[] = [];
  for (const form of reading.forms) {
    lines.push(...triviaLines(form.before, '', lines.length === 0));
    lines.push(...withAfter(formLines(form, 0), form.after));
  }
  const tail = triviaLines(reading.tail, '', lines.length === 0);
  while (tail.at(-1) === '') tail.pop();
  lines.push(...tail);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Comments and empty lines, never an empty line first where nothing is above and never two in a row. */
function triviaLines(trivia: readonly Trivia[], indent: string, first: boolean): string[] {
  const lines: string[] = [];
  for (const item of trivia) {
    if (item !== undefined) lines.push(`${indent}${item}`);
    else if ((lines.length > 0 || !first) && lines.at(-1) !== '') lines.push('');
  }
  return lines;
}

function withAfter(lines: readonly string[], after: string | undefined): readonly string[] {
  if (after === undefined) return lines;
  return [...lines.slice(0, -1), `${lines.at(-1) ?? ''} ${after}`];
}

/** The form on one line; undefined where a comment or an empty line forbids it. */
function flat(form: Form): string | undefined {
  if (form.kind === 'quote') {
    const inner = flat(form.form);
    return inner === undefined ? undefined : `'${inner}`;
  }
  if (form.kind !== 'list') return form.text;
  if (form.tail.some((item) => item !== undefined)) return undefined;
  const parts: string[] = [];
  for (const [index, item] of form.items.entries()) {
    const part = flat(item);
    const apart = item.before.some((each) => each !== undefined || index > 0);
    if (part === undefined || item.after !== undefined || apart) return undefined;
    parts.push(part);
  }
  return `(${parts.join(' ')})`;
}

function formLines(form: Form, column: number): readonly string[] {
  const whole = flat(form);
  if (whole !== undefined && (column + whole.length <= WIDTH || form.kind !== 'list')) return [whole];
  if (form.kind === 'quote') {
    const [first = '', ...rest] = formLines(form.form, column + 1);
    return [`'${first}`, ...rest];
  }
  return form.kind === 'list' ? listLines(form, column) : [''];
}

/** Every line but the first is written with its whole indent. */
function listLines(form: ListForm, column: number): readonly string[] {
  const head = form.items[0];
  const fixed = head?.kind === 'symbol' ? BODY_FORMS.get(head.text) : undefined;
  const plain =
    head !== undefined && head.kind === 'symbol' && head.before.every((each) => each === undefined);
  const indent =
    plain && fixed === undefined ? column + head.text.length + 2 : plain ? column + 2 : column + 1;
  const shift = plain && fixed === undefined && indent > WIDTH / 2 ? column + 2 : indent;
  const pad = ' '.repeat(shift);
  const leading = plain ? 1 + (fixed ?? (shift === indent ? 1 : 0)) : 1;
  const lines: string[] = [`${' '.repeat(column)}(`];
  let open = true;
  for (const [index, item] of form.items.entries()) {
    const trivia = triviaLines(item.before, pad, index === 0);
    lines.push(...trivia);
    const last = lines.at(-1) ?? '';
    const joins = open && trivia.length === 0 && index < leading;
    const start = index === 0 ? last.length : last.length + 1;
    if (joins) {
      const [first = '', ...rest] = withAfter(formLines(item, start), item.after);
      lines[lines.length - 1] = `${last}${index === 0 ? '' : ' '}${first.trimStart()}`;
      lines.push(...rest);
    } else if (fill(form, item) && trivia.length === 0 && open && (index > leading || fixed === undefined)) {
      const text = flat(item) ?? '';
      if (start + text.length <= WIDTH) lines[lines.length - 1] = `${last} ${text}`;
      else lines.push(`${pad}${text}`);
      if (item.after !== undefined) lines[lines.length - 1] += ` ${item.after}`;
    } else {
      const [first = '', ...rest] = withAfter(formLines(item, shift), item.after);
      lines.push(`${pad}${first.trimStart()}`, ...rest);
    }
    open = item.after === undefined;
  }
  lines.push(...triviaLines(form.tail, pad, true).filter((line) => line !== ''));
  const closed = form.tail.some((item) => item !== undefined) || !open;
  if (closed) lines.push(`${' '.repeat(column)})`);
  else lines[lines.length - 1] = `${lines.at(-1) ?? ''})`;
  lines[0] = (lines[0] ?? '').slice(column);
  return lines;
}

/** Names and numbers in a row fill the line; forms stand one below the other. */
function fill(list: ListForm, item: Form): boolean {
  return flat(item) !== undefined && list.items.every((each) => each.kind !== 'list');
}
