import type { SourceSpan } from '../common/index.js';
import { builtinSpan } from '../common/index.js';
import { signatureOf } from './calls.js';
import { equals, without } from './condition.js';
import { constantValue } from './constants.js';
import type {
  ArgumentRow,
  ArgumentTest,
  CallRule,
  Condition,
  Namespace,
  Policy,
  PolicyType,
} from './model.js';
import { NAMESPACES } from './model.js';
import { narrowRule } from './narrow.js';
import { SIGNAL_CALLS, TRACE_CALLS } from './processes.js';

const SPAN: SourceSpan = builtinSpan('VXE');

/**
 * A process must be able to end, to return from a signal, and to go on with a call that a stop interrupted; the two probe
 * calls are the kernel's own trampolines, and a traced program dies without them.
 */
export const ALWAYS_PERMITTED: readonly string[] = [
  'exit',
  'exit_group',
  'rt_sigreturn',
  'restart_syscall',
  'uretprobe',
  'uprobe',
];

/** These pass what decides in memory, where no filter can judge it: a libc then falls back to the call that can be judged. */
const FLAGS_IN_MEMORY: readonly string[] = ['clone3', 'openat2', 'mount_setattr'];

/**
 * What a filesystem profile still refuses, since each of these would undo it: change what a path means, run code in the
 * kernel, reach another process or namespace, or perform calls that neither filter nor file rule sees.
 */
const UNDOING: readonly string[] = [
  // what a path means
  ...['mount', 'umount2', 'pivot_root', 'move_mount', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'open_tree'],
  ...['mount_setattr', 'chroot', 'open_by_handle_at', 'swapon', 'swapoff', 'quotactl', 'quotactl_fd'],
  // code and state of the kernel
  ...[
    'init_module',
    'finit_module',
    'delete_module',
    'create_module',
    'kexec_load',
    'kexec_file_load',
    'reboot',
    'bpf',
  ],
  ...[
    'perf_event_open',
    'iopl',
    'ioperm',
    'acct',
    'syslog',
    'settimeofday',
    'clock_settime',
    'clock_adjtime',
    'adjtimex',
  ],
  ...[
    'sethostname',
    'setdomainname',
    'vhangup',
    'lookup_dcookie',
    '_sysctl',
    'nfsservctl',
    'uselib',
    'userfaultfd',
  ],
  ...['add_key', 'request_key', 'keyctl', 'fanotify_init', 'modify_ldt'],
  // other processes and namespaces
  ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'pidfd_getfd', 'kcmp', 'setns'],
  ...['migrate_pages', 'move_pages'],
];

/** These perform other calls where no filter sees them; programs fall back when the kernel does not have them. */
export const RING_CALLS: readonly string[] = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];

/** What of a policy the call rules that VXE adds depend on. */
export type CallContext = Pick<Policy, 'type' | 'exec' | 'network' | 'processes' | 'namespaces'>;

/** The rules that VXE adds to those of a profile; a profile's own rule can only narrow them. */
function builtinRules({ type, network, processes, namespaces }: CallContext): CallRule[] {
  const rules = ALWAYS_PERMITTED.map((call) => permitted(call, 'calls:always'));
  if (type === 'strict') return [...rules, ...[...FLAGS_IN_MEMORY, ...RING_CALLS].map(enosys)];
  const undoing = UNDOING.filter((call) => processes.trace === 'none' || !TRACE_CALLS.includes(call));
  const datagrams = network.sockets.some(
    ({ object, access }) => object.kind === 'internet' && object.protocol === 'udp' && access.size > 0,
  );
  const noFastOpen = without(constant('MSG_FASTOPEN'));
  return [
    ...rules,
    ...undoing.map(refused),
    ...[...RING_CALLS, 'clone3'].map(enosys),
    ...(processes.signal === 'none' ? SIGNAL_CALLS.map(refused) : []),
    ...namespaceRules(namespaces ?? []),
    // A terminal's input queue is another process's keyboard.
    quietRows('ioctl', 'request', ['TIOCSTI', 'TIOCLINUX', 'TIOCSETD']),
    // A connection that no connect call makes.
    rows('sendto', [['flags', noFastOpen, 'without MSG_FASTOPEN']]),
    rows('sendmsg', [['flags', noFastOpen, 'without MSG_FASTOPEN']]),
    rows('sendmmsg', [['flags', noFastOpen, 'without MSG_FASTOPEN']]),
    // Of sockets that leave the host, the socket rules hold TCP and UDP alone.
    rows(
      'socket',
      [['domain', equals(constant('AF_UNIX'), 32), 'AF_UNIX']],
      ...['AF_INET', 'AF_INET6'].map((family) => internetRow(family, 'SOCK_STREAM', 'IPPROTO_TCP', 'TCP')),
      ...(datagrams
        ? ['AF_INET', 'AF_INET6'].map((family) => internetRow(family, 'SOCK_DGRAM', 'IPPROTO_UDP', 'UDP'))
        : []),
      [
        ['domain', equals(constant('AF_NETLINK'), 32), 'AF_NETLINK'],
        ['protocol', equals(constant('NETLINK_ROUTE'), 32), 'NETLINK_ROUTE'],
      ],
    ),
  ];
}

/** What is registered without a ring (descriptor -1) no ring's restrictions hold; libraries know the error from older kernels. */
function ringsByDescriptor(): CallRule {
  const tests = [builtinTest('io_uring_register', 'fd', equals(0xffff_ffffn, 32), '-1')];
  const quiet = [{ tests, errno: 'EINVAL', span: SPAN }];
  return { id: 'calls:io_uring_register', call: 'io_uring_register', permit: 'all', quiet, span: SPAN };
}

/** The flag of clone and unshare that makes each. */
export const NAMESPACE_FLAGS: Readonly<Record<Namespace, string>> = {
  cgroup: 'CLONE_NEWCGROUP',
  ipc: 'CLONE_NEWIPC',
  mount: 'CLONE_NEWNS',
  network: 'CLONE_NEWNET',
  pid: 'CLONE_NEWPID',
  time: 'CLONE_NEWTIME',
  user: 'CLONE_NEWUSER',
  uts: 'CLONE_NEWUTS',
};

/** What makes namespaces, with those that may be made alone. */
function namespaceRules(granted: readonly Namespace[]): CallRule[] {
  const others = NAMESPACES.filter((name) => !granted.includes(name));
  const flags = (names: readonly Namespace[]): bigint =>
    names.reduce((bits, name) => bits | constant(NAMESPACE_FLAGS[name]), 0n);
  const text = granted.length === 0 ? 'without namespaces' : `without namespaces but ${granted.join(', ')}`;
  const rule = (call: string, bits: bigint): CallRule =>
    bits === 0n ? permitted(call, `calls:${call}`) : rows(call, [['flags', without(bits), text]]);
  // CLONE_NEWTIME shares its bit with clone's exit signal and means a namespace for unshare alone.
  return [rule('unshare', flags(others)), rule('clone', flags(others.filter((name) => name !== 'time')))];
}

function internetRow(
  family: string,
  type: string,
  protocol: string,
  name: string,
): [string, Condition, string][] {
  return [
    ['domain', equals(constant(family), 32), family],
    ['type', { kind: 'masked', mask: constant('SOCK_TYPE_MASK'), value: constant(type) }, type],
    ['protocol', { kind: 'any', of: [equals(0n, 32), equals(constant(protocol), 32)] }, name],
  ];
}

/** Calls of which a filesystem profile may say more than VXE's own rule does, since that takes nothing from the file rules. */
const MAY_WIDEN: ReadonlySet<string> = new Set(['socket', 'chroot', ...RING_CALLS]);

/** Whether naming the call in a profile of the type could only contradict what the type is for. */
export function isUndoing(type: PolicyType, call: string): boolean {
  return type === 'filesystem' && UNDOING.includes(call) && !MAY_WIDEN.has(call);
}

/** The rules by which VXE narrows a profile's own where it names those calls; a strict profile names what it wants otherwise. */
function narrowingRules({ type, processes, namespaces }: CallContext): CallRule[] {
  if (type === 'filesystem') return [ringsByDescriptor()];
  return [
    ringsByDescriptor(),
    ...(processes.signal === 'none' ? SIGNAL_CALLS.map(refused) : []),
    ...(processes.trace === 'none' ? TRACE_CALLS.map(refused) : []),
    ...(namespaces === undefined ? [] : namespaceRules(namespaces)),
  ];
}

/** The rule that VXE joins to a profile's own rule for the call; undefined where the profile's own stands as it is. */
export function joinedRule(context: CallContext, call: string): CallRule | undefined {
  const builtin = builtinRules(context).find((rule) => rule.call === call);
  if (builtin !== undefined && !nameDecides(context.type, builtin)) return builtin;
  return narrowingRules(context).find((rule) => rule.call === call);
}

/** A profile's own call rules completed with those that VXE adds for its type and for what else it says. */
export function completeCalls(
  context: CallContext,
  execSpan: SourceSpan,
  own: ReadonlyMap<string, CallRule>,
): ReadonlyMap<string, CallRule> {
  const calls = new Map(own);
  for (const rule of builtinRules(context)) {
    if (!calls.has(rule.call) || rule.id === 'calls:always') calls.set(rule.call, rule);
    else if (!nameDecides(context.type, rule)) joinRule(calls, rule);
  }
  for (const rule of narrowingRules(context)) if (own.has(rule.call)) joinRule(calls, rule);
  if (context.exec === 'once') {
    for (const call of ['execve', 'execveat']) {
      calls.set(call, { id: 'exec:once', call, permit: [], quiet: [], span: execSpan });
    }
  }
  return calls;
}

function joinRule(calls: Map<string, CallRule>, rule: CallRule): void {
  const mine = calls.get(rule.call);
  if (mine !== undefined) calls.set(rule.call, { ...narrowRule(mine, rule), id: mine.id, span: mine.span });
}

/** In a strict profile a name is a decision of its own. */
function nameDecides(type: PolicyType, rule: CallRule): boolean {
  return type === 'strict' || MAY_WIDEN.has(rule.call);
}

function permitted(call: string, id: string): CallRule {
  return { id, call, permit: 'all', quiet: [], span: SPAN };
}

function refused(call: string): CallRule {
  return { id: `calls:${call}`, call, permit: [], quiet: [], span: SPAN };
}

function enosys(call: string): CallRule {
  const quiet = [{ tests: [], errno: 'ENOSYS', span: SPAN }];
  return { id: `calls:${call}`, call, permit: [], quiet, span: SPAN };
}

function rows(call: string, ...list: [string, Condition, string][][]): CallRule {
  const permit = list.map(
    (tests): ArgumentRow => ({ tests: tests.map((test) => builtinTest(call, ...test)), span: SPAN }),
  );
  return { id: `calls:${call}`, call, permit, quiet: [], span: SPAN };
}

function quietRows(call: string, argument: string, names: readonly string[]): CallRule {
  const quiet = names.map((name) => ({
    tests: [builtinTest(call, argument, equals(constant(name), 32), name)],
    errno: 'EPERM',
    span: SPAN,
  }));
  return { id: `calls:${call}`, call, permit: 'all', quiet, span: SPAN };
}

function builtinTest(call: string, name: string, condition: Condition, text: string): ArgumentTest {
  const argument = signatureOf(call)?.find((candidate) => candidate.name === name);
  if (argument === undefined) throw new TypeError(`${call} has no argument ${name}`);
  return { index: argument.index, name, width: argument.width, condition, text };
}

function constant(name: string): bigint {
  const value = constantValue(name);
  if (value === undefined) throw new TypeError(`no constant ${name}`);
  return value;
}
