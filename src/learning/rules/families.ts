import type { RowDraft } from './draft.js';

/**
 * Calls that do the same work. Which of them a program makes is its C library's choice, which an update changes; what they reach is
 * held by the same file, socket and capability rules. A member that was not seen is permitted as narrowly as those that were.
 */
const FAMILIES: readonly (readonly string[])[] = [
  ['open', 'openat', 'creat'],
  ['stat', 'lstat', 'fstat', 'newfstatat', 'statx'],
  ['access', 'faccessat', 'faccessat2'],
  ['readlink', 'readlinkat'],
  ['mkdir', 'mkdirat'],
  ['rename', 'renameat', 'renameat2'],
  ['link', 'linkat'],
  ['symlink', 'symlinkat'],
  ['chmod', 'fchmodat', 'fchmodat2'],
  ['chown', 'lchown', 'fchownat'],
  ['utime', 'utimes', 'futimesat', 'utimensat'],
  ['getdents', 'getdents64'],
  ['statfs', 'fstatfs'],
  ['dup2', 'dup3'],
  ['pipe', 'pipe2'],
  ['eventfd', 'eventfd2'],
  ['signalfd', 'signalfd4'],
  ['inotify_init', 'inotify_init1'],
  ['epoll_create', 'epoll_create1'],
  ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'],
  ['poll', 'ppoll'],
  ['select', 'pselect6'],
  ['accept', 'accept4'],
  ['read', 'readv'],
  ['write', 'writev'],
  ['pread64', 'preadv', 'preadv2'],
  ['pwrite64', 'pwritev', 'pwritev2'],
  ['time', 'gettimeofday', 'clock_gettime'],
  ['nanosleep', 'clock_nanosleep'],
  ['alarm', 'setitimer'],
  ['wait4', 'waitid'],
  ['getrlimit', 'prlimit64'],
];

/** Members that need a condition, to be no wider than what was seen of the others. */
const NARROWED: readonly {
  readonly from: readonly string[];
  readonly call: string;
  readonly row: readonly [string, string];
}[] = [
  { from: ['unlink'], call: 'unlinkat', row: ['flags', '0'] },
  { from: ['rmdir'], call: 'unlinkat', row: ['flags', 'AT_REMOVEDIR'] },
  { from: ['getrlimit', 'ugetrlimit'], call: 'prlimit64', row: ['newlimit', '0'] },
  { from: ['tkill'], call: 'tgkill', row: ['sig', '[SIGABRT, SIGTERM]'] },
];

export interface Relative {
  readonly call: string;
  /** What was seen of its family. */
  readonly from: readonly string[];
  readonly permit: 'all' | readonly RowDraft[];
}

/** Calls that were not seen, but do the work of some that were. */
export function relatives(seen: ReadonlySet<string>): readonly Relative[] {
  const found = new Map<string, Relative>();
  for (const family of FAMILIES) {
    const from = family.filter((call) => seen.has(call));
    if (from.length === 0) continue;
    for (const call of family) if (!seen.has(call)) found.set(call, { call, from, permit: 'all' });
  }
  for (const { from, call, row } of NARROWED) {
    const there = from.filter((each) => seen.has(each));
    if (there.length === 0 || seen.has(call)) continue;
    const before = found.get(call);
    const rows = before === undefined || before.permit === 'all' ? [] : before.permit;
    found.set(call, {
      call,
      from: [...new Set([...(before?.from ?? []), ...there])],
      permit: [...rows, { tests: new Map([row]), errno: undefined }],
    });
  }
  return [...found.values()];
}

/** The flags with which the C library makes a process: of a fork, and to run another program at once (vfork, posix_spawn). */
export const FORK_FLAGS = 'CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD';
export const SPAWN_FLAGS = 'CLONE_VM|CLONE_VFORK|SIGCHLD';

/**
 * How the C library makes a thread where clone3 is not answered, as it is not where a profile holds: its flags are in memory. It makes each with
 * these very flags.
 */
export const THREAD: RowDraft = {
  tests: new Map([
    [
      'flags',
      'CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID',
    ],
  ]),
  errno: undefined,
};

/** What a program does when it fails: it says so, handles or raises the signal, and ends. A recording of good days shows none of it. */
export const FAILING_WELL: readonly {
  readonly call: string;
  readonly permit: 'all' | readonly RowDraft[];
}[] = [
  ...['write', 'writev', 'rt_sigaction', 'rt_sigprocmask', 'getpid', 'gettid', 'munmap', 'close'].map(
    (call) => ({
      call,
      permit: 'all' as const,
    }),
  ),
  { call: 'tgkill', permit: [{ tests: new Map([['sig', 'SIGABRT']]), errno: undefined }] },
];

/**
 * Calls with particular arguments that follow from what was seen, on days of their own: no recording and no round in soft mode can be relied on
 * to show them. When a connection breaks is up to the peer, how much memory a program holds to its load, which thread finds a lock taken to
 * the scheduler; and a C library whose futex is refused ends the program. Who finds out that somebody wants to connect and may not take it finds out
 * again, at once and for ever. In this order: one may follow from another.
 */
export interface Following {
  /** One of these calls was made; or 'threads': a process had more than one. */
  readonly from: readonly string[];
  readonly call: string;
  /** What it is called with, one row for each; all: whatever that is. */
  readonly rows: 'all' | readonly FollowingRow[];
  readonly why: string;
}

export type FollowingRow = readonly (readonly [argument: string, value: string])[];

export const FOLLOWING: readonly Following[] = [
  ...['accept', 'accept4'].map(
    (call): Following => ({ from: ['listen'], call, rows: 'all', why: 'takes the connections of listen' }),
  ),
  {
    from: ['accept', 'accept4', 'connect'],
    call: 'getsockopt',
    rows: [
      [
        ['level', 'SOL_SOCKET'],
        ['name', 'SO_ERROR'],
      ],
    ],
    why: 'connections need it to fail well',
  },
  {
    from: ['brk', 'mmap'],
    call: 'madvise',
    rows: [[['advice', 'MADV_DONTNEED']]],
    why: 'the C library gives memory back by it',
  },
  {
    from: ['brk', 'mmap'],
    call: 'mremap',
    rows: [[['flags', 'MREMAP_MAYMOVE']]],
    why: 'the C library makes large blocks larger by it',
  },
  {
    from: ['threads'],
    call: 'futex',
    rows: [
      [['operation', 'FUTEX_WAIT']],
      [['operation', 'FUTEX_WAKE']],
      [['operation', 'FUTEX_WAIT_BITSET']],
    ],
    why: 'threads wait for each other by it',
  },
  {
    from: ['threads'],
    call: 'mprotect',
    rows: [[['prot', 'PROT_READ|PROT_WRITE']]],
    why: 'the C library gives threads memory of their own by it',
  },
];
