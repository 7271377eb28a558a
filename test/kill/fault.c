#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#define ERRORS_MAX 4
#define ONE_BYTE (-1)

/* What is not here gets EPERM. */
static const struct {
	unsigned int number;
	int errors[ERRORS_MAX];
} table[] = {
	/* These cannot fail, or only by a mistake of their caller's. */
	{SYS_exit, {0}},
	{SYS_exit_group, {0}},
	{SYS_rt_sigreturn, {0}},
	{SYS_rt_sigprocmask, {0}},
	{SYS_rt_sigaction, {0}},
	{SYS_restart_syscall, {0}},
	{SYS_sched_yield, {0}},
	{SYS_getpid, {0}},
	{SYS_getppid, {0}},
	{SYS_gettid, {0}},
	{SYS_getuid, {0}},
	{SYS_geteuid, {0}},
	{SYS_getgid, {0}},
	{SYS_getegid, {0}},
	{SYS_getpgid, {0}},
	{SYS_getsid, {0}},
	{SYS_umask, {0}},
	{SYS_uname, {0}},
	{SYS_arch_prctl, {0}},
	{SYS_set_tid_address, {0}},
	{SYS_set_robust_list, {0}},
	{SYS_rseq, {0}},
	{SYS_clock_gettime, {0}},
	{SYS_close, {0}},
	{SYS_alarm, {0}},
	{SYS_getcwd, {ENOMEM, ENOENT}},
	/* Memory and processes. */
	{SYS_mmap, {ENOMEM}},
	{SYS_brk, {ENOMEM}},
	{SYS_mremap, {ENOMEM}},
	{SYS_mprotect, {ENOMEM}},
	{SYS_munmap, {ENOMEM}},
	{SYS_madvise, {ENOMEM}},
	{SYS_clone, {EAGAIN, ENOMEM}},
	{SYS_clone3, {EAGAIN, ENOMEM}},
	{SYS_fork, {EAGAIN, ENOMEM}},
	{SYS_vfork, {EAGAIN, ENOMEM}},
	{SYS_execve, {ENOMEM, EACCES}},
	{SYS_unshare, {EPERM, ENOSPC}},
	{SYS_setns, {EPERM, ENOMEM}},
	/* Files. */
	{SYS_open, {EMFILE, ENOMEM, EACCES}},
	{SYS_openat, {EMFILE, ENOMEM, EACCES}},
	{SYS_openat2, {EMFILE, ENOMEM, EAGAIN}},
	{SYS_mkdir, {ENOSPC, ENOMEM}},
	{SYS_mkdirat, {ENOSPC, ENOMEM}},
	{SYS_mknod, {ENOSPC}},
	{SYS_mknodat, {ENOSPC, ENOMEM}},
	{SYS_symlink, {ENOSPC}},
	{SYS_symlinkat, {ENOSPC}},
	{SYS_linkat, {ENOSPC}},
	{SYS_rename, {ENOSPC}},
	{SYS_renameat, {ENOSPC}},
	{SYS_renameat2, {ENOSPC}},
	{SYS_ftruncate, {ENOSPC}},
	{SYS_write, {ENOSPC, EINTR, ONE_BYTE}},
	{SYS_pwrite64, {ENOSPC, EINTR, ONE_BYTE}},
	{SYS_writev, {ENOSPC, EINTR}},
	{SYS_read, {EIO, EINTR, ONE_BYTE}},
	{SYS_pread64, {EIO, EINTR, ONE_BYTE}},
	{SYS_readv, {EIO, EINTR}},
	{SYS_sendfile, {ENOSPC, EINTR}},
	{SYS_copy_file_range, {ENOSPC, EINTR}},
	{SYS_getdents64, {ENOMEM}},
	{SYS_fstat, {ENOMEM}},
	{SYS_stat, {ENOMEM, EACCES}},
	{SYS_lstat, {ENOMEM, EACCES}},
	{SYS_newfstatat, {ENOMEM, EACCES}},
	{SYS_statx, {ENOMEM}},
	{SYS_statfs, {ENOMEM}},
	{SYS_fstatfs, {ENOMEM}},
	{SYS_flock, {EINTR, ENOLCK}},
	{SYS_close_range, {EMFILE}},
	{SYS_fsync, {EIO}},
	/* Descriptors. */
	{SYS_dup, {EMFILE}},
	{SYS_dup2, {EMFILE, EBUSY}},
	{SYS_dup3, {EMFILE, EBUSY}},
	{SYS_pipe2, {EMFILE}},
	{SYS_socket, {EMFILE, ENOMEM}},
	{SYS_socketpair, {EMFILE, ENOMEM}},
	{SYS_eventfd2, {EMFILE}},
	{SYS_memfd_create, {EMFILE, ENOMEM}},
	{SYS_pidfd_open, {EMFILE, ENOMEM}},
	{SYS_pidfd_getfd, {EMFILE, EPERM}},
	{SYS_inotify_init1, {EMFILE}},
	{SYS_inotify_add_watch, {ENOSPC}},
	{SYS_signalfd4, {EMFILE, ENOMEM}},
	{SYS_timerfd_create, {EMFILE}},
	{SYS_epoll_create1, {EMFILE, ENOMEM}},
	{SYS_epoll_ctl, {ENOMEM, ENOSPC}},
	/* What waits. */
	{SYS_poll, {EINTR, ENOMEM}},
	{SYS_ppoll, {EINTR, ENOMEM}},
	{SYS_select, {EINTR, ENOMEM}},
	{SYS_pselect6, {EINTR, ENOMEM}},
	{SYS_epoll_wait, {EINTR}},
	{SYS_epoll_pwait, {EINTR}},
	{SYS_wait4, {EINTR}},
	{SYS_waitid, {EINTR}},
	{SYS_nanosleep, {EINTR}},
	{SYS_clock_nanosleep, {EINTR}},
	{SYS_futex, {EINTR}},
	{SYS_getrandom, {EINTR}},
	{SYS_recvmsg, {EINTR, ENOMEM}},
	{SYS_recvfrom, {EINTR, ENOMEM}},
	{SYS_sendmsg, {EINTR, ENOMEM}},
	{SYS_sendto, {EINTR, ENOMEM}},
	{SYS_accept4, {EINTR, EMFILE}},
	{SYS_connect, {EINTR, ECONNREFUSED}},
	{SYS_bind, {ENOMEM, EADDRINUSE}},
	/* Rights. */
	{SYS_mount, {EPERM, ENOMEM}},
	{SYS_umount2, {EPERM, EBUSY}},
	{SYS_pivot_root, {EPERM, EBUSY}},
	{SYS_open_tree, {EPERM, EMFILE}},
	{SYS_move_mount, {EPERM, ENOMEM}},
	{SYS_fsopen, {EPERM, EMFILE}},
	{SYS_fsconfig, {EPERM, ENOMEM}},
	{SYS_fsmount, {EPERM, EMFILE}},
	{SYS_mount_setattr, {EPERM, ENOMEM}},
	{SYS_setgroups, {EPERM, ENOMEM}},
	{SYS_setresuid, {EPERM, EAGAIN}},
	{SYS_setresgid, {EPERM}},
	{SYS_keyctl, {EPERM, EDQUOT}},
	{SYS_seccomp, {EPERM, ENOMEM}},
	{444 /* landlock_create_ruleset */, {EPERM, EMFILE}},
	{445 /* landlock_add_rule */, {EPERM, ENOMEM}},
	{446 /* landlock_restrict_self */, {EPERM, E2BIG}},
	{SYS_bpf, {EPERM, ENOMEM}},
	{SYS_ioctl, {EPERM, ENOMEM}},
};

unsigned int fault_detail(unsigned long number, const uint64_t *args)
{
	return number == SYS_openat				 ? (unsigned int)args[2]
	       : number == SYS_open || number == SYS_fcntl	 ? (unsigned int)args[1]
	       : number == SYS_read || number == SYS_write	 ? (unsigned int)args[2]
	       : number == SYS_pread64 || number == SYS_pwrite64 ? (unsigned int)args[2]
	       : number == SYS_prctl				 ? (unsigned int)args[0]
	       : number == SYS_dup2 || number == SYS_dup3	 ? args[0] == args[1]
								 : 0;
}

static int error_of(unsigned int number, unsigned int detail, unsigned int nth)
{
	bool opens = number == SYS_openat || number == SYS_open;

	/* What may be made, there may be no room for; what is asked of a descriptor that is open cannot fail. */
	if (opens && nth == 3)
		return detail & O_CREAT ? ENOSPC : 0;
	if (number == SYS_fcntl)
		return nth || (detail != F_DUPFD && detail != F_DUPFD_CLOEXEC) ? 0 : EMFILE;
	/* Which capabilities there are can be asked by anybody. */
	if (number == SYS_prctl && detail == PR_CAPBSET_READ)
		return 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].number == number)
			return nth < ERRORS_MAX ? table[i].errors[nth] : 0;
	return nth ? 0 : EPERM;
}

bool fault_of(unsigned int number, unsigned int detail, unsigned int nth, struct fault *fault)
{
	int error = error_of(number, detail, nth);

	*fault = (struct fault){.number = number, .error = error == ONE_BYTE ? 0 : error};
	return error > 0 || (error == ONE_BYTE && detail > 1);
}

/* A file of the kernel's takes a text whole, and a part of it would mean something else. */
/* Nor is what comes through one read from a disk. */
static bool is_pipe(pid_t pid, unsigned long fd)
{
	char path[64], target[256] = "";
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%lu", pid, fd);
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && readlink(path, target, sizeof(target) - 1) > 0 &&
	       strncmp(target, "/proc", 5) != 0;
}

static bool is_kernels(pid_t pid, unsigned long fd)
{
	char path[64], target[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%lu", pid, fd);
	return readlink(path, target, sizeof(target) - 1) < 0 || !strncmp(target, "/proc", 5) || !strncmp(target, "/sys", 4);
}

static bool registers_set(pid_t pid, size_t at, unsigned long value)
{
#ifdef __x86_64__
	return ptrace(PTRACE_POKEUSER, pid, at, value) == 0;
#else
	(void)pid, (void)at, (void)value;
	return false;
#endif
}

#ifdef __x86_64__
#define NUMBER offsetof(struct user_regs_struct, orig_rax)
#define RETURNED offsetof(struct user_regs_struct, rax)
#define FIRST offsetof(struct user_regs_struct, rdi)
#define THIRD offsetof(struct user_regs_struct, rdx)
#else
enum { NUMBER, RETURNED, FIRST, THIRD };
#endif

bool fault_begin(pid_t pid, struct fault *fault, const struct __ptrace_syscall_info *info)
{
	/* Not each run makes its calls in one order. */
	if (info->entry.nr != fault->number)
		return false;
	fault->kept = info->entry.args[fault->error ? 0 : 2];
	if (!fault->error)
		return ((info->entry.nr != SYS_write && info->entry.nr != SYS_pwrite64) ||
			!is_kernels(pid, info->entry.args[0])) &&
		       registers_set(pid, THIRD, 1);
	if (info->entry.nr == SYS_read && fault->error == EIO && is_pipe(pid, info->entry.args[0]))
		return false;
	if (fault->masked)
		return info->entry.nr == SYS_execve && registers_set(pid, FIRST, 0);
	return registers_set(pid, NUMBER, -1UL);
}

void fault_end(pid_t pid, const struct fault *fault)
{
	/* A call changes no register but one. */
	registers_set(pid, fault->error ? FIRST : THIRD, fault->kept);
	if (fault->error)
		registers_set(pid, RETURNED, (unsigned long)-(long)fault->error);
}

const char *fault_name(const struct fault *fault)
{
	return fault->error ? strerrorname_np(fault->error) : "one byte";
}

static bool one_sentence(const char *errors, char *found, size_t size)
{
	const char *end = strchr(errors, '\n');

	if (!*errors) {
		snprintf(found, size, "without a word");
		return false;
	}
	if (!strncmp(errors, "vxe", 3) && strstr(errors, ": ") && end && !end[1])
		return true;
	snprintf(found, size, "with more or less than a sentence: %.300s", errors);
	return false;
}

bool fault_outcome_good(int status, const char *said, const char *usual, const char *errors, char *found, size_t size)
{
	size_t same = 0, from;

	while (said[same] && said[same] == usual[same])
		same++;
	from = same < 60 ? 0 : same - 60;
	if (said[same]) {
		snprintf(found, size, "ended with %d, otherwise than undisturbed: %.160s, not %.160s", status, said + from,
			 same <= strlen(usual) ? usual + from : "");
		return false;
	}
	if (status == 0 && usual[same]) {
		snprintf(found, size, "ended with 0, and has not done all: it ends before %.100s", usual + same);
		return false;
	}
	if (status == 0 || one_sentence(errors, found + 16, size - 16))
		return true;
	memmove(found + snprintf(found, 16, "ended with %d ", status), found + 16, strlen(found + 16) + 1);
	return false;
}
