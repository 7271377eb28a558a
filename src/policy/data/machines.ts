/** The arguments that hold the flags of open(2), some of which have other bits on other architectures. */
const OPEN_FLAGS = `
open.flags openat.flags mq_open.flags open_by_handle_at.flags pipe2.flags fanotify_init.eventflags fcntl.arg@command=F_SETFL
`;

/** O_DIRECTORY has O_DIRECT's bit on aarch64, O_NOFOLLOW has O_LARGEFILE's, and the other way round. */
const AARCH64_BITS: readonly (readonly [number, number])[] = [
  [14, 16],
  [15, 17],
];

/** For each argument as x86_64 has it, the register that it is in on aarch64 (the kernel's CONFIG_CLONE_BACKWARDS). */
const AARCH64_ORDER: ReadonlyMap<string, readonly number[]> = new Map([['clone', [0, 1, 2, 4, 3, 5]]]);

/** What a C library calls on an architecture without the call. */
const SUCCESSORS = `
access=faccessat alarm=setitimer chmod=fchmodat chown=fchownat creat=openat dup2=dup3 epoll_create=epoll_create1
epoll_wait=epoll_pwait eventfd=eventfd2 fork=clone futimesat=utimensat getdents=getdents64 getpgrp=getpgid
inotify_init=inotify_init1 lchown=fchownat link=linkat lstat=newfstatat mkdir=mkdirat mknod=mknodat open=openat
pause=ppoll pipe=pipe2 poll=ppoll readlink=readlinkat rename=renameat rmdir=unlinkat select=pselect6 signalfd=signalfd4
stat=newfstatat symlink=symlinkat time=gettimeofday unlink=unlinkat utime=utimensat utimes=utimensat vfork=clone
`;

export interface MachineTable {
  readonly order: ReadonlyMap<string, readonly number[]>;
  readonly openBits: readonly (readonly [number, number])[];
}

export const MACHINES: Readonly<Record<'x86_64' | 'aarch64', MachineTable>> = {
  x86_64: { order: new Map(), openBits: [] },
  aarch64: { order: AARCH64_ORDER, openBits: AARCH64_BITS },
};

/** `CALL.ARGUMENT`, with `@OTHER=CONSTANT` where another argument says what this one is. */
export function openFlagWords(): readonly string[] {
  return OPEN_FLAGS.trim().split(/\s+/);
}

export function successorTable(): ReadonlyMap<string, string> {
  return new Map([...SUCCESSORS.matchAll(/(\w+)=(\w+)/g)].map(([, name = '', other = '']) => [name, other]));
}
