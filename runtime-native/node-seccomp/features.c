/* SPDX-License-Identifier: Apache-2.0 */
#include "features.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <linux/seccomp.h>

const struct vxe_seccomp_action vxe_seccomp_actions[] = {
	{"kill_process", SECCOMP_RET_KILL_PROCESS},
	{"kill_thread", SECCOMP_RET_KILL_THREAD},
	{"trap", SECCOMP_RET_TRAP},
	{"errno", SECCOMP_RET_ERRNO},
	{"user_notif", SECCOMP_RET_USER_NOTIF},
	{"trace", SECCOMP_RET_TRACE},
	{"log", SECCOMP_RET_LOG},
	{"allow", SECCOMP_RET_ALLOW},
	{NULL, 0},
};

int vxe_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	return (int)abi;
}

int vxe_seccomp_action_available(unsigned int action)
{
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
		return 1;
	return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
}

/* Runs in the child of a process that has threads: only calls that are safe after a signal. */
static int namespace_try(const char *map, size_t length)
{
	int fd;

	if (unshare(CLONE_NEWUSER) != 0)
		return 1;
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	if (write(fd, map, length) != (ssize_t)length)
		return 1;
	close(fd);
	/* Some systems let anyone make a user namespace but give no privileges in it. */
	return unshare(CLONE_NEWNS) == 0 ? 0 : 1;
}

int vxe_user_namespaces_usable(void)
{
	char map[48];
	int length = snprintf(map, sizeof(map), "0 %u 1", (unsigned int)geteuid());
	int status = 0;
	pid_t pid;

	if (length < 0 || (size_t)length >= sizeof(map)) {
		errno = EOVERFLOW;
		return -1;
	}
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(namespace_try(map, (size_t)length));
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
}
