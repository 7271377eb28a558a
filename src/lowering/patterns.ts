import type { Diagnostic } from '../common/index.js';
import type {
  Access,
  AnyRule,
  FileRule,
  FileRules,
  Glob,
  PatternRule,
  Policy,
  RuleId,
} from '../policy/index.js';
import {
  decisive,
  fileVerdict,
  globReaches,
  globRules,
  isBeneath,
  joinPath,
  nearestRule,
  parentPath,
  placeRules,
  sharedAccess,
} from '../policy/index.js';
import type { Place } from './coverage/place.js';
import type { Coverage, Mechanism } from './plan.js';
import type { FileTree } from './tree.js';
import { eventWorld } from './tree.js';

/** A policy whose patterns became exact rules for the files that there are. */
export interface SettledPolicy {
  readonly policy: Policy;
  readonly diagnostics: readonly Diagnostic[];
}

/** More files than a rootfs has; a pattern over a whole host is not looked through. */
const PATHS_MAX = 200_000;

type Words = ReadonlySet<Access>;
const NONE: Words = new Set();

/**
 * Evaluates patterns and predicates over all files of the tree: where a path has other rights than its folder, an exact rule says
 * so. Where files may come to be that nobody can look at now, a pattern must say of all of them what the folder has; one that
 * does not is refused. Over the host's tree it may grant more than the folder has: a later file then has too little, never too much.
 */
export function settlePatterns(policy: Policy, tree: FileTree): SettledPolicy {
  if (policy.patterns.length === 0) return { policy, diagnostics: [] };
  // The list of programs is for later: it takes execute away from exact rules.
  const { files: named, patterns } = policy;
  const settler = new Settler(placeRules({ files: named, patterns }, eventWorld(tree)), tree);
  settler.visitAll(settler.rules.patterns.map((rule) => topOf(baseOf(rule), tree)));
  settler.checkUnseen();
  const { files, problems } = settler;
  return {
    policy: { ...policy, files: [...policy.files, ...files], patterns: [] },
    diagnostics: [...problems.values()],
  };
}

function baseOf(rule: PatternRule): string {
  return rule.kind === 'glob' ? rule.glob.base : rule.folder;
}

/** The nearest folder that is there, or that cannot be looked into. */
function topOf(base: string, tree: FileTree): string {
  let top = base;
  while (top !== '/' && tree.kind(top) === undefined && !tree.isOpen(top)) top = parentPath(top);
  return top;
}

class Settler {
  readonly rules: FileRules;
  readonly files: FileRule[] = [];
  /** By rule: one complaint says enough. */
  readonly problems = new Map<RuleId, Diagnostic>();
  readonly #tree: FileTree;
  readonly #literal: ReadonlySet<string>;
  readonly #seen = new Set<string>();

  constructor(rules: FileRules, tree: FileTree) {
    this.rules = rules;
    this.#tree = tree;
    this.#literal = new Set(rules.files.map((rule) => rule.path));
  }

  /** Visits what is at or below the tops. */
  visitAll(tops: readonly string[]): void {
    // What is mounted need not be listed in the folder that it is mounted on.
    const mounts = this.#tree.mounts.filter((mount) => tops.some((top) => isBeneath(mount, top)));
    // A folder comes before what is below it: what it has decides whether a path needs a rule of its own.
    const shortestFirst = [...tops, ...mounts].sort((a, b) => a.length - b.length);
    for (const top of shortestFirst) this.#visit(top, this.#exactAbove(top));
  }

  /** The paths with rules of their own that nobody can look at now: below them, too, something may come to be. */
  checkUnseen(): void {
    for (const { path } of this.rules.files) {
      if (this.#tree.kind(path) !== undefined) continue;
      const top = topOf(path, this.#tree);
      const comes = this.#tree.isOpen(path) || this.#tree.isHost || this.#access(top).has('create');
      if (comes) this.#checkNew(path, this.#access(path));
    }
  }

  /** What the exact rules so far say of the folder above; a mount's own need not be there to be looked at. */
  #exactAbove(path: string): Words {
    if (path === '/') return NONE;
    return nearestRule([...this.rules.files, ...this.files], parentPath(path))?.access ?? NONE;
  }

  #access(path: string): Words {
    const verdict = fileVerdict(this.rules, path);
    if (verdict?.problem !== undefined) {
      const [rule] = verdict.rules;
      const { message, span, related } = verdict.problem;
      if (rule !== undefined)
        this.problems.set(rule.id, {
          code: 'not-enforceable',
          message: `${rule.id} has no answer for ${path}: ${message}`,
          span: span ?? rule.span,
          hint: 'let the predicate hold or not for every path of its folder',
          ...(related === undefined ? {} : { related }),
        });
    }
    return verdict?.access ?? NONE;
  }

  #visit(path: string, above: Words): void {
    const kind = this.#tree.kind(path);
    const open = this.#tree.isOpen(path);
    if (this.#seen.has(path) || kind === 'symlink' || (kind === undefined && !open)) return;
    this.#seen.add(path);
    if (this.#seen.size > PATHS_MAX) {
      this.#tooMany();
      return;
    }
    const access = this.#access(path);
    if (!this.#literal.has(path) && !same(access, above))
      this.#emit(path, kind === 'directory' || kind === undefined, access);
    if (kind !== 'directory' && !open) return;
    this.#checkGrowth(path, access);
    for (const name of this.#reaches(path) ? (this.#tree.children(path) ?? []) : [])
      this.#visit(joinPath(path, name), access);
  }

  /** A rule of the pattern that makes the path another one than its folder, by holding there or by holding no longer. */
  #emit(path: string, folder: boolean, access: Words): void {
    const speaking = [path, parentPath(path)].flatMap((each) => fileVerdict(this.rules, each)?.rules ?? []);
    const rule = speaking.find((each) => 'kind' in each) ?? this.rules.patterns[0];
    if (rule !== undefined)
      this.files.push({ id: rule.id, path, folder, access, derived: true, span: rule.span });
  }

  #reaches(folder: string): boolean {
    return this.rules.patterns.some((rule) =>
      rule.kind === 'glob'
        ? globReaches(rule.glob, folder)
        : isBeneath(folder, rule.folder) || isBeneath(rule.folder, folder),
    );
  }

  /** Whether all that may come to be in the folder has what the folder has, since that is what it will have. */
  #checkGrowth(folder: string, access: Words): void {
    if (this.#tree.isOpen(folder) || this.#tree.isHost || access.has('create'))
      this.#checkNew(folder, access);
  }

  #checkNew(folder: string, access: Words): void {
    const { certain, possible } = this.#speakingBelow(folder);
    for (const rule of [undefined, ...possible]) {
      const deciding = decisive(rule === undefined ? certain : [...certain, rule]);
      const granted = sharedAccess(deciding);
      if (same(granted, access)) continue;
      if (this.#tree.isHost && [...access].every((word) => granted.has(word))) continue;
      const named = rule ?? deciding.find((each) => 'kind' in each) ?? this.rules.patterns[0];
      if (named !== undefined && 'kind' in named && !this.problems.has(named.id))
        this.problems.set(named.id, this.#notReduced(named, folder));
    }
  }

  /** The rules that speak of everything new below a folder, and those that speak of something there. */
  #speakingBelow(folder: string): { certain: readonly AnyRule[]; possible: readonly PatternRule[] } {
    const literal = nearestRule(this.rules.files, folder);
    const certain: AnyRule[] = literal === undefined ? [] : [literal];
    const possible: PatternRule[] = [];
    for (const rule of this.rules.patterns) {
      const below = rule.kind === 'glob' ? globBelow(rule.glob, folder) : predicateBelow(rule, folder);
      if (below === true) certain.push(rule);
      else if (below === undefined) possible.push(rule);
    }
    return { certain, possible };
  }

  #notReduced(rule: PatternRule, folder: string): Diagnostic {
    const why = this.#tree.isHost
      ? `on the host, files come to be in ${folder} that would have more than the rule says`
      : this.#tree.isOpen(folder)
        ? `what is mounted on ${folder} is not known when the bundle is made`
        : `the profile lets files be made in ${folder}`;
    const whole = `there a rule is for a folder and all below it, such as ${joinPath(folder, 'NAME/**')}`;
    const hint = this.#tree.isHost
      ? 'there a pattern can only add to what its folder has: rule folders by name, or run the program in a bundle'
      : this.#tree.isOpen(folder)
        ? `${whole}; where nothing there is meant, rule ${folder}: none`
        : `${whole}; or take create from ${folder}`;
    return {
      code: 'not-enforceable',
      message: `${rule.id} is not the same for all that may come to be: ${why}`,
      span: rule.span,
      hint,
    };
  }

  #tooMany(): void {
    const [rule] = this.rules.patterns;
    if (rule === undefined || this.problems.has(rule.id)) return;
    this.problems.set(rule.id, {
      code: 'too-large',
      message: `the patterns reach more than ${PATHS_MAX} files`,
      span: rule.span,
      hint: 'begin them with the folders that are meant',
    });
  }
}

/** Whether the pattern rules all that is new below the folder, nothing of it (false), or some of it (undefined). */
function globBelow(glob: Glob, folder: string): boolean | undefined {
  if (globRules(glob, folder)) return true;
  return globReaches(glob, folder) ? undefined : false;
}

function predicateBelow(
  { folder: own, predicate }: PatternRule & { kind: 'predicate' },
  folder: string,
): boolean | undefined {
  if (isBeneath(folder, own)) return predicate.below(folder);
  if (!isBeneath(own, folder)) return false;
  const itself = predicate.holds(own);
  return itself.ok && !itself.value && predicate.below(own) === false ? false : undefined;
}

function same(a: Words, b: Words): boolean {
  return a.size === b.size && [...a].every((word) => b.has(word));
}

/** The rows of the exact rules of one pattern as one row of the pattern. */
export function patternCoverage(
  patterns: readonly PatternRule[],
  rows: readonly Coverage[],
  { isHost, features, abiText }: Place,
): readonly Coverage[] {
  if (patterns.length === 0) return rows;
  const ids = new Set(patterns.map((rule) => rule.id));
  const kept = rows.filter((row) => !ids.has(row.rule));
  const own = patterns.map((rule): Coverage => {
    const mine = rows.filter((row) => row.rule === rule.id);
    const worst = mine.find((row) => row.status === 'none') ?? mine.find((row) => row.status === 'partial');
    const nothing = { needs: abiText(1), status: features.landlockAbi < 1 ? 'none' : 'full' } as const;
    const { needs, status } = worst ?? mine[0] ?? nothing;
    const mechanism: readonly Mechanism[] = status === 'none' ? [] : ['rootfs'];
    const count = mine.length === 1 ? 'an exact rule for one path' : `exact rules for ${mine.length} paths`;
    const notes = [...new Set(mine.map((row) => row.note))].filter((note) => note !== '').slice(0, 3);
    const said = [
      mine.length > 0
        ? count
        : status === 'none'
          ? 'this kernel has no Landlock'
          : 'no path has other rights by it',
      isHost ? 'as they were when it was compiled: a later file has what its folder has' : '',
      ...notes,
    ];
    return {
      rule: rule.id,
      mechanism: mine.length === 0 ? mechanism : [...new Set(mine.flatMap((row) => row.mechanism))],
      status,
      needs,
      note: said.filter((part) => part !== '').join('; '),
      span: rule.span,
    };
  });
  return [...kept, ...own];
}
