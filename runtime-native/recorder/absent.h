/*
 * io_uring under the recorder: what a ring performs passes by every place where calls are seen, so that a program is told that there is none. It falls back
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

/* x32 has its numbers with this bit; later calls have one number in every table. */
#define VXE_X32_BIT 0x40000000

static inline bool vxe_recorder_absent(int nr)
{
	return (nr & ~VXE_X32_BIT) == SYS_io_uring_setup;
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
