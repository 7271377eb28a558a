/*
 * The floor: the fewest kernel calls that give a program the same confinement as a VXE launch of the same bundle, with nothing
 * around them: no configuration, no state, no log, no error messages worth reading. What VXE takes beyond this is VXE's own. The
 * same: a cgroup, the namespaces, the mounts and what covers them, no capabilities, Landlock, and a filter whose listener is
 * somebody else's and lets the one execve through.
 *
 *   floor ROOTFS PROGRAM FILTER CGROUP     FILTER: a seccomp program, an array of struct sock_filter; CGROUP: a folder to make
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET)

/* The attribute as ABI 6 has it; Debian 12's header ends before. */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

/* The layout of clone3's argument; linux/sched.h clashes with sched.h. */
struct clone_attr {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
#define INTO_CGROUP 0x200000000ull

/* What VXE's bundles keep from a program below /proc and /sys (src/bundle), as far as this kernel has it. */
static const char *const masked[] = {"proc/acpi",
				     "proc/asound",
				     "proc/interrupts",
				     "proc/kcore",
				     "proc/keys",
				     "proc/latency_stats",
				     "proc/sched_debug",
				     "proc/scsi",
				     "proc/timer_list",
				     "proc/timer_stats",
				     "sys/devices/virtual/powercap",
				     "sys/firmware"};
static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};

/* Every right that ABI 5 knows, both TCP rights of ABI 4, both scopes of ABI 6. */
#define ALL_FS ((1ull << 16) - 1)
#define ALL_NET 3ull
#define ALL_SCOPES 3ull

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(125);
}

static void device(const char *path, unsigned int minor_number)
{
	need(mknod(path, S_IFCHR | 0666, makedev(1, minor_number)) == 0, path);
}

static void cover(const char *path, int null_fd)
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		need(mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=1") == 0, path);
		return;
	}
	fd = open_tree(null_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	need(fd >= 0 && move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0, path);
	close(fd);
}

static void keep_from_writing(const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0 && errno == ENOENT)
		return;
	need(fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) == 0 &&
		     move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0,
	     path);
	close(fd);
}

/* Everything is made from inside the new root, while the host's is still there, and the root changed last. */
static void make_tree(const char *rootfs)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int null_fd = open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLOEXEC), tree;

	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	tree = open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	need(tree >= 0, rootfs);
	need(move_mount(tree, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH) == 0, "move_mount");
	need(fchdir(tree) == 0, "fchdir");
	need(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") == 0, "/dev");
	umask(0);
	device("dev/null", 3);
	device("dev/zero", 5);
	device("dev/full", 7);
	device("dev/random", 8);
	device("dev/urandom", 9);
	umask(022);
	need(symlink("/proc/self/fd", "dev/fd") == 0 && symlink("/proc/self/fd/0", "dev/stdin") == 0 &&
		     symlink("/proc/self/fd/1", "dev/stdout") == 0 && symlink("/proc/self/fd/2", "dev/stderr") == 0,
	     "links");
	need(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0, "/proc");
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++)
		keep_from_writing(read_only[i]);
	for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++)
		cover(masked[i], null_fd);
	need(mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0, "read-only");
	need(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
	need(umount2(".", MNT_DETACH) == 0, "umount2");
	need(chdir("/") == 0, "chdir");
	close(null_fd);
	close(tree);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	need(syscall(SYS_capset, &header, none) == 0, "capset");
}

static void restrict_files(const char *program)
{
	struct ruleset_attr attr = {ALL_FS, ALL_NET, ALL_SCOPES};
	struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	need(ruleset >= 0, "landlock_create_ruleset");
	rule.parent_fd = open(program, O_PATH | O_CLOEXEC);
	need(rule.parent_fd >= 0, program);
	need(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0, "landlock_add_rule");
	close(rule.parent_fd);
	need(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0, "landlock_restrict_self");
	close(ruleset);
}

static void load_filter(const char *file, struct sock_fprog *program)
{
	static struct sock_filter code[4096];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	need(fd >= 0, file);
	size = read(fd, code, sizeof(code));
	need(size > 0 && size % (ssize_t)sizeof(code[0]) == 0, file);
	close(fd);
	program->len = (unsigned short)((size_t)size / sizeof(code[0]));
	program->filter = code;
}

/* The supervisor's part: the listener, taken from the child's table, answers its execve. */
static void answer_execve(int pidfd, const int *slot)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	int listener;

	while ((listener = (int)syscall(SYS_pidfd_getfd, pidfd, *(volatile const int *)slot, 0)) < 0)
		need(errno == EBADF, "pidfd_getfd");
	need(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) == 0, "receive");
	response.id = request.id;
	need(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0, "send");
}

int main(int argc, char **argv)
{
	struct sock_fprog filter;
	struct clone_attr attr = {.flags = NAMESPACES | INTO_CGROUP | CLONE_PIDFD, .exit_signal = SIGCHLD};
	int pidfd = -1, ready[2], status = 0;
	int *slot = mmap(NULL, sizeof(*slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char byte;
	pid_t child;

	if (argc != 5) {
		fprintf(stderr, "floor: ROOTFS PROGRAM FILTER CGROUP\n");
		return 2;
	}
	load_filter(argv[3], &filter);
	need(mkdir(argv[4], 0755) == 0, argv[4]);
	attr.cgroup = (uint64_t)open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attr.pidfd = (uint64_t)(uintptr_t)&pidfd;
	need(slot != MAP_FAILED && pipe2(ready, O_CLOEXEC) == 0, "pipe");
	/* A new cgroup namespace is rooted where its maker is: made by the child, in its cgroup. */
	attr.flags &= ~(uint64_t)CLONE_NEWCGROUP;
	child = (pid_t)syscall(SYS_clone3, &attr, sizeof(attr));
	need(child >= 0, "clone3");
	if (child == 0) {
		char *const arguments[] = {argv[2], NULL}, *const environment[] = {NULL};

		need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && unshare(CLONE_NEWCGROUP) == 0, "cgroup namespace");
		need(sethostname("floor", 5) == 0, "sethostname");
		make_tree(argv[1]);
		drop_capabilities();
		need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
		restrict_files(argv[2]);
		*slot = dup(0);
		close(*slot);
		need(write(ready[1], "L", 1) == 1, "tell");
		need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter) == *slot,
		     "seccomp");
		execve(argv[2], arguments, environment);
		_exit(127);
	}
	close(ready[1]);
	need(read(ready[0], &byte, 1) == 1, "ready");
	answer_execve(pidfd, slot);
	need(waitpid(child, &status, 0) == child, "waitpid");
	/* The kernel lets go of a dead process's cgroup when it has left its CPU. */
	while (rmdir(argv[4]) < 0)
		need(errno == EBUSY, "rmdir");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
