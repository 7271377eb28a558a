import type { Diagnostic } from '../common/index.js';
import type { CallRule, Policy, Service } from '../policy/index.js';
import { constantValue, decideCall, nearestName, scalarEvent } from '../policy/index.js';
import type { Coverage, CoverageRow, Mechanism } from './plan.js';
import type { KernelFeatures } from './ports.js';
import { unixSockets } from './unix-sockets.js';

/** Where the policy runs, as far as coverage depends on it. */
export interface Place {
  readonly isHost: boolean;
  readonly features: KernelFeatures;
  /** Landlock's name and kernel for an ABI, for what a row needs. */
  readonly abiText: (abi: number) => string;
}

/** Whether the filter, and the supervisor that it raises calls to, can be had. */
function isFiltered(place: Place): boolean {
  return ['user_notif', 'errno'].every((action) => place.features.seccompActions.includes(action));
}

/** Whether the kernel lets this user separate anything. */
export function mayBeSeparate(features: KernelFeatures): boolean {
  return features.namespaces ?? features.userNamespaces;
}

const FILTER_NEEDS = 'seccomp with user notification (Linux 5.0)';
const NAMESPACE_NEEDS = 'namespaces: the superuser, or user namespaces';

/** How everything but the file rules is held. */
export function otherCoverage(policy: Policy, place: Place): readonly Coverage[] {
  return [
    ...callCoverage(policy, place),
    ...execCoverage(policy, place),
    ...networkCoverage(policy, place),
    ...scopeCoverage(policy, place),
    row(policy, 'capabilities', ['capabilities'], capabilityNote(policy)),
    ...policy.limits.map((limit) => ({ ...row(policy, limit.id, ['rlimit'], ''), span: limit.span })),
    ...policy.services.map((service) => serviceRow(policy, service, place)),
    ...socketFileCoverage(policy, place),
  ];
}

const SERVICE_NOTES = {
  syslog:
    'the supervisor relays /dev/log to the log of the instance, and makes the connection itself where connect is refused',
  notify: 'the supervisor relays what the program tells its service manager',
} as const;

/** Calls that change a named file's attributes: no file rule reaches them. */
const ATTRIBUTE_CALLS: ReadonlySet<string> = new Set([
  ...[
    'chmod',
    'fchmodat',
    'fchmodat2',
    'chown',
    'lchown',
    'fchownat',
    'utime',
    'utimes',
    'futimesat',
    'utimensat',
  ],
  ...['setxattr', 'lsetxattr', 'removexattr', 'lremovexattr'],
]);

function callCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const status = isFiltered(place)
    ? ({ mechanism: ['seccomp'], status: 'full' } as const)
    : ({ mechanism: [], status: 'none' } as const);
  const needs = FILTER_NEEDS;
  const rules = [...policy.calls.values()].filter(
    (rule) => rule.id.startsWith('calls:') && rule.id !== 'calls:always',
  );
  const rows = rules.map(
    (rule): Coverage => ({ rule: rule.id, ...status, note: callNote(rule), needs, span: rule.span }),
  );
  const other =
    policy.unnamed === 'permit'
      ? 'calls that no rule names are permitted; numbers that VXE does not know get ENOSYS; 32-bit and x32 entry is refused'
      : 'calls that no rule names are refused; numbers that VXE does not know get ENOSYS; 32-bit and x32 entry is refused';
  const always = 'a process can always end, return from a signal and resume a stopped call';
  return [
    { rule: 'calls:default', ...status, note: other, needs, span: policy.span },
    { rule: 'calls:always', ...status, note: always, needs, span: policy.span },
    ...rows,
  ];
}

function callNote(rule: CallRule): string {
  const parts: string[] = [];
  if (rule.permit === 'all') parts.push('with any arguments');
  else if (rule.permit.length === 0) parts.push('refused');
  else parts.push(`${rule.permit.length} ${rule.permit.length === 1 ? 'row' : 'rows'} of arguments`);
  if (rule.quiet.length > 0) parts.push(`${rule.quiet.length} quiet`);
  if (rule.permit !== 'all' && rule.permit.length === 0) return parts.join(', ');
  if (ATTRIBUTE_CALLS.has(rule.call))
    parts.push('on any path: file rules do not reach it, read-only mounts do');
  return parts.join(', ');
}

function execCoverage(policy: Policy, place: Place): readonly Coverage[] {
  if (policy.exec === 'any') return [];
  const rule = 'exec:once';
  if (!isFiltered(place))
    return [unheld(policy, rule, 'nothing here tells the launch from a later execution', FILTER_NEEDS)];
  const note =
    'the supervisor lets the launch through and nothing after it; under other engines execve stays permitted, and Landlock ' +
    'holds it to files with execute';
  return [row(policy, rule, ['seccomp', 'supervisor', 'landlock'], note)];
}

function serviceRow(policy: Policy, service: Service, place: Place): Coverage {
  const rule = `services:${service}`;
  if (isFiltered(place)) return row(policy, rule, ['supervisor'], SERVICE_NOTES[service]);
  return unheld(policy, rule, 'the supervisor that relays it has nothing to listen to', FILTER_NEEDS);
}

const SOCKET_FILES_ABI = 9;

/** A connection to a socket that is a file needs write on it; older kernels do not ask Landlock. */
function socketFileCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const rule = 'files:unix-sockets';
  const mechanism: Mechanism[] = [];
  if (isFiltered(place) && addressesNoUnixSocket(policy)) mechanism.push('seccomp');
  if (place.features.landlockAbi >= SOCKET_FILES_ABI) mechanism.push('landlock');
  if (!place.isHost && mayBeSeparate(place.features)) mechanism.push('rootfs');
  const needs = mechanism.some((name) => name !== 'landlock') ? '' : place.abiText(SOCKET_FILES_ABI);
  if (mechanism.length === 0) {
    const note = 'this kernel lets it connect to unix sockets by path whatever the file rules say';
    return [{ ...row(policy, rule, [], note), status: 'partial', needs }];
  }
  const note =
    mechanism.join() === 'rootfs' ? 'there are no other sockets than its own, but those in mounts' : '';
  return [{ ...row(policy, rule, mechanism, note), needs }];
}

function networkCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const { accept, connect } = policy.network;
  const ports = [...accept, ...connect].map((rule) => ({
    ...portRow(policy, rule.id, place),
    span: rule.span,
  }));
  return [
    interfaceRow(policy, place),
    ...ports,
    ...defaultPorts(policy, 'accept', 'bind', place),
    ...defaultPorts(policy, 'connect', 'connect', place),
    ...datagramCoverage(policy, place),
  ];
}

function interfaceRow(policy: Policy, place: Place): Coverage {
  const rule = 'network:interface';
  if (policy.network.interface === 'host') return row(policy, rule, [], interfaceNote(policy));
  if (isApart(policy, place)) return row(policy, rule, ['network-namespace'], interfaceNote(policy));
  return unheld(policy, rule, 'no network of its own can be made here', NAMESPACE_NEEDS);
}

/** In a network of its own. */
function isApart(policy: Policy, place: Place): boolean {
  return policy.network.interface !== 'host' && mayBeSeparate(place.features);
}

function interfaceNote(policy: Policy): string {
  switch (policy.network.interface) {
    case 'host':
      return "the host's interfaces; what may be done with them is what the other network rules say";
    case 'loopback':
      return 'a network of its own with loopback alone';
    case 'none':
      return 'a network of its own with nothing up';
  }
}

const PORTS_ABI = 4;

function portRow(policy: Policy, rule: string, place: Place): Coverage {
  const held = place.features.landlockAbi >= PORTS_ABI;
  const needs = place.abiText(PORTS_ABI);
  if (held) return { ...row(policy, rule, ['landlock'], ''), needs };
  return { ...row(policy, rule, [], 'this kernel does not rule ports'), status: 'none', needs };
}

/** All ports that no rule grants. */
function defaultPorts(
  policy: Policy,
  side: 'accept' | 'connect',
  call: string,
  place: Place,
): readonly Coverage[] {
  const rule = `network:${side}`;
  const mechanism: Mechanism[] = [];
  const closed = refusesWhole(policy, call) || !mayOpen(policy, 'AF_INET', 'AF_INET6');
  if (isFiltered(place) && closed) mechanism.push('seccomp');
  if (isApart(policy, place)) mechanism.push('network-namespace');
  if (place.features.landlockAbi >= PORTS_ABI) mechanism.push('landlock');
  const needs = mechanism.some((name) => name !== 'landlock') ? '' : place.abiText(PORTS_ABI);
  if (mechanism.length === 0) {
    return [{ ...row(policy, rule, [], 'this kernel does not rule ports'), status: 'none', needs }];
  }
  if (side === 'connect' || refusesWhole(policy, 'listen'))
    return [{ ...row(policy, rule, mechanism, ''), needs }];
  // Without a network of its own, a socket that was never bound listens on a port of the kernel's choice.
  if (!isFiltered(place) && !isApart(policy, place))
    return [
      unheld(policy, rule, 'nothing here holds listen to sockets bound to a granted port', FILTER_NEEDS),
    ];
  const note =
    'the supervisor performs listen, on sockets bound to a granted port; other engines let it take a port of the kernel';
  return [{ ...row(policy, rule, [...mechanism, 'supervisor'], note), needs }];
}

const DATAGRAM_ABI = 10;

/** The port rules speak of TCP; other protocols must be out of reach. */
function datagramCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const rule = 'network:udp';
  const types = ['SOCK_DGRAM', 'SOCK_RAW', 'SOCK_SEQPACKET', 'SOCK_RDM'];
  const open = types.some((type) =>
    ['AF_INET', 'AF_INET6'].some((family) => permitsSocket(policy, family, type)),
  );
  if (!open && isFiltered(place))
    return [row(policy, rule, ['seccomp'], 'no other socket than TCP can be made')];
  if (isApart(policy, place)) {
    return [row(policy, rule, ['network-namespace'], 'sockets other than TCP reach no other host')];
  }
  const needs = place.abiText(DATAGRAM_ABI);
  const raw = types
    .slice(1)
    .some((type) => ['AF_INET', 'AF_INET6'].some((family) => permitsSocket(policy, family, type)));
  if (place.features.landlockAbi >= DATAGRAM_ABI && open && !raw)
    return [{ ...row(policy, rule, ['landlock'], ''), needs }];
  if (!open) return [unheld(policy, rule, 'nothing here refuses sockets other than TCP', FILTER_NEEDS)];
  const note =
    'the profile lets other sockets than TCP be made, and this kernel does not rule where they lead';
  return [unheld(policy, rule, note, needs)];
}

const SCOPE_ABI = 6;

function scopeCoverage(policy: Policy, place: Place): readonly Coverage[] {
  const held = place.features.landlockAbi >= SCOPE_ABI;
  const signal: Mechanism[] = held ? ['landlock'] : [];
  const abstract: Mechanism[] = held ? ['landlock'] : [];
  if (!place.isHost && mayBeSeparate(place.features)) signal.push('pid-namespace');
  if (isApart(policy, place)) abstract.push('network-namespace');
  if (isFiltered(place) && addressesNoUnixSocket(policy)) abstract.push('seccomp');
  if (
    isFiltered(place) &&
    ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo', 'pidfd_send_signal'].every((call) =>
      refusesWhole(policy, call),
    )
  ) {
    signal.push('seccomp');
  }
  return [
    scopeRow(policy, 'scope:signal', signal, place),
    scopeRow(policy, 'scope:abstract-unix', abstract, place),
  ];
}

function scopeRow(policy: Policy, rule: string, mechanism: readonly Mechanism[], place: Place): Coverage {
  const needs = mechanism.some((name) => name !== 'landlock') ? '' : place.abiText(SCOPE_ABI);
  const held = mechanism.length > 0;
  const note = held ? '' : 'this kernel does not keep it within the instance';
  return { ...row(policy, rule, mechanism, note), status: held ? 'full' : 'none', needs };
}

function refusesWhole(policy: Policy, call: string): boolean {
  const rule = policy.calls.get(call);
  if (rule === undefined) return policy.unnamed === 'refuse';
  return rule.permit !== 'all' && rule.permit.length === 0;
}

/** No unix socket can be led to an address that the caller chooses. */
function addressesNoUnixSocket(policy: Policy): boolean {
  const sockets = unixSockets(policy);
  const address = [3n, 0x7f00_0000_0000n, 1n, 0n, 0x7f00_0000_1000n, 16n];
  const sends =
    !['sendmsg', 'sendmmsg'].every((call) => refusesWhole(policy, call)) ||
    decideCall(policy, scalarEvent('sendto', address)).verdict === 'allow';
  return !(sockets.send && sends) && !(sockets.connect && !refusesWhole(policy, 'connect'));
}

function mayOpen(policy: Policy, ...families: readonly string[]): boolean {
  const types = ['SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_RAW', 'SOCK_SEQPACKET', 'SOCK_RDM'];
  return families.some((family) => types.some((type) => permitsSocket(policy, family, type)));
}

/** Tries every protocol number that a family can have; the rows may name any. */
function permitsSocket(policy: Policy, family: string, type: string): boolean {
  const domain = constantValue(family) ?? 0n;
  const kind = constantValue(type) ?? 0n;
  for (let protocol = 0n; protocol <= 262n; protocol++) {
    if (decideCall(policy, scalarEvent('socket', [domain, kind, protocol])).verdict === 'allow') return true;
  }
  return false;
}

function capabilityNote(policy: Policy): string {
  return policy.capabilities.length === 0 ? 'none' : policy.capabilities.join(' ');
}

function row(policy: Policy, rule: string, mechanism: readonly Mechanism[], note: string): Coverage {
  return { rule, mechanism, status: 'full', note, needs: '', span: policy.span };
}

function unheld(policy: Policy, rule: string, note: string, needs: string): Coverage {
  return { ...row(policy, rule, [], note), status: 'none', needs };
}

/** What mounts and the closed root hold needs a place to mount in. */
export function withoutMounts(rows: readonly Coverage[], place: Place): readonly Coverage[] {
  if (mayBeSeparate(place.features)) return rows;
  return rows.map((each) => {
    const rests = each.mechanism.includes('mount') || (!place.isHost && each.mechanism.includes('rootfs'));
    if (!rests) return each;
    const note = 'no mounts of its own can be made here';
    return { ...each, mechanism: [], status: 'none', note, needs: NAMESPACE_NEEDS };
  });
}

/** Applies what the administrator accepted; a rule that nothing holds and nobody accepted is an error that names it. */
export function settle(
  policy: Policy,
  rows: readonly Coverage[],
): { readonly coverage: readonly CoverageRow[]; readonly diagnostics: readonly Diagnostic[] } {
  const accepted = new Set(policy.acceptUnenforced.map((rule) => rule.id));
  const known = rows.map((candidate) => candidate.rule);
  const diagnostics: Diagnostic[] = [];
  for (const { id, span } of policy.acceptUnenforced) {
    if (known.includes(id)) continue;
    const near = nearestName(id, known);
    const hint = near === undefined ? 'vxe explain lists the rules' : `did you mean ${near}?`;
    diagnostics.push({ code: 'bad-value', message: `the profile has no rule ${id} to accept`, span, hint });
  }
  for (const { rule, status, note, needs, span } of rows) {
    if (status !== 'none' || accepted.has(rule)) continue;
    diagnostics.push({
      code: 'missing-feature',
      message: `${rule} cannot be held here: ${note}${needs === '' ? '' : `; it needs ${needs}`}`,
      span,
      hint: `use a newer kernel, or accept it in the profile: accept-unenforced: ["${rule}"]`,
    });
  }
  const coverage = rows.map(({ span: _, ...rest }) => ({
    ...rest,
    accepted: rest.status === 'none' && accepted.has(rest.rule),
  }));
  return { coverage, diagnostics };
}
