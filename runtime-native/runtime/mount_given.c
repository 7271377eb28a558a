#include "mount_given.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "kernel.h"
#include "mount_internal.h"

#define LINKS_MAX 40

size_t vxe_mount_given_count(const struct vxe_config *config, const struct vxe_mount_plans *plans)
{
	return 1 + plans->count + config->n_devices;
}

int *vxe_mount_given_slot(const struct vxe_config *config, struct vxe_mount_plans *plans, size_t number)
{
	/* What a path leads to in a mount namespace that others have is theirs to say: there the first process has its own rights alone. */
	if (number <= plans->count && vxe_config_namespace(config, CLONE_NEWNS)->path)
		return NULL;
	if (number == 0)
		return &plans->rootfs_fd;
	number--;
	if (number < plans->count) {
		struct vxe_mount_plan *plan = &plans->items[number];

		return !plan->bind || plan->remount ? NULL : plan->idmap ? &plan->clone_fd : &plan->source_fd;
	}
	number -= plans->count;
	return config->devices[number].type == S_IFIFO ? NULL : &plans->device_fds[number];
}

/* The number that an id of the instance has here; false where it has none. The kernel is asked: a user namespace by path has its own. */
static bool id_outside(pid_t first, const char *map, uint32_t id, uint32_t *outside)
{
	char path[64];
	cleanup_file FILE *file = NULL;
	unsigned int inner, outer, size;

	snprintf(path, sizeof(path), "/proc/%d/%s", first, map);
	file = fopen(path, "re");
	while (file && fscanf(file, "%u %u %u", &inner, &outer, &size) == 3)
		if (id >= inner && id - inner < size) {
			*outside = outer + (id - inner);
			return true;
		}
	return false;
}

/* --- in the helper --- */

/* A link with the launcher's rights is followed where root or the launcher made it: one that a container has put into what it
   shares leads nowhere. */
static bool link_trusted(int fd, const struct stat *st)
{
	struct statfs fs;

	return (st->st_uid == 0 || st->st_uid == geteuid()) && fstatfs(fd, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC;
}

/* `path` is absolute. Each folder is opened once and by the one before it; -1 with errno. */
static int source_open(const char *path)
{
	cleanup_free char *rest = strdup(path);
	cleanup_fd int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int links = 0;

	for (char *next = rest; next && at >= 0;) {
		cleanup_fd int fd = -1;
		size_t length;
		struct stat st;
		char *name;

		next += strspn(next, "/");
		length = strcspn(next, "/");
		if (!length)
			return steal_fd(&at);
		name = next;
		next += length;
		if (*next)
			*next++ = '\0';
		fd = sys_openat2(at, name, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_MAGICLINKS);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -1;
		if (S_ISLNK(st.st_mode)) {
			char target[PATH_MAX];
			ssize_t got = readlinkat(fd, "", target, sizeof(target));
			char *joined = NULL;

			if (got <= 0 || (size_t)got == sizeof(target) || ++links > LINKS_MAX || !link_trusted(fd, &st)) {
				errno = ELOOP;
				return -1;
			}
			if (asprintf(&joined, "%.*s/%s", (int)got, target, next) < 0)
				return -1;
			free(rest);
			next = rest = joined;
			if (*rest == '/') {
				close(at);
				at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
			}
			continue;
		}
		close(at);
		at = steal_fd(&fd);
	}
	return -1;
}

/* Of the file systems that are the helper's alone: whatever is mounted there reaches nobody. */
static int private_enter(void)
{
	cleanup_fd int self = sys_pidfd_open(getpid(), 0);

	/* In a chroot that is no mount, "/" could not be made private: to the true root, as before pivot_root. */
	return unshare(CLONE_NEWNS) < 0 || self < 0 || setns(self, CLONE_NEWNS) < 0
		       ? -1
		       : mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* A tmpfs of the host's, on which devices are devices: of one that is mounted in a user namespace they are not. Attached, since kernels
   before 6.15 copy no other mount. */
static int nodes_open(void)
{
	cleanup_fd int fs = sys_fsopen("tmpfs"), root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (fs < 0 || root < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "700", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	fd = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (fd < 0 || sys_move_mount(fd, "", root, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -1;
	return steal_fd(&fd);
}

static int node_make(int nodes, size_t number, const struct vxe_device *device, pid_t first)
{
	char name[24];
	uid_t uid;
	gid_t gid;

	snprintf(name, sizeof(name), "%zu", number);
	if (!id_outside(first, "uid_map", device->uid, &uid) || !id_outside(first, "gid_map", device->gid, &gid) ||
	    mknodat(nodes, name, device->type | device->mode, makedev(device->major, device->minor)) < 0 ||
	    fchownat(nodes, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return sys_open_tree(nodes, name, OPEN_TREE_CLONE);
}

static void nodes_make(const struct vxe_config *config, struct vxe_mount_plans *plans, pid_t first, int *found)
{
	cleanup_fd int nodes = -1;

	for (size_t i = 0; i < config->n_devices; i++) {
		size_t number = 1 + plans->count + i;

		if (!vxe_mount_given_slot(config, plans, number))
			continue;
		if (nodes < 0 && (private_enter() < 0 || (nodes = nodes_open()) < 0))
			return;
		found[number] = node_make(nodes, i, &config->devices[i], first);
	}
}

/* The first process has its root where the launcher has its own, which may be a chroot. */
static int instance_enter(int pidfd, int root)
{
	return setns(pidfd, CLONE_NEWNS) < 0 || fchdir(root) < 0 ? -1 : chroot(".");
}

static void sources_open(const struct vxe_config *config, struct vxe_mount_plans *plans, int *found)
{
	if (vxe_mount_given_slot(config, plans, 0))
		found[0] = source_open(config->rootfs);
	for (size_t i = 0; i < plans->count; i++) {
		const struct vxe_mount_plan *plan = &plans->items[i];
		cleanup_fd int fd = -1;

		if (!vxe_mount_given_slot(config, plans, 1 + i))
			continue;
		fd = source_open(plan->mount->source);
		if (fd >= 0)
			found[1 + i] = plan->idmap ? mount_bind(plan, fd, NULL) : steal_fd(&fd);
	}
}

__attribute__((noreturn)) static void helper_main(const struct vxe_config *config, struct vxe_mount_plans *plans, pid_t first,
						  int *found)
{
	cleanup_fd int root = -1, pidfd = -1;
	char path[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	umask(0);
	snprintf(path, sizeof(path), "/proc/%d/root", first);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pidfd = sys_pidfd_open(first, 0);
	nodes_make(config, plans, first, found);
	if (root >= 0 && pidfd >= 0 && instance_enter(pidfd, root) == 0)
		sources_open(config, plans, found);
	vxe_cleanup_fd(&root);
	vxe_cleanup_fd(&pidfd);
	_exit(0);
}

/* --- in the launcher --- */

static int devices_check(const struct vxe_config *config, pid_t first, struct vxe_error **err)
{
	uint32_t outside;

	for (size_t i = 0; i < config->n_devices; i++) {
		const struct vxe_device *device = &config->devices[i];

		if (device->has_uid && !id_outside(first, "uid_map", device->uid, &outside))
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					     "config.json: linux.devices[%zu].uid: %u is no user of the user namespace", i,
					     device->uid);
		if (device->has_gid && !id_outside(first, "gid_map", device->gid, &outside))
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					     "config.json: linux.devices[%zu].gid: %u is no group of the user namespace", i,
					     device->gid);
	}
	return 0;
}

int vxe_mount_give(const struct vxe_config *config, struct vxe_mount_plans *plans, pid_t first, struct vxe_error **err)
{
	/* It has the launcher's table of descriptors, so what it opens is the launcher's. */
	struct vxe_clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	size_t count = vxe_mount_given_count(config, plans);
	int *found;
	pid_t pid;

	if (devices_check(config, first, err) < 0)
		return -1;
	found = mmap(NULL, count * sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (found == MAP_FAILED)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening what the instance mounts");
	for (size_t i = 0; i < count; i++)
		found[i] = -1;
	pid = sys_clone3(&args);
	if (pid == 0)
		helper_main(config, plans, first, found);
	if (pid < 0)
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the process that opens what the instance mounts");
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < count; i++)
		if (found[i] >= 0)
			*vxe_mount_given_slot(config, plans, i) = found[i];
	munmap(found, count * sizeof(*found));
	return pid < 0 ? -1 : 0;
}
