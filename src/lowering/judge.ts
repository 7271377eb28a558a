import { spanText } from '../common/index.js';
import type { FileRule, Policy } from '../policy/index.js';
import { addressText, compareSpecific, effectiveFiles, internetRules } from '../policy/index.js';
import type { OwnFile } from './own-files.js';
import type { Judge, JudgedRule, MountDemand } from './plan.js';
import type { FileTree } from './tree.js';

/** The policy's objects as the supervisor needs them: data that it can look a path or a port up in, with the rule's name and place. */
export function judgeOf(
  policy: Policy,
  own: readonly OwnFile[],
  tree: FileTree,
  demands: readonly MountDemand[],
): Judge {
  return {
    judge: 2,
    profile: policy.name,
    files: [
      ...effectiveFiles(policy).map((rule) => judgedFile(rule, tree)),
      ...own.map(({ rule, path }) => ({ ...judged(rule), path, access: [...rule.access].sort() })),
    ].sort(mostSpecificFirst),
    sockets: judgedSockets(policy),
    unix: judgedUnix(policy),
    calls: Object.fromEntries([...policy.calls].map(([call, rule]) => [call, judged(rule)])),
    mounts: demands.map(({ rule, path }) => ({
      ...judged(rule),
      path,
      kind: rule.access.size === 0 ? 'mask' : 'readonly',
    })),
  };
}

function judgedFile(rule: FileRule, tree: FileTree): Judge['files'][number] {
  return { ...judged(rule), path: tree.resolve(rule.path), access: [...rule.access].sort() };
}

/** Which rule speaks of an address: the most specific first, as the evaluator has it. */
function judgedSockets(policy: Policy): Judge['sockets'] {
  return [...internetRules(policy.network)]
    .sort((a, b) => compareSpecific(b.object, a.object))
    .map((rule) => {
      const { protocol, address, ports } = rule.object;
      const where = address === undefined ? {} : { address: `${addressText(address)}/${address.prefix}` };
      return {
        ...judged(rule),
        protocol,
        ...where,
        from: ports.from,
        to: ports.to,
        access: [...rule.access],
      };
    });
}

function judgedUnix(policy: Policy): Judge['unix'] {
  return policy.network.sockets
    .flatMap((rule) =>
      rule.object.kind === 'unix'
        ? [{ ...judged(rule), path: rule.object.path, access: [...rule.access] }]
        : [],
    )
    .sort(mostSpecificFirst);
}

/** A rule, and where its profile says it. */
export function judged({ id, span }: Pick<FileRule, 'id' | 'span'>): JudgedRule {
  return { rule: id, at: span.source.startsWith('<') ? '' : spanText(span).replace(/^.*\//, '') };
}

/** Of two paths that both hold a third, the longer is the more specific. */
function mostSpecificFirst(a: { readonly path: string }, b: { readonly path: string }): number {
  return b.path.length - a.path.length || (a.path < b.path ? -1 : 1);
}
