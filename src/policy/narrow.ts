import { compactJson } from '../common/index.js';
import type { ArgumentRow, CallRule, Policy, ProcessReach, ProgramRule } from './model.js';
import { narrowFileRules } from './narrow-files.js';
import { narrowSockets } from './narrow-sockets.js';
import { isBeneath } from './paths.js';

/** The rule that permits what both rules permit; what either refuses quietly stays quiet. */
export function narrowRule(a: CallRule, b: CallRule): CallRule {
  return { ...a, permit: narrowPermit(a.permit, b.permit), quiet: narrowQuiet(a.quiet, b.quiet) };
}

/** The first row that holds decides; said once more it decides nothing. */
function narrowQuiet(a: CallRule['quiet'], b: CallRule['quiet']): CallRule['quiet'] {
  const rows = new Map<string, CallRule['quiet'][number]>();
  for (const row of [...a, ...b]) {
    const tests = row.tests.map(({ index, width, condition }) => ({ index, width, condition }));
    const key = `${row.errno} ${compactJson(tests as never)}`;
    if (!rows.has(key)) rows.set(key, row);
  }
  return [...rows.values()];
}

function narrowPermit(a: CallRule['permit'], b: CallRule['permit']): CallRule['permit'] {
  if (a === 'all') return b;
  if (b === 'all') return a;
  return a.flatMap((left) =>
    b.map((right): ArgumentRow => ({ tests: [...left.tests, ...right.tests], span: left.span })),
  );
}

/** The policy of a stack of two: permits what both permit, so that adding a member never widens. */
export function narrowPolicy(a: Policy, b: Policy): Policy {
  return {
    name: `${a.name}+${b.name}`,
    description: `${a.name} and ${b.name} together`,
    type: a.type === 'strict' || b.type === 'strict' ? 'strict' : 'filesystem',
    program: a.program ?? b.program,
    ...narrowFileRules(a, b),
    calls: narrowCalls(a, b),
    unnamed: a.unnamed === 'permit' && b.unnamed === 'permit' ? 'permit' : 'refuse',
    // They permit nothing: each member is told what it asked for.
    hooks: [...a.hooks, ...b.hooks],
    network: {
      sockets: narrowSockets(a, b),
      interface: narrowInterface(a.network.interface, b.network.interface),
    },
    exec: a.exec === 'once' || b.exec === 'once' ? 'once' : 'any',
    programs: narrowPrograms(a.programs, b.programs),
    processes: {
      signal: narrowReach(a.processes.signal, b.processes.signal),
      trace: narrowReach(a.processes.trace, b.processes.trace),
    },
    namespaces: narrowNamespaces(a.namespaces, b.namespaces),
    resources: narrowLimits(a.resources, b.resources),
    descriptors: a.descriptors.filter((word) => b.descriptors.includes(word)),
    capabilities: a.capabilities.filter((name) => b.capabilities.includes(name)),
    limits: narrowLimits(a.limits, b.limits),
    services: a.services.filter((service) => b.services.includes(service)),
    // Only what both administrators gave up is given up.
    acceptUnenforced: a.acceptUnenforced.filter((rule) =>
      b.acceptUnenforced.some((other) => other.id === rule.id),
    ),
    span: a.span,
  };
}

function narrowInterface(
  a: Policy['network']['interface'],
  b: Policy['network']['interface'],
): Policy['network']['interface'] {
  const order = ['none', 'loopback', 'host'] as const;
  return order.find((name) => name === a || name === b) ?? 'none';
}

function narrowCalls(a: Policy, b: Policy): ReadonlyMap<string, CallRule> {
  const calls = new Map<string, CallRule>();
  for (const call of new Set([...a.calls.keys(), ...b.calls.keys()])) {
    const left = a.calls.get(call);
    const right = b.calls.get(call);
    if (left !== undefined && right !== undefined) calls.set(call, narrowRule(left, right));
    else if (left !== undefined) calls.set(call, oneSided(left, b));
    else if (right !== undefined) calls.set(call, oneSided(right, a));
  }
  return calls;
}

/** A call that only one member names; the other permits or refuses it as it does all calls that it does not name. */
function oneSided(rule: CallRule, other: Policy): CallRule {
  return other.unnamed === 'permit' ? rule : { ...rule, permit: [] };
}

/** The programs that are in both lists; no list is every program. */
function narrowPrograms(a: Policy['programs'], b: Policy['programs']): Policy['programs'] {
  if (a === undefined || b === undefined) return a ?? b;
  const within = (rule: ProgramRule, list: readonly ProgramRule[]): boolean =>
    list.some((other) => isBeneath(rule.path, other.path));
  const both = [...a.filter((rule) => within(rule, b)), ...b.filter((rule) => within(rule, a))];
  return [...new Map(both.map((rule) => [rule.path, rule])).values()];
}

function narrowReach(a: ProcessReach, b: ProcessReach): ProcessReach {
  return a === 'instance' && b === 'instance' ? 'instance' : 'none';
}

function narrowNamespaces(a: Policy['namespaces'], b: Policy['namespaces']): Policy['namespaces'] {
  if (a === undefined) return b;
  return b === undefined ? a : a.filter((name) => b.includes(name));
}

/** The lower one of each kind. */
function narrowLimits<L extends { readonly id: string; readonly value: bigint }>(
  a: readonly L[],
  b: readonly L[],
): readonly L[] {
  const limits = new Map<string, L>();
  for (const rule of [...a, ...b]) {
    const seen = limits.get(rule.id);
    if (seen === undefined || rule.value < seen.value) limits.set(rule.id, rule);
  }
  return [...limits.values()];
}
