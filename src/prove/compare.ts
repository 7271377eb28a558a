import { refusesWhole } from '../lowering/index.js';
import type { CallEvent, LimitRule, NetworkPolicy, Policy, SocketRule } from '../policy/index.js';
import {
  decideAbstract,
  decideEndpoint,
  decideUnix,
  internetRules,
  knownCalls,
  narrowPolicy,
  SIGNAL_CALLS,
  SOCKET_WORDS,
  scalarEvent,
  socketAddressText,
  TRACE_CALLS,
} from '../policy/index.js';
import { destinations } from './addresses.js';
import { stackHookDifferences } from './hooks.js';
import { argumentsOf, callText, meaningOf } from './policy.js';
import { accessAt, regionsAt, regionsOf } from './regions.js';
import type { Solver } from './solver.js';
import type { Term } from './term.js';
import { Terms } from './term.js';

/** Something that one policy permits and another does not. */
export interface Wider {
  readonly what:
    | 'call'
    | 'file'
    | 'port'
    | 'network'
    | 'capability'
    | 'exec'
    | 'service'
    | 'limit'
    | 'process'
    | 'descriptor'
    | 'unenforced';
  readonly text: string;
  /** A call that is permitted, where it is one. */
  readonly event?: CallEvent;
}

const INTERFACES: readonly NetworkPolicy['interface'][] = ['none', 'loopback', 'host'];

/** All the ways in which `policy` permits what `other` does not, with an example of each; empty where it is nowhere wider. */
export async function widerThan(policy: Policy, other: Policy, solver: Solver): Promise<readonly Wider[]> {
  const terms = new Terms();
  const found: Wider[] = [];
  for (const call of knownCalls().keys()) {
    const mine = meaningOf(policy, call, terms).permitted;
    const theirs = meaningOf(other, call, terms).permitted;
    const example = await exampleOf(call, terms.and(mine, terms.not(theirs)), solver);
    if (example !== undefined)
      found.push({ what: 'call', text: `${example.text} is permitted`, event: example.event });
  }
  return [...found, ...widerFiles(policy, other), ...widerRest(policy, other)];
}

async function exampleOf(
  call: string,
  formula: Term,
  solver: Solver,
): Promise<{ readonly text: string; readonly event: CallEvent } | undefined> {
  const model = await solver.find(formula);
  if (model === undefined) return undefined;
  const values = argumentsOf(model);
  return { text: callText(call, values), event: scalarEvent(call, values) };
}

function widerFiles(policy: Policy, other: Policy): readonly Wider[] {
  const regions = regionsOf(policy, other);
  return regions.flatMap(({ path }): Wider[] => {
    const theirs = accessAt(other, path);
    const more = [...accessAt(policy, path)].filter((word) => !theirs.has(word));
    return more.length === 0 ? [] : [{ what: 'file', text: `${path} may be used for ${more.join(', ')}` }];
  });
}

function widerRest(policy: Policy, other: Policy): readonly Wider[] {
  const found: Wider[] = [];
  const add = (what: Wider['what'], text: string): number => found.push({ what, text });
  for (const text of moreSockets(policy, other)) add('port', text);
  if (INTERFACES.indexOf(policy.network.interface) > INTERFACES.indexOf(other.network.interface))
    add('network', `the network is ${policy.network.interface}, not ${other.network.interface}`);
  for (const name of policy.capabilities)
    if (!other.capabilities.includes(name)) add('capability', `${name} is kept`);
  if (policy.exec === 'any' && other.exec === 'once')
    add('exec', 'programs may be executed after the launch');
  for (const name of policy.services)
    if (!other.services.includes(name)) add('service', `the service ${name} is there`);
  for (const [word, calls] of [
    ['signal', SIGNAL_CALLS],
    ['trace', TRACE_CALLS],
  ] as const)
    if (
      policy.processes[word] === 'instance' &&
      other.processes[word] === 'none' &&
      // Without a call that it could be done by, it is done to nobody.
      !calls.every((call) => refusesWhole(policy, call))
    )
      add('process', `processes.${word} reaches the instance`);
  for (const word of policy.descriptors)
    if (!other.descriptors.includes(word)) add('descriptor', `the descriptors of ${word} are passed on`);
  for (const { resource, value } of other.resources) {
    const mine = policy.resources.find((rule) => rule.resource === resource)?.value;
    if (mine === undefined) add('limit', `${resource} has no limit, not ${value}`);
    else if (mine > value) add('limit', `${resource} is ${mine}, not ${value}`);
  }
  for (const { type, value } of other.limits) {
    const mine = limitOf(policy.limits, type);
    if (mine === undefined) add('limit', `${type} has no limit, not ${value}`);
    else if (mine > value) add('limit', `${type} is ${mine}, not ${value}`);
  }
  for (const { id } of policy.acceptUnenforced)
    if (!other.acceptUnenforced.some((rule) => rule.id === id))
      add('unenforced', `${id} is accepted as not enforced`);
  return found;
}

/** Addresses, paths and names of sockets that one policy grants something on and the other does not. */
function moreSockets(policy: Policy, other: Policy): readonly string[] {
  const found: string[] = [];
  const [mine, theirs] = [internetRules(policy.network), internetRules(other.network)];
  const same = mine.length === theirs.length && mine.every((rule, at) => sameRule(rule, theirs[at]));
  for (const to of same ? [] : destinations([policy, other])) {
    for (const word of SOCKET_WORDS) {
      if (to.protocol === 'tcp' && word === 'send') continue;
      if (decideEndpoint(mine, word, to).granted && !decideEndpoint(theirs, word, to).granted)
        found.push(`network grants ${word} on ${socketAddressText({ ...to, family: to.protocol })}`);
    }
  }
  const unix = [policy, other].flatMap(({ network }) => network.sockets);
  const paths = unix.flatMap(({ object }) => (object.kind === 'unix' ? [object.path] : []));
  const files = paths.length === 0 ? [] : regionsOf(policy, other).map((each) => each.path);
  const names = unix.flatMap(({ object }) => (object.kind === 'abstract' ? [object.name ?? ANY_NAME] : []));
  for (const word of ['connect', 'send'] as const) {
    for (const { path } of paths.length === 0 ? [] : regionsAt([...paths, ...files])) {
      const granted = (each: Policy): boolean => decideUnix(each.network, each, word, path).granted;
      if (granted(policy) && !granted(other)) found.push(`network grants ${word} on unix:${path}`);
    }
    for (const name of new Set(names)) {
      const granted = (each: Policy): boolean => decideAbstract(each.network, word, name).granted;
      if (granted(policy) && !granted(other)) found.push(`network grants ${word} on unix:@${name}`);
    }
  }
  return found;
}

/** A name that stands for all that no rule names; a zero is what no name in a profile has. */
const ANY_NAME = '\0';

function sameRule(a: SocketRule, b: SocketRule | undefined): boolean {
  return a.id === b?.id && [...a.access].join() === [...b.access].join();
}

function limitOf(limits: readonly LimitRule[], type: string): bigint | undefined {
  return limits.find((limit) => limit.type === type)?.value;
}

/** Where the stack of two policies permits more or less than both of them do; empty where it is exactly their intersection. */
export async function stackDifferences(
  a: Policy,
  b: Policy,
  solver: Solver,
  stack: Policy = narrowPolicy(a, b),
): Promise<readonly string[]> {
  const terms = new Terms();
  const found: string[] = [];
  for (const call of knownCalls().keys()) {
    const [left, right, both] = [a, b, stack].map((policy) => meaningOf(policy, call, terms).permitted) as [
      Term,
      Term,
      Term,
    ];
    const more = await exampleOf(call, terms.and(both, terms.not(terms.and(left, right))), solver);
    if (more !== undefined) found.push(`the stack permits ${more.text}, which a member refuses`);
    const less = await exampleOf(call, terms.and(left, right, terms.not(both)), solver);
    if (less !== undefined) found.push(`the stack refuses ${less.text}, which both members permit`);
  }
  for (const { path } of regionsOf(a, b, stack)) {
    const [left, right, both] = [accessAt(a, path), accessAt(b, path), accessAt(stack, path)];
    const more = [...both].filter((word) => !left.has(word) || !right.has(word));
    if (more.length > 0)
      found.push(`the stack grants ${more.join(', ')} on ${path}, which a member does not`);
    const less = [...left].filter((word) => right.has(word) && !both.has(word));
    if (less.length > 0)
      found.push(`the stack does not grant ${less.join(', ')} on ${path}, which both members do`);
  }
  found.push(...(await stackHookDifferences([a, b], stack, solver)));
  // What is a list or a choice is nowhere wider than either member, and that is all it can be.
  for (const member of [a, b]) {
    for (const { text } of widerRest(stack, member))
      found.push(`in the stack ${text}, against ${member.name}`);
  }
  found.push(
    ...lessSockets(a, b, stack).map((text) => `the stack refuses ${text}, which both members grant`),
  );
  return found;
}

function lessSockets(a: Policy, b: Policy, stack: Policy): readonly string[] {
  return destinations([a, b, stack]).flatMap((to) =>
    SOCKET_WORDS.filter((word) => to.protocol === 'udp' || word !== 'send')
      .filter((word) => {
        const granted = (policy: Policy): boolean =>
          decideEndpoint(internetRules(policy.network), word, to).granted;
        return granted(a) && granted(b) && !granted(stack);
      })
      .map((word) => `${word} on ${socketAddressText({ ...to, family: to.protocol })}`),
  );
}
