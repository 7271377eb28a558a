import type { Access, EventWorld, Policy } from '../policy/index.js';
import { effectiveFiles, fileRuleFor, joinPath } from '../policy/index.js';

/** Paths for which a set of rules says one and the same, by one that stands for all. */
export interface Region {
  readonly path: string;
}

/** A name that no rule has. */
const FRESH = 'any-other-name';

/**
 * Cuts all paths into regions by the rules' own paths: what lies below one path and below no longer one has one verdict, so the
 * path itself stands for it. A region for what no rule speaks of is there too.
 */
export function regionsOf(paths: Iterable<string>): readonly Region[] {
  const all = new Set(paths);
  const outside = all.has('/') ? [] : ['/', freshBelow('/', all)];
  return [...new Set([...outside, ...all])].sort().map((path) => ({ path }));
}

/** A path right below another that no rule names. */
export function freshBelow(path: string, named: ReadonlySet<string>): string {
  let name = FRESH;
  while (named.has(joinPath(path, name))) name += '-';
  return joinPath(path, name);
}

/** What the policy grants at a path. */
export function accessAt(policy: Policy, path: string): ReadonlySet<Access> {
  return fileRuleFor(effectiveFiles(policy), path)?.access ?? new Set();
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
    files: policy.files.map(real),
    programs: policy.programs?.map(real),
    network: {
      ...policy.network,
      sockets: policy.network.sockets.map((rule) =>
        rule.object.kind === 'unix' ? { ...rule, object: real(rule.object) } : rule,
      ),
    },
  };
}
