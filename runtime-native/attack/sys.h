/*
 * System calls as an intruder's code makes them: straight into the kernel, so that no library hides, replaces or
 * retries one. All return what the kernel returned: a value, or -errno.
 */
#ifndef VXE_ATTACK_SYS_H
#define VXE_ATTACK_SYS_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "the battery knows the x86-64 calling convention only"
#endif

static inline long sys_raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define SYS_ARG(x) ((long)(x))
#define sys0(nr) sys_raw(nr, 0, 0, 0, 0, 0, 0)
#define sys1(nr, a) sys_raw(nr, SYS_ARG(a), 0, 0, 0, 0, 0)
#define sys2(nr, a, b) sys_raw(nr, SYS_ARG(a), SYS_ARG(b), 0, 0, 0, 0)
#define sys3(nr, a, b, c) sys_raw(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), 0, 0, 0)
#define sys4(nr, a, b, c, d) sys_raw(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), 0, 0)
#define sys5(nr, a, b, c, d, e) sys_raw(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), 0)
#define sys6(nr, a, b, c, d, e, f) sys_raw(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), SYS_ARG(f))

/* The 32-bit entry. Pointers must lie below 4 GiB: the program is linked at a low address, so statics do. */
static inline long sys_int80(long nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	int32_t ret;

	/* r8-r11 are not preserved over this entry by older kernels. */
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"((uint32_t)nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

/* The x32 entry: the same gate, another table. */
#define SYS_X32_BIT 0x40000000L

__attribute__((noreturn)) static inline void sys_exit(int code)
{
	for (;;)
		sys1(SYS_exit_group, code);
}

/* fork(2) with the very flags that libc's fork passes, since a filter may know only those; then the older entries. */
long sys_fork(void);
/* A thread of the calling process that runs fn on a stack of its own and ends when fn returns; returns its id. */
long sys_thread(void (*fn)(void *), void *arg, void *stack_top);

#endif
