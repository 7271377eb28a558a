/* The tree itself: mounts, new roots, other namespaces. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#ifndef MS_BIND
#define MS_RDONLY 1
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_PRIVATE (1 << 18)
#define MS_REC 16384
#endif
#define MNT_DETACH 2

static void answer(struct vxe_attack *attack, long ret, const char *call, const char *step)
{
	if (ret < 0)
		attack_failed(attack, ret, call, "%s", step);
	else
		attack_succeeded(attack, call, "%s", step);
}

/* Somewhere to mount on that is there in every tree. */
static const char *place(struct vxe_attack *attack)
{
	return attack->world->control ? "/mnt" : attack->world->dirs[0] ? attack->world->dirs[0] : "/";
}

static void mount_and_leave(struct vxe_attack *attack, const char *source, const char *type, unsigned long flags,
			    const char *step)
{
	const char *target = place(attack);
	long ret = sys5(SYS_mount, source, target, type, flags, 0);

	answer(attack, ret, "mount", step);
	if (ret >= 0)
		sys2(SYS_umount2, target, MNT_DETACH);
}

static void mount_tmpfs(struct vxe_attack *attack)
{
	mount_and_leave(attack, "none", "tmpfs", 0, "mount an empty file system");
}

static void mount_proc(struct vxe_attack *attack)
{
	mount_and_leave(attack, "none", "proc", 0, "mount another /proc, without what was masked");
}

static void mount_bind(struct vxe_attack *attack)
{
	mount_and_leave(attack, "/", NULL, MS_BIND, "mount the root once more");
}

static void mount_cgroup(struct vxe_attack *attack)
{
	mount_and_leave(attack, "none", "cgroup2", 0, "mount the control groups");
}

static void mount_overlay(struct vxe_attack *attack)
{
	long ret = sys5(SYS_mount, "none", place(attack), "overlay", 0, "lowerdir=/etc:/usr");

	answer(attack, ret, "mount", "mount an overlay");
	if (ret >= 0)
		sys2(SYS_umount2, place(attack), MNT_DETACH);
}

static void remount_root(struct vxe_attack *attack)
{
	/* Inside it stays read-only even where the call is let through: other rows come after this one. */
	unsigned long flags = MS_REMOUNT | MS_BIND | (attack->world->control ? 0 : MS_RDONLY);

	answer(attack, sys5(SYS_mount, 0, "/", 0, flags, 0), "mount", "change how the root is mounted");
}

static void unmount_masks(struct vxe_attack *attack)
{
	static const char *const targets[] = {"/proc/kcore", "/proc/sys", "/proc", "/dev"};

	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		/* MNT_EXPIRE unmounts only at the second call: the first tells whether it may. EINVAL: nothing is mounted
		   there, told only to those who may unmount. */
		long ret = sys2(SYS_umount2, targets[i], 4);

		if (ret < 0 && ret != -EAGAIN && ret != -EBUSY && ret != -EINVAL) {
			attack_failed(attack, ret, "umount2", "unmount %s", targets[i]);
			continue;
		}
		attack_succeeded(attack, "umount2", "%s may be unmounted", targets[i]);
		return;
	}
}

static void pivot_root(struct vxe_attack *attack)
{
	/* EBUSY, EINVAL: it is only the place that is wrong. */
	long ret = sys2(SYS_pivot_root, ".", ".");

	if (ret >= 0 || ret == -EBUSY || ret == -EINVAL)
		attack_succeeded(attack, "pivot_root", "the call is let through");
	else
		attack_failed(attack, ret, "pivot_root", "change the root");
}

static void open_filesystem(struct vxe_attack *attack)
{
	long context = sys2(SYS_fsopen, "tmpfs", 0);

	if (context < 0) {
		attack_failed(attack, context, "fsopen", "open a file system");
		return;
	}
	long ret = sys5(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, 0, 0, 0);
	if (ret < 0) {
		attack_failed(attack, ret, "fsconfig", "create a file system");
		return;
	}
	ret = sys3(SYS_fsmount, context, 0, 0);
	if (ret < 0) {
		attack_failed(attack, ret, "fsmount", "make a mount");
		return;
	}
	long moved = sys5(SYS_move_mount, ret, "", AT_FDCWD, place(attack), MOVE_MOUNT_F_EMPTY_PATH);
	if (moved >= 0)
		sys2(SYS_umount2, place(attack), MNT_DETACH);
	/* Even where it cannot be put into the tree it is a place to write to. */
	attack_succeeded(attack, "fsmount", moved < 0 ? "a mount outside the tree" : "a mount in the tree");
}

static void clone_tree(struct vxe_attack *attack)
{
	/* OPEN_TREE_CLONE */
	answer(attack, sys3(SYS_open_tree, AT_FDCWD, "/", 1), "open_tree", "clone the tree");
}

static void set_attributes(struct vxe_attack *attack)
{
	struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_NODIRATIME};
	long ret = sys5(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof(attributes));

	answer(attack, ret, "mount_setattr", "change how the root is mounted");
}

static void pick_filesystem(struct vxe_attack *attack)
{
	answer(attack, sys3(SYS_fspick, AT_FDCWD, "/", 0), "fspick", "take hold of the root's file system");
}

static void list_mounts(struct vxe_attack *attack)
{
	/* listmount, since Linux 6.8, of LSMT_ROOT. */
	struct {
		uint32_t size, spare;
		uint64_t mount, param;
	} request = {.size = 24, .mount = UINT64_MAX};
	uint64_t mounts[64];
	long ret = sys4(458, &request, mounts, COUNT_OF(mounts), 0);

	answer(attack, ret, "listmount", "list the mounts");
}

static uint64_t root_identity(void)
{
	struct stat status;

	if (sys2(SYS_stat, "/", &status) < 0 && sys4(SYS_newfstatat, AT_FDCWD, "/", &status, 0) < 0)
		return 0;
	return ((uint64_t)status.st_dev << 32) ^ status.st_ino;
}

/* A folder to go down into, from which the way up leads past the root. */
static const char *jail(struct vxe_attack *attack, char path[ATTACK_PATH])
{
	for (size_t i = 0; attack->world->dirs[i]; i++) {
		attack_format(path, ATTACK_PATH, "%s/vxe-attack-jail",
			      attack_equal(attack->world->dirs[i], "/") ? "" : attack->world->dirs[i]);
		if (sys2(SYS_mkdir, path, 0700) >= 0 || sys3(SYS_mkdirat, AT_FDCWD, path, 0700) >= 0)
			return path;
	}
	/* One that is there serves as well. */
	for (size_t i = 0; attack->world->dirs[i]; i++)
		if (!attack_equal(attack->world->dirs[i], "/"))
			return attack->world->dirs[i];
	return NULL;
}

static void escape_chroot(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	const char *prison = "/vxe-attack-prison";

	/* The control needs a prison to escape from; inside, the confinement is the prison. */
	if (attack->world->control) {
		sys2(SYS_mkdir, prison, 0755);
		sys1(SYS_chroot, prison);
		sys1(SYS_chdir, "/");
		sys2(SYS_mkdir, "/vxe-attack-jail", 0755);
	}
	uint64_t before = root_identity();
	const char *folder = attack->world->control ? "/vxe-attack-jail" : jail(attack, path);
	if (!folder) {
		attack_failed(attack, -ENOENT, "chroot", "find a folder to change the root to");
		return;
	}
	long top = attack_open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long ret = sys1(SYS_chroot, folder);
	if (folder == path)
		sys1(SYS_rmdir, path);
	if (ret < 0) {
		attack_failed(attack, ret, "chroot", "change the root to %s", folder);
		return;
	}
	ret = top < 0 ? -EBADF : sys1(SYS_fchdir, top);
	for (int i = 0; i < 64; i++)
		sys1(SYS_chdir, "..");
	ret = sys1(SYS_chroot, ".");
	if (ret < 0) {
		attack_failed(attack, ret, "chroot", "change the root to what is above");
		return;
	}
	if (root_identity() != before)
		attack_succeeded(attack, "chroot", "the root is now another than the one it was shut in");
	else
		attack_failed(attack, -EXDEV, "chroot", "get above the root");
}

static void change_root(struct vxe_attack *attack)
{
	const char *folder = attack->world->control ? "/mnt" : attack->world->dirs[0] ? attack->world->dirs[0] : "/";

	attack_event(attack, "chroot(\"%s\")", folder);
	answer(attack, sys1(SYS_chroot, folder), "chroot", "change the root");
}

static void climb(struct vxe_attack *attack)
{
	/* No call that anybody would forbid: only the way up from every descriptor that is there. */
	uint64_t before = root_identity();
	struct stat status;

	if (attack->world->control) {
		/* A descriptor of the outside, and a root below it: what a careless launcher leaves. */
		sys1(SYS_open, "/");
		sys2(SYS_mkdir, "/vxe-attack-prison", 0755);
		sys1(SYS_chroot, "/vxe-attack-prison");
		before = root_identity();
	}
	for (int fd = 0; fd < 256; fd++) {
		if (sys3(SYS_fcntl, fd, F_GETFD, 0) == -EBADF || sys1(SYS_fchdir, fd) < 0)
			continue;
		for (int i = 0; i < 64; i++)
			sys1(SYS_chdir, "..");
		if (sys2(SYS_stat, ".", &status) < 0 && sys4(SYS_newfstatat, AT_FDCWD, ".", &status, 0) < 0)
			continue;
		if ((((uint64_t)status.st_dev << 32) ^ status.st_ino) != before) {
			attack_succeeded(attack, "fchdir", "descriptor %d leads above the root", fd);
			return;
		}
	}
	attack_failed(attack, -EXDEV, "fchdir", "get above the root from a descriptor");
}

static void join(struct vxe_attack *attack, const char *name, long type)
{
	char path[64];
	/* Of the outside's process first, then of the instance's init, whose namespaces may be the host's. */
	long pids[16];
	size_t count = attack_outside_pids(attack, pids, COUNT_OF(pids));

	for (size_t i = 0; i < count; i++) {
		attack_format(path, sizeof(path), "/proc/%ld/ns/%s", pids[i], name);
		long fd = attack_open(path, O_RDONLY | O_CLOEXEC, 0);
		if (fd < 0) {
			attack_failed(attack, fd, "openat", "open %s", path);
			continue;
		}
		long ret = sys2(SYS_setns, fd, type);
		attack_close(fd);
		answer(attack, ret, "setns", path);
		if (ret >= 0)
			return;
	}
}

static void join_mount(struct vxe_attack *attack)
{
	join(attack, "mnt", CLONE_NEWNS);
}

static void join_network(struct vxe_attack *attack)
{
	join(attack, "net", CLONE_NEWNET);
}

static void join_pid(struct vxe_attack *attack)
{
	join(attack, "pid", CLONE_NEWPID);
}

static void join_by_handle(struct vxe_attack *attack)
{
	long pids[16];
	size_t count = attack_outside_pids(attack, pids, COUNT_OF(pids));

	for (size_t i = 0; i < count; i++) {
		long handle = sys2(SYS_pidfd_open, pids[i], 0);

		if (handle < 0) {
			attack_failed(attack, handle, "pidfd_open", "get a handle of process %ld", pids[i]);
			continue;
		}
		long ret = sys2(SYS_setns, handle, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS);
		attack_close(handle);
		answer(attack, ret, "setns", "join all namespaces of another process");
		if (ret >= 0)
			return;
	}
}

static void separate(struct vxe_attack *attack, unsigned long flags, const char *step)
{
	answer(attack, sys1(SYS_unshare, flags), "unshare", step);
}

static void unshare_user(struct vxe_attack *attack)
{
	separate(attack, CLONE_NEWUSER, "a user namespace, in which it has every capability");
}

static void unshare_mount(struct vxe_attack *attack)
{
	separate(attack, CLONE_NEWNS, "a mount namespace");
}

static void unshare_network(struct vxe_attack *attack)
{
	separate(attack, CLONE_NEWNET, "a network namespace");
}

static void unshare_others(struct vxe_attack *attack)
{
	static const unsigned long kinds[] = {CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP,
					      0x80 /* CLONE_NEWTIME */};

	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		separate(attack, kinds[i], "a namespace of another kind");
}

static void user_then_mount(struct vxe_attack *attack)
{
	long ret = sys1(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS);

	if (ret < 0) {
		attack_failed(attack, ret, "unshare", "make a user and a mount namespace");
		return;
	}
	answer(attack, sys5(SYS_mount, "none", place(attack), "tmpfs", 0, 0), "mount", "mount in a user namespace");
}

static void clone_user(struct vxe_attack *attack)
{
	long pid = sys5(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		sys_exit(0);
	if (pid > 0)
		attack_wait(pid);
	answer(attack, pid, "clone", "a child in a user namespace");
}

static void clone3_user(struct vxe_attack *attack)
{
	/* struct clone_args, as long as it was at first. */
	uint64_t args[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0};
	long pid = sys2(SYS_clone3, args, sizeof(args));

	if (pid == 0)
		sys_exit(0);
	if (pid > 0)
		attack_wait(pid);
	answer(attack, pid, "clone3", "a child in a user namespace, its flags in memory");
}

#define GROUP "mounts"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("mount-tmpfs", "Mounts an empty file system.", "It is mounted and unmounted.", "mount()", mount_tmpfs),
	ROW("mount-proc", "Mounts another /proc.", "It is mounted and unmounted.", "mount()", mount_proc),
	ROW("mount-bind", "Mounts the root once more.", "It is mounted and unmounted.", "mount()", mount_bind),
	ROW("mount-cgroup", "Mounts the control groups.", "They are mounted and unmounted.", "mount()", mount_cgroup),
	ROW("mount-overlay", "Mounts an overlay.", "It is mounted and unmounted.", "mount()", mount_overlay),
	ROW("remount-root", "Changes how the root is mounted, to make it writable again.", "It is remounted.", "mount()",
	    remount_root),
	ROW("umount", "Unmounts what masks something.", "The kernel only wants to be asked twice.", "umount2()", unmount_masks),
	ROW("pivot-root", "Changes the root of the tree.", "The kernel only minds the place.", "pivot_root()", pivot_root),
	ROW("fsmount", "Makes a file system by the newer calls.", "It is made.", "fsopen()\nfsmount()", open_filesystem),
	ROW("open-tree-clone", "Clones the tree.", "It is cloned.", "open_tree(-100, \"/\", 1)", clone_tree),
	ROW("mount-setattr", "Changes a mount's attributes.", "They are changed.", "mount_setattr()", set_attributes),
	ROW("fspick", "Takes hold of the root's file system.", "It has it.", "fspick()", pick_filesystem),
	ROW("listmount", "Lists the mounts by the newer call.", "They are listed.", "listmount()", list_mounts),
	ROW("chroot", "Changes its root.", "It is changed.", NULL, change_root),
	ROW("chroot-escape", "Leaves its root by a second chroot and a kept descriptor.", "It leaves a chroot prison.", NULL,
	    escape_chroot),
	ROW("descriptor-climb", "Climbs from every descriptor it has.", "A planted descriptor leads out of a chroot prison.",
	    NULL, climb),
	ROW("setns-mount", "Joins another process's mount namespace.", "It joins.", "setns()", join_mount),
	ROW("setns-network", "Joins another process's network namespace.", "It joins.", "setns()", join_network),
	ROW("setns-pid", "Joins another process's process namespace.", "It joins.", "setns()", join_pid),
	ROW("setns-pidfd", "Joins all of another process's namespaces by a handle.", "It joins.", "pidfd_open()\nsetns()",
	    join_by_handle),
	ROW("unshare-user", "Makes a user namespace.", "It is made.", "unshare(CLONE_NEWUSER)", unshare_user),
	ROW("unshare-mount", "Makes a mount namespace.", "It is made.", "unshare(CLONE_NEWNS)", unshare_mount),
	ROW("unshare-network", "Makes a network namespace.", "It is made.", "unshare(CLONE_NEWNET)", unshare_network),
	ROW("unshare-others", "Makes namespaces of the other kinds.", "They are made.", "unshare(CLONE_NEWUTS)",
	    unshare_others),
	ROW("user-then-mount", "Mounts in a user namespace.", "It is mounted.", "unshare(CLONE_NEWUSER | CLONE_NEWNS)\nmount()",
	    user_then_mount),
	ROW("clone-user", "Forks into a user namespace.", "It forks.", "clone(CLONE_NEWUSER)", clone_user),
	ROW("clone3-user", "The same by clone3, which passes its flags in memory.", "It forks.", "clone3()", clone3_user),
};

const struct vxe_attack_group vxe_attack_mounts = {rows, COUNT_OF(rows)};
