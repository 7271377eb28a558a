#include "network.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "kernel.h"

/* What its functions need is some hundred bytes. */
static _Alignas(16) unsigned char maker_stack[16384];
/* The descriptor, or the error as the kernel returns it. */
static atomic_long made;

/*
 * The maker shares the launcher's thread pointer, and errno is behind it: no function of the C library may be called there. Nor can it be
 * instrumented, since what the sanitizers know of the stack is the launcher's.
 */
#define IN_MAKER __attribute__((no_sanitize("address", "undefined")))

#if defined(__x86_64__)
IN_MAKER static long call(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
IN_MAKER static long call(long nr, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
	return x0;
}
#endif

IN_MAKER static long network_make(void)
{
	long fd, moved, failed = call(SYS_unshare, CLONE_NEWNET, 0, 0, 0);

	if (failed < 0)
		return failed;
	fd = call(SYS_openat, AT_FDCWD, (long)(uintptr_t) "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
	/* Not in the place of a standard stream that is closed here. */
	if (fd < 0 || fd > 2)
		return fd;
	moved = call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3, 0);
	call(SYS_close, fd, 0, 0, 0);
	return moved;
}

IN_MAKER __attribute__((noreturn)) static int maker_main(void *arg)
{
	(void)arg;
	atomic_store(&made, network_make());
	for (;;)
		call(SYS_exit_group, 0, 0, 0, 0);
}

int vxe_network_begin(struct vxe_network *network, struct vxe_error **err)
{
	atomic_store(&made, -ECHILD);
	/* No signal at its end: who waits for children of the launcher's does not see it. */
	network->maker = clone(maker_main, maker_stack + sizeof(maker_stack), CLONE_VM | CLONE_FILES, NULL);
	if (network->maker > 0)
		return 0;
	network->maker = 0;
	return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the network namespace");
}

static void maker_wait(struct vxe_network *network)
{
	while (waitpid(network->maker, NULL, __WALL) < 0 && errno == EINTR)
		;
	network->maker = 0;
	network->fd = atomic_load(&made) < 0 ? -1 : (int)atomic_load(&made);
}

int vxe_network_take(struct vxe_network *network, int *fd, struct vxe_error **err)
{
	if (network->maker > 0)
		maker_wait(network);
	*fd = steal_fd(&network->fd);
	return *fd < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, (int)-atomic_load(&made), "making the network namespace") : 0;
}

void vxe_network_free(struct vxe_network *network)
{
	if (network->maker > 0)
		maker_wait(network);
	if (network->fd >= 0)
		close(steal_fd(&network->fd));
}
