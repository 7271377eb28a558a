import type { CallRule, Policy } from '../../policy/index.js';
import type { Coverage } from '../plan.js';
import type { RingVerdict } from '../rings.js';
import { asksForRings, ringVerdicts } from '../rings.js';
import type { Place } from './place.js';
import { isFiltered, row } from './place.js';

const RING_NEEDS = 'rings that can be restricted (Linux 6.16), seccomp';

function hasRings(place: Place): boolean {
  return isFiltered(place) && place.features.rings === true;
}

/** The row of io_uring_setup, where the profile permits it. */
export function ringSetup(policy: Policy, { id, span }: CallRule, place: Place): Coverage {
  const needs = RING_NEEDS;
  if (!hasRings(place)) {
    const note =
      'no ring can be made here that does only what the profile permits; a program gets ENOSYS, and falls back to calls';
    return { rule: id, mechanism: [], status: 'none', note, needs, span };
  }
  const note =
    'the supervisor makes the ring, which takes no operation but those of rings:performed; in soft mode, under the recorder ' +
    'and under other engines it gets ENOSYS';
  return { ...row(policy, id, ['seccomp', 'supervisor', 'io_uring'], note), needs, span };
}

/** What rings do and what they refuse, with the reason of each. */
export function ringCoverage(policy: Policy, place: Place): readonly Coverage[] {
  if (!asksForRings(policy) || !hasRings(place)) return [];
  const verdicts = ringVerdicts(policy, place.arch);
  const span = policy.calls.get('io_uring_setup')?.span ?? policy.span;
  const one = (rule: string, listed: boolean): Coverage => ({
    ...row(policy, rule, ['io_uring'], byReason(verdicts.filter((verdict) => verdict.listed === listed))),
    needs: RING_NEEDS,
    span,
  });
  return [one('rings:performed', true), one('rings:refused', false)];
}

/** `openat: OPENAT; listen is performed by the supervisor: LISTEN` */
function byReason(verdicts: readonly RingVerdict[]): string {
  const groups = new Map<string, string[]>();
  for (const { act, why } of verdicts) groups.set(why, [...(groups.get(why) ?? []), act.word]);
  return [...groups]
    .map(([why, words]) => `${why === '' ? 'about the ring itself' : why}: ${words.join(' ')}`)
    .join('; ');
}
