import type { SourceSpan } from '../../common/index.js';
import { builtinSpan } from '../../common/index.js';
import type {
  Access,
  ArgumentRow,
  CallRule,
  FileRule,
  NetworkPolicy,
  PatternRule,
  Policy,
  SocketAccess,
  SocketObject,
} from '../../policy/index.js';
import {
  fileVerdict,
  grantedOn,
  internetRules,
  isOwnFile,
  ownPattern,
  parseGlob,
  socketRule,
} from '../../policy/index.js';

/** One change of a policy; all of them widen it. */
export type Edit =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly access: readonly Access[];
      readonly folder: boolean;
    }
  /** Rows undefined: with any arguments. */
  | { readonly kind: 'call'; readonly call: string; readonly rows: readonly ArgumentRow[] | undefined }
  | { readonly kind: 'port'; readonly side: 'accept' | 'connect'; readonly port: number }
  /** Words on an address, or a unix socket, that are granted besides those that its rule has. */
  | { readonly kind: 'socket'; readonly object: SocketObject; readonly access: readonly SocketAccess[] }
  | { readonly kind: 'exec' }
  | { readonly kind: 'capability'; readonly name: string }
  | { readonly kind: 'limit'; readonly type: string; readonly value: bigint }
  | { readonly kind: 'resource'; readonly resource: string; readonly value: bigint }
  | { readonly kind: 'interface'; readonly to: 'host' | 'loopback' };

const SPAN = builtinSpan('upgrade');

/** Not a profile's: what VXE adds to it. */
export function isOfVxe(span: SourceSpan): boolean {
  return span.source.startsWith('<');
}

/** The policy with the change in it. */
export function applyEdit(policy: Policy, edit: Edit): Policy {
  switch (edit.kind) {
    case 'file':
      return withOwnFile(policy, edit) ?? { ...policy, files: withFile(policy, edit) };
    case 'call':
      return { ...policy, calls: withCall(policy, edit.call, edit.rows) };
    case 'port': {
      const ports = { from: edit.port, to: edit.port };
      const object = { kind: 'internet', protocol: 'tcp', address: undefined, ports } as const;
      return { ...policy, network: withSocket(policy.network, object, [edit.side]) };
    }
    case 'socket':
      return { ...policy, network: withSocket(policy.network, edit.object, edit.access) };
    case 'exec':
      return withExec(policy);
    case 'capability':
      return policy.capabilities.includes(edit.name)
        ? policy
        : { ...policy, capabilities: [...policy.capabilities, edit.name] };
    case 'limit':
      return {
        ...policy,
        limits: policy.limits.map((limit) =>
          limit.type === edit.type && limit.value < edit.value ? { ...limit, value: edit.value } : limit,
        ),
      };
    case 'resource':
      return {
        ...policy,
        resources: policy.resources.map((rule) =>
          rule.resource === edit.resource && rule.value < edit.value ? { ...rule, value: edit.value } : rule,
        ),
      };
    case 'interface':
      return { ...policy, network: { ...policy.network, interface: edit.to } };
  }
}

/** A file of the calling process's threads or descriptors, whose numbers are others in the next run; undefined for all else. */
function withOwnFile(
  policy: Policy,
  { path, access }: Extract<Edit, { readonly kind: 'file' }>,
): Policy | undefined {
  const text = ownPattern(path);
  const glob = isOwnFile(path) && text.includes('*') ? parseGlob(text) : undefined;
  if (glob?.ok !== true) return undefined;
  const own = policy.patterns.find((rule) => rule.kind === 'glob' && rule.glob.text === text);
  const words = new Set([...(own?.access ?? []), ...access]);
  const others = policy.patterns.filter((rule) => rule !== own);
  const rule: PatternRule = {
    id: `files:${text}`,
    kind: 'glob',
    glob: glob.value,
    access: words,
    span: SPAN,
  };
  return { ...policy, patterns: [...others, rule] };
}

/** The most specific rule wins whole: a new one keeps what the rules above it give. */
function withFile(
  policy: Policy,
  { path, access, folder }: Extract<Edit, { readonly kind: 'file' }>,
): readonly FileRule[] {
  const { files, patterns } = policy;
  const words = new Set([...(fileVerdict({ files, patterns }, path)?.access ?? []), ...access]);
  const own = files.find((rule) => rule.path === path);
  if (own !== undefined)
    return files.map((rule) =>
      rule === own ? { ...rule, access: words, folder: rule.folder || folder } : rule,
    );
  return [...files, { id: `files:${path}`, path, access: words, folder, span: SPAN }];
}

function withCall(
  policy: Policy,
  call: string,
  rows: readonly ArgumentRow[] | undefined,
): ReadonlyMap<string, CallRule> {
  const calls = new Map(policy.calls);
  const rule = calls.get(call) ?? { id: `calls:${call}`, call, permit: [], quiet: [], span: SPAN };
  if (rule.permit === 'all') return calls;
  // A rule of VXE's own is only narrowed by a profile's; what is said by name is a rule of the profile.
  const quiet = rule.quiet.filter(({ span }) => !isOfVxe(span));
  const base = { ...rule, quiet, id: `calls:${call}`, span: SPAN };
  calls.set(call, { ...base, permit: rows === undefined ? 'all' : [...rule.permit, ...rows] });
  return calls;
}

/** The most specific rule wins whole: a new one keeps what the rules above it give. */
function withSocket(
  network: NetworkPolicy,
  object: SocketObject,
  access: readonly SocketAccess[],
): NetworkPolicy {
  const { sockets } = network;
  const around = object.kind === 'internet' ? grantedOn(internetRules(network), object) : [];
  const made = socketRule(object, [...around, ...access], SPAN);
  const own = sockets.find((rule) => rule.id === made.id);
  if (own === undefined) return { ...network, sockets: [...sockets, made] };
  const both = socketRule(own.object, [...own.access, ...access], own.span);
  return { ...network, sockets: sockets.map((rule) => (rule === own ? both : rule)) };
}

function withExec(policy: Policy): Policy {
  const calls = new Map(policy.calls);
  for (const call of ['execve', 'execveat']) calls.delete(call);
  const open: Policy = { ...policy, exec: 'any', calls };
  return policy.unnamed === 'permit' ? open : { ...open, calls: withCall(open, 'execve', undefined) };
}
