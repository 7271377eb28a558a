/*
 * What the recorders' filters do not raise. io_uring under the recorder: what a ring performs passes by every place where calls are seen, so that a program is told that there is none. It falls back
 * to calls, which are recorded.
 */
#ifndef VXE_RECORDER_ABSENT_H
#define VXE_RECORDER_ABSENT_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "kernel.h"

/* x32 has its numbers with this bit; later calls have one number in every table. */
#define VXE_X32_BIT 0x40000000

static inline bool vxe_recorder_absent(int nr)
{
	return (nr & ~VXE_X32_BIT) == SYS_io_uring_setup;
}

/* Calls by which a signal's handler returns, where they are not the native one. */
#define VXE_X32_RT_SIGRETURN (VXE_X32_BIT | 513)
#define VXE_COMPAT_SIGRETURN 119
#define VXE_COMPAT_RT_SIGRETURN 173

/*
 * The filter of the recorder to which each call is raised, but for the return of a signal's handler: a call that waits to be taken ends
 * with EINTR where another signal comes, and behind this one there is no code to go on with.
 */
#define VXE_RECORDER_RAISING                                                                                                   \
	{                                                                                                                      \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),                                       \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VXE_NATIVE_ARCH, 0, 3),                                            \
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                                 \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 5, 0),                                           \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VXE_X32_RT_SIGRETURN, 4, 3),                                       \
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                                 \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VXE_COMPAT_SIGRETURN, 2, 0),                                       \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VXE_COMPAT_RT_SIGRETURN, 1, 0),                                    \
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)        \
	}

/* The filter of a recorder that needs none to see calls. */
#define VXE_RECORDER_FILTER                                                                                                    \
	{                                                                                                                      \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                                         \
			BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~VXE_X32_BIT),                                                     \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),                                         \
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)    \
	}

#endif
