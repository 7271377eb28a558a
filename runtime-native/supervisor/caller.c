#include "caller.h"

#include <stdio.h>
#include <sys/ioctl.h>

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
