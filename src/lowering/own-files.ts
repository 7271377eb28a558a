import type { Diagnostic } from '../common/index.js';
import type { Access, FileRule, PatternRule, Policy } from '../policy/index.js';
import { fileVerdict, OWN_FOLDER, ownAccess, ownPattern, ownRulePath } from '../policy/index.js';
import type { Place } from './coverage/place.js';
import { FILTER_NEEDS, isFiltered } from './coverage/place.js';
import type { Coverage } from './plan.js';

/** A file of the calling process that the supervisor opens for it. */
export interface OwnFile {
  readonly rule: FileRule | PatternRule;
  /** In it, `*` is a number. */
  readonly path: string;
}

export interface OwnPlan {
  /** What the other mechanisms are asked to hold. */
  readonly rest: Policy;
  readonly files: readonly OwnFile[];
  readonly coverage: readonly Coverage[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Whether something of the calling process is granted, so that who opens files is asked for more than its registers. */
export function grantsOwn({ files, patterns }: Pick<Policy, 'files' | 'patterns'>): boolean {
  return [...files, ...patterns].some((rule) => ownRulePath(rule) !== undefined && rule.access.size > 0);
}

/** Takes the rules for files of the calling process out of the policy: no object that they are for is there before the process is. */
export function lowerOwnFiles(policy: Policy, place: Place): OwnPlan {
  const own = [...policy.files, ...policy.patterns].filter((rule) => ownRulePath(rule) !== undefined);
  const others = <T extends FileRule | PatternRule>(rules: readonly T[]): readonly T[] =>
    rules.filter((rule) => ownRulePath(rule) === undefined);
  const rest = { ...policy, files: others(policy.files), patterns: others(policy.patterns) };
  const diagnostics = own.flatMap((rule) => problem(rule, rest) ?? []);
  const files = own
    .map((rule) => ({ rule, path: ownPattern(ownRulePath(rule) ?? '') }))
    .filter(({ rule }) => rule.access.size > 0)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { rest, files, coverage: own.map((rule) => coverage(rule, place)), diagnostics };
}

function problem(rule: FileRule | PatternRule, rest: Policy): Diagnostic | undefined {
  const path = ownRulePath(rule) ?? '';
  const allowed = ownAccess(path);
  const beyond = [...rule.access].filter((word) => !allowed.includes(word));
  const { span } = rule;
  if (path.startsWith('/proc/thread-self'))
    return {
      code: 'not-enforceable',
      message: `${rule.id} is for one thread, and a process's threads are not told apart`,
      span,
      hint: `write ${path.replace('/proc/thread-self', `${OWN_FOLDER}/task/*`)}`,
    };
  if (beyond.length > 0 && allowed.length === 0)
    return {
      code: 'not-enforceable',
      message: `${rule.id} cannot be held: of the calling process's files the supervisor gives single ones that tell it of itself, and this is none`,
      span,
      hint: `name a file, such as ${OWN_FOLDER}/stat, ${OWN_FOLDER}/fd or ${OWN_FOLDER}/task/*/comm; docs/reference/profile.md lists them`,
    };
  if (beyond.length > 0)
    return {
      code: 'not-enforceable',
      message: `${rule.id} cannot grant ${beyond.join(' and ')}: the supervisor gives it to ${allowed.join(' and ')}`,
      span,
      hint: `write ${path}: ${allowed.join(' ')}`,
    };
  const around = fileVerdict(rest, path);
  const wider = [...(around?.access ?? [])].filter((word: Access) => !rule.access.has(word));
  if (wider.length === 0) return undefined;
  const from = around?.rules[0];
  return {
    code: 'not-enforceable',
    message: `${rule.id} cannot take ${wider.join(' and ')} away, which ${from?.id ?? 'a rule above'} grants: each process has a file of its own there`,
    span,
    hint: `grant files below /proc one by one, not ${from === undefined || 'kind' in from ? '/proc' : from.path} as a whole`,
  };
}

function coverage(rule: FileRule | PatternRule, place: Place): Coverage {
  const base = { rule: rule.id, span: rule.span };
  if (rule.access.size === 0)
    return { ...base, mechanism: ['landlock'], status: 'full', needs: '', note: 'nothing grants it' };
  if (!isFiltered(place))
    return {
      ...base,
      mechanism: [],
      status: 'none',
      needs: FILTER_NEEDS,
      note: 'nobody here could open it for the process',
    };
  const note =
    'to each process for its own: the supervisor opens it, looks at what it has opened, and hands it over; every open is raised to it for this';
  return { ...base, mechanism: ['seccomp', 'supervisor'], status: 'full', needs: FILTER_NEEDS, note };
}

/** As the launcher reads it. */
export function ownText(files: readonly OwnFile[]): string {
  return files.map(({ rule, path }) => `${path} ${[...rule.access].sort().join(' ')}`).join('\n');
}
