import type { SourceSpan } from '../../common/index.js';
import { parseInteger } from '../../common/index.js';
import {
  globCost,
  globCovers,
  globMatches,
  globWitness,
  isBeneath,
  normalPath,
  parseGlob,
} from '../../policy/index.js';
import type { Builtin, Meter } from './builtin.js';
import { functionTable, operand } from './builtin.js';
import { complain } from './form.js';
import { Regex, RegexError } from './regex.js';
import type { Given, Value } from './value.js';
import { asCount, asList, asString, bool, FALSE, int, list, string, TRUE, UnknownPath } from './value.js';

const LENGTH_MAX = 1 << 20;

function made(text: string, span: SourceSpan, meter: Meter): Value {
  if (text.length > LENGTH_MAX)
    throw complain('too-large', 'a string would be longer than 1 MiB', span, 'work on smaller pieces');
  meter.spend(text.length >> 4, span);
  return string(text);
}

function text(who: string, args: readonly Given[], index: number): string {
  return asString(who, operand(args, index));
}

function matching(source: string, subject: string, anywhere: boolean, span: SourceSpan, meter: Meter): Value {
  const regex = compiled(source, span, meter);
  meter.spend((regex.size * (subject.length + 1)) >> 2, span);
  return bool(regex.matches(subject, anywhere));
}

function compiled(source: string, span: SourceSpan, meter: Meter): Regex {
  meter.spend(source.length, span);
  try {
    const regex = new Regex(source);
    meter.spend(regex.size, span);
    return regex;
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    const hint = `${JSON.stringify(source)} is understood up to its character ${error.at + 1}`;
    throw complain('bad-value', `not a regular expression: ${error.message}`, span, hint);
  }
}

const CACHED_MAX = 1000;
const GLOBS = new Map<string, ReturnType<typeof parseGlob>>();

/** Read once: a predicate asks the same patterns of every file. */
function globOf(source: string): ReturnType<typeof parseGlob> {
  const known = GLOBS.get(source);
  if (known !== undefined) return known;
  if (GLOBS.size >= CACHED_MAX) GLOBS.clear();
  const glob = parseGlob(source);
  GLOBS.set(source, glob);
  return glob;
}

/** Whether the path, or every path that is meant, matches. */
function globbing(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const pattern = operand(args, 0);
  const source = asString('glob?', pattern);
  const subject = operand(args, 1);
  const absolute = source.startsWith('/');
  const glob = globOf(absolute ? source : `/${source}`);
  if (!glob.ok) {
    const [first] = glob.diagnostics;
    throw complain('bad-value', first?.message ?? `${source} is no pattern`, pattern.span, first?.hint);
  }
  meter.spend(source.length, span);
  if (subject.value.kind === 'below') {
    const { folder } = subject.value;
    if (!absolute || globWitness(glob.value, folder) === undefined) return FALSE;
    if (globCovers(glob.value, folder)) return TRUE;
    throw new UnknownPath();
  }
  const value = asString('glob?', subject);
  if (value.startsWith('/') !== absolute) return FALSE;
  const path = absolute ? value : `/${value}`;
  meter.spend(globCost(glob.value, path) >> 2, span);
  return bool(globMatches(glob.value, path));
}

/** Whether every path below the folder begins so. */
function belowBegins(folder: string, start: string): Value {
  const known = folder === '/' ? '/' : `${folder}/`;
  if (known.startsWith(start)) return TRUE;
  if (start.startsWith(known)) throw new UnknownPath();
  return FALSE;
}

function beneath(args: readonly Given[]): Value {
  const first = operand(args, 0);
  const { value } = operand(args, 1);
  const folder = asString('beneath?', first);
  if (normalPath(folder) !== folder)
    throw complain(
      'bad-path',
      `${folder} is not an absolute path in its shortest form`,
      first.span,
      'such as /srv',
    );
  if (value.kind !== 'below') return bool(isBeneath(text('beneath?', args, 1), folder));
  if (isBeneath(value.folder, folder)) return TRUE;
  if (isBeneath(folder, value.folder)) throw new UnknownPath();
  return FALSE;
}

function substring(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const value = text('substring', args, 0);
  const from = asCount('substring', operand(args, 1));
  const end = args[2];
  const to = end === undefined ? value.length : asCount('substring', end);
  if (from <= to && to <= value.length) return made(value.slice(from, to), span, meter);
  const hint = `the string has ${value.length} characters`;
  throw complain('bad-value', `there is no part from ${from} to ${to}`, span, hint);
}

function split(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const separator = text('split', args, 0);
  if (separator === '')
    throw complain('bad-value', 'split wants a separator that is not empty', operand(args, 0).span);
  const parts = text('split', args, 1).split(separator);
  meter.spend(parts.length, span);
  return list(parts.map(string));
}

function join(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const second = operand(args, 1);
  const parts = asList('join', second).map((value) => asString('join', { value, span: second.span }));
  const separator = text('join', args, 0);
  checkLength(
    parts.reduce((sum, part) => sum + part.length + separator.length, 0),
    span,
  );
  return made(parts.join(separator), span, meter);
}

function concatenation(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const parts = args.map((given) => asString('string', given));
  checkLength(
    parts.reduce((sum, part) => sum + part.length, 0),
    span,
  );
  return made(parts.join(''), span, meter);
}

function replace(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const [from, to, subject] = [text('replace', args, 0), text('replace', args, 1), text('replace', args, 2)];
  if (from === '') throw complain('bad-value', 'replace wants something to look for', operand(args, 0).span);
  const parts = subject.split(from);
  meter.spend(parts.length, span);
  checkLength(subject.length + (parts.length - 1) * to.length, span);
  return made(parts.join(to), span, meter);
}

/** Before the string is made, since it is what could be too large. */
function checkLength(length: number, span: SourceSpan): void {
  if (length <= LENGTH_MAX) return;
  throw complain('too-large', 'a string would be longer than 1 MiB', span, 'work on smaller pieces');
}

function search(args: readonly Given[], span: SourceSpan, meter: Meter): Value {
  const subject = text('search', args, 1);
  meter.spend(subject.length >> 4, span);
  const at = subject.indexOf(text('search', args, 0));
  return at < 0 ? FALSE : int(at);
}

function number(args: readonly Given[]): Value {
  const given = operand(args, 0);
  const value = parseInteger(asString('number', given));
  if (value !== undefined && value < 1n << 64n && value >= -(1n << 63n)) return int(value);
  throw complain('bad-value', 'the string is no number', given.span, 'such as "42", "0x2a" or "-1"');
}

export const STRING_FUNCTIONS: readonly Builtin[] = functionTable([
  ['string', 'S ...', 'the strings, one after the other', concatenation],
  ['string-length', 'S', 'how many characters it has', (args) => int(text('string-length', args, 0).length)],
  ['substring', 'S FROM [TO]', 'the characters from one place up to another, counted from 0', substring],
  [
    'prefix?',
    'START S',
    'whether it begins so',
    (args) => {
      const { value } = operand(args, 1);
      const start = text('prefix?', args, 0);
      return value.kind === 'below'
        ? belowBegins(value.folder, start)
        : bool(text('prefix?', args, 1).startsWith(start));
    },
  ],
  [
    'suffix?',
    'END S',
    'whether it ends so',
    (args) => bool(text('suffix?', args, 1).endsWith(text('suffix?', args, 0))),
  ],
  [
    'contains?',
    'PART S',
    'whether the part is in it',
    (args, span, meter) => bool(search(args, span, meter).kind === 'int'),
  ],
  ['search', 'PART S', 'the place of the part, counted from 0, or #f', search],
  ['split', 'SEPARATOR S', 'the list of the pieces between separators', split],
  ['join', 'SEPARATOR LIST', 'the strings of a list with the separator between them', join],
  ['replace', 'OLD NEW S', 'every OLD, from left to right, made NEW', replace],
  [
    'trim',
    'S',
    'without white space at both ends',
    (args, span, meter) => made(text('trim', args, 0).trim(), span, meter),
  ],
  [
    'upper',
    'S',
    'in capital letters',
    (args, span, meter) => made(text('upper', args, 0).toUpperCase(), span, meter),
  ],
  [
    'lower',
    'S',
    'in small letters',
    (args, span, meter) => made(text('lower', args, 0).toLowerCase(), span, meter),
  ],
  ['glob?', 'PATTERN S', 'whether the whole string fits the pattern of *, ?, [a-z] and **', globbing],
  ['beneath?', 'FOLDER PATH', 'whether the path is the folder or lies below it', beneath],
  [
    'regex?',
    'EXPRESSION S',
    'whether some part matches the regular expression',
    (args, span, meter) => matching(text('regex?', args, 0), text('regex?', args, 1), true, span, meter),
  ],
  [
    'regex-whole?',
    'EXPRESSION S',
    'whether the whole string matches it',
    (args, span, meter) =>
      matching(text('regex-whole?', args, 0), text('regex-whole?', args, 1), false, span, meter),
  ],
  [
    'error',
    'S ...',
    'ends the profile with this complaint, for libraries that are used wrongly',
    (args, span) => {
      const message = args.map((given) => asString('error', given)).join('');
      throw complain('bad-value', message, span, 'it is the library that says so');
    },
  ],
  ['number', 'S', 'the number that a string spells', number],
]);
