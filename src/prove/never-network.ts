import type { Result } from '../common/index.js';
import { failure, success } from '../common/index.js';
import { unixSockets } from '../lowering/index.js';
import type { EventWorld, Policy, SocketAccess } from '../policy/index.js';
import {
  decideEndpoint,
  inRange,
  internetRules,
  isBeneath,
  normalPath,
  parseRange,
} from '../policy/index.js';
import type { Destination } from './addresses.js';
import { destinations, LOOPBACK } from './addresses.js';
import type { Instance } from './permitted.js';
import { addressArgument, constant, examplePaths, permittedCall } from './permitted.js';
import { argumentIs, meaningOf } from './policy.js';
import { freshBelow } from './regions.js';
import type { Solver } from './solver.js';
import { Terms } from './term.js';

type Answer = Promise<Result<Instance | undefined>>;
type Verb = 'connect' | 'bind' | 'send';

const SENDING = ['sendto', 'sendmsg', 'sendmmsg'];

/** The calls by which an address is bound, connected or sent to, and the word that a rule needs for it. */
const WAYS: Readonly<
  Record<Verb, Readonly<Record<'tcp' | 'udp', readonly (readonly [string, SocketAccess])[]>>>
> = {
  // Sending is connecting as far as an administrator is concerned: something gets there.
  connect: {
    tcp: [['connect', 'connect']],
    udp: [['connect', 'connect'], ...SENDING.map((call) => [call, 'send'] as const)],
  },
  bind: { tcp: [['bind', 'accept']], udp: [['bind', 'accept']] },
  send: { tcp: [], udp: SENDING.map((call) => [call, 'send'] as const) },
};

interface Asked {
  readonly verb: Verb;
  readonly not: boolean;
  /** `any`, `unix`, `unix:PATH`, or an address with its prefix. */
  readonly where: string;
  readonly ports: { readonly not: boolean; readonly from: number; readonly to: number } | undefined;
  readonly protocol: 'tcp' | 'udp' | undefined;
}

/** `connect|bind|send to [not] any|ADDRESS[/BITS]|unix[:PATH] [port [not] N[-M]] [by tcp|udp]`. */
export async function networkQuestion(
  policy: Policy,
  text: string,
  solver: Solver,
  world: EventWorld | undefined,
): Answer {
  const asked = parseAsked(text);
  if (asked === undefined)
    return failure({
      code: 'bad-event',
      message: `${text} is not a question about connections`,
      hint: 'write connect to not 10.0.0.0/8, connect to 192.0.2.1 port 25, bind to any port not 80 by tcp, or connect to unix:/run/x',
    });
  if (asked.where.startsWith('unix')) return await unixConnection(policy, asked, solver, world);
  return await connection(policy, asked, solver);
}

function parseAsked(text: string): Asked | undefined {
  const match =
    /^(connect|bind|send) to( not)?(?: (any|unix(?::\/\S*)?|[0-9a-fA-F:.]+(?:\/\d+)?))?(?: port( not)? (\d+)(?:-(\d+))?)?(?: by (tcp|udp))?$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [, verb, not, where, portNot, from, to = from, protocol] = match;
  const ports =
    from === undefined ? undefined : { not: portNot !== undefined, from: Number(from), to: Number(to) };
  const unix = where?.startsWith('unix') === true;
  if (where === undefined && ports === undefined) return undefined;
  if (not !== undefined && (where === undefined || where === 'any' || where === 'unix')) return undefined;
  if (unix && (ports !== undefined || protocol !== undefined || verb === 'bind')) return undefined;
  if (where !== undefined && where !== 'any' && !unix && parseRange(where) === undefined) return undefined;
  if (ports !== undefined && (ports.to > 65535 || ports.from > ports.to)) return undefined;
  return {
    verb: verb === 'bind' || verb === 'send' ? verb : 'connect',
    not: not !== undefined,
    where: where ?? 'any',
    ports,
    protocol: protocol === 'tcp' || protocol === 'udp' ? protocol : undefined,
  };
}

async function connection(policy: Policy, asked: Asked, solver: Solver): Answer {
  const { verb, not, where, ports, protocol } = asked;
  const range = where === 'any' ? undefined : parseRange(where);
  if (policy.network.interface === 'none') return success(undefined);
  const cuts = ports === undefined ? [] : [ports.from, ports.to];
  const wanted = destinations([policy], range === undefined ? [] : [range], cuts).filter(
    (each) =>
      (ports === undefined || (ports.from <= each.port && each.port <= ports.to) !== ports.not) &&
      (protocol === undefined || each.protocol === protocol) &&
      (range === undefined || inRange(range, each.address) !== not) &&
      (policy.network.interface === 'host' || LOOPBACK.some((own) => inRange(own, each.address))),
  );
  const rules = internetRules(policy.network);
  for (const to of wanted) {
    for (const [call, word] of WAYS[verb][to.protocol]) {
      if (!decideEndpoint(rules, word, to).granted) continue;
      const found = await reaching(policy, call, to, solver);
      if (found !== undefined) return success(found);
    }
  }
  return success(undefined);
}

/** A call that reaches a destination that the rules grant, if the calls let such a socket be made and used. */
async function reaching(
  policy: Policy,
  call: string,
  to: Destination,
  solver: Solver,
): Promise<Instance | undefined> {
  const terms = new Terms();
  const family = to.address.family === 6 ? ['AF_INET6'] : ['AF_INET', 'AF_INET6'];
  const type = to.protocol === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM';
  const made = terms.and(
    meaningOf(policy, 'socket', terms).permitted,
    terms.or(...family.map((name) => argumentIs(0, constant(name), terms, 0xffff_ffffn))),
    argumentIs(1, constant(type), terms, constant('SOCK_TYPE_MASK')),
  );
  if ((await solver.find(made)) === undefined) return undefined;
  const { protocol, address, port } = to;
  const index = call === 'sendto' ? 4 : 1;
  const fixed = new Map([[index, addressArgument({ family: protocol, address, port })]]);
  return await permittedCall(policy, call, fixed, solver, undefined, new Terms());
}

/** A socket of somebody else at a path. */
async function unixConnection(
  policy: Policy,
  { verb, not, where }: Asked,
  solver: Solver,
  world: EventWorld | undefined,
): Answer {
  const top = where === 'unix' ? '/' : normalPath(where.slice('unix:'.length));
  if (top === undefined)
    return failure({
      code: 'bad-event',
      message: `${where} is not an absolute path`,
      hint: 'write connect to unix:/run/x',
    });
  const place = world?.resolve(top) ?? top;
  const sockets = unixSockets(policy);
  const named = examplePaths(policy).flatMap((each) => (each.kind === 'string' ? [each.value] : []));
  const paths = new Set([place, freshBelow(place, new Set(named)), ...named]);
  for (const path of paths) {
    if (isBeneath(path, place) === not) continue;
    for (const call of verb === 'send' ? SENDING : ['connect', ...SENDING]) {
      if (!(call === 'connect' ? sockets.connect : sockets.send)) continue;
      const fixed = new Map([[call === 'sendto' ? 4 : 1, addressArgument({ family: 'unix', path })]]);
      const found = await permittedCall(policy, call, fixed, solver, world, new Terms());
      if (found !== undefined) return success(found);
    }
  }
  return success(undefined);
}
