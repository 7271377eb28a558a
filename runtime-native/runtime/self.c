#include "self.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cleanup.h"
#include "kernel.h"

static char **self_argv;

extern char **environ;

void vxe_self_init(char **argv)
{
	size_t count = 0;

	while (argv[count])
		count++;
	/* A copy: reading a command line moves its words about. */
	self_argv = calloc(count + 1, sizeof(*self_argv));
	if (self_argv)
		memcpy(self_argv, argv, count * sizeof(*self_argv));
}

int vxe_self_seal(struct vxe_error **err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	cleanup_fd int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	cleanup_fd int mount_fd = -1;
	char path[64];
	struct statvfs fs;

	if (exe < 0 || fstatvfs(exe, &fs) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "finding this program's own file");
	if ((fs.f_flag & ST_RDONLY) || geteuid() != 0)
		return 0;
	if (!self_argv)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "remembering the command line");
	mount_fd = sys_open_tree(exe, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	if (mount_fd < 0 || sys_mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a read-only mount of this program");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mount_fd);
	execve(path, self_argv, environ);
	return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "executing this program from its read-only mount");
}
