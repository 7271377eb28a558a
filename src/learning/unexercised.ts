import { ALWAYS_PERMITTED } from '../policy/index.js';
import type { Recording } from './recording/index.js';
import type { Draft } from './rules/draft.js';

/** Something that the program can do, by what it takes from its libraries, and that no recording shows. */
export interface Unexercised {
  readonly topic: string;
  /** The functions that say so. */
  readonly functions: readonly string[];
  /** The calls by which it would have shown; empty where calls do not tell. */
  readonly calls: readonly string[];
  /** Whether the profile permits one of these calls all the same, from other evidence. */
  readonly permitted: boolean;
}

interface Topic {
  readonly topic: string;
  readonly functions: RegExp;
  /** Any of them shows that it was done. */
  readonly calls: readonly string[];
}

const FORKS = ['fork', 'vfork', 'clone', 'clone3'];

/** Functions of the C library by what they are for. Their names are its interface, so that they stay when it changes the calls it makes. */
const TOPICS: readonly Topic[] = [
  { topic: 'making processes', functions: /^(v?fork|posix_spawnp?|popen|system|daemon)$/, calls: FORKS },
  {
    topic: 'making threads',
    functions: /^(pthread_create|thrd_create)$/,
    calls: ['clone', 'clone3'],
  },
  {
    topic: 'executing programs',
    functions: /^(exec(l|le|lp|v|ve|vp|vpe)|fexecve|posix_spawnp?|popen|system)$/,
    calls: ['execve', 'execveat'],
  },
  {
    topic: 'waiting for children',
    functions: /^(wait|waitpid|waitid|wait[34])$/,
    calls: ['wait4', 'waitid'],
  },
  {
    topic: 'signals it handles: reload, reopening logs, upgrade',
    functions: /^(sigaction|signal|bsd_signal|__sysv_signal|sigset)$/,
    calls: ['rt_sigreturn', 'signalfd', 'signalfd4', 'rt_sigtimedwait'],
  },
  {
    topic: 'sending signals',
    functions: /^(kill|killpg|sigqueue|raise|tgkill)$/,
    calls: ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo'],
  },
  {
    topic: 'becoming another user',
    functions: /^(set(e|re|res|fs)?uid|set(e|re|res|fs)?gid|setgroups|initgroups)$/,
    calls: [
      ...['uid', 'gid'].flatMap((id) => [`set${id}`, `setre${id}`, `setres${id}`, `setfs${id}`]),
      'setgroups',
    ],
  },
  { topic: 'changing its root', functions: /^(chroot|pivot_root)$/, calls: ['chroot', 'pivot_root'] },
  {
    topic: 'renaming files: rotation, replacing',
    functions: /^rename(at2?)?$/,
    calls: ['rename', 'renameat', 'renameat2'],
  },
  {
    topic: 'removing files',
    functions: /^(unlink(at)?|remove|rmdir)$/,
    calls: ['unlink', 'unlinkat', 'rmdir'],
  },
  { topic: 'making folders', functions: /^mkdir(at)?$/, calls: ['mkdir', 'mkdirat'] },
  {
    topic: 'linking files',
    functions: /^(link|symlink)(at)?$/,
    calls: ['link', 'linkat', 'symlink', 'symlinkat'],
  },
  {
    topic: 'cutting files',
    functions: /^f?truncate(64)?$/,
    calls: ['truncate', 'ftruncate'],
  },
  {
    topic: "changing files' rights and owners",
    functions: /^(f|l)?ch(mod|own)(at)?$/,
    calls: [...['chmod', 'fchmod', 'fchmodat', 'fchmodat2'], ...['chown', 'fchown', 'lchown', 'fchownat']],
  },
  {
    topic: 'locking files',
    functions: /^(flock|lockf(64)?)$/,
    calls: ['flock', 'fcntl'],
  },
  {
    topic: 'serving connections',
    functions: /^(listen|accept4?)$/,
    calls: ['accept', 'accept4'],
  },
  {
    topic: 'connecting to others',
    functions: /^connect$/,
    calls: ['connect'],
  },
  {
    topic: 'looking up names of hosts',
    functions:
      /^(getaddrinfo(_a)?|gethostbyname2?(_r)?|gethostbyaddr(_r)?|getnameinfo|res_n?(query|search|send))$/,
    // The library asks a server, or reads /etc/hosts for it.
    calls: ['sendmmsg', 'sendto', 'connect'],
  },
  {
    topic: 'the system log',
    functions: /^v?syslog(_chk)?$|^__v?syslog_chk$/,
    calls: ['sendto', 'sendmsg', 'connect'],
  },
  {
    topic: 'sending files by the kernel',
    functions: /^(sendfile(64)?|splice|copy_file_range)$/,
    calls: ['sendfile', 'splice', 'copy_file_range'],
  },
  {
    topic: 'its limits and priorities',
    functions: /^(setrlimit(64)?|prlimit(64)?|setpriority|nice|sched_setscheduler)$/,
    calls: ['setrlimit', 'prlimit64', 'setpriority', 'sched_setscheduler'],
  },
  {
    topic: 'shared memory and semaphores',
    functions: /^(shmget|shmat|semget|semop|msgget|msgsnd)$/,
    calls: ['shmget', 'shmat', 'semget', 'semop', 'msgget', 'msgsnd'],
  },
  {
    topic: 'timers',
    functions: /^(alarm|ualarm|setitimer|timer_create|timerfd_create)$/,
    calls: ['alarm', 'setitimer', 'timer_create', 'timerfd_create'],
  },
  {
    topic: 'writing to the disk at once',
    functions: /^(f(data)?sync|sync_file_range|msync)$/,
    calls: ['fsync', 'fdatasync', 'sync_file_range', 'msync'],
  },
  { topic: 'mounts', functions: /^u?mount2?$/, calls: ['mount', 'umount2'] },
  { topic: 'observing other processes', functions: /^ptrace$/, calls: ['ptrace'] },
];

const COMPLAINS = /^(strerror(_r|_l)?|__xpg_strerror_r|perror|v?errx?|v?warnx?|error)$/;
/** Errors that come up on the best of days. */
const ORDINARY = new Set([
  ...['ENOENT', 'EAGAIN', 'EINTR', 'EINPROGRESS', 'ECHILD', 'ENOTTY', 'ENXIO', 'ERESTARTSYS'],
  ...['EEXIST', 'ENOSYS', 'EINVAL', 'EISCONN', 'ESPIPE', 'ENODATA', 'EOPNOTSUPP', 'ETIMEDOUT'],
]);

/** What a program could do, and did in none of the recordings. */
export function unexercised(
  recordings: readonly Recording[],
  imports: readonly string[],
  draft: Draft,
): readonly Unexercised[] {
  // The launch's own execve is nothing that the program did.
  const done = new Set(
    recordings.flatMap(({ calls }) => {
      const launch = calls.findIndex((call) => /^execve(at)?$/.test(call.call));
      return calls.filter((call, index) => index !== launch || call.count > 1).map((call) => call.call);
    }),
  );
  const granted = new Set([
    ...ALWAYS_PERMITTED,
    ...draft.calls.filter(({ permit }) => permit === 'all' || permit.length > 0).map(({ call }) => call),
  ]);
  const missing = TOPICS.flatMap(({ topic, functions, calls }): Unexercised[] => {
    const names = imports.filter((name) => functions.test(name));
    if (names.length === 0 || calls.some((call) => done.has(call))) return [];
    // The return of a handler, which is not raised to that recorder.
    if (calls.includes('rt_sigreturn') && recordings.some(({ header }) => header.recorder === 'notify'))
      return [];
    return [{ topic, functions: names, calls, permitted: calls.some((call) => granted.has(call)) }];
  });
  return [...missing, ...errorPaths(recordings, imports), ...shutdown(recordings)];
}

/** A program that can say what went wrong, and of which nothing went wrong. */
function errorPaths(recordings: readonly Recording[], imports: readonly string[]): readonly Unexercised[] {
  const functions = imports.filter((name) => COMPLAINS.test(name));
  const told = recordings.filter(({ header }) => header.results);
  const failed = told.some(({ calls }) =>
    calls.some(({ errno }) => errno !== undefined && !ORDINARY.has(errno)),
  );
  if (functions.length === 0 || failed) return [];
  const topic = told.length === 0 ? 'errors (no recording has results)' : 'errors: no call failed unusually';
  return [{ topic, functions, calls: [], permitted: false }];
}

/** Ended by a signal that it does not handle, or by force, a program has not gone through its own end. */
function shutdown(recordings: readonly Recording[]): readonly Unexercised[] {
  const ended = recordings.some(({ trailer }) => trailer.status !== undefined && trailer.status < 128);
  return ended ? [] : [{ topic: 'shutdown by itself', functions: [], calls: [], permitted: false }];
}
