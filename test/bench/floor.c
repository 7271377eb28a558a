/*
 * The floor: the fewest kernel calls that give a program the same confinement as a VXE launch, with nothing around them: no
 * configuration, no state, no supervisor, no error messages worth reading. What VXE takes beyond this is VXE's own.
 *
 *   floor ROOTFS PROGRAM [FILTER]     FILTER: a seccomp program, an array of struct sock_filter
 */
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
	mode_t old = umask(0);

	need(mknod(path, S_IFCHR | 0666, makedev(1, minor_number)) == 0, path);
	umask(old);
}

static void make_tree(const char *rootfs)
{
	int tree;

	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	tree = open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	need(tree >= 0, rootfs);
	need(move_mount(tree, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH) == 0, "move_mount");
	need(fchdir(tree) == 0, "fchdir");
	need(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
	need(umount2(".", MNT_DETACH) == 0, "umount2");
	need(chdir("/") == 0, "chdir");
	need(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2") == 0, "/proc");
	need(mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") == 0, "/dev");
	device("/dev/null", 3);
	device("/dev/zero", 5);
	device("/dev/full", 7);
	device("/dev/random", 8);
	device("/dev/urandom", 9);
	need(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL) == 0, "read-only");
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
	/* A notified call would wait for a supervisor, which the floor has not; the filter's length and its way stay the same. */
	for (size_t i = 0; i < (size_t)size / sizeof(code[0]); i++)
		if (code[i].code == (BPF_RET | BPF_K) && code[i].k == SECCOMP_RET_USER_NOTIF)
			code[i].k = SECCOMP_RET_ALLOW;
	program->len = (unsigned short)((size_t)size / sizeof(code[0]));
	program->filter = code;
}

int main(int argc, char **argv)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog filter = {.len = 1, .filter = allow};
	int status = 0;
	pid_t child;

	if (argc < 3) {
		fprintf(stderr, "floor: ROOTFS PROGRAM [FILTER]\n");
		return 2;
	}
	if (argc > 3)
		load_filter(argv[3], &filter);
	child = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
	need(child >= 0, "clone");
	if (child == 0) {
		char *const arguments[] = {argv[2], NULL}, *const environment[] = {NULL};

		need(sethostname("floor", 5) == 0, "sethostname");
		make_tree(argv[1]);
		drop_capabilities();
		need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
		restrict_files(argv[2]);
		need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0, "seccomp");
		execve(argv[2], arguments, environment);
		_exit(127);
	}
	need(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
