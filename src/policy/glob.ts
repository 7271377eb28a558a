import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import type { Ranges } from './automaton.js';
import { Automaton, combinations, NAME_CHARACTERS, SLASH } from './automaton.js';

/**
 * A pattern over paths. Between slashes, `*` stands for any number of characters, `?` for one, `[a-z]` for one of a class and
 * `[!a-z]` for one outside it; none of them is ever a slash, and a leading dot is a character as any other. `**` stands alone
 * between slashes, for any number of names, none included. A backslash takes the next character as it is.
 */
export interface Glob {
  /** As it is printed: the same pattern has the same text. */
  readonly text: string;
  readonly parts: readonly GlobPart[];
  /** The folder that the leading names without wildcards lead to. */
  readonly base: string;
  /** How many of the parts the base is. */
  readonly baseParts: number;
}

export type GlobPart =
  | { readonly kind: 'deep' }
  | { readonly kind: 'name'; readonly atoms: readonly GlobAtom[] };

export type GlobAtom =
  | { readonly kind: 'star' }
  | { readonly kind: 'one'; readonly ranges: Ranges; readonly text: string };

/** What a profile writes where a path is wanted: one path, or a pattern. */
export type PathText =
  | { readonly kind: 'path'; readonly path: string; readonly folder: boolean }
  | { readonly kind: 'glob'; readonly glob: Glob };

const ANY_CHARACTER: GlobAtom = { kind: 'one', ranges: NAME_CHARACTERS, text: '?' };

/** Reads what a rule is for, a path or a pattern; it must be absolute and in its shortest form. */
export function parsePathText(text: string): Result<PathText> {
  const folder = text.endsWith('/') && text !== '/';
  const parts = parseParts(folder ? text.slice(0, -1) : text, text);
  if (!parts.ok) return parts;
  // A rule is for all below a path anyway.
  const named = parts.value.at(-1)?.kind === 'deep' ? parts.value.slice(0, -1) : parts.value;
  const plain = named.map(plainName);
  if (plain.every((name) => name !== undefined)) {
    const path = `/${plain.join('/')}`;
    const hasFolder = folder || path === '/' || named.length < parts.value.length;
    return success({ kind: 'path', path, folder: hasFolder });
  }
  if (folder) return badPath(`${text} is a pattern with a final slash`, `write ${text.slice(0, -1)}`);
  return success({ kind: 'glob', glob: makeGlob(named) });
}

/** Reads a pattern for whole paths, which may as well be a path. */
export function parseGlob(text: string): Result<Glob> {
  const parts = parseParts(text, text);
  return parts.ok ? success(makeGlob(parts.value)) : parts;
}

function parseParts(text: string, whole: string): Result<readonly GlobPart[]> {
  if (text.includes('\0'))
    return badPath(`${whole} has a NUL character in it`, 'no path of the kernel has one');
  if (!text.startsWith('/')) return badPath(`${whole} is not an absolute path`, 'begin it with /');
  const parts: GlobPart[] = [];
  for (const name of text === '/' ? [] : text.slice(1).split('/')) {
    if (name === '' || name === '.' || name === '..')
      return badPath(`${whole} is not in its shortest form`, shortest(whole));
    const part = parsePart(name, whole);
    if (!part.ok) return part;
    if (part.value.kind !== 'deep' || parts.at(-1)?.kind !== 'deep') parts.push(part.value);
  }
  return success(parts);
}

function shortest(text: string): string {
  const kept: string[] = [];
  for (const name of text.split('/')) {
    if (name === '..') kept.pop();
    else if (name !== '' && name !== '.') kept.push(name);
  }
  return `write /${kept.join('/')}`;
}

function makeGlob(parts: readonly GlobPart[]): Glob {
  const plain = parts.map(plainName);
  const wild = plain.indexOf(undefined);
  const baseParts = wild < 0 ? parts.length : wild;
  return {
    text: `/${parts.map(partText).join('/')}`,
    parts,
    base: `/${plain.slice(0, baseParts).join('/')}`,
    baseParts,
  };
}

/** The pattern with its leading names replaced by where they really lead. */
export function rebased(glob: Glob, base: string): Glob {
  if (base === glob.base) return glob;
  return makeGlob([...plainParts(base), ...glob.parts.slice(glob.baseParts)]);
}

function plainParts(path: string): readonly GlobPart[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((name): GlobPart => ({ kind: 'name', atoms: Array.from(name, oneOf) }));
}

/** A path as it is written where patterns may stand. */
export function pathText(path: string): string {
  return path.replaceAll(/[*?[\\]/g, '\\$&');
}

function parsePart(name: string, whole: string): Result<GlobPart> {
  if (name === '**') return success({ kind: 'deep' });
  const atoms: GlobAtom[] = [];
  const characters = Array.from(name);
  for (let at = 0; at < characters.length; at++) {
    const char = characters[at] ?? '';
    if (char === '*' && characters[at + 1] === '*')
      return badPath(`${whole}: ** stands alone between two slashes`, 'write * for a part of a name');
    if (char === '*') atoms.push({ kind: 'star' });
    else if (char === '?') atoms.push(ANY_CHARACTER);
    else if (char === '[') {
      const end = classEnd(characters, at);
      if (end === undefined) {
        const hint = 'close it with ] in the same name, or write \\[ for the character';
        return badPath(`${whole}: this [ is never closed`, hint);
      }
      const atom = parseClass(characters.slice(at + 1, end), whole);
      if (!atom.ok) return atom;
      atoms.push(atom.value);
      at = end;
    } else if (char === '\\') {
      const next = characters[++at];
      if (next === undefined) return badPath(`${whole}: a backslash takes nothing`, 'write \\\\ for one');
      atoms.push(oneOf(next));
    } else {
      atoms.push(oneOf(char));
    }
  }
  return success({ kind: 'name', atoms });
}

function oneOf(char: string): GlobAtom {
  const code = char.codePointAt(0) ?? 0;
  return { kind: 'one', ranges: [[code, code]], text: pathText(char) };
}

function classEnd(characters: readonly string[], start: number): number | undefined {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^';
  // A ] right at the beginning is one of the class.
  const end = characters.indexOf(']', start + (negated ? 3 : 2));
  return end < 0 ? undefined : end;
}

function parseClass(inner: readonly string[], whole: string): Result<GlobAtom> {
  const negated = inner[0] === '!' || inner[0] === '^';
  const members = negated ? inner.slice(1) : inner;
  const ranges: (readonly [number, number])[] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at]?.codePointAt(0) ?? 0;
    const ranged = members[at + 1] === '-' && at + 2 < members.length;
    const to = ranged ? (members[at + 2]?.codePointAt(0) ?? from) : from;
    if (to < from) {
      const text = `${members[at]}-${members[at + 2]}`;
      return badPath(`${whole}: no character lies from ${text}`, 'write the lesser one first');
    }
    ranges.push([from, to]);
    if (ranged) at += 2;
  }
  const kept = negated ? complement(ranges) : withoutSlash(ranges);
  if (kept.length === 0)
    return badPath(`${whole}: no character of a name is in this class`, 'name one that is');
  const [only] = kept;
  if (kept.length === 1 && only !== undefined && only[0] === only[1])
    return success(oneOf(String.fromCodePoint(only[0])));
  return success({ kind: 'one', ranges: kept, text: `[${negated ? '!' : ''}${members.join('')}]` });
}

/** The ranges in order, joined where they meet. */
function merged(ranges: Ranges): Ranges {
  const all: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}

function withoutSlash(ranges: Ranges): Ranges {
  return complement(complement(ranges));
}

/** What of the characters of names is in none of the ranges. */
function complement(ranges: Ranges): Ranges {
  const outside: [number, number][] = [];
  let next = 1;
  for (const [from, to] of merged([...ranges, [SLASH, SLASH]])) {
    if (from > next) outside.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= 0x10ffff) outside.push([next, 0x10ffff]);
  return outside;
}

/** The one name that the part matches; undefined where there are more. */
function plainName(part: GlobPart): string | undefined {
  if (part.kind === 'deep') return undefined;
  let name = '';
  for (const atom of part.atoms) {
    const range = atom.kind === 'one' && atom.ranges.length === 1 ? atom.ranges[0] : undefined;
    if (range === undefined || range[0] !== range[1]) return undefined;
    name += String.fromCodePoint(range[0]);
  }
  return name;
}

function partText(part: GlobPart): string {
  return part.kind === 'deep'
    ? '**'
    : part.atoms.map((atom) => (atom.kind === 'star' ? '*' : atom.text)).join('');
}

function badPath<T>(message: string, hint: string): Result<T> {
  return failure({ code: 'bad-path', message, hint });
}

const AUTOMATA = new WeakMap<Glob, { readonly exact: Automaton; readonly below: Automaton }>();

function automata(glob: Glob) {
  const known = AUTOMATA.get(glob);
  if (known !== undefined) return known;
  const made = { exact: new Automaton(glob.parts), below: new Automaton([...glob.parts, { kind: 'deep' }]) };
  AUTOMATA.set(glob, made);
  return made;
}

/** Whether the pattern matches the path as a whole. */
export function globMatches(glob: Glob, path: string): boolean {
  return startsWithin(path, glob.base) && automata(glob).exact.matches(path);
}

/** Whether the pattern matches the path or a folder above it. */
export function globRules(glob: Glob, path: string): boolean {
  return startsWithin(path, glob.base) && automata(glob).below.matches(path);
}

function startsWithin(path: string, base: string): boolean {
  return (
    base === '/' || (path.startsWith(base) && (path.length === base.length || path[base.length] === '/'))
  );
}

/** Whether all that one pattern rules is ruled by the other, too. Patterns too large to be compared count as not. */
export function globWithin(inner: Glob, outer: Glob): boolean {
  return automata(inner).below.isWithin(automata(outer).below);
}

/** Whether the pattern can match something strictly below the folder. */
export function globReaches(glob: Glob, folder: string): boolean {
  if (!startsWithin(folder, glob.base)) return startsWithin(glob.base, folder);
  return automata(glob).exact.reachesBelow(folder);
}

/** A path below the folder, at any depth, that the pattern matches; undefined if there can be none. */
export function globWitness(glob: Glob, folder: string): string | undefined {
  return automata(glob).exact.wordBelow(folder);
}

/** Whether the pattern matches every path strictly below the folder. */
export function globCovers(glob: Glob, folder: string): boolean {
  const star: GlobPart = { kind: 'name', atoms: [{ kind: 'star' }] };
  const below = new Automaton([...plainParts(folder), star, { kind: 'deep' }]);
  return below.isWithin(automata(glob).exact);
}

/** What a match with a path may cost, in steps. */
export function globCost(glob: Glob, path: string): number {
  return automata(glob).exact.size * (path.length + 1);
}

/**
 * Paths that stand for all there can be: whatever the patterns, and the rules for single paths, say together of some path, they say
 * of one of these. Undefined where there are too many combinations.
 */
export function pathExamples(
  globs: readonly Glob[],
  paths: readonly string[],
): readonly string[] | undefined {
  const single = paths.map((path) => makeGlob(plainParts(path)));
  return combinations([
    ...globs.map((each) => automata(each).below),
    ...single.flatMap((each) => [automata(each).exact, automata(each).below]),
  ]);
}
