#include "idmap.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

static int map_write(pid_t pid, const char *name, const struct vxe_id_mappings *mappings)
{
	char path[64], text[16384];
	cleanup_fd int fd = -1;
	size_t used = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		const struct vxe_id_mapping *m = &mappings->items[i];
		int n = snprintf(text + used, sizeof(text) - used, "%u %u %u\n", m->container, m->host, m->size);

		if (n < 0 || (size_t)n >= sizeof(text) - used) {
			errno = E2BIG;
			return -1;
		}
		used += (size_t)n;
	}
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : vxe_write_all(fd, text, used);
}

int vxe_idmap_open(const struct vxe_id_mappings *uids, const struct vxe_id_mappings *gids, int *fd, struct vxe_error **err)
{
	struct vxe_clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	char path[64];
	int saved = 0;
	pid_t self = getpid(), pid = sys_clone3(&args);

	if (pid == 0) {
		/* It holds all that we have open, the instance's lock too, and would do so for ever if we were killed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		while (getppid() == self)
			pause();
		_exit(VXE_EXIT_FAILURE);
	}
	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the user namespace of an id-mapped mount");
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	if (map_write(pid, "gid_map", gids) < 0 || map_write(pid, "uid_map", uids) < 0 ||
	    (*fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		saved = errno;
	/* Not reaped yet, so the number is still its own. */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return saved ? vxe_error_set(err, VXE_EXIT_FAILURE, saved, "writing the mappings of an id-mapped mount") : 0;
}
