#include "lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "caller.h"
#include "cleanup.h"
#include "kernel.h"

#define HOPS_MAX 40 /* as many links as the kernel follows */

static int link_read(const char *path, char out[PATH_MAX])
{
	ssize_t got = readlink(path, out, PATH_MAX - 1);

	if (got < 0)
		return -1;
	out[got] = '\0';
	return 0;
}

int vxe_lookup_name(int fd, char out[PATH_MAX])
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return link_read(link, out) == 0 && out[0] == '/' ? 0 : -1;
}

struct walk {
	pid_t pid;
	int root_fd;
	char root[PATH_MAX]; /* what the caller's root is called from outside of it: "/", or where it has chrooted to */
};

/* The part of a path that the caller's root sees, maybe empty; NULL: it lies outside. */
static const char *below_root(const struct walk *walk, const char *path)
{
	size_t length = strcmp(walk->root, "/") ? strlen(walk->root) : 0;

	return path[0] == '/' && !strncmp(path, walk->root, length) && (!length || !path[length] || path[length] == '/')
		       ? path + length
		       : NULL;
}

/*
 * A link of /proc that leads to an object of the caller's and not to a name (fd/N, cwd, root, exe), as this process has it, and how much of `given`
 * names it. -1: it is none.
 */
static int magic_link(const struct walk *walk, const char *given, char magic[96])
{
	char name[16];
	pid_t process, thread;
	int inner, used = 0;

	vxe_caller_inner(walk->pid, &process, &thread);
	if (sscanf(given, "/proc/%d/%15[^/]%n", &inner, name, &used) != 2 || inner != process)
		return -1;
	if (!strcmp(name, "fd")) {
		int fd, more = 0;

		if (sscanf(given + used, "/%d%n", &fd, &more) != 1)
			return -1;
		snprintf(magic, 96, "/proc/%d/fd/%d", walk->pid, fd);
		return used + more;
	}
	if (strcmp(name, "cwd") && strcmp(name, "root") && strcmp(name, "exe"))
		return -1;
	snprintf(magic, 96, "/proc/%d/%s", walk->pid, name);
	return used;
}

/*
 * Links of /proc that depend on who looks (self), or lead to an object and not to a name: the kernel does not follow
 * them for us. `given`, absolute in the caller's root, gets the part that stands for the first of them.
 */
static int proc_link_replace(const struct walk *walk, char given[PATH_MAX])
{
	static const char *const selves[] = {"/proc/self", "/proc/thread-self"};
	char replaced[PATH_MAX], target[PATH_MAX], magic[96], task[32];
	pid_t process, thread;
	int used;

	vxe_caller_inner(walk->pid, &process, &thread);
	for (size_t i = 0; i < sizeof(selves) / sizeof(*selves); i++) {
		size_t length = strlen(selves[i]);

		if (strncmp(given, selves[i], length) || (given[length] && given[length] != '/'))
			continue;
		snprintf(task, sizeof(task), "/task/%d", thread);
		if (snprintf(replaced, sizeof(replaced), "/proc/%d%s%s", process, i ? task : "", given + length) >=
		    (int)sizeof(replaced))
			return -1;
		strcpy(given, replaced);
		return 0;
	}
	used = magic_link(walk, given, magic);
	if (used < 0 || link_read(magic, target) < 0 || !below_root(walk, target) ||
	    snprintf(replaced, sizeof(replaced), "%s%s", below_root(walk, target), given + used) >= (int)sizeof(replaced))
		return -1;
	strcpy(given, replaced);
	return 0;
}

/* Where a link leads; /proc's own (self) have no answer for us. */
static ssize_t link_target(const struct walk *walk, int fd, const char *name, char target[PATH_MAX])
{
	ssize_t got = readlinkat(fd, "", target, PATH_MAX - 1);
	bool of_thread = !strcmp(name, "thread-self");
	pid_t process, thread;
	struct statfs where;

	if (got > 0 || fstatfs(fd, &where) < 0 || where.f_type != PROC_SUPER_MAGIC || (!of_thread && strcmp(name, "self")))
		return got;
	vxe_caller_inner(walk->pid, &process, &thread);
	if (of_thread)
		return snprintf(target, PATH_MAX, "%d/task/%d", process, thread);
	return snprintf(target, PATH_MAX, "%d", process);
}

/* A link that leads into such a part of /proc (/dev/stdin, /dev/fd) has to be followed by hand. */
static int first_link_follow(const struct walk *walk, char given[PATH_MAX])
{
	char head[PATH_MAX], target[PATH_MAX], joined[PATH_MAX];

	for (char *end = given; end;) {
		cleanup_fd int fd = -1;
		struct stat st;
		size_t length;
		ssize_t got;
		char *slash;

		end = strchr(end + 1, '/');
		length = end ? (size_t)(end - given) : strlen(given);
		memcpy(head, given, length);
		head[length] = '\0';
		fd = sys_openat2(walk->root_fd, head, O_PATH | O_NOFOLLOW, 0, RESOLVE_IN_ROOT);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -1;
		if (!S_ISLNK(st.st_mode))
			continue;
		slash = strrchr(head, '/');
		got = link_target(walk, fd, slash ? slash + 1 : head, target);
		if (got <= 0)
			return -1;
		target[got] = '\0';
		if (target[0] != '/' && slash)
			slash[1] = '\0';
		if (snprintf(joined, sizeof(joined), "%s%s%s", target[0] == '/' ? "" : head, target, given + length) >=
		    (int)sizeof(joined))
			return -1;
		strcpy(given, joined);
		return 0;
	}
	return -1;
}

long vxe_lookup_fdinfo(pid_t pid, int fd, const char *word)
{
	char path[64], line[256];
	cleanup_file FILE *file = NULL;
	size_t length = strlen(word);

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, word, length))
			return strtol(line + length, NULL, 10);
	return -1;
}

static bool same_mount(int one, int other)
{
	long mount = vxe_lookup_fdinfo(getpid(), one, "mnt_id:");

	return mount >= 0 && mount == vxe_lookup_fdinfo(getpid(), other, "mnt_id:");
}

/*
 * What such a link leads to, whatever has its name by now, or nothing. The name that is told of it may be none in the caller's root: then it is
 * a file that has been taken out of a folder there, which still counts as where it is, or something else that looks like it (memory, what lies
 * in a mount of nobody's). `name` gets the path, maybe one that is gone.
 */
static int magic_open(const struct walk *walk, const char *magic, char name[PATH_MAX])
{
	static const char gone[] = " (deleted)";
	cleanup_fd int fd = -1;
	cleanup_fd int named_fd = -1;
	cleanup_fd int folder_fd = -1;
	struct stat object, named;
	size_t length;

	errno = 0;
	if (link_read(magic, name) < 0 || !below_root(walk, name))
		return -1;
	fd = open(magic, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &object) < 0)
		return -1;
	named_fd = sys_openat2(walk->root_fd, *below_root(walk, name) ? below_root(walk, name) : "/", O_PATH | O_NOFOLLOW, 0,
			       RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (named_fd >= 0 && fstat(named_fd, &named) == 0 && named.st_dev == object.st_dev && named.st_ino == object.st_ino)
		return steal_fd(&fd);
	length = strlen(name);
	if (length >= sizeof(gone) && !strcmp(name + length - strlen(gone), gone))
		name[length - strlen(gone)] = '\0';
	folder_fd = vxe_lookup_folder(walk->pid, name);
	errno = 0;
	return folder_fd >= 0 && same_mount(fd, folder_fd) ? steal_fd(&fd) : -1;
}

/* `name` gets the object's path where that is not to be asked of the object itself. */
static int object_open(const struct walk *walk, char given[PATH_MAX], bool follow, char name[PATH_MAX])
{
	name[0] = '\0';
	for (int hops = 0; hops < HOPS_MAX; hops++) {
		char magic[96];
		int fd = sys_openat2(walk->root_fd, given, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, RESOLVE_IN_ROOT);
		int saved = errno, used;

		if (fd >= 0)
			return fd;
		used = magic_link(walk, given, magic);
		if (used >= 0 && !given[used])
			return magic_open(walk, magic, name);
		if ((strncmp(given, "/proc/", 6) || proc_link_replace(walk, given) < 0) && first_link_follow(walk, given) < 0) {
			errno = saved;
			return -1;
		}
	}
	errno = ELOOP;
	return -1;
}

/* The caller's text as an absolute path in its root. */
static int given_anchor(const struct walk *walk, int dirfd, const char *given, char out[PATH_MAX])
{
	char link[96], base[PATH_MAX];

	if (given[0] == '/')
		return snprintf(out, PATH_MAX, "%s", given) >= PATH_MAX ? -1 : 0;
	if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", walk->pid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", walk->pid, dirfd);
	/* A folder outside the caller's root has no path in it. */
	if (link_read(link, base) < 0 || !below_root(walk, base))
		return -1;
	return snprintf(out, PATH_MAX, "%s/%s", below_root(walk, base), given) >= PATH_MAX ? -1 : 0;
}

static void slashes_trim(char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
}

/* The caller may have rights on the way that the supervisor has not: without root, all those over what is its user's. */
static bool barred(int errnum)
{
	return errnum == EACCES || errnum == EPERM;
}

/* What is not there, by the folder that it would be in. 1: the name is a link that leads to nothing, and `given` is where it leads. */
static int absent_name(const struct walk *walk, char given[PATH_MAX], bool follow, struct vxe_lookup *out)
{
	char target[PATH_MAX];
	ssize_t got;
	char *slash = strrchr(given, '/');
	char name[NAME_MAX + 1], folder[PATH_MAX], gone[PATH_MAX];
	cleanup_fd int fd = -1;
	struct stat st;

	errno = 0;
	if (!slash || !slash[1] || strlen(slash + 1) > NAME_MAX || !strcmp(slash + 1, ".") || !strcmp(slash + 1, ".."))
		return -1;
	strcpy(name, slash + 1);
	slash[slash == given] = '\0';
	fd = object_open(walk, given, true, gone);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode) || vxe_lookup_name(fd, folder) < 0)
		return -1;
	out->exists = fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!out->exists && barred(errno))
		return -1;
	out->type = out->exists ? st.st_mode & S_IFMT : 0;
	out->dev = out->exists ? st.st_dev : 0;
	out->ino = out->exists ? st.st_ino : 0;
	got = follow && S_ISLNK(out->type) ? readlinkat(fd, name, target, sizeof(target) - 1) : -1;
	if (got > 0) {
		target[got] = '\0';
		if (target[0] == '/')
			strcpy(given, target);
		else if (strlen(given) + strlen(target) + 2 <= PATH_MAX)
			strcat(strcat(given, "/"), target);
		else
			return -1;
		return 1;
	}
	return snprintf(out->path, sizeof(out->path), "%s/%s", strcmp(folder, "/") ? folder : "", name) >= PATH_MAX ? -1 : 0;
}

int vxe_lookup_root(pid_t pid, char name[PATH_MAX])
{
	char link[64];
	cleanup_fd int fd = -1;

	snprintf(link, sizeof(link), "/proc/%d/root", pid);
	fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || vxe_lookup_name(fd, name) < 0 ? -1 : steal_fd(&fd);
}

#define UP "../"
#define UP_4 UP UP UP UP
#define UPWARD UP_4 UP_4 UP_4 UP_4
#define UP_MOST 16 /* levels that are named by one text */

int vxe_lookup_climb_begin(struct vxe_lookup_climb *climb, int folder_fd)
{
	*climb = (struct vxe_lookup_climb){.from_fd = folder_fd, .own_fd = -1};
	return folder_fd < 0 ? -1 : fstat(folder_fd, &climb->here);
}

int vxe_lookup_climb_up(struct vxe_lookup_climb *climb)
{
	const char *upward = &UPWARD[sizeof(UPWARD) - 1];
	struct stat above;
	char path[PATH_MAX];

	/* As deep as paths go: who moves the folders meanwhile does not keep the supervisor. */
	if (climb->steps++ >= PATH_MAX)
		return -1;
	if (climb->levels == UP_MOST) {
		int fd = openat(climb->from_fd, UPWARD, O_PATH | O_DIRECTORY | O_CLOEXEC);

		vxe_lookup_climb_end(climb);
		climb->from_fd = climb->own_fd = fd;
		climb->levels = 0;
	}
	climb->levels++;
	upward -= climb->levels * (int)strlen(UP);
	if (climb->from_fd < 0 || fstatat(climb->from_fd, upward, &above, AT_NO_AUTOMOUNT) < 0)
		return -1;
	/* The root is its own folder; so is what was taken out of its namespace, and a folder that is mounted in itself looks so. */
	if (climb->here.st_dev == above.st_dev && climb->here.st_ino == above.st_ino) {
		cleanup_fd int fd = climb->levels == 1
					    ? fcntl(climb->from_fd, F_DUPFD_CLOEXEC, 3)
					    : openat(climb->from_fd, upward + strlen(UP), O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || vxe_lookup_name(fd, path) < 0)
			return -1;
		if (!strcmp(path, "/"))
			return 0;
	}
	climb->here = above;
	return 1;
}

void vxe_lookup_climb_end(struct vxe_lookup_climb *climb)
{
	if (climb->own_fd >= 0)
		close(steal_fd(&climb->own_fd));
}

/* What the caller's text begins at (O_PATH): its root, its folder, a descriptor of its. */
static int given_base(pid_t pid, int dirfd, const char *given)
{
	char link[64];

	if (given[0] == '/')
		snprintf(link, sizeof(link), "/proc/%d/root", pid);
	else if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", pid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, dirfd);
	return open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int vxe_lookup_plain(pid_t pid, int root_fd, int dirfd, const char *given, struct vxe_lookup_plain *out)
{
	const char *slash = strrchr(given, '/'), *name = slash ? slash + 1 : given;
	cleanup_fd int own = -1;
	cleanup_fd int folder = -1;
	int base = root_fd;
	char above[PATH_MAX];
	struct stat st;

	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || strlen(given) >= sizeof(above))
		return -1;
	*out = (struct vxe_lookup_plain){.folder_fd = -1, .name = name};
	if (given[0] != '/' || root_fd < 0)
		base = own = given_base(pid, dirfd, given);
	if (base < 0)
		return -1;
	if (slash && slash != given) {
		memcpy(above, given, (size_t)(slash - given));
		above[slash - given] = '\0';
		/* From its own folder upward is where a root would have to be minded. */
		folder = sys_openat2(base, above, O_PATH | O_DIRECTORY, 0,
				     RESOLVE_NO_SYMLINKS | (given[0] == '/' ? RESOLVE_IN_ROOT : RESOLVE_BENEATH));
		if (folder < 0)
			return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	} else {
		folder = own >= 0 ? steal_fd(&own) : fcntl(base, F_DUPFD_CLOEXEC, 3);
		if (folder < 0)
			return -1;
	}
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0) {
		if (S_ISLNK(st.st_mode))
			return -1;
		out->exists = true;
		out->type = st.st_mode & S_IFMT;
		out->dev = st.st_dev;
		out->ino = st.st_ino;
	} else if (errno != ENOENT) {
		return -1;
	}
	out->folder_fd = steal_fd(&folder);
	return 0;
}

int vxe_lookup_folder(pid_t pid, const char *path)
{
	struct walk walk = {.pid = pid};
	cleanup_fd int root_fd = vxe_lookup_root(pid, walk.root);
	char folder[PATH_MAX];
	const char *below = root_fd < 0 ? NULL : below_root(&walk, path);

	if (!below || snprintf(folder, sizeof(folder), "%s", below) >= (int)sizeof(folder))
		return -1;
	for (char *slash = strrchr(folder, '/'); slash && slash != folder; slash = strrchr(folder, '/')) {
		int fd;

		*slash = '\0';
		fd = sys_openat2(root_fd, folder, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
		if (fd >= 0)
			return fd;
	}
	return steal_fd(&root_fd);
}

int vxe_lookup_open(pid_t pid, int dirfd, const char *given, bool follow, struct vxe_lookup *out)
{
	struct walk walk = {.pid = pid};
	char absolute[PATH_MAX], rest[PATH_MAX], name[PATH_MAX], magic[96];
	cleanup_fd int root_fd = vxe_lookup_root(pid, walk.root);
	cleanup_fd int fd = -1;
	bool denied, of_descriptor = !given[0] && dirfd != AT_FDCWD;
	struct stat st;

	memset(out, 0, sizeof(*out));
	out->unseen = root_fd < 0 && barred(errno);
	if (root_fd < 0)
		return -1;
	walk.root_fd = root_fd;
	errno = 0;
	if (!of_descriptor && given_anchor(&walk, dirfd, given, absolute) < 0) {
		out->unseen = barred(errno);
		return -1;
	}
	if (of_descriptor) {
		snprintf(magic, sizeof(magic), "/proc/%d/fd/%d", pid, dirfd);
		fd = magic_open(&walk, magic, name);
	} else {
		slashes_trim(absolute);
		strcpy(rest, absolute);
		fd = object_open(&walk, rest, follow, name);
	}
	denied = fd < 0 && barred(errno);
	out->unseen = of_descriptor && denied;
	for (int hops = 0; !of_descriptor && fd < 0 && hops < HOPS_MAX; hops++) {
		int result = absent_name(&walk, absolute, follow, out);

		if (result < 0) {
			out->unseen = denied || barred(errno);
			out->path[0] = '\0';
		}
		if (result <= 0)
			return -1;
		slashes_trim(absolute);
	}
	if (fd < 0)
		return -1;
	if (name[0])
		strcpy(out->path, name);
	if (fstat(fd, &st) < 0 || (!name[0] && vxe_lookup_name(fd, out->path) < 0)) {
		out->path[0] = '\0';
		return -1;
	}
	out->exists = true;
	out->type = st.st_mode & S_IFMT;
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	return steal_fd(&fd);
}

int vxe_lookup(pid_t pid, int dirfd, const char *given, bool follow, struct vxe_lookup *out)
{
	cleanup_fd int fd = vxe_lookup_open(pid, dirfd, given, follow, out);

	return fd >= 0 || out->path[0] ? 0 : -1;
}
