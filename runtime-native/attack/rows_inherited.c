/* What the launcher left behind: descriptors, the working folder, its own program file, a terminal. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void open_descriptors(struct vxe_attack *attack)
{
	int left = 0;

	if (attack->world->control)
		sys1(SYS_open, "/");
	for (long fd = 3; fd < 1024; fd++) {
		long ret = attack_descriptor(fd);

		if (ret == -EBADF)
			continue;
		if (ret < 0) {
			attack_failed(attack, ret, "fcntl", "look at descriptor %ld", fd);
			return;
		}
		if (left++ < 4)
			attack_succeeded(attack, "fcntl", "descriptor %ld is open", fd);
	}
	if (left == 0)
		attack_failed(attack, -EBADF, "fcntl", "find a descriptor beyond the three that every program has");
}

static void standard_descriptors(struct vxe_attack *attack)
{
	struct stat status;

	if (attack->world->control)
		sys2(SYS_dup2, attack_open("/", O_RDONLY | O_DIRECTORY, 0), 0);
	for (long fd = 0; fd < 3; fd++) {
		long ret = attack_status(fd, &status);

		if (ret < 0) {
			attack_failed(attack, ret, "fstat", "look at descriptor %ld", fd);
			continue;
		}
		if (S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
			attack_succeeded(attack, "fstat", "descriptor %ld is a %s", fd,
					 S_ISDIR(status.st_mode) ? "folder" : "disk");
			return;
		}
		attack_failed(attack, -EBADF, "fstat", "find a folder or a disk at the descriptors that every program has");
	}
}

static void working_folder(struct vxe_attack *attack)
{
	char path[512] = {0};

	if (attack->world->control) {
		/* A working folder that the root does not reach. */
		sys2(SYS_mkdir, "/vxe-attack-prison", 0755);
		sys1(SYS_chdir, "/");
		sys1(SYS_chroot, "/vxe-attack-prison");
	}
	long ret = sys2(SYS_getcwd, path, sizeof(path));
	if (ret < 0) {
		attack_failed(attack, ret, "getcwd", "ask where it is");
		return;
	}
	if (path[0] == '/') {
		attack_failed(attack, -ENOTDIR, "getcwd", "be outside of its root");
		return;
	}
	attack_succeeded(attack, "getcwd", "it is at %s", path);
}

/*
 * A running program's file is busy, and the kernel says so before it asks Landlock or the mount. So reading it is tried
 * first: what may not even be read is refused; what may, and is then only busy, will not be busy for ever.
 */
static void overwrite_executable(struct vxe_attack *attack, const char *path)
{
	long fd = attack_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s", path);
		return;
	}
	attack_close(fd);
	fd = attack_open(path, O_WRONLY | O_CLOEXEC, 0);
	if (fd >= 0 || fd == -ETXTBSY) {
		attack_close(fd);
		attack_succeeded(attack, "openat", "%s can be written%s", path, fd < 0 ? " when it runs no more" : "");
		return;
	}
	attack_failed(attack, fd, "openat", "open %s to write", path);
}

static void overwrite_runtime(struct vxe_attack *attack)
{
	overwrite_executable(attack, "/proc/self/exe");
}

/* A descriptor that was opened for nothing is kept until the program has ended, and opened again to write. */
static void overwrite_runtime_later(struct vxe_attack *attack)
{
	char path[64];
	long fd = attack_open("/proc/self/exe", O_PATH | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "take hold of /proc/self/exe");
		return;
	}
	attack_format(path, sizeof(path), "/proc/self/fd/%ld", fd);
	overwrite_executable(attack, path);
	attack_close(fd);
}

static void init_program(struct vxe_attack *attack)
{
	long pid = attack_init_pid(attack);
	char path[64];

	if (pid == 0)
		return;
	attack_format(path, sizeof(path), "/proc/%ld/exe", pid);
	overwrite_executable(attack, path);
}

static void controlling_terminal(struct vxe_attack *attack)
{
	struct stat status;
	/* The control has a terminal by making one. */
	if (attack->world->control) {
		long fd = attack_open("/dev/ptmx", O_RDWR | O_NOCTTY, 0);

		if (fd < 0)
			attack_failed(attack, fd, "openat", "open /dev/ptmx");
		else
			attack_succeeded(attack, "openat", "a terminal is at hand");
		return;
	}
	long fd = attack_open("/dev/tty", O_RDWR | O_CLOEXEC, 0);
	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open the terminal it was started from");
		return;
	}
	long ret = attack_status(fd, &status);
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "fstat", "look at the terminal");
	else
		attack_succeeded(attack, "openat", "the terminal it was started from is open");
}

static void parent_outside(struct vxe_attack *attack)
{
	/* The launcher's own process, if it is a parent that can be seen. */
	long parent = sys0(SYS_getppid);

	for (int i = 0; i < 2 && parent > 1; i++) {
		char path[64];
		char buffer[16];

		attack_format(path, sizeof(path), "/proc/%ld/environ", parent);
		long fd = attack_open(path, O_RDONLY | O_CLOEXEC, 0);
		if (fd < 0) {
			attack_failed(attack, fd, "openat", "open the environment of process %ld", parent);
			return;
		}
		long ret = sys3(SYS_read, fd, buffer, sizeof(buffer));
		attack_close(fd);
		if (ret < 0) {
			attack_failed(attack, ret, "read", "read the environment of process %ld", parent);
			return;
		}
		attack_succeeded(attack, "openat", "the environment of process %ld was read", parent);
		return;
	}
	attack_failed(attack, -ESRCH, "getppid", "see a parent outside");
}

#define GROUP "inherited"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("descriptors-left", "Finds descriptors that were left open.", "A planted one is found.", NULL, open_descriptors),
	ROW("descriptors-standard", "Finds a folder or a disk at its standard descriptors.", "A planted folder is found.", NULL,
	    standard_descriptors),
	ROW("folder-outside", "Is in a folder outside of its root.", "It is, after a careless chroot.", NULL, working_folder),
	ROW("runtime-overwrite", "Overwrites the program it was started from, through /proc/self/exe.", "It is busy, or open.",
	    "openat(\"/proc/self/exe\", O_WRONLY)", overwrite_runtime),
	ROW("runtime-overwrite-later", "Keeps hold of that program by O_PATH, to overwrite it later.", "It is busy, or open.",
	    "openat(\"/proc/self/exe\", O_WRONLY)", overwrite_runtime_later),
	ROW("init-overwrite", "Overwrites the program of the instance's first process.", "It is busy, or open.",
	    "openat(\"/proc/1/exe\", O_WRONLY)", init_program),
	ROW("terminal-left", "Opens the terminal it was started from.", "A terminal is at hand.", NULL, controlling_terminal),
	ROW("parent-environment", "Reads its parent's environment.", "It is read.", "openat(\"/proc/1/environ\", O_RDONLY)",
	    parent_outside),
};

const struct vxe_attack_group vxe_attack_inherited = {rows, COUNT_OF(rows)};
