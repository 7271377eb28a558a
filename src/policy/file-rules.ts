import type { Diagnostic } from '../common/index.js';
import type { EventWorld } from './file-needs.js';
import type { Glob } from './glob.js';
import { globRules, globWithin, rebased } from './glob.js';
import type { Access, FileRule, PatternRule, Policy } from './model.js';
import { isOwnFile } from './own-process.js';
import { isBeneath, parentPath } from './paths.js';

export type AnyRule = FileRule | PatternRule;
/** `programs`: what alone may be executed, of what the rules grant `execute`. */
export type FileRules = Pick<Policy, 'files' | 'patterns'> & Partial<Pick<Policy, 'programs'>>;

/** What the rules grant at a path, and which of them decide. */
export interface FileVerdict {
  readonly access: ReadonlySet<Access>;
  /** The most specific rules; where there are several, each holds. */
  readonly rules: readonly AnyRule[];
  /** A predicate that could not be answered; nothing is granted then. */
  readonly problem?: Diagnostic;
}

/**
 * The rules that decide about a path. A path rules itself and all below it, a pattern each path that it matches and all below
 * that, a predicate the paths of its folder for which it holds. Of two rules that speak of a path the more specific decides: the one
 * that rules nothing but what the other rules, too. How much a predicate rules is not looked into: it is more specific
 * than what rules its whole folder, and only a rule for the very path is more specific than it. Where neither of two rules is the
 * more specific, both decide: granted is what both grant.
 */
export function fileVerdict(rules: FileRules, path: string): FileVerdict | undefined {
  const verdict = ruledVerdict(rules, path);
  const { programs } = rules;
  if (verdict === undefined || programs === undefined) return verdict;
  const program = programs.find((each) => isBeneath(path, each.path));
  if (program === undefined)
    return { ...verdict, access: new Set([...verdict.access].filter((word) => word !== 'execute')) };
  const own = verdict.rules.some((rule) => !('kind' in rule) && isBeneath(rule.path, program.path));
  return own ? verdict : { ...verdict, rules: [{ ...program, folder: false, access: verdict.access }] };
}

/** What the rules say without the list of programs. */
function ruledVerdict(rules: FileRules, path: string): FileVerdict | undefined {
  const literal = nearestRule(rules.files, path);
  if (rules.patterns.length === 0 || literal?.path === path)
    return literal && { access: literal.access, rules: [literal] };
  const speaking = rules.patterns.filter((rule) => speaks(rule, path));
  const asked = speaking.map((rule) => ({ rule, answer: answerOf(rule, path) }));
  const holding = asked.filter(({ answer }) => !answer.ok || answer.value).map(({ rule }) => rule);
  const deciding = decisive([...(literal === undefined ? [] : [literal]), ...holding]);
  if (deciding.length === 0) return undefined;
  for (const { rule, answer } of asked)
    if (!answer.ok) return { access: new Set(), rules: [rule], ...problemOf(answer.diagnostics) };
  return { access: sharedAccess(deciding), rules: deciding };
}

/** Of rules that all speak of one path, those that decide. */
export function decisive(rules: readonly AnyRule[]): readonly AnyRule[] {
  return rules.filter((rule) => !rules.some((other) => other !== rule && isNarrower(other, rule)));
}

/** What all of the rules grant. */
export function sharedAccess([first, ...others]: readonly AnyRule[]): ReadonlySet<Access> {
  const words = [...(first?.access ?? [])];
  return new Set(words.filter((word) => others.every((rule) => rule.access.has(word))));
}

function problemOf([problem]: readonly Diagnostic[]): { problem?: Diagnostic } {
  return problem === undefined ? {} : { problem };
}

function answerOf(rule: PatternRule, path: string) {
  return rule.kind === 'glob' ? { ok: true as const, value: true } : rule.predicate.holds(path);
}

/** Whether the path is among those that the rule may be about; a predicate is asked later. */
function speaks(rule: PatternRule, path: string): boolean {
  return rule.kind === 'glob' ? globRules(rule.glob, path) : isBeneath(path, rule.folder);
}

/** Whether the first rules nothing but what the second rules, too, and the second more. */
function isNarrower(inner: AnyRule, outer: AnyRule): boolean {
  // Of the paths that speak of one file, the nearest alone was taken.
  if (!('kind' in outer)) return reaches(baseOf(inner), outer.path);
  if (outer.kind === 'predicate') return false;
  if (!('kind' in inner)) return globRules(outer.glob, inner.path);
  if (inner.kind === 'predicate') return globRules(outer.glob, inner.folder);
  return within(inner.glob, outer.glob) && !within(outer.glob, inner.glob);
}

function reaches(base: string, path: string): boolean {
  return isBeneath(base, path);
}

function baseOf(rule: AnyRule): string {
  if (!('kind' in rule)) return rule.path;
  return rule.kind === 'glob' ? rule.glob.base : rule.folder;
}

const COMPARED = new WeakMap<Glob, WeakMap<Glob, boolean>>();

function within(inner: Glob, outer: Glob): boolean {
  const known = COMPARED.get(inner) ?? new WeakMap<Glob, boolean>();
  COMPARED.set(inner, known);
  const answer = known.get(outer) ?? globWithin(inner, outer);
  known.set(outer, answer);
  return answer;
}

const INDEXES = new WeakMap<readonly FileRule[], ReadonlyMap<string, FileRule>>();

/** The rule for the path or the nearest folder above it. */
export function nearestRule(rules: readonly FileRule[], path: string): FileRule | undefined {
  let index = INDEXES.get(rules);
  if (index === undefined) {
    // Of two rules that links lead to one place the first counts, as everywhere.
    index = new Map([...rules].reverse().map((rule) => [rule.path, rule]));
    INDEXES.set(rules, index);
  }
  for (let at = path; ; at = parentPath(at)) {
    const rule = at === path || !isOwnFile(at) ? index.get(at) : undefined;
    if (rule !== undefined || at === '/') return rule;
  }
}

const PLACED = new WeakMap<EventWorld, WeakMap<FileRules, FileRules>>();

/** The rules at the places that their paths really lead to; of a pattern, its leading names without wildcards. */
export function placeRules(rules: FileRules, world: EventWorld | undefined): FileRules {
  if (world === undefined) return rules;
  const known = PLACED.get(world) ?? new WeakMap<FileRules, FileRules>();
  PLACED.set(world, known);
  const { programs } = rules;
  const placed = known.get(rules) ?? {
    ...(programs === undefined
      ? {}
      : { programs: programs.map((rule) => ({ ...rule, path: world.resolve(rule.path) })) }),
    files: rules.files.map((rule) => ({ ...rule, path: world.resolve(rule.path) })),
    patterns: rules.patterns.map((rule) =>
      rule.kind === 'glob'
        ? { ...rule, glob: rebased(rule.glob, world.resolve(rule.glob.base)) }
        : { ...rule, folder: world.resolve(rule.folder) },
    ),
  };
  known.set(rules, placed);
  return placed;
}
