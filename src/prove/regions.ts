import { VxeError } from '../common/index.js';
import type { Access, EventWorld, FileRules, Policy } from '../policy/index.js';
import { fileVerdict, joinPath, pathExamples, placeRules } from '../policy/index.js';

/** Paths for which a set of rules says one and the same, by one that stands for all. */
export interface Region {
  readonly path: string;
}

/** A name that no rule has. */
const FRESH = 'any-other-name';

/**
 * Cuts all paths into regions by the rules' own paths: what lies below one path and below no longer one has one verdict, so the
 * path itself stands for it. A region for what no rule speaks of is there too. Patterns cut further: every combination of rules that
 * speak of one path has its example.
 */
export function regionsOf(...policies: readonly FileRules[]): readonly Region[] {
  const all = new Set(
    policies.flatMap(({ files, programs }) => [...files, ...(programs ?? [])].map((rule) => rule.path)),
  );
  return regionsAt([...all, ...patternExamples(policies, all)]);
}

/** The regions that paths alone cut. */
export function regionsAt(paths: Iterable<string>): readonly Region[] {
  const all = new Set(paths);
  const outside = all.has('/') ? [] : ['/', freshBelow('/', all)];
  return [...new Set([...outside, ...all])].sort().map((path) => ({ path }));
}

function patternExamples(policies: readonly FileRules[], paths: Iterable<string>): readonly string[] {
  const patterns = policies.flatMap((each) => each.patterns);
  if (patterns.length === 0) return [];
  const globs = patterns.map((rule) => {
    if (rule.kind === 'glob') return rule.glob;
    throw new VxeError(
      'unsupported',
      `${rule.id} asks of each path what only a program can answer`,
      'prove it of a bundle, whose files are known',
    );
  });
  const examples = pathExamples(globs, [...paths]);
  if (examples !== undefined) return examples;
  throw new VxeError(
    'too-large',
    `the ${globs.length} patterns meet in more ways than can be looked through`,
    'prove it of a bundle, whose files are known',
  );
}

/** A path right below another that no rule names. */
export function freshBelow(path: string, named: ReadonlySet<string>): string {
  let name = FRESH;
  while (named.has(joinPath(path, name))) name += '-';
  return joinPath(path, name);
}

/** What the policy grants at a path. */
export function accessAt(policy: Policy, path: string): ReadonlySet<Access> {
  return fileVerdict(policy, path)?.access ?? new Set();
}

/** The policy with its file rules where their paths really lead. */
export function placed(policy: Policy, world: EventWorld | undefined): Policy {
  if (world === undefined) return policy;
  const real = <R extends { readonly path: string }>(rule: R): R => ({
    ...rule,
    path: world.resolve(rule.path),
  });
  return {
    ...policy,
    ...placeRules(policy, world),
    programs: policy.programs?.map(real),
    network: {
      ...policy.network,
      sockets: policy.network.sockets.map((rule) =>
        rule.object.kind === 'unix' ? { ...rule, object: real(rule.object) } : rule,
      ),
    },
  };
}
