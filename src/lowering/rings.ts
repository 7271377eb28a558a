import type { Policy, RingAct } from '../policy/index.js';
import { callNumber, RING_OPERATIONS, RING_REGISTRATIONS } from '../policy/index.js';
import type { Arch } from './ports.js';
import { supervision } from './supervised.js';

/** Whether a ring may perform an operation, or take a registration. */
export interface RingVerdict {
  readonly act: RingAct;
  readonly listed: boolean;
  /** The calls that permit it, or why it is left out; empty where it is about the ring alone. */
  readonly why: string;
}

/** The profile asks for rings. */
export function asksForRings(policy: Policy): boolean {
  const rule = policy.calls.get('io_uring_setup');
  return rule !== undefined && (rule.permit === 'all' || rule.permit.length > 0);
}

/**
 * What rings may do: a ring's restrictions know operations and no arguments, so that one is listed only where the filter lets every call that it
 * stands for through whatever its arguments are. What judges objects (Landlock, a cgroup's programs) judges those of a ring too.
 */
export function ringVerdicts(policy: Policy, arch: Arch): readonly RingVerdict[] {
  return [...RING_OPERATIONS, ...RING_REGISTRATIONS].map((act) => verdictOn(act, policy, arch));
}

/** What is listed, in the words of the plan. */
export function ringWords(policy: Policy, arch: Arch): readonly string[] {
  return ringVerdicts(policy, arch).flatMap(({ act, listed }) => (listed ? [act.word] : []));
}

function verdictOn(act: RingAct, policy: Policy, arch: Arch): RingVerdict {
  const { needs } = act;
  if (needs.kind === 'ring') return { act, listed: true, why: '' };
  if (needs.kind === 'never') return { act, listed: false, why: needs.why };
  const ways = needs.ways.map((calls) => ({
    calls: calls.map((call) => nameFor(act, call)).join(' and '),
    missing: calls.flatMap((call) => {
      const why = obstacle(call, policy, arch);
      return why === undefined ? [] : [`${nameFor(act, call)} ${why}`];
    }),
  }));
  const open = ways.find(({ missing }) => missing.length === 0);
  if (open !== undefined) return { act, listed: true, why: open.calls };
  // Of several ways the one that lacks least is the nearest to what the profile permits.
  const [nearest] = [...ways].sort((a, b) => a.missing.length - b.missing.length);
  return { act, listed: false, why: nearest?.missing.join(', ') ?? '' };
}

/** So that operations with calls of their own names can be told in one breath. */
function nameFor({ word }: RingAct, call: string): string {
  return word.toLowerCase() === call ? 'the call of this name' : call;
}

/** Why a call's arguments, or the call, are not the program's own choice; undefined where they are. */
function obstacle(call: string, policy: Policy, arch: Arch): string | undefined {
  if (callNumber(call, arch) === undefined) return `is none of ${arch}`;
  const rule = policy.calls.get(call);
  const granted =
    rule === undefined ? policy.unnamed === 'permit' : rule.permit === 'all' || rule.permit.length > 0;
  if (!granted) return 'is not permitted';
  if (supervision(policy, call) !== undefined) return 'is performed by the supervisor';
  if (rule !== undefined && (rule.permit !== 'all' || rule.quiet.length > 0)) return 'has rows of arguments';
  return undefined;
}
