#include "time_offsets.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

int vxe_time_offsets_apply(const struct vxe_config *config, struct vxe_error **err)
{
	cleanup_fd int fd = -1, made = -1;
	char text[128];
	int used = 0;

	if (!config->n_time_offsets)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the time namespace");
	/* The clocks can be set as long as nobody is in there. */
	for (size_t i = 0; i < config->n_time_offsets; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s %" PRId64 " %" PRIu32 "\n",
				 config->time_offsets[i].clock, config->time_offsets[i].seconds,
				 config->time_offsets[i].nanoseconds);
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || vxe_write_all(fd, text, (size_t)used) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: linux.timeOffsets: setting the clocks");
	/* Who makes a namespace is not in it, and on Linux 6.1 stays outside over an execve, too. */
	made = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (made < 0 || setns(made, CLONE_NEWTIME) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "config.json: linux.timeOffsets: entering the time namespace");
	return 0;
}
