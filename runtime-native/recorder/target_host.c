/* A program of the host as the recorder launches it: as it would run by itself, but for the filter where the source needs one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "absent.h"
#include "channel.h"
#include "cleanup.h"
#include "filter.h"
#include "kernel.h"
#include "recorder.h"

/* Shared with the helper that passes the listener on: under the filter the program's process can make no call of its own. */
struct handover {
	atomic_int slot, taken;
};

/* Takes the listener from its parent, which waits without making a call. */
__attribute__((noreturn)) static void helper_main(struct handover *handover, int parent_pidfd, int channel)
{
	struct pollfd parent = {.fd = parent_pidfd, .events = POLLIN};

	for (int tries = 0; tries < 100000; tries++) {
		int slot = atomic_load(&handover->slot);
		int fd = slot < 0 ? -1 : sys_pidfd_getfd(parent_pidfd, slot);

		if (fd >= 0) {
			int failed = vxe_channel_tell(channel, VXE_CHANNEL_LISTENER, fd);

			atomic_store(&handover->taken, failed < 0 ? -1 : 1);
			_exit(failed < 0);
		}
		if (slot >= 0 && errno != EBADF)
			break;
		/* What it can be read of is its end. */
		if (ppoll(&parent, 1, &(struct timespec){.tv_nsec = 100000}, NULL) > 0)
			break;
	}
	atomic_store(&handover->taken, -1);
	_exit(1);
}

static void fail(const char *what)
{
	fprintf(stderr, "vxe: %s: %s\n", what, strerror(errno));
	_exit(127);
}

static void filter_load(int channel)
{
	struct sock_filter program[] = VXE_RECORDER_RAISING;
	struct vxe_filter filter = {.program = program, .length = sizeof(program) / sizeof(*program), .notifies = true};
	struct handover *handover = mmap(NULL, sizeof(*handover), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pidfd = sys_pidfd_open(getpid(), 0), slot, status = 0;
	pid_t helper, child;

	if (handover == MAP_FAILED || pidfd < 0)
		fail("preparing the recorder's filter");
	atomic_store(&handover->slot, -1);
	/* Twice: the program must not find a child that it did not make. */
	helper = fork();
	if (helper < 0)
		fail("preparing the recorder's filter");
	if (helper == 0) {
		child = fork();
		if (child == 0)
			helper_main(handover, pidfd, channel);
		_exit(child < 0);
	}
	while (syscall(SYS_wait4, helper, &status, 0, NULL) < 0 && errno == EINTR)
		;
	close(pidfd);
	/* Killed after it has made the other one, that one finds us gone. */
	if (status != 0) {
		errno = ECHILD;
		fail("preparing the recorder's filter");
	}
	/* Only root may load a filter without promising that no program gains rights by its file's bits. */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("preparing the recorder's filter");
	slot = fcntl(channel, F_DUPFD_CLOEXEC, 0);
	if (slot < 0)
		fail("preparing the recorder's filter");
	close(slot);
	/* seccomp(2) takes the lowest free descriptor. */
	if (vxe_filter_install(&filter) < 0)
		fail("loading the recorder's filter");
	atomic_store(&handover->slot, slot);
	while (!atomic_load(&handover->taken))
		__builtin_ia32_pause();
	if (atomic_load(&handover->taken) < 0)
		syscall(SYS_exit_group, 127);
}

/* Without a promise that no program gains rights by its file's bits: who records so is root. */
static void rings_hide(void)
{
	struct sock_filter program[] = VXE_RECORDER_FILTER;
	struct vxe_filter filter = {.program = program, .length = sizeof(program) / sizeof(*program)};

	if (vxe_filter_install(&filter) < 0)
		fail("loading the recorder's filter");
}

void vxe_target_host(const struct vxe_target *target, bool needs_filter, int channel)
{
	sigset_t none;
	int pidfd = sys_pidfd_open(getpid(), 0);

	if (pidfd < 0 || vxe_channel_tell(channel, VXE_CHANNEL_WAITING, pidfd) < 0)
		_exit(127);
	close(pidfd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (needs_filter)
		filter_load(channel);
	else
		rings_hide();
	execvp(target->program[0], target->program);
	{
		int saved = errno;

		fprintf(stderr, "vxe: executing %s: %s\n", target->program[0], strerror(saved));
		(void)vxe_channel_tell(channel, VXE_CHANNEL_FAILED, -1);
		_exit(saved == ENOENT ? 127 : 126);
	}
}
