import type { SourceSpan, Width } from '../common/index.js';
import { spanText, truncate } from '../common/index.js';
import { callNumber } from './calls.js';
import { conditionHolds, rowText } from './condition.js';
import type { CallEvent, EventArgument } from './event.js';
import type { EventWorld, PathNeed } from './file-needs.js';
import { pathNeeds } from './file-needs.js';
import type { ArgumentRow, CallRule, Policy, RuleId } from './model.js';
import { fileRuleFor, normalPath } from './paths.js';

/** What the evaluator says of one call, and by which rule. */
export interface Decision {
  readonly verdict: 'allow' | 'refuse';
  /** The error's name; for refusals. */
  readonly errno?: string;
  /** Refused by intention: no violation record. */
  readonly quiet: boolean;
  readonly rule: RuleId;
  readonly span: SourceSpan;
  readonly reason: string;
}

/** Stands for an address in the caller's memory, of which only that it is not null is known. */
const SOME_POINTER = 0x7f00_0000_0000n;

/** The reference evaluator: the meaning of a policy. A call must be permitted with its arguments, and so must what it does to files and ports. */
export function decide(policy: Policy, event: CallEvent, world?: EventWorld): Decision {
  const service = decideService(policy, event);
  if (service !== undefined) return service;
  const call = decideCall(policy, event);
  if (call.verdict === 'refuse') return call;
  const file = decideFiles(policy, event, world);
  if (file !== undefined && file.verdict === 'refuse') return file;
  const port = decidePort(policy, event);
  if (port !== undefined && port.verdict === 'refuse') return port;
  return port ?? file ?? call;
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
  return refuse('EPERM', rule.id, rule.span, refusalText(rule, event), false);
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
  return refuse('EPERM', 'calls:default', policy.span, `no rule of ${policy.name} names ${call}`, false);
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

function rowHolds(row: ArgumentRow, event: CallEvent): boolean {
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
      false,
    );
  }
  const path = world?.resolve(written) ?? written;
  const rule = fileRuleFor(policy.files, path);
  if (rule === undefined) {
    return refuse(
      'EACCES',
      'files:default',
      policy.span,
      `no rule of ${policy.name} speaks of ${path}`,
      false,
    );
  }
  const missing = need.access.filter((word) => !rule.access.has(word));
  const granted = rule.access.size === 0 ? 'none' : [...rule.access].join(' ');
  if (need.never !== undefined) return refuse('EACCES', rule.id, rule.span, `${path}: ${need.never}`, false);
  if (missing.length > 0) {
    const text = `${path} needs ${missing.join(' and ')}; the rule says ${granted}${origin(rule.span)}`;
    return refuse('EACCES', rule.id, rule.span, text, false);
  }
  return allow(rule.id, rule.span, `${path} has ${granted}${origin(rule.span)}`);
}

function decidePort(policy: Policy, event: CallEvent): Decision | undefined {
  if (event.call !== 'bind' && event.call !== 'connect') return undefined;
  const address = event.arguments[1];
  if (address?.kind !== 'address') return undefined;
  const value = address.value;
  const side = event.call === 'bind' ? 'accept' : 'connect';
  if (value.family === 'abstract') {
    return refuse(
      'EPERM',
      'network:abstract',
      policy.span,
      `unix:@${value.name} belongs to no file, and no rule can grant it`,
      false,
    );
  }
  if (value.family === 'unix') return undefined;
  if (value.family === 'udp') {
    return refuse('EPERM', `network:${side}`, policy.span, `network.${side} grants TCP ports only`, false);
  }
  const rule = policy.network[side].find((candidate) => candidate.port === value.port);
  if (rule === undefined) {
    const list = policy.network[side].map((candidate) => `tcp/${candidate.port}`).join(', ') || 'no port';
    return refuse(
      'EACCES',
      `network:${side}`,
      policy.span,
      `network.${side} grants ${list}, not tcp/${value.port}`,
      false,
    );
  }
  return allow(rule.id, rule.span, `network.${side} grants tcp/${value.port}${origin(rule.span)}`);
}

function allow(rule: RuleId, span: SourceSpan, reason: string): Decision {
  return { verdict: 'allow', quiet: false, rule, span, reason };
}

function refuse(errno: string, rule: RuleId, span: SourceSpan, reason: string, quiet: boolean): Decision {
  return { verdict: 'refuse', errno, quiet, rule, span, reason };
}

function origin(span: SourceSpan): string {
  return span.source.startsWith('<') ? " by VXE's own rule" : ` by ${spanText(span)}`;
}
