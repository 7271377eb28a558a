import type { Result } from '../common/index.js';
import { success } from '../common/index.js';
import type { Decision } from './decide.js';
import { decide } from './decide.js';
import type { CallEvent } from './event.js';
import { parseEvent } from './event.js';
import type { EventWorld } from './file-needs.js';
import type { Policy } from './model.js';

export interface Explanation {
  readonly event: CallEvent;
  readonly decision: Decision;
  /** One line for people. */
  readonly text: string;
}

/** Reads a call as text and asks the evaluator about it. */
export function explainEvent(policy: Policy, text: string, world?: EventWorld): Result<Explanation> {
  const event = parseEvent(text);
  if (!event.ok) return event;
  const decision = decide(policy, event.value, world);
  const verdict = decision.verdict === 'allow' ? 'allowed' : `refused with ${decision.errno}`;
  return success({ event: event.value, decision, text: `${verdict} (${decision.rule}): ${decision.reason}` });
}
