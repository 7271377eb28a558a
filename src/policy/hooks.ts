import { ALWAYS_PERMITTED } from './builtin.js';
import { decideCall, rowHolds } from './decide.js';
import type { CallEvent } from './event.js';
import type { ArgumentRow, HookRule, Policy } from './model.js';

/** What a call leaves behind when it succeeds is another program, and in its registers nothing of the call. */
const REPLACING: readonly string[] = ['execve', 'execveat'];

/** The hooks whose rows hold for the call's scalar arguments, in the order in which they run, whatever becomes of the call. */
export function hooksOn(policy: Policy, event: CallEvent): readonly HookRule[] {
  return policy.hooks.filter(
    ({ call, rows }) => call === event.call && rows.some((row) => rowHolds(row, event)),
  );
}

/** The hooks that run after the call: those whose rows hold, where the filter lets it through to the kernel. */
export function hooksAfter(policy: Policy, event: CallEvent): readonly HookRule[] {
  return decideCall(policy, event).verdict === 'allow' ? hooksOn(policy, event) : [];
}

/** Why no hook could be held that says this; undefined where one can. */
export function hookProblem(
  call: string,
  rows: readonly ArgumentRow[],
): { readonly message: string; readonly hint: string } | undefined {
  if (ALWAYS_PERMITTED.includes(call)) {
    const message = `${call} returns to nobody that could be told its result`;
    return { message, hint: 'leave it out' };
  }
  if (REPLACING.includes(call) && rows.some((row) => row.tests.length > 0)) {
    const message = `the arguments of ${call} are gone when it has been performed`;
    return { message, hint: 'say it of every call, without conditions' };
  }
  const always = rows.find((row) => row.tests.length === 0);
  if (always === undefined || rows.length === 1) return undefined;
  return {
    message: `one row for ${call} holds always, so the others mean nothing`,
    hint: 'remove that row, or the others',
  };
}
