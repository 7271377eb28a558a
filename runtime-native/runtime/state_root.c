/* The folders of the state: the root, one folder for each instance, their locks. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "cleanup.h"
#include "places.h"

#define ID_LENGTH_MAX 255
#define ROOT_MODE 0711
#define INSTANCE_MODE 0700
#define LOCK_FILE "lock"
/* No name of an instance: it begins with a dot. */
#define GONE ".gone"
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define TREE_DEPTH_MAX 16
/* A reader that looks at the lock holds it for a moment; a supervisor holds it for life. One attempt takes a millisecond. */
#define LOCK_ATTEMPTS 20
#define LOCK_WAIT_NS 1000000
/* Who has the turn may wait five seconds for the kernel. */
#define TURN_ATTEMPTS 10000
#define LOCK_FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static const char *set_variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

static int fail_memory(struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "out of memory");
}

static int user_root(char **out, struct vxe_error **err)
{
	const char *runtime_dir = set_variable("XDG_RUNTIME_DIR");
	char fallback[64];
	struct stat st;

	/* The XDG specification has relative values ignored. */
	if (!runtime_dir || *runtime_dir != '/') {
		snprintf(fallback, sizeof(fallback), "/run/user/%u", (unsigned int)geteuid());
		if (stat(fallback, &st) < 0 || !S_ISDIR(st.st_mode)) {
			vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				      "there is no folder for the state of instances: XDG_RUNTIME_DIR is not set and %s does "
				      "not exist",
				      fallback);
			return vxe_error_hint(err, "set XDG_RUNTIME_DIR to a folder of your own, or name one with --root");
		}
		runtime_dir = fallback;
	}
	return asprintf(out, "%s/vxe", runtime_dir) < 0 ? fail_memory(err) : 0;
}

static int root_path(const char *given, char **out, struct vxe_error **err)
{
	const char *chosen = given && *given ? given : set_variable("VXE_ROOT");
	cleanup_free char *here = NULL;

	if (!chosen && (geteuid() != 0 || vxe_root_of_session()))
		return user_root(out, err);
	if (!chosen)
		chosen = "/run/vxe";
	if (*chosen != '/') {
		here = getcwd(NULL, 0);
		if (!here)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the current folder cannot be named");
	}
	return asprintf(out, "%s%s%s", here ? here : "", here ? "/" : "", chosen) < 0 ? fail_memory(err) : 0;
}

/* Makes what is missing of path, which is absolute. */
static int make_folders(char *path, struct vxe_error **err)
{
	for (char *end = path + 1;; end++) {
		char kept = *end;

		if (kept != '/' && kept != '\0')
			continue;
		*end = '\0';
		if (mkdir(path, ROOT_MODE) < 0 && errno != EEXIST) {
			vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: the folder cannot be made", path);
			vxe_error_hint(err, "name another with --root or VXE_ROOT");
			*end = kept;
			return -1;
		}
		*end = kept;
		if (kept == '\0')
			return 0;
	}
}

static int check_root(int fd, const char *path, struct vxe_error **err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: cannot be examined", path);
	if (st.st_uid != geteuid())
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: belongs to user %u, not to you", path, (unsigned int)st.st_uid);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: others may write to it", path);
	else
		return 0;
	return vxe_error_hint(err, "name a folder of your own with --root or VXE_ROOT");
}

int vxe_state_root_open(const char *given, bool create, char **path, struct vxe_error **err)
{
	cleanup_free char *name = NULL;
	cleanup_fd int fd = -1;

	if (root_path(given, &name, err) < 0)
		return -1;
	fd = open(name, FOLDER_FLAGS | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && create) {
		if (make_folders(name, err) < 0)
			return -1;
		fd = open(name, FOLDER_FLAGS | O_NOFOLLOW);
		if (fd >= 0)
			(void)fchmod(fd, ROOT_MODE); /* the umask may have taken from it, and less is safe */
	}
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: the state of instances cannot be opened", name);
	if (check_root(fd, name, err) < 0)
		return -1;
	if (path)
		*path = steal_pointer(&name);
	return steal_fd(&fd);
}

int vxe_state_root_find(const char *given, int *root_fd, struct vxe_error **err)
{
	cleanup_error struct vxe_error *none = NULL;

	*root_fd = vxe_state_root_open(given, false, NULL, &none);
	if (*root_fd >= 0 || (none && none->errnum == ENOENT))
		return 0;
	*err = steal_pointer(&none);
	return -1;
}

bool vxe_state_id_valid(const char *id)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
	size_t length = strspn(id, letters);

	return length > 0 && length <= ID_LENGTH_MAX && id[length] == '\0' && id[0] != '.' && id[0] != '-';
}

static int check_id(const char *id, struct vxe_error **err)
{
	if (vxe_state_id_valid(id))
		return 0;
	vxe_error_set(err, VXE_EXIT_MISUSE, 0, "\"%s\" is not the name of an instance", id);
	return vxe_error_hint(err, "use up to %d letters, digits and _ + . - that do not begin with . or -", ID_LENGTH_MAX);
}

/* Creation and removal take turns. The lock ends with the descriptor. */
static int lock_root(int root_fd, struct vxe_error **err)
{
	cleanup_fd int fd = openat(root_fd, ".", FOLDER_FLAGS);
	int status;

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the state of instances cannot be opened");
	do
		status = flock(fd, LOCK_EX);
	while (status < 0 && errno == EINTR);
	if (status < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the state of instances cannot be locked");
	return steal_fd(&fd);
}

static int try_lock(int fd, int attempts)
{
	for (int i = 0;; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || i >= attempts)
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = LOCK_WAIT_NS}, NULL);
	}
}

bool vxe_state_locked(int dir_fd)
{
	cleanup_fd int fd = openat(dir_fd, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* getdents64(2), without the C library's folder streams, which take memory from the kernel for each. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short size;
	unsigned char type;
	char name[];
};

static int remove_tree(int parent_fd, const char *name, unsigned int depth);

static int remove_entry(int fd, const struct entry *entry, unsigned int depth)
{
	if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
		return 0;
	if (entry->type != DT_DIR && unlinkat(fd, entry->name, 0) == 0)
		return 0;
	if (entry->type != DT_DIR && errno != EISDIR && errno != EPERM)
		return errno == ENOENT ? 0 : -1;
	return remove_tree(fd, entry->name, depth) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_tree(int parent_fd, const char *name, unsigned int depth)
{
	_Alignas(struct entry) char entries[2048];
	cleanup_fd int fd = -1;
	long got;

	if (depth == TREE_DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	fd = openat(parent_fd, name, FOLDER_FLAGS | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? unlinkat(parent_fd, name, 0) : -1;
	while ((got = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got; at += ((const struct entry *)(const void *)&entries[at])->size)
			if (remove_entry(fd, (const struct entry *)(const void *)&entries[at], depth + 1) < 0)
				return -1;
		/* Most have no more of them. */
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != ENOTEMPTY)
			return -1;
	}
	return got < 0 ? -1 : unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* As often as somebody who is about to end still writes into it. */
static int clear_gone(int root_fd)
{
	for (int i = 0; remove_tree(root_fd, GONE, 0) < 0 && errno != ENOENT; i++) {
		if (errno != ENOTEMPTY || i == LOCK_ATTEMPTS)
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = LOCK_WAIT_NS}, NULL);
	}
	return 0;
}

/* Under the root's lock. Who looks meanwhile finds it whole or does not find it; what a killed process has left goes with the next. */
static int remove_for_good(int root_fd, const char *id)
{
	if (renameat(root_fd, id, root_fd, GONE) < 0 && errno != ENOENT &&
	    (clear_gone(root_fd) < 0 || renameat(root_fd, id, root_fd, GONE) < 0))
		return -1;
	return clear_gone(root_fd);
}

static int fail_exists(const char *id, const char *what, struct vxe_error **err)
{
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: %s", id, what);
	return vxe_error_hint(err, "stop it first (vxe stop %s), or choose another name", id);
}

/*
 * 0 where nothing of the instance in ROOT/ID lives. What the state says counts once the lock is had: a creation that was under way at the first look
 * may have come to its end, and its maker has gone.
 */
static int check_dead(int root_fd, const char *id, bool clears, struct vxe_error **err)
{
	cleanup_fd int dir_fd = openat(root_fd, id, FOLDER_FLAGS | O_NOFOLLOW);
	cleanup_fd int lock_fd = -1;
	cleanup_error struct vxe_error *unread = NULL;
	struct vxe_state *state = NULL;
	bool alive = false, whole, busy;

	if (dir_fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return 0; /* no instance was ever there */
	if (dir_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its state cannot be opened", id);
	lock_fd = openat(dir_fd, LOCK_FILE, LOCK_FLAGS);
	if (lock_fd < 0 && errno != ENOENT)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its lock cannot be opened", id);
	busy = lock_fd >= 0 && try_lock(lock_fd, LOCK_ATTEMPTS) < 0;
	whole = vxe_state_read(dir_fd, &state, &unread) == 0;
	if (!whole && unread && vxe_errno_is_shortage(unread->errnum))
		return vxe_error_set(err, VXE_EXIT_FAILURE, unread->errnum, "%s: whether it lives cannot be told: its state",
				     id);
	if (whole)
		alive = vxe_state_alive(state);
	vxe_state_free(&state);
	if (alive)
		return fail_exists(id, "an instance of this name exists and its processes are alive", err);
	if (busy)
		return fail_exists(id, "an instance of this name is being started or stopped", err);
	if (!whole || clears)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "there is a container %s already, which is stopped", id);
	return vxe_error_hint(err, "delete it first, or choose another id");
}

static int make_instance(int root_fd, const char *id, bool clears, struct vxe_error **err)
{
	if (mkdirat(root_fd, id, INSTANCE_MODE) == 0)
		return 0;
	if (errno != EEXIST)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its state cannot be made", id);
	if (check_dead(root_fd, id, clears, err) < 0)
		return -1;
	if (remove_for_good(root_fd, id) < 0 || mkdirat(root_fd, id, INSTANCE_MODE) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: the rests of an earlier instance cannot be cleared",
				     id);
	return 0;
}

int vxe_state_create(int root_fd, const char *id, bool clears, int *dir_fd, int *lock_fd, struct vxe_error **err)
{
	cleanup_fd int root_lock = -1, dir = -1, lock = -1;

	if (check_id(id, err) < 0)
		return -1;
	root_lock = lock_root(root_fd, err);
	if (root_lock < 0 || make_instance(root_fd, id, clears, err) < 0)
		return -1;
	dir = openat(root_fd, id, FOLDER_FLAGS | O_NOFOLLOW);
	if (dir >= 0)
		lock = openat(dir, LOCK_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || try_lock(lock, LOCK_ATTEMPTS) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its lock cannot be made", id);
		(void)remove_for_good(root_fd, id);
		return -1;
	}
	*dir_fd = steal_fd(&dir);
	*lock_fd = steal_fd(&lock);
	return 0;
}

bool vxe_state_exists(int root_fd, const char *id)
{
	struct stat st;

	return vxe_state_id_valid(id) && fstatat(root_fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int vxe_state_open(int root_fd, const char *id, int *dir_fd, struct vxe_error **err)
{
	int fd;

	if (check_id(id, err) < 0)
		return -1;
	fd = openat(root_fd, id, FOLDER_FLAGS | O_NOFOLLOW);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
		/* containerd looks for "does not exist", as runc says it. */
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the instance %s does not exist", id);
		return vxe_error_hint(err, "vxe status lists those there are");
	}
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its state cannot be opened", id);
	*dir_fd = fd;
	return 0;
}

bool vxe_state_is(int root_fd, const char *id, int dir_fd)
{
	struct stat here, there;

	return fstat(dir_fd, &here) == 0 && fstatat(root_fd, id, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

int vxe_state_take(int root_fd, const char *id, int dir_fd, int timeout_ms, int *lock_fd, struct vxe_error **err)
{
	cleanup_fd int root_lock = lock_root(root_fd, err), fd = -1;

	*lock_fd = -1;
	if (root_lock < 0)
		return -1;
	if (!vxe_state_is(root_fd, id, dir_fd))
		return 0;
	/* A creation that was killed between the two has left a folder without a lock. */
	fd = openat(dir_fd, LOCK_FILE, LOCK_FLAGS | O_CREAT, 0600);
	close(steal_fd(&root_lock));
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its lock cannot be opened", id);
	if (try_lock(fd, timeout_ms) == 0)
		*lock_fd = steal_fd(&fd);
	return 0;
}

int vxe_state_remove(int root_fd, const char *id, struct vxe_error **err)
{
	cleanup_fd int root_lock = -1;

	if (check_id(id, err) < 0)
		return -1;
	root_lock = lock_root(root_fd, err);
	if (root_lock < 0)
		return -1;
	return remove_for_good(root_fd, id) < 0
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its state cannot be removed", id)
		       : 0;
}

int vxe_state_clear(int root_fd, const char *id, struct vxe_error **err)
{
	cleanup_fd int root_lock = lock_root(root_fd, err);
	int failed;

	if (root_lock < 0)
		return -1;
	failed = vxe_state_exists(root_fd, id) ? clear_gone(root_fd) : remove_for_good(root_fd, id);
	return failed ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its state cannot be removed", id) : 0;
}

int vxe_state_gone(const char *id, struct vxe_error **err)
{
	/* The words by which containerd knows what there is not. */
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the instance %s does not exist any more", id);
}

int vxe_state_turn(int root_fd, const char *id, int dir_fd, int *turn_fd, struct vxe_error **err)
{
	cleanup_fd int fd = openat(dir_fd, ".", FOLDER_FLAGS);

	if (fd < 0 && errno != ENOENT)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: its state cannot be opened", id);
	if (fd >= 0 && try_lock(fd, TURN_ATTEMPTS) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "another command is at work on %s, which does not come to an end", id);
		return vxe_error_hint(err, "see what it waits for, and try it again");
	}
	if (!vxe_state_is(root_fd, id, dir_fd))
		return vxe_state_gone(id, err);
	*turn_fd = steal_fd(&fd);
	return 0;
}

int vxe_state_find(int root_fd, const char *id, int *dir_fd, struct vxe_state **state, struct vxe_error **err)
{
	if (vxe_state_open(root_fd, id, dir_fd, err) < 0)
		return -1;
	if (vxe_state_read(*dir_fd, state, err) == 0)
		return 0;
	if (vxe_state_is(root_fd, id, *dir_fd))
		return -1;
	vxe_error_free(err);
	return vxe_state_gone(id, err);
}

static int compare_ids(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int append_id(struct vxe_strings *list, size_t *capacity, const char *id)
{
	if (list->count + 1 >= *capacity) {
		size_t grown = *capacity ? *capacity * 2 : 16;
		char **items = reallocarray(list->items, grown, sizeof(*items));

		if (!items)
			return -1;
		list->items = items;
		*capacity = grown;
	}
	list->items[list->count] = strdup(id);
	if (!list->items[list->count])
		return -1;
	list->items[++list->count] = NULL;
	return 0;
}

static bool is_folder(int dir_fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int vxe_state_list(int root_fd, struct vxe_strings *out, struct vxe_error **err)
{
	cleanup_fd int fd = openat(root_fd, ".", FOLDER_FLAGS);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct vxe_strings list = {0};
	struct dirent *entry;
	size_t capacity = 0;

	if (!dir)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the state of instances cannot be read");
	fd = -1;
	list.items = calloc(1, sizeof(*list.items));
	capacity = 1;
	while (list.items && (entry = readdir(dir))) {
		if (!vxe_state_id_valid(entry->d_name) || !is_folder(dirfd(dir), entry))
			continue;
		if (append_id(&list, &capacity, entry->d_name) < 0) {
			vxe_strings_free(&list);
			break;
		}
	}
	if (!list.items)
		return fail_memory(err);
	qsort(list.items, list.count, sizeof(*list.items), compare_ids);
	*out = list;
	return 0;
}
