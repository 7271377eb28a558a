import type { Diagnostic } from '../../common/index.js';
import { nearestName } from '../../common/index.js';
import type { Policy } from '../../policy/index.js';
import type { Coverage, CoverageRow } from '../plan.js';
import type { Place } from './place.js';
import { mayBeSeparate, NAMESPACE_NEEDS } from './place.js';

/** What mounts and the closed root hold needs a place to mount in. */
export function withoutMounts(rows: readonly Coverage[], place: Place): readonly Coverage[] {
  if (mayBeSeparate(place.features)) return rows;
  return rows.map((each) => {
    const rests = each.mechanism.includes('mount') || (!place.isHost && each.mechanism.includes('rootfs'));
    if (!rests) return each;
    const note = 'no mounts of its own can be made here';
    return { ...each, mechanism: [], status: 'none', note, needs: NAMESPACE_NEEDS };
  });
}

/** A controller is the host's to give; all else that is lacking came with some kernel. */
function usualRemedy(rule: string, needs: string): string {
  if (needs === '') return 'rule it otherwise';
  return rule.startsWith('resources:') ? 'set the host up for it' : 'use a newer kernel';
}

/** How the profile's own form says it. */
function acceptance(rule: string, source: string): string {
  if (source.endsWith('.acl')) return `@accept-unenforced ${rule}`;
  return source.endsWith('.vxed') ? `(accept-unenforced "${rule}")` : `accept-unenforced: ["${rule}"]`;
}

/** Applies what the administrator accepted; a rule that nothing holds and nobody accepted is an error that names it. */
export function settle(
  policy: Policy,
  rows: readonly Coverage[],
): { readonly coverage: readonly CoverageRow[]; readonly diagnostics: readonly Diagnostic[] } {
  const accepted = new Set(policy.acceptUnenforced.map((rule) => rule.id));
  const known = rows.map((candidate) => candidate.rule);
  const diagnostics: Diagnostic[] = [];
  for (const { id, span } of policy.acceptUnenforced) {
    if (known.includes(id)) continue;
    const near = nearestName(id, known);
    const hint = near === undefined ? 'vxe explain lists the rules' : `did you mean ${near}?`;
    diagnostics.push({ code: 'bad-value', message: `the profile has no rule ${id} to accept`, span, hint });
  }
  for (const { rule, status, note, needs, span, remedy } of rows) {
    if (status !== 'none' || accepted.has(rule)) continue;
    diagnostics.push({
      code: 'missing-feature',
      message: `${rule} cannot be held here: ${note}${needs === '' ? '' : `; it needs ${needs}`}`,
      span,
      hint: `${remedy ?? usualRemedy(rule, needs)}, or accept it in the profile: ${acceptance(rule, span.source)}`,
    });
  }
  const coverage = rows.map(({ span: _, remedy: __, ...rest }) => ({
    ...rest,
    accepted: rest.status === 'none' && accepted.has(rest.rule),
  }));
  return { coverage, diagnostics };
}
