import type { LimitRule, NetworkPolicy, Policy } from '../policy/index.js';
import { knownCalls, narrowPolicy } from '../policy/index.js';
import { argumentsOf, callText, meaningOf } from './policy.js';
import { accessAt, regionsOf } from './regions.js';
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
    | 'unenforced';
  readonly text: string;
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
    if (example !== undefined) found.push({ what: 'call', text: `${example} is permitted` });
  }
  return [...found, ...widerFiles(policy, other), ...widerRest(policy, other)];
}

async function exampleOf(call: string, formula: Term, solver: Solver): Promise<string | undefined> {
  const model = await solver.find(formula);
  return model === undefined ? undefined : callText(call, argumentsOf(model));
}

function widerFiles(policy: Policy, other: Policy): readonly Wider[] {
  const regions = regionsOf([...policy.files, ...other.files].map((rule) => rule.path));
  return regions.flatMap(({ path }): Wider[] => {
    const theirs = accessAt(other, path);
    const more = [...accessAt(policy, path)].filter((word) => !theirs.has(word));
    return more.length === 0 ? [] : [{ what: 'file', text: `${path} may be used for ${more.join(', ')}` }];
  });
}

function widerRest(policy: Policy, other: Policy): readonly Wider[] {
  const found: Wider[] = [];
  const add = (what: Wider['what'], text: string): number => found.push({ what, text });
  for (const side of ['accept', 'connect'] as const) {
    for (const { protocol, port } of policy.network[side]) {
      if (!other.network[side].some((rule) => rule.protocol === protocol && rule.port === port))
        add('port', `network.${side} grants ${protocol}/${port}`);
    }
  }
  if (INTERFACES.indexOf(policy.network.interface) > INTERFACES.indexOf(other.network.interface))
    add('network', `the network is ${policy.network.interface}, not ${other.network.interface}`);
  for (const name of policy.capabilities)
    if (!other.capabilities.includes(name)) add('capability', `${name} is kept`);
  if (policy.exec === 'any' && other.exec === 'once')
    add('exec', 'programs may be executed after the launch');
  for (const name of policy.services)
    if (!other.services.includes(name)) add('service', `the service ${name} is there`);
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
    if (more !== undefined) found.push(`the stack permits ${more}, which a member refuses`);
    const less = await exampleOf(call, terms.and(left, right, terms.not(both)), solver);
    if (less !== undefined) found.push(`the stack refuses ${less}, which both members permit`);
  }
  for (const { path } of regionsOf([...a.files, ...b.files, ...stack.files].map((rule) => rule.path))) {
    const [left, right, both] = [accessAt(a, path), accessAt(b, path), accessAt(stack, path)];
    const more = [...both].filter((word) => !left.has(word) || !right.has(word));
    if (more.length > 0)
      found.push(`the stack grants ${more.join(', ')} on ${path}, which a member does not`);
    const less = [...left].filter((word) => right.has(word) && !both.has(word));
    if (less.length > 0)
      found.push(`the stack does not grant ${less.join(', ')} on ${path}, which both members do`);
  }
  // What is a list or a choice is nowhere wider than either member, and that is all it can be.
  for (const member of [a, b]) {
    for (const { text } of widerRest(stack, member))
      found.push(`in the stack ${text}, against ${member.name}`);
  }
  return found;
}
