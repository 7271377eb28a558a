/**
 * The arguments of the calls, as the kernel's entry points take them: `name argument:type ...`.
 * mode: the kernel looks at 16 bits. int, uint, fd, dirfd: at 32. long, size, ptr, path, text, sockaddr: at 64.
 * A call that is not listed can be permitted as a whole, not by its arguments.
 */
const TABLE = `
read fd:fd buf:ptr count:size
write fd:fd buf:ptr count:size
open path:path flags:int mode:mode
close fd:fd
stat path:path statbuf:ptr
fstat fd:fd statbuf:ptr
lstat path:path statbuf:ptr
poll fds:ptr nfds:uint timeout:int
lseek fd:fd offset:long whence:uint
mmap addr:ptr length:size prot:long flags:long fd:fd offset:long
mprotect addr:ptr length:size prot:long
munmap addr:ptr length:size
brk addr:ptr
rt_sigaction sig:int act:ptr oldact:ptr size:size
rt_sigprocmask how:int set:ptr oldset:ptr size:size
rt_sigreturn
ioctl fd:fd request:uint arg:long
pread64 fd:fd buf:ptr count:size offset:long
pwrite64 fd:fd buf:ptr count:size offset:long
readv fd:fd iov:ptr iovcnt:long
writev fd:fd iov:ptr iovcnt:long
access path:path mode:int
pipe fds:ptr
select nfds:int readfds:ptr writefds:ptr exceptfds:ptr timeout:ptr
sched_yield
mremap addr:ptr oldlength:size newlength:size flags:long newaddr:ptr
msync addr:ptr length:size flags:int
mincore addr:ptr length:size vec:ptr
madvise addr:ptr length:size advice:int
shmget key:int size:size flags:int
shmat id:int addr:ptr flags:int
shmctl id:int command:int buf:ptr
dup fd:fd
dup2 oldfd:fd newfd:fd
pause
nanosleep request:ptr remain:ptr
getitimer which:int value:ptr
alarm seconds:uint
setitimer which:int value:ptr oldvalue:ptr
getpid
sendfile outfd:fd infd:fd offset:ptr count:size
socket domain:int type:int protocol:int
connect fd:fd addr:sockaddr addrlen:int
accept fd:fd addr:ptr addrlen:ptr
sendto fd:fd buf:ptr length:size flags:uint addr:sockaddr addrlen:int
recvfrom fd:fd buf:ptr length:size flags:uint addr:ptr addrlen:ptr
sendmsg fd:fd message:ptr flags:uint
recvmsg fd:fd message:ptr flags:uint
shutdown fd:fd how:int
bind fd:fd addr:sockaddr addrlen:int
listen fd:fd backlog:int
getsockname fd:fd addr:ptr addrlen:ptr
getpeername fd:fd addr:ptr addrlen:ptr
socketpair domain:int type:int protocol:int fds:ptr
setsockopt fd:fd level:int name:int value:ptr length:int
getsockopt fd:fd level:int name:int value:ptr length:ptr
clone flags:uint stack:ptr parent_tid:ptr child_tid:ptr tls:long
fork
vfork
execve path:path argv:ptr envp:ptr
exit status:int
wait4 pid:int status:ptr options:int usage:ptr
kill pid:int sig:int
uname buf:ptr
semget key:int nsems:int flags:int
semop id:int ops:ptr nops:uint
semctl id:int num:int command:int arg:long
shmdt addr:ptr
msgget key:int flags:int
msgsnd id:int message:ptr size:size flags:int
msgrcv id:int message:ptr size:size type:long flags:int
msgctl id:int command:int buf:ptr
fcntl fd:fd command:uint arg:long
flock fd:fd operation:uint
fsync fd:fd
fdatasync fd:fd
truncate path:path length:long
ftruncate fd:fd length:long
getdents fd:fd buf:ptr count:uint
getcwd buf:ptr size:size
chdir path:path
fchdir fd:fd
rename oldpath:path newpath:path
mkdir path:path mode:mode
rmdir path:path
creat path:path mode:mode
link oldpath:path newpath:path
unlink path:path
symlink target:text path:path
readlink path:path buf:ptr size:int
chmod path:path mode:mode
fchmod fd:fd mode:mode
chown path:path owner:uint group:uint
fchown fd:fd owner:uint group:uint
lchown path:path owner:uint group:uint
umask mask:mode
gettimeofday tv:ptr tz:ptr
getrlimit resource:uint limit:ptr
getrusage who:int usage:ptr
sysinfo info:ptr
times buf:ptr
ptrace request:long pid:long addr:long data:long
getuid
syslog type:int buf:ptr length:int
getgid
setuid uid:uint
setgid gid:uint
geteuid
getegid
setpgid pid:int pgid:int
getppid
getpgrp
setsid
setreuid ruid:uint euid:uint
setregid rgid:uint egid:uint
getgroups size:int list:ptr
setgroups size:int list:ptr
setresuid ruid:uint euid:uint suid:uint
getresuid ruid:ptr euid:ptr suid:ptr
setresgid rgid:uint egid:uint sgid:uint
getresgid rgid:ptr egid:ptr sgid:ptr
getpgid pid:int
setfsuid uid:uint
setfsgid gid:uint
getsid pid:int
capget header:ptr data:ptr
capset header:ptr data:ptr
rt_sigpending set:ptr size:size
rt_sigtimedwait set:ptr info:ptr timeout:ptr size:size
rt_sigqueueinfo pid:int sig:int info:ptr
rt_sigsuspend set:ptr size:size
sigaltstack ss:ptr oldss:ptr
utime path:path times:ptr
mknod path:path mode:mode dev:uint
uselib path:path
personality persona:uint
statfs path:path buf:ptr
fstatfs fd:fd buf:ptr
getpriority which:int who:int
setpriority which:int who:int priority:int
sched_setparam pid:int param:ptr
sched_getparam pid:int param:ptr
sched_setscheduler pid:int policy:int param:ptr
sched_getscheduler pid:int
mlock addr:ptr length:size
munlock addr:ptr length:size
mlockall flags:int
munlockall
pivot_root newroot:path putold:path
prctl option:int arg2:long arg3:long arg4:long arg5:long
arch_prctl option:int addr:long
setrlimit resource:uint limit:ptr
chroot path:path
sync
acct path:path
settimeofday tv:ptr tz:ptr
mount source:text target:path type:text flags:long data:ptr
umount2 target:path flags:int
swapon path:path flags:int
swapoff path:path
reboot magic:int magic2:int command:uint arg:ptr
sethostname name:ptr length:int
setdomainname name:ptr length:int
iopl level:uint
ioperm from:long count:long on:int
init_module image:ptr length:size params:text
delete_module name:text flags:uint
quotactl command:uint special:path id:uint addr:ptr
gettid
readahead fd:fd offset:long count:size
setxattr path:path name:text value:ptr size:size flags:int
lsetxattr path:path name:text value:ptr size:size flags:int
fsetxattr fd:fd name:text value:ptr size:size flags:int
getxattr path:path name:text value:ptr size:size
lgetxattr path:path name:text value:ptr size:size
fgetxattr fd:fd name:text value:ptr size:size
listxattr path:path list:ptr size:size
llistxattr path:path list:ptr size:size
flistxattr fd:fd list:ptr size:size
removexattr path:path name:text
lremovexattr path:path name:text
fremovexattr fd:fd name:text
tkill tid:int sig:int
time tloc:ptr
futex uaddr:ptr operation:int value:uint timeout:ptr uaddr2:ptr value3:uint
sched_setaffinity pid:int length:uint mask:ptr
sched_getaffinity pid:int length:uint mask:ptr
epoll_create size:int
getdents64 fd:fd buf:ptr count:uint
set_tid_address tid:ptr
restart_syscall
semtimedop id:int ops:ptr nops:uint timeout:ptr
fadvise64 fd:fd offset:long length:size advice:int
timer_create clock:int event:ptr timer:ptr
timer_settime timer:int flags:int value:ptr oldvalue:ptr
timer_gettime timer:int value:ptr
timer_getoverrun timer:int
timer_delete timer:int
clock_settime clock:int time:ptr
clock_gettime clock:int time:ptr
clock_getres clock:int resolution:ptr
clock_nanosleep clock:int flags:int request:ptr remain:ptr
exit_group status:int
epoll_wait epfd:fd events:ptr maxevents:int timeout:int
epoll_ctl epfd:fd operation:int fd:fd event:ptr
tgkill tgid:int tid:int sig:int
utimes path:path times:ptr
mbind addr:ptr length:size mode:long nodemask:ptr maxnode:long flags:uint
set_mempolicy mode:int nodemask:ptr maxnode:long
mq_open name:text flags:int mode:mode attr:ptr
mq_unlink name:text
kexec_load entry:long segments:long list:ptr flags:long
waitid which:int id:int info:ptr options:int usage:ptr
add_key type:text description:text payload:ptr length:size keyring:int
request_key type:text description:text callout:text keyring:int
keyctl operation:int arg2:long arg3:long arg4:long arg5:long
inotify_init
inotify_add_watch fd:fd path:path mask:uint
inotify_rm_watch fd:fd wd:int
openat dirfd:dirfd path:path flags:int mode:mode
mkdirat dirfd:dirfd path:path mode:mode
mknodat dirfd:dirfd path:path mode:mode dev:uint
fchownat dirfd:dirfd path:path owner:uint group:uint flags:int
futimesat dirfd:dirfd path:path times:ptr
newfstatat dirfd:dirfd path:path statbuf:ptr flags:int
unlinkat dirfd:dirfd path:path flags:int
renameat olddirfd:dirfd oldpath:path newdirfd:dirfd newpath:path
linkat olddirfd:dirfd oldpath:path newdirfd:dirfd newpath:path flags:int
symlinkat target:text dirfd:dirfd path:path
readlinkat dirfd:dirfd path:path buf:ptr size:int
fchmodat dirfd:dirfd path:path mode:mode
faccessat dirfd:dirfd path:path mode:int
pselect6 nfds:int readfds:ptr writefds:ptr exceptfds:ptr timeout:ptr sigmask:ptr
ppoll fds:ptr nfds:uint timeout:ptr sigmask:ptr size:size
unshare flags:long
set_robust_list head:ptr length:size
get_robust_list pid:int head:ptr length:ptr
splice infd:fd inoffset:ptr outfd:fd outoffset:ptr length:size flags:uint
tee infd:fd outfd:fd length:size flags:uint
vmsplice fd:fd iov:ptr iovcnt:long flags:uint
utimensat dirfd:dirfd path:path times:ptr flags:int
epoll_pwait epfd:fd events:ptr maxevents:int timeout:int sigmask:ptr size:size
signalfd fd:fd mask:ptr size:size
timerfd_create clock:int flags:int
eventfd count:uint
fallocate fd:fd mode:int offset:long length:long
timerfd_settime fd:fd flags:int value:ptr oldvalue:ptr
timerfd_gettime fd:fd value:ptr
accept4 fd:fd addr:ptr addrlen:ptr flags:int
signalfd4 fd:fd mask:ptr size:size flags:int
eventfd2 count:uint flags:int
epoll_create1 flags:int
dup3 oldfd:fd newfd:fd flags:int
pipe2 fds:ptr flags:int
inotify_init1 flags:int
preadv fd:fd iov:ptr iovcnt:long poslow:long poshigh:long
pwritev fd:fd iov:ptr iovcnt:long poslow:long poshigh:long
perf_event_open attr:ptr pid:int cpu:int group:fd flags:long
recvmmsg fd:fd messages:ptr count:uint flags:uint timeout:ptr
fanotify_init flags:uint eventflags:uint
prlimit64 pid:int resource:uint newlimit:ptr oldlimit:ptr
name_to_handle_at dirfd:dirfd path:path handle:ptr mountid:ptr flags:int
open_by_handle_at mountfd:fd handle:ptr flags:int
syncfs fd:fd
sendmmsg fd:fd messages:ptr count:uint flags:uint
setns fd:fd type:int
getcpu cpu:ptr node:ptr cache:ptr
process_vm_readv pid:int local:ptr localcount:long remote:ptr remotecount:long flags:long
process_vm_writev pid:int local:ptr localcount:long remote:ptr remotecount:long flags:long
kcmp pid1:int pid2:int type:int idx1:long idx2:long
finit_module fd:fd params:text flags:int
renameat2 olddirfd:dirfd oldpath:path newdirfd:dirfd newpath:path flags:uint
seccomp operation:uint flags:uint args:ptr
getrandom buf:ptr count:size flags:uint
memfd_create name:text flags:uint
kexec_file_load kernel:fd initrd:fd length:long cmdline:text flags:long
bpf command:int attr:ptr size:uint
execveat dirfd:dirfd path:path argv:ptr envp:ptr flags:int
userfaultfd flags:int
membarrier command:int flags:uint cpu:int
mlock2 addr:ptr length:size flags:int
copy_file_range infd:fd inoffset:ptr outfd:fd outoffset:ptr length:size flags:uint
preadv2 fd:fd iov:ptr iovcnt:long poslow:long poshigh:long flags:int
pwritev2 fd:fd iov:ptr iovcnt:long poslow:long poshigh:long flags:int
pkey_mprotect addr:ptr length:size prot:long pkey:int
pkey_alloc flags:long rights:long
pkey_free pkey:int
statx dirfd:dirfd path:path flags:int mask:uint statbuf:ptr
rseq area:ptr length:uint flags:int signature:uint
pidfd_send_signal pidfd:fd sig:int info:ptr flags:uint
io_uring_setup entries:uint params:ptr
io_uring_enter fd:fd submit:uint complete:uint flags:uint arg:ptr size:size
io_uring_register fd:fd opcode:uint arg:ptr count:uint
open_tree dirfd:dirfd path:path flags:uint
move_mount fromfd:dirfd from:path tofd:dirfd to:path flags:uint
fsopen name:text flags:uint
fsconfig fd:fd command:uint key:text value:ptr aux:int
fsmount fd:fd flags:uint attrflags:uint
fspick dirfd:dirfd path:path flags:uint
pidfd_open pid:int flags:uint
clone3 args:ptr size:size
close_range first:uint last:uint flags:uint
openat2 dirfd:dirfd path:path how:ptr size:size
pidfd_getfd pidfd:fd targetfd:fd flags:uint
faccessat2 dirfd:dirfd path:path mode:int flags:int
epoll_pwait2 epfd:fd events:ptr maxevents:int timeout:ptr sigmask:ptr size:size
mount_setattr dirfd:dirfd path:path flags:uint attr:ptr size:size
landlock_create_ruleset attr:ptr size:size flags:uint
landlock_add_rule fd:fd type:int attr:ptr flags:uint
landlock_restrict_self fd:fd flags:uint
memfd_secret flags:uint
futex_waitv waiters:ptr count:uint flags:uint timeout:ptr clock:int
fchmodat2 dirfd:dirfd path:path mode:mode flags:uint
`;

/** One line of the table for each call: its name, then `argument:type` pairs. */
export function signatureLines(): readonly string[] {
  return TABLE.trim().split('\n');
}
