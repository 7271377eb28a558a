#include "self.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cleanup.h"
#include "kernel.h"
#include "words.h"

/* From the program to itself, over the execution from a mount that has no path. */
#define SELF_PATH "VXE_SELF_PATH"

static char **self_argv;
static char self_path[PATH_MAX];

extern char **environ;

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

void vxe_self_init(char **argv)
{
	const char *given = getenv(SELF_PATH);
	size_t count = 0;

	if (given) {
		vxe_text_copy(self_path, sizeof(self_path), given);
		unsetenv(SELF_PATH);
	}
	while (argv[count])
		count++;
	/* A copy: reading a command line moves its words about. */
	self_argv = calloc(count + 1, sizeof(*self_argv));
	if (self_argv)
		memcpy(self_argv, argv, count * sizeof(*self_argv));
}

const char *vxe_self_path(void)
{
	ssize_t got;

	if (!self_path[0]) {
		got = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);
		self_path[got > 0 ? got : 0] = '\0';
	}
	return self_path[0] ? self_path : NULL;
}

/* A mount of its own, through which nobody writes. */
static int mount_sealed(int exe, struct vxe_error **err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	cleanup_fd int fd = sys_open_tree(exe, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a read-only mount of this program");
	return steal_fd(&fd);
}

/* Without root there is no such mount: a copy in memory that nobody can change, its owner included. */
static int copy_sealed(off_t size, struct vxe_error **err)
{
	cleanup_fd int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cleanup_fd int fd = memfd_create("vxe", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	off_t at = 0;

	/* Kernels before 6.3 do not know the word for what is executed there anyway. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("vxe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	while (exe >= 0 && fd >= 0 && at < size) {
		ssize_t sent = sendfile(fd, exe, &at, (size_t)(size - at));

		if (sent == 0)
			errno = EIO;
		if (sent == 0 || (sent < 0 && errno != EINTR))
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "copying this program");
	}
	if (exe < 0 || fd < 0 || fchmod(fd, 0500) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a sealed copy of this program");
	return steal_fd(&fd);
}

static bool is_sealed_copy(void)
{
	cleanup_fd int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = exe < 0 ? -1 : fcntl(exe, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE);
}

int vxe_self_seal(struct vxe_error **err)
{
	cleanup_fd int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	cleanup_fd int sealed = -1;
	bool root = geteuid() == 0;
	char path[64];
	struct statvfs fs;
	struct stat st;

	if (exe < 0 || fstatvfs(exe, &fs) < 0 || fstat(exe, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "finding this program's own file");
	/* An ordinary user's container is the user, who cannot write what is another's. */
	if ((fs.f_flag & ST_RDONLY) ||
	    (!root && st.st_uid != geteuid() && faccessat(AT_FDCWD, "/proc/self/exe", W_OK, AT_EACCESS) < 0) ||
	    is_sealed_copy())
		return 0;
	if (!self_argv)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "remembering the command line");
	sealed = root ? mount_sealed(exe, err) : copy_sealed(st.st_size, err);
	if (sealed < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sealed);
	if (vxe_self_path() && setenv(SELF_PATH, self_path, 1) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "remembering this program's path");
	execve(path, self_argv, environ);
	return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "executing this program where nobody can write it");
}
