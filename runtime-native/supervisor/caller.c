#include "caller.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

pid_t vxe_caller_process(pid_t tid)
{
	char path[64], line[128];
	cleanup_file FILE *file = NULL;
	int tgid;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			return tgid;
	return -1;
}

/* The last of the numbers that a line of status gives, from the outermost pid namespace to the innermost. */
static pid_t last_number(const char *line)
{
	const char *last = strrchr(line, '\t');

	return last ? (pid_t)strtol(last + 1, NULL, 10) : -1;
}

void vxe_caller_inner(pid_t tid, pid_t *process, pid_t *thread)
{
	char path[64], line[256];
	cleanup_file FILE *file = NULL;

	*process = *thread = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && *thread < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "NStgid:", 7))
			*process = last_number(line);
		else if (!strncmp(line, "NSpid:", 6))
			*thread = last_number(line);
	}
}

bool vxe_caller_sees_more(pid_t tid)
{
	char path[64], line[256];
	cleanup_file FILE *file = NULL;
	unsigned int uid, gid;
	unsigned long long effective;
	int same = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		/* The fourth is the one that files are asked by. */
		if (sscanf(line, "Uid: %*u %*u %*u %u", &uid) == 1)
			same += uid == geteuid();
		else if (sscanf(line, "Gid: %*u %*u %*u %u", &gid) == 1)
			same += gid == getegid();
		else if (sscanf(line, "CapEff: %llx", &effective) == 1)
			same += !(effective & (1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH));
	}
	return same != 3;
}

bool vxe_caller_waits(int listener_fd, uint64_t id)
{
	return ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int vxe_caller_descriptor(int listener_fd, const struct seccomp_notif *request)
{
	cleanup_fd int pidfd = sys_pidfd_open(vxe_caller_process((pid_t)request->pid), 0);
	cleanup_fd int fd = pidfd < 0 ? -1 : sys_pidfd_getfd(pidfd, (int)request->data.args[0]);

	return fd >= 0 && vxe_caller_waits(listener_fd, request->id) ? steal_fd(&fd) : -1;
}
