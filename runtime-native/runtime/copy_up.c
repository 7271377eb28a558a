#include "copy_up.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "kernel.h"

#define DEPTH_MAX 128

static int fail(const char *where, const char *name, struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the mount on %s: tmpcopyup: copying %s", where, name);
}

/* Owner first: a change of owner takes setuid bits away. */
static int attributes_copy(int to_fd, const struct stat *st)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};

	return fchown(to_fd, st->st_uid, st->st_gid) < 0 || fchmod(to_fd, st->st_mode & 07777) < 0 || futimens(to_fd, times) < 0
		       ? -1
		       : 0;
}

static int file_copy(int from_dir, int to_dir, const char *name)
{
	cleanup_fd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_fd int to = -1;
	struct stat st;
	ssize_t sent;

	if (from < 0 || fstat(from, &st) < 0)
		return -1;
	/* It was exchanged since it was listed. */
	if (!S_ISREG(st.st_mode)) {
		errno = ESTALE;
		return -1;
	}
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -1;
	do
		sent = sendfile(to, from, NULL, 1 << 20);
	while (sent > 0 || (sent < 0 && errno == EINTR));
	return sent < 0 ? -1 : attributes_copy(to, &st);
}

static int link_copy(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from_dir, name, target, sizeof(target));

	if (length < 0 || length == (ssize_t)sizeof(target))
		return -1;
	target[length] = '\0';
	return symlinkat(target, to_dir, name) < 0 ? -1 : fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int node_copy(int to_dir, const char *name, const struct stat *st)
{
	if (mknodat(to_dir, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	/* Just made here, and nobody else sees this mount yet. */
	return fchmodat(to_dir, name, st->st_mode & 07777, 0);
}

static int folder_copy(int from_fd, int to_fd, unsigned int depth, const char *where, struct vxe_error **err);

static int entry_copy(int from_fd, int to_fd, const char *name, unsigned int depth, const char *where, struct vxe_error **err)
{
	cleanup_fd int from = -1;
	cleanup_fd int to = -1;
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(where, name, err);
	if (S_ISREG(st.st_mode))
		return file_copy(from_fd, to_fd, name) < 0 ? fail(where, name, err) : 0;
	if (S_ISLNK(st.st_mode))
		return link_copy(from_fd, to_fd, name, &st) < 0 ? fail(where, name, err) : 0;
	if (!S_ISDIR(st.st_mode))
		return node_copy(to_fd, name, &st) < 0 ? fail(where, name, err) : 0;
	if (depth == DEPTH_MAX) {
		errno = ELOOP;
		return fail(where, name, err);
	}
	from = openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || mkdirat(to_fd, name, 0700) < 0 ||
	    (to = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return fail(where, name, err);
	if (folder_copy(from, to, depth + 1, where, err) < 0)
		return -1;
	return attributes_copy(to, &st) < 0 ? fail(where, name, err) : 0;
}

static int folder_copy(int from_fd, int to_fd, unsigned int depth, const char *where, struct vxe_error **err)
{
	cleanup_fd int copy = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir)
		return fail(where, "its folder", err);
	copy = -1;
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    entry_copy(from_fd, to_fd, entry->d_name, depth, where, err) < 0)
			return -1;
	return errno ? fail(where, "its folder", err) : 0;
}

int vxe_copy_up(int from_fd, int to_fd, bool itself, const char *where, struct vxe_error **err)
{
	/* A descriptor of fsmount(2) names the folder and cannot be changed through. */
	cleanup_fd int to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (to < 0)
		return fail(where, "its folder", err);
	if (folder_copy(from_fd, to, 0, where, err) < 0)
		return -1;
	if (itself && (fstat(from_fd, &st) < 0 || attributes_copy(to, &st) < 0))
		return fail(where, "its folder", err);
	return 0;
}
