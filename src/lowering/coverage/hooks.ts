import type { HookRule, Policy, RingAct } from '../../policy/index.js';
import { callNumber } from '../../policy/index.js';
import type { Coverage } from '../plan.js';
import { refusesWhole } from '../reach.js';
import { asksForRings, ringVerdicts } from '../rings.js';
import { supervision } from '../supervised.js';
import type { Place } from './place.js';
import { row, unheld } from './place.js';

const HOOK_NEEDS = "programs on the kernel's tracepoints (CAP_BPF, CAP_PERFMON), as the superuser";

/** How what is told after calls is held: one row for each rule, of a stack of as many hooks as members say it. */
export function hookCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const byRule = new Map<string, HookRule[]>();
  for (const hook of policy.hooks) byRule.set(hook.id, [...(byRule.get(hook.id) ?? []), hook]);
  return [...byRule.values()].flatMap((hooks) => {
    const [first] = hooks;
    return first === undefined ? [] : [{ ...hookRow(policy, first, hooks, place), span: first.span }];
  });
}

function hookRow(policy: Policy, { id, call }: HookRule, hooks: readonly HookRule[], place: Place): Coverage {
  if (place.features.tracepoints !== true)
    return {
      ...unheld(policy, id, 'nothing here can tell what a call came to', HOOK_NEEDS),
      remedy: 'start it as the superuser',
    };
  const operations =
    asksForRings(policy) && place.features.rings === true ? ringsDoing(policy, call, place) : [];
  if (operations.length > 0) {
    const note = `a ring does what ${call} does by ${operations.join(' and ')} (rings:performed), which is no call that is told`;
    const remedy = `refuse io_uring_setup, permit ${call} in rows so that no ring does it, or leave the hook out`;
    return { ...unheld(policy, id, note, ''), remedy };
  }
  return { ...row(policy, id, ['bpf'], notesOn(policy, call, hooks, place).join('; ')), needs: HOOK_NEEDS };
}

/** The operations and registrations that a ring of this policy performs and that do what the call does. */
function ringsDoing(policy: Policy, call: string, { arch }: Place): readonly string[] {
  return ringVerdicts(policy, arch).flatMap(({ act, listed }) =>
    listed && standsFor(act, call) ? [act.word] : [],
  );
}

function standsFor({ needs }: RingAct, call: string): boolean {
  return needs.kind === 'calls' && needs.ways.some((calls) => calls.includes(call));
}

function notesOn(policy: Policy, call: string, hooks: readonly HookRule[], place: Place): readonly string[] {
  if (callNumber(call, place.arch) === undefined) return [`${place.arch} has no such call`];
  const notes = [hooks.some((hook) => !isAlways(hook)) ? 'told where a row holds' : 'told of every call'];
  if (hooks.length > 1) notes.push(`${hooks.length} members of the stack, in their order`);
  const refused = refusedHook(policy, call);
  if (refused !== undefined) notes.push(refused);
  if (supervision(policy, call) !== undefined)
    notes.push('what the supervisor performs in its place is told where it succeeded');
  return [...notes, 'under other engines nobody is told'];
}

/** What is told of a call that the profile refuses as a whole; undefined where it does not. */
export function refusedHook(policy: Policy, call: string): string | undefined {
  if (!refusesWhole(policy, call)) return undefined;
  // The supervisor lets the launch's own through.
  if (policy.calls.get(call)?.id === 'exec:once' && call === 'execve')
    return 'exec: once permits the launch alone, so that any other is told in soft mode alone';
  return `the profile refuses ${call}, so that it is told in soft mode alone`;
}

function isAlways({ rows }: HookRule): boolean {
  return rows.some(({ tests }) => tests.length === 0);
}
