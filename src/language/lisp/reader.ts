import type { SourceFile, SourcePoint, SourceSpan } from '../../common/index.js';
import { MAX_U64, parseInteger } from '../../common/index.js';
import type { Form, Reading, Trivia } from './form.js';
import { complain } from './form.js';

/** Deeper than any profile, and shallow enough for every later stage. */
const DEPTH_MAX = 200;
const SIZE_MAX = 4 * 1024 * 1024;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

/** Reads a text into forms; every form knows its place, and comments stay with the form that they are about. */
export function readForms(file: SourceFile): Reading {
  return new FormReader(file).read();
}

class FormReader {
  readonly #name: string;
  readonly #text: string;
  readonly #lineStarts: number[] = [0];
  #at = 0;

  constructor(file: SourceFile) {
    this.#name = file.name;
    this.#text = file.text;
    for (let index = file.text.indexOf('\n'); index >= 0; index = file.text.indexOf('\n', index + 1))
      this.#lineStarts.push(index + 1);
  }

  read(): Reading {
    if (this.#text.length > SIZE_MAX)
      throw complain('too-large', 'the text is larger than 4 MiB', this.#span(0, 0), 'split it');
    if (this.#text.charCodeAt(0) === 0xfeff) this.#at = 1;
    const { items, tail } = this.#items(undefined, 0);
    return { forms: items, tail };
  }

  #items(open: number | undefined, depth: number): { items: Form[]; tail: Trivia[] } {
    const items: Form[] = [];
    for (;;) {
      const before = this.#trivia(items.at(-1));
      const char = this.#text[this.#at];
      if (char === undefined) {
        if (open === undefined) return { items, tail: before };
        throw complain('syntax', 'this ( is never closed', this.#span(open, open + 1), 'a ) was expected');
      }
      if (char === ')') {
        if (open !== undefined) return { items, tail: before };
        const hint = 'a form or the end was expected; remove it';
        throw complain('syntax', 'this ) closes nothing', this.#span(this.#at, this.#at + 1), hint);
      }
      items.push(this.#form(before, depth));
    }
  }

  /** Comments and empty lines up to the next form; a comment on the line of the last form belongs to that one. */
  #trivia(last: Form | undefined): Trivia[] {
    const trivia: Trivia[] = [];
    let lines = 0;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === '\n') {
        lines++;
        this.#at++;
        if (lines === 2) trivia.push(undefined);
      } else if (char === ' ' || char === '\t' || char === '\r') {
        this.#at++;
      } else if (char === ';') {
        const end = this.#text.indexOf('\n', this.#at);
        const comment = this.#text.slice(this.#at, end < 0 ? undefined : end).trimEnd();
        this.#at = end < 0 ? this.#text.length : end;
        if (lines === 0 && last !== undefined && last.after === undefined) last.after = comment;
        else trivia.push(comment);
        lines = 0;
      } else {
        return trivia;
      }
    }
  }

  #form(before: Trivia[], depth: number): Form {
    const start = this.#at;
    if (depth > DEPTH_MAX)
      throw complain('too-large', `forms are nested deeper than ${DEPTH_MAX}`, this.#span(start, start + 1));
    const char = this.#text[start];
    if (char === '(') {
      this.#at++;
      const { items, tail } = this.#items(start, depth + 1);
      this.#at++;
      return { kind: 'list', items, tail, before, span: this.#span(start, this.#at) };
    }
    if (char === "'") {
      this.#at++;
      if (/[\s);]|^$/.test(this.#text[this.#at] ?? ''))
        throw complain('syntax', 'nothing is quoted here', this.#span(start, this.#at), "such as 'read");
      const form = this.#form([], depth + 1);
      return { kind: 'quote', form, before, span: this.#span(start, this.#at) };
    }
    return char === '"' ? this.#string(before) : this.#atom(before);
  }

  #string(before: Trivia[]): Form {
    const start = this.#at;
    let value = '';
    this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char === '\n')
        throw complain(
          'syntax',
          'this string is never closed',
          this.#span(start, this.#at),
          'a " was expected',
        );
      this.#at++;
      if (char === '"') break;
      value += char === '\\' ? this.#escape() : char;
    }
    const text = this.#text.slice(start, this.#at);
    return { kind: 'string', value, text, before, span: this.#span(start, this.#at) };
  }

  #escape(): string {
    const start = this.#at - 1;
    const char = this.#text[this.#at] ?? '';
    this.#at++;
    const known = ESCAPES[char];
    if (known !== undefined) return known;
    const digits = /^u\{([0-9a-fA-F]{1,6})\}/.exec(this.#text.slice(start + 1, start + 11));
    const code = digits === null ? 0 : Number.parseInt(digits[1] ?? '', 16);
    if (digits === null || code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      const hint = 'the escapes are \\n \\t \\r \\" \\\\ and \\u{HEX}';
      throw complain('syntax', `\\${char} is no escape`, this.#span(start, this.#at), hint);
    }
    this.#at = start + 1 + digits[0].length;
    return String.fromCodePoint(code);
  }

  #atom(before: Trivia[]): Form {
    const start = this.#at;
    while (!/[\s()";']|^$/.test(this.#text[this.#at] ?? '')) this.#at++;
    const text = this.#text.slice(start, this.#at);
    const span = this.#span(start, this.#at);
    if (!/^[\x21-\x7e]+$/.test(text))
      throw complain(
        'syntax',
        `${text} has a character that names cannot have`,
        span,
        'write it as a "string"',
      );
    if (!/^[+-]?[0-9]/.test(text)) return { kind: 'symbol', text, before, span };
    const [, digits = '', unit = ''] = /^(.*?)([KMGT]?)$/.exec(text) ?? [];
    const number = parseInteger(digits);
    if (number === undefined)
      throw complain(
        'syntax',
        `${text} is neither a number nor a name`,
        span,
        'such as 42, 0x2a, 0o52 or 64K',
      );
    const value = number << BigInt(10 * ' KMGT'.indexOf(unit || ' '));
    if (value > MAX_U64 || value < -(1n << 63n))
      throw complain(
        'bad-value',
        `${text} does not fit into 64 bits`,
        span,
        'numbers go from -2^63 to 2^64-1',
      );
    return { kind: 'int', value, text, before, span };
  }

  #span(from: number, to: number): SourceSpan {
    return { source: this.#name, start: this.#point(from), end: this.#point(to) };
  }

  #point(offset: number): SourcePoint {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1, offset };
  }
}
