import { inRange } from './address.js';
import type { FileRule, Policy, SocketAccess, SocketRule } from './model.js';
import { isBeneath } from './paths.js';
import type { InternetObject } from './socket-object.js';
import { socketText } from './socket-object.js';
import type { InternetRule } from './sockets.js';
import {
  compareSpecific,
  decideAbstract,
  decideUnix,
  grantedOn,
  internetRules,
  socketRule,
} from './sockets.js';

/** The socket rules that grant exactly what both policies grant. */
export function narrowSockets(a: Policy, b: Policy): readonly SocketRule[] {
  return [...narrowInternet(a, b), ...narrowUnix(a, b), ...narrowAbstract(a, b)];
}

/**
 * Rules for every address range and range of ports that rules of both have in common, and for the common parts of those: so
 * whatever an address is, the most specific rule that speaks of it lies within all others that do, and says what both say there.
 */
function narrowInternet(a: Policy, b: Policy): readonly SocketRule[] {
  const [left, right] = [internetRules(a.network), internetRules(b.network)];
  const spans = new Map([...left, ...right].map((rule) => [socketText(rule.object), rule]));
  const objects = commonParts([...left, ...right].map((rule) => rule.object));
  const rules = objects.map((object) => {
    const inRight = grantedOn(right, object);
    const both = [...grantedOn(left, object)].filter((word) => inRight.has(word));
    const span = spans.get(socketText(object))?.span ?? a.span;
    return socketRule(object, both, span) as InternetRule;
  });
  return withoutIdle(rules);
}

/** The objects, and what any of them have in common with one another. */
function commonParts(objects: readonly InternetObject[]): readonly InternetObject[] {
  const all = new Map(objects.map((object) => [socketText(object), object]));
  const queue = [...all.values()];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const other of [...all.values()]) {
      const part = common(next, other);
      if (part === undefined || all.has(socketText(part))) continue;
      all.set(socketText(part), part);
      queue.push(part);
    }
  }
  return [...all.values()];
}

function common(a: InternetObject, b: InternetObject): InternetObject | undefined {
  const from = Math.max(a.ports.from, b.ports.from);
  const to = Math.min(a.ports.to, b.ports.to);
  if (a.protocol !== b.protocol || from > to) return undefined;
  const ports = { from, to };
  if (a.address === undefined) return { ...b, ports };
  if (b.address === undefined || inRange(b.address, a.address)) return { ...a, ports };
  return inRange(a.address, b.address) ? { ...b, ports } : undefined;
}

/** Leaves out what the next less specific rules say anyway. */
function withoutIdle(rules: readonly InternetRule[]): readonly InternetRule[] {
  let kept = [...rules].sort((x, y) => compareSpecific(y.object, x.object));
  for (const rule of [...kept]) {
    const others = kept.filter((other) => other !== rule);
    // Only where one rule holds all of this one can it be left out: otherwise parts of it would be decided apart.
    const apart = others.some(
      ({ object }) =>
        compareSpecific(object, rule.object) <= 0 &&
        object.protocol === rule.object.protocol &&
        common(object, rule.object) !== undefined &&
        !within(rule.object, object),
    );
    if (!apart && sameWords(grantedOn(others, rule.object), rule.access)) kept = others;
  }
  return kept.reverse();
}

function within(inner: InternetObject, outer: InternetObject): boolean {
  const part = common(inner, outer);
  return part !== undefined && socketText(part) === socketText(inner);
}

function sameWords(a: ReadonlySet<SocketAccess>, b: ReadonlySet<SocketAccess>): boolean {
  return a.size === b.size && [...a].every((word) => b.has(word));
}

const UNIX_WORDS = ['connect', 'send'] as const;

/** Where only one of the two has a rule for sockets, the other's file rules speak, and may speak more finely below it. */
function narrowUnix(a: Policy, b: Policy): readonly SocketRule[] {
  const tops = new Map<string, SocketRule['span']>();
  for (const { object, span } of [...a.network.sockets, ...b.network.sockets])
    if (object.kind === 'unix') tops.set(object.path, span);
  const below = ({ path }: FileRule): boolean => [...tops.keys()].some((top) => isBeneath(path, top));
  const paths = new Map(
    [...a.files, ...b.files].filter(below).map((rule) => [rule.path, rule.span] as const),
  );
  for (const [path, span] of tops) paths.set(path, span);
  return [...paths].map(([path, span]) => {
    const both = UNIX_WORDS.filter((word) =>
      [a, b].every((policy) => decideUnix(policy.network, policy, word, path).granted),
    );
    return socketRule({ kind: 'unix', path }, both, span);
  });
}

function narrowAbstract(a: Policy, b: Policy): readonly SocketRule[] {
  const rules = [...a.network.sockets, ...b.network.sockets].filter(
    ({ object }) => object.kind === 'abstract',
  );
  const unique = new Map(rules.map((rule) => [rule.id, rule]));
  return [...unique.values()].map(({ object, span }) => {
    const both = UNIX_WORDS.filter((word) =>
      [a, b].every((policy) => abstractWords(policy, object).has(word)),
    );
    return socketRule(object, both, span);
  });
}

function abstractWords(policy: Policy, object: SocketRule['object']): ReadonlySet<SocketAccess> {
  if (object.kind !== 'abstract') return new Set();
  const name = object.name;
  if (name !== undefined)
    return new Set(UNIX_WORDS.filter((word) => decideAbstract(policy.network, word, name).granted));
  const any = policy.network.sockets.find((rule) => rule.id === 'network:unix:@*');
  return any?.access ?? new Set();
}
