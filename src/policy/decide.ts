import type { Width } from '../common/index.js';
import { truncate } from '../common/index.js';
import { callNumber } from './calls.js';
import { conditionHolds, rowText } from './condition.js';
import { decideSockets } from './decide-sockets.js';
import type { Decision } from './decision.js';
import { allow, origin, refuse } from './decision.js';
import type { CallEvent, EventArgument } from './event.js';
import type { EventWorld, PathNeed } from './file-needs.js';
import { pathNeeds } from './file-needs.js';
import { fileVerdict, placeRules } from './file-rules.js';
import type { ArgumentRow, CallRule, Policy } from './model.js';
import { normalPath } from './paths.js';
import { decideProcesses } from './processes.js';

export type { Decision } from './decision.js';

/** Stands for an address in the caller's memory, of which only that it is not null is known. */
const SOME_POINTER = 0x7f00_0000_0000n;

/** The reference evaluator: the meaning of a policy. A call must be permitted with its arguments, and so must what it does to files, sockets and processes. */
export function decide(policy: Policy, event: CallEvent, world?: EventWorld): Decision {
  const service = decideService(policy, event);
  if (service !== undefined) return service;
  const call = decideCall(policy, event);
  if (call.verdict === 'refuse') return call;
  const file = decideFiles(policy, event, world);
  if (file !== undefined && file.verdict === 'refuse') return file;
  const process = decideProcesses(policy, event);
  if (process !== undefined) return process;
  return decideSockets(policy, event, world) ?? file ?? call;
}

/** The part of the decision that rests on the call's number and its scalar arguments alone. */
export function decideCall(policy: Policy, event: CallEvent): Decision {
  if (callNumber(event.call) === undefined) {
    return refuse('ENOSYS', 'calls:default', policy.span, `${event.call} is not a call that VXE knows`, true);
  }
  const rule = policy.calls.get(event.call);
  if (rule === undefined) return decideUnnamed(policy, event.call);
  const quiet = rule.quiet.find((row) => rowHolds(row, event));
  if (quiet !== undefined) {
    const text = `${event.call} with ${rowText(quiet)} is refused without a record${origin(quiet.span)}`;
    return refuse(quiet.errno, rule.id, quiet.span, text, true);
  }
  if (rule.permit === 'all')
    return allow(rule.id, rule.span, `${event.call} is permitted${origin(rule.span)}`);
  const row = rule.permit.find((candidate) => rowHolds(candidate, event));
  if (row !== undefined) {
    return allow(rule.id, row.span, `${event.call} is permitted with ${rowText(row)}${origin(row.span)}`);
  }
  return refuse('EPERM', rule.id, rule.span, refusalText(rule, event));
}

/** The supervisor performs this one connection itself, in place of the caller; the call as such may well be refused. */
function decideService(policy: Policy, event: CallEvent): Decision | undefined {
  const address = event.arguments[1];
  if (event.call !== 'connect' || !policy.services.includes('syslog')) return undefined;
  if (address?.kind !== 'address' || address.value.family !== 'unix') return undefined;
  if (address.value.path !== '/dev/log') return undefined;
  return allow('services:syslog', policy.span, 'the supervisor relays /dev/log to the log of the instance');
}

function decideUnnamed(policy: Policy, call: string): Decision {
  if (policy.unnamed === 'permit') {
    return allow('calls:default', policy.span, `a ${policy.type} profile permits ${call}`);
  }
  return refuse('EPERM', 'calls:default', policy.span, `no rule of ${policy.name} names ${call}`);
}

function refusalText(rule: CallRule, event: CallEvent): string {
  if (rule.id === 'exec:once') return 'only the launch itself may execute a program (exec: once)';
  if (rule.permit === 'all' || rule.permit.length === 0)
    return `${event.call} is refused${origin(rule.span)}`;
  const wanted = rule.permit.map((row) => rowText(row)).join('; or ');
  const unsaid = rule.permit.some((row) =>
    row.tests.some((test) => argumentOf(event, test.index).kind === 'missing'),
  );
  const hint = unsaid ? ' (an argument that decides was not given)' : '';
  return `${event.call} is permitted only with ${wanted}${origin(rule.span)}${hint}`;
}

/** Whether every test of the row holds for the arguments. */
export function rowHolds(row: ArgumentRow, event: CallEvent): boolean {
  return row.tests.every((test) => {
    const value = scalarValue(argumentOf(event, test.index), test.width);
    return value !== undefined && conditionHolds(test.condition, value);
  });
}

function argumentOf(event: CallEvent, index: number): EventArgument {
  return event.arguments[index] ?? { kind: 'missing' };
}

function scalarValue(argument: EventArgument, width: Width): bigint | undefined {
  switch (argument.kind) {
    case 'integer':
      return truncate(argument.value, width);
    case 'missing':
    case 'process':
      return undefined;
    default:
      return SOME_POINTER;
  }
}

function decideFiles(policy: Policy, event: CallEvent, world: EventWorld | undefined): Decision | undefined {
  let last: Decision | undefined;
  for (const need of pathNeeds(event, world)) {
    const decision = decideFile(policy, need, world);
    if (decision.verdict === 'refuse') return decision;
    last = decision;
  }
  return last;
}

function decideFile(policy: Policy, need: PathNeed, world: EventWorld | undefined): Decision {
  const written = normalPath(need.path);
  if (written === undefined) {
    return refuse(
      'EACCES',
      'files:default',
      policy.span,
      `${need.path} is not an absolute path, so no rule can be found for it`,
    );
  }
  const path = world?.resolve(written) ?? written;
  const verdict = fileVerdict(placeRules(policy, world), path);
  const [first] = verdict?.rules ?? [];
  if (verdict === undefined || first === undefined) {
    return refuse('EACCES', 'files:default', policy.span, `no rule of ${policy.name} speaks of ${path}`);
  }
  const missing = need.access.filter((word) => !verdict.access.has(word));
  const rule = verdict.rules.find((each) => missing.some((word) => !each.access.has(word))) ?? first;
  const others = verdict.rules.filter((each) => each !== rule).map((each) => each.id);
  const shared = others.length === 0 ? '' : `, within what ${others.join(' and ')} grants`;
  if (verdict.problem !== undefined) {
    const text = `${path}: ${rule.id} has no answer for it, ${verdict.problem.message}${origin(rule.span)}`;
    return refuse('EACCES', rule.id, rule.span, text);
  }
  if (need.never !== undefined) return refuse('EACCES', rule.id, rule.span, `${path}: ${need.never}`);
  if (missing.length > 0) {
    const granted = rule.access.size === 0 ? 'none' : [...rule.access].join(' ');
    const text = `${path} needs ${missing.join(' and ')}; the rule says ${granted}${origin(rule.span)}`;
    return refuse('EACCES', rule.id, rule.span, text);
  }
  const granted = [...verdict.access].join(' ') || 'none';
  return allow(rule.id, rule.span, `${path} has ${granted}${origin(rule.span)}${shared}`);
}
