import { VxeError } from '../common/index.js';
import type { FileRules } from './file-rules.js';
import { fileVerdict, nearestRule } from './file-rules.js';
import type { Glob } from './glob.js';
import { globMatches, globRules, parseGlob, parsePathText, pathExamples, pathText } from './glob.js';
import type { Access, FileRule, PatternRule, Policy } from './model.js';

type Rules = Pick<Policy, 'files' | 'patterns'>;
type GlobRule = Extract<PatternRule, { readonly kind: 'glob' }>;

/** The file rules of a stack: they grant on every path what both members grant there, or it is an error. */
export function narrowFileRules(a: Policy, b: Policy): Rules {
  if (a.patterns.length === 0 && b.patterns.length === 0) return { files: narrowPaths(a, b), patterns: [] };
  const globs = globsOf(a, b);
  const members = [a, b].map(({ files, patterns }): Rules => ({ files, patterns }));
  const both = (path: string): ReadonlySet<Access> => {
    const [left, right] = members.map((rules) => fileVerdict(rules, path)?.access ?? new Set<Access>());
    return new Set([...(left ?? [])].filter((word) => right?.has(word)));
  };
  const rules = candidate(a, b, globs, both);
  const problem = firstDifference([...members, rules], rules, both);
  if (problem === undefined) return rules;
  const [pattern] = globs;
  const where = problem === '' ? '' : `, such as at ${problem}`;
  throw new VxeError(
    'unsupported',
    `${a.name} and ${b.name} meet by their patterns (${pattern?.id}) in more ways than rules can say${where}`,
    problem === ''
      ? 'stack the profiles of a bundle, where patterns are exact rules, or write fewer patterns'
      : `write a rule or pattern for what is like ${problem} into both profiles, or stack the profiles of a bundle, where patterns are exact rules`,
  );
}

function narrowPaths(a: Rules, b: Rules): readonly FileRule[] {
  const paths = new Map<string, FileRule>();
  for (const rule of [...a.files, ...b.files]) if (!paths.has(rule.path)) paths.set(rule.path, rule);
  return [...paths.values()].map((rule) => {
    const left = nearestRule(a.files, rule.path)?.access ?? new Set<Access>();
    const right = nearestRule(b.files, rule.path)?.access ?? new Set<Access>();
    return { ...rule, access: new Set([...left].filter((word) => right.has(word))) };
  });
}

/** The patterns of both, each once; predicates are answered where the files are known. */
function globsOf(a: Policy, b: Policy): readonly GlobRule[] {
  const globs = new Map<string, GlobRule>();
  for (const member of [a, b]) {
    for (const rule of member.patterns) {
      if (rule.kind === 'predicate')
        throw new VxeError(
          'unsupported',
          `${rule.id} of ${member.name} asks of each path what only a program can answer`,
          'stack the profiles of a bundle, where it is exact rules',
        );
      if (!globs.has(rule.glob.text)) globs.set(rule.glob.text, rule);
    }
    // Where no rule speaks of a socket, the file rules do, and by patterns no list of paths says as much.
    const unix = member.network.sockets.find(({ object }) => object.kind === 'unix');
    if (unix !== undefined)
      throw new VxeError(
        'unsupported',
        `${unix.id} of ${member.name} is for a path, and the other's patterns may say something finer of what lies there`,
        'stack the profiles of a bundle, where patterns are exact rules, or leave the rule to the file rules',
      );
  }
  return [...globs.values()];
}

/** Rules for the paths and patterns of both, and for what a pattern of one has below a path of the other; each grants what both grant there. */
function candidate(
  a: Policy,
  b: Policy,
  globs: readonly GlobRule[],
  both: (path: string) => ReadonlySet<Access>,
): Rules {
  const files = new Map<string, FileRule>();
  const patterns = new Map<string, GlobRule>();
  for (const rule of [...a.files, ...b.files]) if (!files.has(rule.path)) files.set(rule.path, rule);
  for (const rule of globs) patterns.set(rule.glob.text, rule);
  for (const path of [...files.keys()]) {
    for (const rule of globs) {
      for (const text of belowPath(rule.glob, path)) {
        const what = parsePathText(text);
        if (!what.ok) continue;
        const { access, span } = rule;
        if (what.value.kind === 'path') {
          const at = what.value.path;
          if (!files.has(at)) files.set(at, { id: `files:${at}`, path: at, folder: false, access, span });
        } else if (!patterns.has(what.value.glob.text)) {
          const { glob } = what.value;
          patterns.set(glob.text, { kind: 'glob', id: `files:${glob.text}`, glob, access, span });
        }
      }
    }
  }
  const all = [...patterns.values()].map(({ glob }) => glob);
  const examples = pathExamples(all, [...files.keys()]) ?? [];
  return {
    files: [...files.values()].map((rule) => ({ ...rule, access: both(rule.path) })),
    patterns: [...patterns.values()].map((rule) => {
      const typical = typicalOf(rule.glob, all, [...files.keys()], examples);
      return { ...rule, access: typical === undefined ? new Set<Access>() : both(typical) };
    }),
  };
}

/** The example that the pattern rules and as few others as there are. */
function typicalOf(
  glob: Glob,
  globs: readonly Glob[],
  paths: readonly string[],
  examples: readonly string[],
): string | undefined {
  const others = (path: string): number =>
    globs.filter((each) => globRules(each, path)).length +
    paths.filter((each) => path === each || path.startsWith(each === '/' ? '/' : `${each}/`)).length;
  let best: { readonly path: string; readonly count: number } | undefined;
  for (const path of examples) {
    if (!globRules(glob, path)) continue;
    const count = others(path);
    if (best === undefined || count < best.count) best = { path, count };
  }
  return best?.path;
}

/** What a pattern has below a path, as patterns that begin with the path; none where it does not reach there or rules the path itself. */
function belowPath(glob: Glob, path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  const rest = (parts: readonly string[], at: number): readonly (readonly string[])[] => {
    const [part, ...others] = parts;
    const name = names[at];
    if (name === undefined) return [parts];
    if (part === undefined) return [];
    if (part === '**') return [...rest(others, at), ...rest(parts, at + 1)];
    const one = parseGlob(`/${part}`);
    return one.ok && globMatches(one.value, `/${name}`) ? rest(others, at + 1) : [];
  };
  return rest(glob.text.slice(1).split('/'), 0)
    .filter((parts) => parts.length > 0)
    .map((parts) => `${path === '/' ? '' : pathText(path)}/${parts.join('/')}`);
}

/** A path of which the rules say otherwise than both members do; empty: there are too many ways to look through. */
function firstDifference(
  all: readonly Rules[],
  rules: FileRules,
  both: (path: string) => ReadonlySet<Access>,
): string | undefined {
  const globs = new Map(
    all.flatMap(({ patterns }) =>
      patterns.flatMap((rule) => (rule.kind === 'glob' ? [[rule.glob.text, rule.glob] as const] : [])),
    ),
  );
  const paths = new Set(all.flatMap(({ files }) => files.map((rule) => rule.path)));
  const examples = pathExamples([...globs.values()], [...paths]);
  if (examples === undefined) return '';
  return examples.find((path) => {
    const [mine, wanted] = [fileVerdict(rules, path)?.access ?? new Set<Access>(), both(path)];
    return mine.size !== wanted.size || [...mine].some((word) => !wanted.has(word));
  });
}
