#include "channel.h"

#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "launch.h"

int vxe_channel_tell(int channel, char message, int fd)
{
	int none;

	return vxe_sync_send(channel, message, fd) < 0 || vxe_sync_receive(channel, &none) < 0 ? -1 : 0;
}

int vxe_channel_hear(int channel, int *fd)
{
	return vxe_sync_receive(channel, fd);
}

int vxe_channel_answer(int channel)
{
	return vxe_sync_send(channel, 'G', -1);
}

pid_t vxe_channel_pid(int pidfd)
{
	char path[64], line[128];
	cleanup_file FILE *file = NULL;
	int pid = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			return pid;
	return -1;
}
