#include "cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>

#include "cgroup_device.h"
#include "cgroup_internal.h"
#include "cgroup_program.h"
#include "cleanup.h"
#include "places.h"
#include "file.h"
#include "kernel.h"
#include "warn.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY)
#define WAIT_MS 5000
#define USUAL_HIERARCHY "/sys/fs/cgroup"
#define DEPTH_MAX 32
#define LAUNCHER "launcher"
#define DEVICE_PROGRAMS_MAX 64
#define DEVICE_PROGRAM "vxe_devices"

bool vxe_cgroup_wanted(const struct vxe_config *config)
{
	const struct vxe_resources *r = &config->resources;

	struct vxe_controllers needed = {0};

	cgroup_controllers_needed(r, &needed);
	return (config->cgroups_path && *config->cgroups_path) || needed.count || r->has_other_devices ||
	       !vxe_socket_rules_empty(&config->sockets);
}

/* proc(5), mountinfo: a space in a path is written as \040. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		unsigned int byte;

		if (*text == '\\' && sscanf(text + 1, "%3o", &byte) == 1) {
			*out++ = (char)byte;
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* Where systemd and the specification of cgroup v2 put it. The root of the hierarchy, alone of all cgroups, has no type. */
static bool is_whole_hierarchy(const char *path)
{
	cleanup_fd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
	       faccessat(fd, "cgroup.type", F_OK, 0) < 0 && errno == ENOENT;
}

static int hierarchy_find(char **path, struct vxe_error **err)
{
	cleanup_file FILE *table = NULL;
	char root[4096], point[4096], line[16384];

	static bool usual;

	usual = usual || is_whole_hierarchy(USUAL_HIERARCHY);
	if (usual) {
		*path = strdup(USUAL_HIERARCHY);
		return *path ? 0 : vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the cgroup hierarchy");
	}
	/* The kernel writes every mount for this, which takes its time. */
	table = fopen("/proc/self/mountinfo", "re");
	while (table && fgets(line, sizeof(line), table)) {
		const char *type = strstr(line, " - ");
		struct statfs fs;

		if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0 ||
		    sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 || strcmp(root, "/") != 0)
			continue;
		unescape(point);
		/* Another mount may be on top of it. */
		if (statfs(point, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		*path = strdup(point);
		return *path ? 0 : vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the cgroup hierarchy");
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "there is no cgroup v2 hierarchy on this host");
	return vxe_error_hint(err, "mount one (mount -t cgroup2 none /sys/fs/cgroup), or boot with version 2");
}

/* The line of version 2 in /proc/PID/cgroup; those of version 1 are one for each hierarchy. NULL: none, or no memory. */
static char *cgroup_of_text(char *text)
{
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!strncmp(line, "0::/", 4))
			return strdup(line + 3);
	}
	return NULL;
}

static char *cgroup_of_file(const char *file)
{
	cleanup_free char *whole = NULL;
	char text[2048];
	size_t size;

	if (vxe_file_read_small(AT_FDCWD, file, text, sizeof(text)) >= 0)
		return cgroup_of_text(text);
	if (errno != EFBIG || vxe_file_read_at(AT_FDCWD, file, 1 << 20, &whole, &size, NULL) < 0)
		return NULL;
	return cgroup_of_text(whole);
}

char *vxe_cgroup_of(pid_t pid)
{
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	return cgroup_of_file(file);
}

static int own_cgroup(char **path, struct vxe_error **err)
{
	*path = cgroup_of_file("/proc/self/cgroup");
	if (*path && strncmp(*path, "/..", 3) != 0)
		return 0;
	free(steal_pointer(path));
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the caller's own cgroup cannot be named from here");
}

static bool path_is_plain(const char *path)
{
	for (const char *part = path; *part;) {
		size_t length;

		part += strspn(part, "/");
		length = strcspn(part, "/");
		if ((length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += length;
	}
	return path[strspn(path, "/")] != '\0';
}

int vxe_cgroup_path(const struct vxe_config *config, const char *id, char **path, struct vxe_error **err)
{
	const char *asked = config->cgroups_path && *config->cgroups_path ? config->cgroups_path : NULL;
	cleanup_free char *mount_point = NULL, *own = NULL;

	if (asked && !path_is_plain(asked))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: linux.cgroupsPath: \"%s\" has no name, or a part that is . or ..", asked);
	if (hierarchy_find(&mount_point, err) < 0) {
		if (asked)
			vxe_error_wrap(err, "config.json: linux.cgroupsPath");
		return -1;
	}
	if ((!asked || *asked != '/') && own_cgroup(&own, err) < 0)
		return -1;
	if (asprintf(path, "%s%s%s%s%s", mount_point, own && strcmp(own, "/") != 0 ? own : "",
		     asked && *asked == '/' ? "" : "/", asked ? "" : "vxe-", asked ? asked : id) < 0) {
		*path = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the cgroup of %s", id);
	}
	return 0;
}

/* systemd.resource-control(5), Delegate=: the mark that systemd sets on what it leaves to the unit. */
static bool is_delegated(int fd)
{
	static const char *const marks[] = {"trusted.delegate", "user.delegate"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		char value[8];

		if (fgetxattr(fd, marks[i], value, sizeof(value)) == 1 && *value == '1')
			return true;
	}
	return false;
}

static int own_open(struct vxe_error **err)
{
	cleanup_free char *own = NULL, *path = NULL;

	return own_cgroup(&own, err) < 0 || vxe_cgroup_in_hierarchy(own, &path, err) < 0 ? -1 : vxe_cgroup_open(path, err);
}

enum vxe_cgroup_room vxe_cgroup_room(const struct vxe_config *config)
{
	struct vxe_controllers needed = {0};
	cleanup_free char *text = NULL;
	cleanup_fd int fd = -1;
	char own_pid[16];

	cgroup_controllers_needed(&config->resources, &needed);
	if (!needed.count || (config->cgroups_path && *config->cgroups_path))
		return VXE_CGROUP_ROOM;
	fd = own_open(NULL);
	/* The root alone has no type. What cannot be looked at is told when the cgroup is made. */
	if (fd < 0 || faccessat(fd, "cgroup.type", F_OK, 0) < 0 || cgroup_file_read(fd, "cgroup.procs", &text) < 0)
		return VXE_CGROUP_ROOM;
	snprintf(own_pid, sizeof(own_pid), "%d\n", getpid());
	return !strcmp(text, own_pid) && is_delegated(fd) ? VXE_CGROUP_ALONE : VXE_CGROUP_TAKEN;
}

int vxe_cgroup_step_down(struct vxe_error **err)
{
	cleanup_fd int own = own_open(err), below = -1;

	if (own < 0)
		return -1;
	if (mkdirat(own, LAUNCHER, 0755) == 0 || errno == EEXIST)
		below = sys_openat2(own, LAUNCHER, FOLDER_FLAGS, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	/* 0 is who writes it. */
	if (below < 0 || cgroup_file_write(below, "cgroup.procs", "0") < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "leaving the own cgroup to the instance's limits (to a cgroup " LAUNCHER " below it)");
	return 0;
}

int vxe_cgroup_in_hierarchy(const char *inside, char **path, struct vxe_error **err)
{
	cleanup_free char *hierarchy = NULL;

	if (hierarchy_find(&hierarchy, err) < 0)
		return -1;
	if (asprintf(path, "%s%s", hierarchy, inside) < 0) {
		*path = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the cgroup %s", inside);
	}
	return 0;
}

int vxe_cgroup_entrance(int fd, const char *cgroup, pid_t pid, char **below, struct vxe_error **err)
{
	cleanup_free char *handed = NULL, *inside = NULL, *path = NULL;
	size_t length = strlen(cgroup);

	*below = NULL;
	if (cgroup_file_read(fd, "cgroup.subtree_control", &handed) < 0 || handed[strspn(handed, " \n")] == '\0')
		return 0;
	inside = vxe_cgroup_of(pid);
	if (!inside)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "finding the cgroup of process %d", pid);
	if (vxe_cgroup_in_hierarchy(inside, &path, err) < 0)
		return -1;
	if (strncmp(path, cgroup, length) != 0 || (path[length] && path[length] != '/'))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "process %d is not in the cgroup %s", pid, cgroup);
	*below = strdup(path + length + strspn(path + length, "/"));
	return *below ? 0 : vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the cgroup of process %d", pid);
}

int vxe_cgroup_weight_holds(const struct vxe_resources *r, struct vxe_error **err)
{
	cleanup_free char *hierarchy = NULL, *text = NULL;
	cleanup_fd int fd = -1;
	bool asked = r->block_weight;

	for (size_t i = 0; i < r->unified.count; i++)
		asked |= !strcmp(r->unified.items[i].key, "io.weight");
	if (!asked)
		return 0;
	if (hierarchy_find(&hierarchy, err) < 0)
		return -1;
	fd = vxe_cgroup_open(hierarchy, err);
	if (fd < 0)
		return -1;
	/* cgroup-v2.rst, IO Interface Files: the model of what a disk can do is what weights divide; it is off unless it is turned on. */
	if (cgroup_file_read(fd, "io.cost.qos", &text) == 0 && strstr(text, "enable=1"))
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "resources:io: no disk here is divided by the weights of cgroups");
	return vxe_error_hint(err,
			      "turn that on for the disk (echo 'MAJOR:MINOR enable=1' >%s/io.cost.qos), or take the rule out",
			      hierarchy);
}

/* --- the folder --- */

static int each_below(int fd, unsigned int depth, int (*visit)(int parent, const char *name, int child, void *data),
		      void *data);

static bool is_populated(int fd)
{
	uint64_t populated;

	return vxe_cgroup_number(fd, "cgroup.events", "populated", &populated) && populated;
}

static int cgroup_check(int fd, const char *path, struct vxe_error **err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "looking at the cgroup %s", path);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is no cgroup v2 folder", path);
	return 0;
}

bool vxe_cgroup_there(const char *path)
{
	cleanup_fd int fd = vxe_cgroup_open(path, NULL);

	return fd >= 0;
}

static int below_find(int parent, const char *name, int child, void *data)
{
	(void)parent;
	(void)name;
	(void)child;
	*(bool *)data = true;
	return 0;
}

static int fail_used(const char *path, struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the cgroup %s is being used for another container", path);
}

/*
 * config-linux.md, cgroupsPath: cgroups are made where they do not exist, so one that does is to be used; and runtime.md, Delete: what the
 * container did not make MUST NOT be deleted. Kill, pause and delete are for all that is in a cgroup, so nothing may be in it but the container.
 */
static int cgroup_use(int fd, const char *path, struct vxe_error **err)
{
	bool below = false;

	/* Whoever starts a container in the same one at this moment finds it empty, too. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail_used(path, err);
	if (is_populated(fd) || each_below(fd, 0, below_find, &below) < 0 || below) {
		vxe_error_set(err, VXE_EXIT_FAILURE, EEXIST, "the cgroup %s is there and not empty", path);
		return vxe_error_hint(err, "it is another's; name another linux.cgroupsPath, or remove what is in it");
	}
	return vxe_cgroup_frozen(fd)
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the cgroup %s is there and frozen (cgroup.freeze)", path)
		       : 0;
}

int vxe_cgroup_make(const char *path, const struct vxe_resources *resources, bool there, bool offer, int *out,
		    struct vxe_error **err)
{
	struct vxe_controllers controllers = {0};
	cleanup_free char *hierarchy = NULL, *walked = NULL;
	cleanup_fd int fd = -1;
	char *part, *rest = NULL;
	bool last = false;
	size_t prefix;

	cgroup_controllers_needed(resources, &controllers);
	if (hierarchy_find(&hierarchy, err) < 0)
		return -1;
	prefix = strlen(hierarchy);
	walked = strdup(path);
	if (!walked)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the cgroup %s", path);
	if (strncmp(path, hierarchy, prefix) != 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the cgroup %s is not in the hierarchy %s", path, hierarchy);
	fd = open(hierarchy, FOLDER_FLAGS | O_CLOEXEC);
	if (fd < 0 || cgroup_check(fd, hierarchy, err) < 0)
		return fd < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the cgroup %s", hierarchy) : -1;
	for (part = strtok_r(walked + prefix, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		int below;

		if (cgroup_controllers_enable(fd, path, &controllers, err) < 0)
			return -1;
		if (offer)
			cgroup_controllers_offer(fd);
		last = !rest || !rest[strspn(rest, "/")];
		if (!(last && there) && mkdirat(fd, part, 0755) < 0 && (last || errno != EEXIST)) {
			int saved = errno;

			vxe_error_set(err, VXE_EXIT_FAILURE, saved, "making the cgroup %s", path);
			return saved == EEXIST
				       ? vxe_error_hint(err, "it is another's; name another linux.cgroupsPath, or remove it")
				       : -1;
		}
		below = sys_openat2(fd, part, FOLDER_FLAGS, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (below < 0) {
			vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the cgroup %s", path);
			/* Whoever called knows of none that failed. */
			if (last && !there)
				(void)unlinkat(fd, part, AT_REMOVEDIR);
			return -1;
		}
		close(fd);
		fd = below;
	}
	if (!last)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the cgroup %s is the root of the hierarchy", path);
	if (there && cgroup_use(fd, path, err) < 0)
		return -1;
	/* Empty as it is, it must not be taken for one that is there and free. */
	if (!there && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail_used(path, err);
	if (vxe_cgroup_limit(fd, resources, err) < 0) {
		if (!there)
			(void)rmdir(path);
		return -1;
	}
	*out = steal_fd(&fd);
	return 0;
}

int vxe_cgroup_open(const char *path, struct vxe_error **err)
{
	cleanup_fd int fd = open(path, FOLDER_FLAGS | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "opening the cgroup %s", path);
		errno = saved;
		return -1;
	}
	return cgroup_check(fd, path, err) < 0 ? -1 : steal_fd(&fd);
}

static void pause_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Waits for a value in cgroup.events, which a change of it makes readable; looking is enough for what takes a few milliseconds. */
static bool event_wait(int fd, const char *key, uint64_t wanted)
{
	for (long waited = 0; waited < WAIT_MS;) {
		long step = waited < 20 ? 1 : 10;
		uint64_t value;

		if (!vxe_cgroup_number(fd, "cgroup.events", key, &value))
			return false;
		if (value == wanted)
			return true;
		pause_us(step * 1000);
		waited += step;
	}
	return false;
}

int vxe_cgroup_freeze(int fd, bool frozen, struct vxe_error **err)
{
	if (cgroup_file_write(fd, "cgroup.freeze", frozen ? "1" : "0") < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing cgroup.freeze");
	if (event_wait(fd, "frozen", frozen))
		return 0;
	if (frozen)
		(void)cgroup_file_write(fd, "cgroup.freeze", "0");
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container's processes do not %s within %d s",
			     frozen ? "come to rest" : "go on", WAIT_MS / 1000);
}

bool vxe_cgroup_frozen(int fd)
{
	uint64_t asked;

	return vxe_cgroup_number(fd, "cgroup.freeze", NULL, &asked) && asked;
}

int vxe_cgroup_kill(int fd, struct vxe_error **err)
{
	if (cgroup_file_write(fd, "cgroup.kill", "1") < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing cgroup.kill");
	return 0;
}

/* Calls visit for each cgroup below fd, the deepest first. Names come from the kernel, links are not followed. */
static int each_below(int fd, unsigned int depth, int (*visit)(int parent, const char *name, int child, void *data), void *data)
{
	cleanup_fd int copy = openat(fd, ".", FOLDER_FLAGS | O_CLOEXEC);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir || depth == DEPTH_MAX)
		return -1;
	copy = -1;
	while ((entry = readdir(dir))) {
		cleanup_fd int child = -1;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		child = openat(fd, entry->d_name, FOLDER_FLAGS | O_CLOEXEC | O_NOFOLLOW);
		if (child < 0 && errno == ENOENT)
			continue;
		if (child < 0 || each_below(child, depth + 1, visit, data) < 0 || visit(fd, entry->d_name, child, data) < 0)
			return -1;
	}
	return 0;
}

struct pid_list {
	pid_t *items;
	size_t count;
};

static int pids_add(int parent, const char *name, int fd, void *data)
{
	struct pid_list *list = data;
	cleanup_free char *text = NULL;

	(void)parent;
	(void)name;
	/* A threaded cgroup below does not list processes; its root does. */
	if (cgroup_file_read(fd, "cgroup.procs", &text) < 0)
		return 0;
	for (char *at = text; *at;) {
		pid_t pid = (pid_t)strtol(at, &at, 10);
		pid_t *items;

		at += strspn(at, "\n");
		if (pid <= 0)
			continue;
		items = reallocarray(list->items, list->count + 1, sizeof(pid_t));
		if (!items)
			return -1;
		list->items = items;
		items[list->count++] = pid;
	}
	return 0;
}

int vxe_cgroup_processes(int fd, pid_t **pids, size_t *count, struct vxe_error **err)
{
	struct pid_list list = {0};

	if (pids_add(-1, NULL, fd, &list) < 0 || each_below(fd, 0, pids_add, &list) < 0) {
		free(list.items);
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "listing the container's processes");
	}
	*pids = list.items;
	*count = list.count;
	return 0;
}

static int folder_remove(int parent, const char *name, int child, void *data)
{
	(void)child;
	(void)data;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -1 : 0;
}

/* The kernel counts a dead process for a moment longer. */
static bool is_anothers(int fd)
{
	return is_populated(fd) && !event_wait(fd, "populated", 0) && is_populated(fd);
}

int vxe_cgroup_remove(const char *path, enum vxe_cgroup_in in, struct vxe_error **err)
{
	cleanup_fd int fd = vxe_cgroup_open(path, NULL);
	bool below = false;

	if (fd < 0)
		return errno == ENOENT ? 0 : vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the cgroup %s", path);
	/* As a rule its processes have ended, the last of them a moment ago: the kernel lets go of it when it has left its CPU. */
	for (int attempt = 0; attempt < 60; attempt++) {
		if (rmdir(path) == 0)
			return 0;
		if (errno != EBUSY)
			break;
		if (attempt < 40)
			sched_yield();
		else
			pause_us(20);
	}
	/* A first process that was not ready ends by itself; who does not was never the instance's. */
	if (in == VXE_CGROUP_NEVER && (!event_wait(fd, "populated", 0) || each_below(fd, 0, below_find, &below) < 0 || below))
		return 0;
	if (in == VXE_CGROUP_ENDED && is_anothers(fd))
		return 0;
	if (in != VXE_CGROUP_ENDED && is_populated(fd) && (vxe_cgroup_kill(fd, err) < 0 || !event_wait(fd, "populated", 0))) {
		/* Who supervised it may have removed it meanwhile. */
		vxe_error_free(err);
		if (access(path, F_OK) == 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					     "the processes in the cgroup %s do not end, even by SIGKILL", path);
		return 0;
	}
	/* The kernel lets go of a dead process's cgroup a moment after it has said that none is left. */
	for (long waited = 0;; waited++) {
		(void)each_below(fd, 0, folder_remove, NULL);
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY || waited > 500)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "removing the cgroup %s", path);
		pause_us(1000);
	}
}

/* --- devices --- */

/* The programs on this very cgroup, not those of its parents. */
static int devices_attached(int fd, uint32_t ids[DEVICE_PROGRAMS_MAX], uint32_t *count)
{
	union bpf_attr query = {0};

	query.query.target_fd = (uint32_t)fd;
	query.query.attach_type = BPF_CGROUP_DEVICE;
	query.query.prog_ids = (uint64_t)(uintptr_t)ids;
	query.query.prog_cnt = *count;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)) < 0)
		return -1;
	*count = query.query.prog_cnt;
	return 0;
}

/* Programs have no owner, but a name. */
static bool device_program_is_ours(int program)
{
	struct bpf_prog_info info = {0};
	union bpf_attr ask = {0};

	ask.info.bpf_fd = (uint32_t)program;
	ask.info.info_len = sizeof(info);
	ask.info.info = (uint64_t)(uintptr_t)&info;
	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof(ask)) == 0 &&
	       !strncmp(info.name, DEVICE_PROGRAM, sizeof(info.name));
}

static int device_detach(int fd, uint32_t id, bool ours_alone)
{
	union bpf_attr get = {0}, detach = {0};
	cleanup_fd int program = -1;

	get.prog_id = id;
	program = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &get, sizeof(get));
	if (program < 0)
		return errno == ENOENT ? 0 : -1;
	if (ours_alone && !device_program_is_ours(program))
		return 0;
	detach.target_fd = (uint32_t)fd;
	detach.attach_bpf_fd = (uint32_t)program;
	detach.attach_type = BPF_CGROUP_DEVICE;
	return (int)syscall(SYS_bpf, BPF_PROG_DETACH, &detach, sizeof(detach));
}

int vxe_cgroup_devices(int fd, const struct vxe_resources *resources, bool anothers, struct vxe_error **err)
{
	cleanup_free struct bpf_insn *program = NULL;
	cleanup_fd int loaded = -1;
	uint32_t before[DEVICE_PROGRAMS_MAX], n_before = DEVICE_PROGRAMS_MAX;
	size_t count;

	if (!resources->n_devices)
		return 0;
	/* There no device can be made, and the kernel loads no such program: what a container can open is what was mounted into it. */
	if (vxe_in_user_namespace()) {
		if (resources->has_other_devices)
			vxe_warning("linux.resources.devices: without root of the host there are no device rules, and no "
				    "device can be "
				    "made");
		return 0;
	}
	program = vxe_device_program(resources, &count);
	if (!program)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the device rules");
	loaded = vxe_cgroup_program_load(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, program, count, DEVICE_PROGRAM);
	if (loaded < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "config.json: linux.resources.devices: loading the device rules into the kernel");
	if (devices_attached(fd, before, &n_before) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "config.json: linux.resources.devices: listing the rules of the cgroup");
	if (vxe_cgroup_program_attach(fd, loaded, BPF_CGROUP_DEVICE) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "config.json: linux.resources.devices: attaching the device rules to the cgroup");
	/* Rules that are there hold beside new ones; those of before (an update) go, once the new ones are in force. */
	for (uint32_t i = 0; i < n_before; i++)
		if (device_detach(fd, before[i], anothers) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
					     "config.json: linux.resources.devices: taking the rules of before away");
	return 0;
}

int vxe_cgroup_leave(const char *path, enum vxe_cgroup_in in, struct vxe_error **err)
{
	cleanup_fd int fd = vxe_cgroup_open(path, NULL);
	uint32_t programs[DEVICE_PROGRAMS_MAX], count = DEVICE_PROGRAMS_MAX;

	if (fd < 0)
		return errno == ENOENT ? 0 : vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the cgroup %s", path);
	if (in == VXE_CGROUP_ENDED && is_anothers(fd))
		return 0;
	if (in == VXE_CGROUP_ITS && is_populated(fd) && (vxe_cgroup_kill(fd, err) < 0 || !event_wait(fd, "populated", 0)))
		return err && *err ? -1
				   : vxe_error_set(err, VXE_EXIT_FAILURE, 0,
						   "the processes in the cgroup %s do not end, even by SIGKILL", path);
	if (in != VXE_CGROUP_NEVER && vxe_cgroup_frozen(fd))
		(void)cgroup_file_write(fd, "cgroup.freeze", "0");
	/* What is in use by now is not the instance's. */
	if (in != VXE_CGROUP_NEVER)
		(void)each_below(fd, 0, folder_remove, NULL);
	if (devices_attached(fd, programs, &count) < 0)
		return 0; /* Without the right to look there are none of ours. */
	for (uint32_t i = 0; i < count; i++)
		if (device_detach(fd, programs[i], true) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "taking the device rules of the cgroup %s away",
					     path);
	return 0;
}
