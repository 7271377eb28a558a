#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller.h"
#include "cleanup.h"
#include "judge.h"
#include "kernel.h"
#include "lookup.h"
#include "memory.h"
#include "words.h"

#define SELF "/proc/self/"

bool vxe_own_raised(const struct vxe_own *own, int nr)
{
	if (!own->lines)
		return false;
#ifdef SYS_open
	if (nr == SYS_open)
		return own->open;
#endif
	return nr == SYS_openat ? own->openat : nr == SYS_openat2 && own->openat2;
}

bool vxe_own_matches(const char *rule, const char *path)
{
	for (; *rule; rule++) {
		size_t digits = *rule == '*' ? strspn(path, "0123456789") : 0;

		if (*rule == '*' ? !digits : *rule != *path)
			return false;
		path += *rule == '*' ? digits : 1;
	}
	return !*path;
}

unsigned int vxe_own_granted(const char *lines, const char *path)
{
	for (const char *line = lines; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char text[PATH_MAX];
		size_t length = strcspn(line, "\n");
		unsigned int access = 0;
		char *words;

		if (length >= sizeof(text))
			continue;
		memcpy(text, line, length);
		text[length] = '\0';
		words = strchr(text, ' ');
		if (!words)
			continue;
		*words++ = '\0';
		if (!vxe_own_matches(text, path))
			continue;
		access |= vxe_words_have(words, "read") ? VXE_READ : 0;
		access |= vxe_words_have(words, "write") ? VXE_WRITE : 0;
		return access;
	}
	return 0;
}

/* The part behind the process's number; NULL: no such path. */
static const char *behind_number(const char *path, pid_t process)
{
	int number, used = 0;

	if (process <= 0 || sscanf(path, "/proc/%d%n", &number, &used) != 1 || number != process || path[used] != '/')
		return NULL;
	return path + used + 1;
}

/* Gives a path of that process its own name; false: it is none. */
static bool own_rename(char path[PATH_MAX], pid_t process)
{
	char named[PATH_MAX];
	const char *rest = behind_number(path, process);

	if (!rest || snprintf(named, sizeof(named), SELF "%s", rest) >= (int)sizeof(named))
		return false;
	strcpy(path, named);
	return true;
}

void vxe_own_name(pid_t tid, char path[PATH_MAX])
{
	pid_t process, thread;

	if (strncmp(path, "/proc/", 6) || path[6] < '1' || path[6] > '9')
		return;
	vxe_caller_inner(tid, &process, &thread);
	own_rename(path, process);
}

static int link_text(int dir_fd, const char *name, char out[128])
{
	ssize_t got = readlinkat(dir_fd, name, out, 127);

	out[got < 0 ? 0 : got] = '\0';
	return got <= 0 ? -1 : 0;
}

/* How many pid namespaces a process is in, seen from the one that its /proc speaks of. */
static int depth_of(int process_fd)
{
	cleanup_fd int fd = openat(process_fd, "status", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_file FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	char line[256];
	int depth = 0;

	if (file)
		steal_fd(&fd);
	while (file && !depth && fgets(line, sizeof(line), file))
		if (!strncmp(line, "NSpid:", 6))
			for (const char *tab = line; (tab = strchr(tab, '\t')); tab++)
				depth++;
	return depth;
}

/*
 * Is the number the caller's, in the /proc that the object is in? Another /proc (a bound one of the host's, or one of an outer pid namespace)
 * gives the same number to somebody else: there the process of that number is in another namespace, or in more than one.
 */
static bool is_callers(pid_t tid, int object_fd, pid_t process)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int process_fd = -1;
	cleanup_fd int spaces_fd = -1;
	cleanup_fd int own_fd = -1;
	char path[64], theirs[128], own[128];
	struct stat object, found;

	snprintf(path, sizeof(path), "/proc/%d/root", tid);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "proc/%d", process);
	process_fd = root_fd < 0 ? -1
				 : sys_openat2(root_fd, path, O_PATH | O_DIRECTORY, 0,
					       RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (process_fd < 0 || fstat(process_fd, &found) < 0 || fstat(object_fd, &object) < 0 || found.st_dev != object.st_dev)
		return false;
	spaces_fd = openat(process_fd, "ns", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	snprintf(path, sizeof(path), "/proc/%d/ns", tid);
	own_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return spaces_fd >= 0 && own_fd >= 0 && depth_of(process_fd) == 1 && link_text(spaces_fd, "pid", theirs) == 0 &&
	       link_text(own_fd, "pid", own) == 0 && !strcmp(theirs, own);
}

/* The arguments of the call that opens; false: what it asks for is no file's content, or is for the kernel to say. */
static bool opening(const struct seccomp_notif *request, int *dirfd, uint64_t *path, uint64_t *flags)
{
	const __u64 *args = request->data.args;
	struct open_how how = {0};

	*dirfd = (int)args[0];
	*path = args[1];
	*flags = (unsigned int)args[2];
#ifdef SYS_open
	if (request->data.nr == SYS_open) {
		*dirfd = AT_FDCWD;
		*path = args[0];
		*flags = (unsigned int)args[1];
	}
#endif
	if (request->data.nr == SYS_openat2) {
		if (args[3] < sizeof(how) || vxe_memory_read((pid_t)request->pid, args[2], &how, sizeof(how)) < 0 ||
		    how.resolve)
			return false;
		*flags = how.flags;
	}
	return !(*flags & O_PATH) && (*flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL) && (*flags & O_TMPFILE) != O_TMPFILE;
}

static bool is_granted(const struct vxe_own *own, uint64_t flags, const char *path)
{
	unsigned int access = (flags & O_ACCMODE) == O_RDONLY ? VXE_READ
			      : (flags & O_ACCMODE) == O_RDWR ? VXE_READ | VXE_WRITE
							      : VXE_WRITE;

	access |= flags & O_TRUNC ? VXE_WRITE : 0;
	return !strncmp(path, SELF, strlen(SELF)) && !(access & ~vxe_own_granted(own->lines, path));
}

/*
 * Paths that led elsewhere when they were last looked up: every open of the instance comes here, and nearly all are of the same few files. A link that
 * leads into /proc since then is not seen, and its open refused as any other.
 */
static uint64_t elsewhere[1024];

static uint64_t *elsewhere_place(const char *given, uint64_t *key)
{
	*key = 14695981039346656037ULL; /* FNV-1a */
	for (const char *c = given; *c; c++)
		*key = (*key ^ (unsigned char)*c) * 1099511628211ULL;
	return &elsewhere[*key % (sizeof(elsewhere) / sizeof(*elsewhere))];
}

int vxe_own_serve(const struct vxe_own *own, int listener_fd, const struct seccomp_notif *request)
{
	/* Larger than any kernel's struct so far; the rest must be zero. */
	union {
		struct seccomp_notif_addfd add;
		char space[128];
	} out = {0};
	pid_t tid = (pid_t)request->pid, process, thread;
	char given[PATH_MAX], again[64];
	struct vxe_lookup found;
	cleanup_fd int object_fd = -1;
	cleanup_fd int fd = -1;
	uint64_t path, flags, key, *place;
	struct statfs where;
	int dirfd;

	if (!opening(request, &dirfd, &path, &flags) || vxe_memory_string(tid, path, given, sizeof(given)) != 1 || !given[0])
		return 0;
	place = elsewhere_place(given, &key);
	if (given[0] == '/' && *place == key)
		return 0;
	object_fd = vxe_lookup_open(tid, dirfd, given, !(flags & O_NOFOLLOW), &found);
	if (object_fd < 0 || fstatfs(object_fd, &where) < 0)
		return 0;
	if (where.f_type != PROC_SUPER_MAGIC) {
		*place = key;
		return 0;
	}
	vxe_caller_inner(tid, &process, &thread);
	if (!own_rename(found.path, process) || !is_callers(tid, object_fd, process))
		return 0;
	/* All that was looked at is the caller's only if it has waited all the time. */
	if (!vxe_caller_waits(listener_fd, request->id))
		return 1;
	if (!is_granted(own, flags, found.path))
		return 0;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", object_fd);
	fd = open(again, (int)(flags & (O_ACCMODE | O_NONBLOCK | O_APPEND | O_DIRECTORY)) | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	out.add.id = request->id;
	out.add.flags = SECCOMP_ADDFD_FLAG_SEND;
	out.add.srcfd = (uint32_t)fd;
	out.add.newfd_flags = flags & O_CLOEXEC;
	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &out.add) < 0 && errno != ENOENT)
		return -errno;
	return 1;
}
