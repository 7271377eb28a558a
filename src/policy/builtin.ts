import type { SourceSpan } from '../common/index.js';
import { builtinSpan } from '../common/index.js';
import { signatureOf } from './calls.js';
import { equals, without } from './condition.js';
import { constantValue } from './constants.js';
import type { ArgumentRow, ArgumentTest, CallRule, Condition, Policy, PolicyType } from './model.js';
import { narrowRule } from './narrow.js';

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

/** Performs other calls out of sight; programs fall back when the kernel does not have it. */
const OUT_OF_SIGHT: readonly string[] = ['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'clone3'];

const NAMESPACE_FLAGS = [
  'CLONE_NEWNS',
  'CLONE_NEWCGROUP',
  'CLONE_NEWUTS',
  'CLONE_NEWIPC',
  'CLONE_NEWUSER',
  'CLONE_NEWPID',
  'CLONE_NEWNET',
];

/** The rules that VXE adds to those of a profile; a profile's own rule can only narrow them. */
function builtinRules(type: PolicyType): CallRule[] {
  const rules = ALWAYS_PERMITTED.map((call) => permitted(call, 'calls:always'));
  if (type === 'strict') return [...rules, ...FLAGS_IN_MEMORY.map(enosys)];
  const namespaces = NAMESPACE_FLAGS.reduce((bits, name) => bits | constant(name), 0n);
  const noFastOpen = without(constant('MSG_FASTOPEN'));
  return [
    ...rules,
    ...UNDOING.map(refused),
    ...OUT_OF_SIGHT.map(enosys),
    // CLONE_NEWTIME shares its bit with clone's exit signal and means a namespace for unshare alone.
    rows('unshare', [['flags', without(namespaces | constant('CLONE_NEWTIME')), 'without namespaces']]),
    rows('clone', [['flags', without(namespaces), 'without namespaces']]),
    // A terminal's input queue is another process's keyboard.
    quietRows('ioctl', 'request', ['TIOCSTI', 'TIOCLINUX', 'TIOCSETD']),
    // A connection that no connect call makes.
    rows('sendto', [['flags', noFastOpen, 'without MSG_FASTOPEN']]),
    rows('sendmsg', [['flags', noFastOpen, 'without MSG_FASTOPEN']]),
    rows('sendmmsg', [['flags', noFastOpen, 'without MSG_FASTOPEN']]),
    // Of sockets that leave the host, the port rules hold TCP alone.
    rows(
      'socket',
      [['domain', equals(constant('AF_UNIX'), 32), 'AF_UNIX']],
      ...['AF_INET', 'AF_INET6'].map((family): [string, Condition, string][] => [
        ['domain', equals(constant(family), 32), family],
        [
          'type',
          { kind: 'masked', mask: constant('SOCK_TYPE_MASK'), value: constant('SOCK_STREAM') },
          'SOCK_STREAM',
        ],
        ['protocol', { kind: 'any', of: [equals(0n, 32), equals(constant('IPPROTO_TCP'), 32)] }, 'TCP'],
      ]),
      [
        ['domain', equals(constant('AF_NETLINK'), 32), 'AF_NETLINK'],
        ['protocol', equals(constant('NETLINK_ROUTE'), 32), 'NETLINK_ROUTE'],
      ],
    ),
  ];
}

/** Calls of which a filesystem profile may say more than VXE's own rule does, since that takes nothing from the file rules. */
const MAY_WIDEN: ReadonlySet<string> = new Set(['socket', 'chroot']);

/** Whether naming the call in a profile of the type could only contradict what the type is for. */
export function isUndoing(type: PolicyType, call: string): boolean {
  return type === 'filesystem' && UNDOING.includes(call) && !MAY_WIDEN.has(call);
}

/** A profile's own call rules completed with those that VXE adds for its type and for `exec`. */
export function completeCalls(
  type: PolicyType,
  exec: Policy['exec'],
  execSpan: SourceSpan,
  own: ReadonlyMap<string, CallRule>,
): ReadonlyMap<string, CallRule> {
  const calls = new Map(own);
  for (const rule of builtinRules(type)) {
    const mine = calls.get(rule.call);
    if (mine === undefined || rule.id === 'calls:always') calls.set(rule.call, rule);
    else if (!nameDecides(type, rule))
      calls.set(rule.call, { ...narrowRule(mine, rule), id: mine.id, span: mine.span });
  }
  if (exec === 'once') {
    for (const call of ['execve', 'execveat']) {
      calls.set(call, { id: 'exec:once', call, permit: [], quiet: [], span: execSpan });
    }
  }
  return calls;
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
