/* A process that has set the clocks of a time namespace is in there, whatever the kernel does at an execve. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "tap.h"
#include "time_offsets.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define AHEAD 1000000

static const struct vxe_config config = {
	.time_offsets = {{.clock = "monotonic", .seconds = AHEAD}, {.clock = "boottime", .seconds = 2 * AHEAD}},
	.n_time_offsets = 2,
};

static long seconds(clockid_t clock)
{
	struct timespec now = {0};

	return clock_gettime(clock, &now) == 0 ? (long)now.tv_sec : -1;
}

static bool is_about(long is, long wanted)
{
	return is >= wanted && is < wanted + AHEAD / 2;
}

/* In a process of its own: what `act` gives, or -1. */
static int apart(int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act());
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum { WELL, NOT_AHEAD, CHILD_NOT_AHEAD, FAILED };

static int clocks_look(long monotonic, long boottime)
{
	return is_about(seconds(CLOCK_MONOTONIC), monotonic + AHEAD) && is_about(seconds(CLOCK_BOOTTIME), boottime + 2 * AHEAD)
		       ? WELL
		       : NOT_AHEAD;
}

static long before[2];

static int look(void)
{
	return clocks_look(before[0], before[1]);
}

static int applied(void)
{
	cleanup_error struct vxe_error *err = NULL;

	if (vxe_time_offsets_apply(&config, &err) < 0) {
		printf("# %s\n", err->message);
		fflush(stdout);
		return FAILED;
	}
	if (look() != WELL)
		return NOT_AHEAD;
	return apart(look) == WELL ? WELL : CHILD_NOT_AHEAD;
}

/* What the kernel does by itself: the maker of a namespace stays where it was, and its child goes there. */
static int only_unshared(void)
{
	static const char text[] = "monotonic 1000000 0\nboottime 2000000 0\n";
	cleanup_fd int fd = -1;

	if (unshare(CLONE_NEWTIME) < 0)
		return FAILED;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1)
		return FAILED;
	return look() == NOT_AHEAD && apart(look) == WELL ? WELL : NOT_AHEAD;
}

int main(void)
{
	before[0] = seconds(CLOCK_MONOTONIC);
	before[1] = seconds(CLOCK_BOOTTIME);
	if (geteuid() != 0) {
		skip("not root", "a time namespace");
		return tap_done();
	}
	ok(apart(look) == NOT_AHEAD, "without it no clock is ahead");
	ok(apart(only_unshared) == WELL, "who only makes the namespace is not in it, and its child is");
	ok(apart(applied) == WELL, "both clocks are ahead for the process itself, and for its child");
	return tap_done();
}
