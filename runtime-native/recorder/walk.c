#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

void vxe_walk_init(struct vxe_walk *walk)
{
	memset(walk, 0, sizeof(*walk));
	walk->root_fd = walk->namespace_fd = -1;
	walk->own_pid = getpid();
}

void vxe_walk_close(struct vxe_walk *walk)
{
	if (walk->root_fd >= 0)
		close(steal_fd(&walk->root_fd));
	if (walk->namespace_fd >= 0)
		close(steal_fd(&walk->namespace_fd));
}

/* How the recorder sees what is behind a descriptor. */
static int descriptor_path(int fd, char *out, size_t size)
{
	char link[64];
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, out, size - 1);
	if (got < 0)
		return -1;
	out[got] = '\0';
	return 0;
}

int vxe_walk_root(struct vxe_walk *walk, pid_t pid, struct vxe_error **err)
{
	char path[64];
	struct stat st;

	if (walk->root_fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	walk->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->root_fd < 0 || fstat(walk->root_fd, &st) < 0 ||
	    descriptor_path(walk->root_fd, walk->prefix, sizeof(walk->prefix)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the root folder of the recorded program");
	walk->device = st.st_dev;
	walk->inode = st.st_ino;
	if (!strcmp(walk->prefix, "/"))
		walk->prefix[0] = '\0';
	/* Without it, mounts below the root are gone with the last process; then paths are told as they were given. */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	walk->namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
	return 0;
}

bool vxe_walk_strip(const struct vxe_walk *walk, const char *seen, char *out, size_t size)
{
	size_t length = strlen(walk->prefix);

	if (strncmp(seen, walk->prefix, length) || (seen[length] && seen[length] != '/'))
		return false;
	return snprintf(out, size, "%s", seen[length] ? seen + length : "/") < (int)size;
}

/* Without dots and double slashes; ".." takes a name away. */
static void normalize(const char *base, const char *given, char *out, size_t size)
{
	const char *parts[] = {base, given};
	size_t used = 0;

	for (int i = 0; i < 2; i++) {
		for (const char *p = parts[i]; *p;) {
			size_t length = strcspn(p, "/");

			if (length == 2 && p[0] == '.' && p[1] == '.') {
				while (used && out[--used] != '/')
					;
			} else if (length && !(length == 1 && p[0] == '.') && used + length + 2 <= size) {
				out[used++] = '/';
				memcpy(out + used, p, length);
				used += length;
			}
			p += length + (p[length] == '/');
		}
	}
	if (!used)
		out[used++] = '/';
	out[used] = '\0';
}

static int object_open(int root, const char *path, bool follow)
{
	return sys_openat2(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, RESOLVE_IN_ROOT);
}

/*
 * Links in /proc lead by "self" to whoever looks, here to the recorder. Where its number is in what was found and was not in the text, it
 * is the caller's own that is meant, and is told by that name again.
 */
static bool own_name(const struct vxe_walk *walk, int fd, const char *given, char *seen, size_t size)
{
	char number[32], task[64], rest[PATH_MAX];
	size_t length = (size_t)snprintf(number, sizeof(number), "/%d", walk->own_pid);
	size_t more = (size_t)snprintf(task, sizeof(task), "%s/task%s", number, number);
	char *at = strstr(seen, number);
	struct statfs fs;
	bool thread;

	if (!at || (at[length] && at[length] != '/') || strstr(given, number) || fstatfs(fd, &fs) < 0 ||
	    fs.f_type != PROC_SUPER_MAGIC)
		return false;
	thread = !strncmp(at, task, more) && (!at[more] || at[more] == '/');
	snprintf(rest, sizeof(rest), "%s", at + (thread ? more : length));
	snprintf(at, size - (size_t)(at - seen), "/%s%s", thread ? "thread-self" : "self", rest);
	return true;
}

static bool object_tell(const struct vxe_walk *walk, int fd, const char *given, struct vxe_walked *out)
{
	char seen[PATH_MAX];
	struct stat st;
	bool own;

	if (fd < 0 || fstat(fd, &st) < 0 || descriptor_path(fd, seen, sizeof(seen)) < 0)
		return false;
	own = own_name(walk, fd, given, seen, sizeof(seen));
	if (!vxe_walk_strip(walk, seen, out->path, sizeof(out->path)))
		return false;
	out->kind = vxe_kind_of_mode(st.st_mode);
	out->known = own ? VXE_KNOWN_JOINED : VXE_KNOWN_WALKED;
	return true;
}

static bool is_own(const char *path)
{
	return !strncmp(path, "/proc/self", 10) || !strncmp(path, "/proc/thread-self", 17);
}

/* In the program's root, where a moment ago may do. */
static bool object_find(const struct vxe_walk *walk, const char *base, const char *given, bool follow, bool absent_will_do,
			struct vxe_walked *out)
{
	const struct vxe_found_place *known = walk->found ? vxe_found_get(walk->found, base, given, follow) : NULL;
	char full[2 * PATH_MAX + 2];
	cleanup_fd int fd = -1;
	bool there;

	if (known && (known->path || absent_will_do)) {
		out->kind = known->kind;
		out->known = known->known;
		return known->path && snprintf(out->path, sizeof(out->path), "%s", known->path) < (int)sizeof(out->path);
	}
	snprintf(full, sizeof(full), "%s/%s", base, given);
	fd = object_open(walk->root_fd, full, follow);
	there = object_tell(walk, fd, given, out);
	if (walk->found)
		vxe_found_put(walk->found, base, given, follow, there ? out->path : NULL, there ? out->kind : VXE_KIND_ABSENT,
			      there ? out->known : VXE_KNOWN_JOINED);
	return there;
}

/* What an absolute path is relative to is a root: neither ".." nor the links on the way lead above it. */
static bool object_find_below(const struct vxe_walk *walk, int root, const char *given, bool follow, struct vxe_walked *out)
{
	char full[PATH_MAX + 2];
	cleanup_fd int fd = -1;

	snprintf(full, sizeof(full), "/%s", given);
	fd = object_open(root, full, follow);
	return object_tell(walk, fd, given, out);
}

/* It is not there: the deepest folder above it that is, and the names below that. Dots are taken away by the text: no link stands before them. */
static bool above_tell(const struct vxe_walk *walk, int own_root, const char *lexical, struct vxe_walked *out)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s", lexical);
	for (char *slash = strrchr(full, '/'); slash; slash = strrchr(full, '/')) {
		struct vxe_walked above;

		*slash = '\0';
		if (own_root < 0 ? !object_find(walk, "", full, true, true, &above)
				 : !object_find_below(walk, own_root, full, true, &above))
			continue;
		return snprintf(out->path, sizeof(out->path), "%s%s", strcmp(above.path, "/") ? above.path : "",
				lexical + strlen(full)) < (int)sizeof(out->path);
	}
	return false;
}

static void path_tell(const struct vxe_walk *walk, const char *base, const char *given, bool follow, bool missing,
		      struct vxe_walked *out)
{
	char lexical[PATH_MAX];
	bool rooted = given[0] == '/' && base[0];
	cleanup_fd int own_root = rooted && walk->root_fd >= 0 ? object_open(walk->root_fd, base, true) : -1;

	out->path[0] = '\0';
	out->kind = VXE_KIND_UNKNOWN;
	normalize(rooted ? "" : base, given, lexical, sizeof(lexical));
	if ((rooted ? own_root : walk->root_fd) >= 0 && !is_own(lexical)) {
		if (!missing && (rooted ? object_find_below(walk, own_root, given, follow, out)
					: object_find(walk, base, given, follow, false, out)))
			return;
		out->kind = VXE_KIND_ABSENT;
		out->known = VXE_KNOWN_JOINED;
		if (above_tell(walk, own_root, lexical, out))
			return;
	}
	out->known = VXE_KNOWN_JOINED;
	if (rooted && !strcmp(lexical, "/"))
		lexical[0] = '\0';
	if (snprintf(out->path, sizeof(out->path), "%s%s", rooted ? base : "", lexical) >= (int)sizeof(out->path))
		out->path[0] = '\0';
}

void vxe_walk_path(const struct vxe_walk *walk, const char *base, const char *given, bool follow, struct vxe_walked *out)
{
	path_tell(walk, base, given, follow, false, out);
}

void vxe_walk_missing(const struct vxe_walk *walk, const char *base, const char *given, struct vxe_walked *out)
{
	path_tell(walk, base, given, false, true, out);
}

struct following {
	const char *call;
	signed char never;	    /* this argument's last link is never followed; -1: none. 9: no path's is */
	signed char flags;	    /* the argument with the flags; -1: none */
	uint32_t no_follow, follow; /* bits that say so */
};

bool vxe_walk_follows(const struct vxe_call_shape *shape, int argument, const uint64_t args[6])
{
	static const struct following table[] = {
		{"lstat", 9, -1, 0, 0},
		{"lchown", 9, -1, 0, 0},
		{"readlink", 9, -1, 0, 0},
		{"readlinkat", 9, -1, 0, 0},
		{"unlink", 9, -1, 0, 0},
		{"unlinkat", 9, -1, 0, 0},
		{"rmdir", 9, -1, 0, 0},
		{"rename", 9, -1, 0, 0},
		{"renameat", 9, -1, 0, 0},
		{"renameat2", 9, -1, 0, 0},
		{"mkdir", 9, -1, 0, 0},
		{"mkdirat", 9, -1, 0, 0},
		{"mknod", 9, -1, 0, 0},
		{"mknodat", 9, -1, 0, 0},
		{"symlink", 9, -1, 0, 0},
		{"symlinkat", 9, -1, 0, 0},
		{"link", 9, -1, 0, 0},
		{"linkat", 3, 4, 0, AT_SYMLINK_FOLLOW},
		{"lsetxattr", 9, -1, 0, 0},
		{"lgetxattr", 9, -1, 0, 0},
		{"llistxattr", 9, -1, 0, 0},
		{"lremovexattr", 9, -1, 0, 0},
		{"newfstatat", -1, 3, AT_SYMLINK_NOFOLLOW, 0},
		{"statx", -1, 2, AT_SYMLINK_NOFOLLOW, 0},
		{"fchownat", -1, 4, AT_SYMLINK_NOFOLLOW, 0},
		{"fchmodat2", -1, 3, AT_SYMLINK_NOFOLLOW, 0},
		{"utimensat", -1, 3, AT_SYMLINK_NOFOLLOW, 0},
		{"faccessat2", -1, 3, AT_SYMLINK_NOFOLLOW, 0},
		{"execveat", -1, 4, AT_SYMLINK_NOFOLLOW, 0},
		{"open", -1, 1, O_NOFOLLOW, 0},
		{"openat", -1, 2, O_NOFOLLOW, 0},
		{"umount2", -1, 1, 8 /* UMOUNT_NOFOLLOW */, 0},
		{"name_to_handle_at", -1, 4, 0, AT_SYMLINK_FOLLOW},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct following *row = &table[i];
		uint64_t flags = row->flags < 0 ? 0 : args[(int)row->flags];

		if (strcmp(row->call, shape->name))
			continue;
		if (row->never == 9 || row->never == argument)
			return false;
		if (row->follow)
			return flags & row->follow;
		/* A file that must be new is not looked for behind a link. */
		if (row->no_follow == O_NOFOLLOW && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
			return false;
		return !(flags & row->no_follow);
	}
	return true;
}
