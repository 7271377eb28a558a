#include "time_offsets.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

/* Since 6.1 an execve enters the time namespace that was unshared, as a fork always did (time_namespaces(7)). */
static bool exec_enters(void)
{
	struct utsname uts;
	unsigned int major, minor;

	return uname(&uts) == 0 && sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 1));
}

int vxe_time_offsets_apply(const struct vxe_config *config, struct vxe_error **err)
{
	cleanup_fd int fd = -1;
	char text[128];
	int used = 0;

	if (!config->n_time_offsets)
		return 0;
	if (!exec_enters())
		return vxe_error_set(
			err, VXE_EXIT_FAILURE, 0,
			"config.json: linux.timeOffsets: needs Linux 6.1, where an execve enters the time namespace");
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
	return 0;
}
