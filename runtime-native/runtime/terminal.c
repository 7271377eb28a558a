#include "terminal.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

/* config-linux.md, Default Devices: /dev/console is the terminal. Only where this program has made a /dev, and only over what it
   has put there: a plain file that is no link. */
static int console_mount(int slave, struct vxe_error **err)
{
	cleanup_fd int target = sys_openat2(AT_FDCWD, "/dev/console", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	cleanup_fd int clone = -1;
	struct stat st;

	if (target < 0 && errno == ENOENT)
		return 0;
	if (target < 0 || fstat(target, &st) < 0 || !S_ISREG(st.st_mode))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "/dev/console of the rootfs is not a plain file");
	clone = sys_open_tree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	if (clone < 0 || sys_move_mount(clone, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "mounting the terminal on /dev/console");
	return 0;
}

int vxe_terminal_make(int console_socket, const struct vxe_process *process, bool console, struct vxe_error **err)
{
	cleanup_fd int master = -1;
	cleanup_fd int slave = -1;
	struct winsize size = {.ws_row = process->console_rows, .ws_col = process->console_columns};
	unsigned int number = 0;
	int unlock = 0;
	struct statfs fs;
	char name[32];

	if (console_socket < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "config.json: process.terminal is set, and there is no --console-socket");
		return vxe_error_hint(err, "give one, or set process.terminal to false");
	}
	/* The rootfs must not make the terminal a file of its own choice (CVE-2025-52565). */
	master = sys_openat2(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_NO_SYMLINKS);
	if (master < 0 || fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "making a terminal: the instance needs a devpts on /dev/pts");
	if (ioctl(master, TIOCGPTN, &number) < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a terminal");
	/* TIOCGPTPEER: the other end by descriptor, no path. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the terminal");
	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	if ((size.ws_row || size.ws_col) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the terminal's size");
	/* The program's user opens it again, by /dev/pts/N or /dev/console; a user that the namespace does not map has no terminal of its own. */
	if (process->uid != 0 && fchown(slave, process->uid, (gid_t)-1) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "giving the terminal to the user %u", process->uid);
	if (console && console_mount(slave, err) < 0)
		return -1;
	if (vxe_send_all(console_socket, name, strlen(name), master) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "sending the terminal over the console socket");
	if (ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the terminal the program's");
	return 0;
}
