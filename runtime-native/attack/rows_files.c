/* Files that the program has no business with: accounts, other people's mail, the whole tree. */
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static void open_file(struct vxe_attack *attack, const char *path, int flags)
{
	long fd = attack_open(path, flags | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s", path);
		return;
	}
	attack_close(fd);
	attack_succeeded(attack, "openat", "%s is open", path);
}

static void read_file(struct vxe_attack *attack, const char *path)
{
	char byte;
	long fd = attack_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s to read", path);
		return;
	}
	long ret = sys3(SYS_read, fd, &byte, 1);
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "read", "read %s", path);
	else
		attack_succeeded(attack, "openat", "%s was read", path);
}

static void read_shadow(struct vxe_attack *attack)
{
	read_file(attack, "/etc/shadow");
}

static void write_shadow(struct vxe_attack *attack)
{
	open_file(attack, "/etc/shadow", O_WRONLY | O_APPEND);
}

static void read_gshadow(struct vxe_attack *attack)
{
	read_file(attack, "/etc/gshadow");
}

static void write_accounts(struct vxe_attack *attack)
{
	open_file(attack, "/etc/passwd", O_WRONLY | O_APPEND);
}

static void truncate_accounts(struct vxe_attack *attack)
{
	struct stat status;
	long ret = sys2(SYS_stat, "/etc/passwd", &status);

	if (ret < 0)
		ret = sys4(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &status, 0);
	/* To its own length, so that nothing is lost where it works; without knowing the length it is not tried for real. */
	ret = sys2(SYS_truncate, ret < 0 ? "/etc/passwd/." : "/etc/passwd", ret < 0 ? 0 : status.st_size);
	if (ret < 0)
		attack_failed(attack, ret, "truncate", "truncate /etc/passwd");
	else
		attack_succeeded(attack, "truncate", "/etc/passwd can be cut");
}

static void write_program(struct vxe_attack *attack)
{
	const char *program = attack->world->program;

	if (!program) {
		attack_failed(attack, -ENOENT, "openat", "know the program's path");
		return;
	}
	attack_event(attack, "openat(\"%s\", O_WRONLY)", program);
	long fd = attack_open(program, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
	/* ETXTBSY: it runs at the moment, which the kernel notices before it asks Landlock or the mount; no answer at all. */
	if (fd < 0) {
		attack_failed(attack, fd, "openat", "open %s to write", program);
		return;
	}
	attack_close(fd);
	attack_succeeded(attack, "openat", "%s can be overwritten", program);
}

static void write_library(struct vxe_attack *attack)
{
	static const char *const libraries[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6",
						"/lib64/ld-linux-x86-64.so.2", "/etc/ld.so.cache"};

	for (size_t i = 0; i < COUNT_OF(libraries); i++)
		open_file(attack, libraries[i], O_WRONLY | O_APPEND);
}

static void preload(struct vxe_attack *attack)
{
	long fd = attack_open("/etc/ld.so.preload", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 && fd != -EEXIST) {
		attack_failed(attack, fd, "openat", "make /etc/ld.so.preload");
		return;
	}
	attack_close(fd);
	if (fd >= 0)
		attack_unlink("/etc/ld.so.preload");
	attack_succeeded(attack, "openat", "/etc/ld.so.preload can be made");
}

static void read_mail(struct vxe_attack *attack)
{
	if (!attack->world->mailbox) {
		attack_failed(attack, -ENOENT, "openat", "find another user's file");
		return;
	}
	attack_event(attack, "openat(\"%s\", O_RDONLY)", attack->world->mailbox);
	read_file(attack, attack->world->mailbox);
}

static void read_mail_as_owner(struct vxe_attack *attack)
{
	uid_t owner = attack->world->mailbox_owner;

	if (!attack->world->mailbox) {
		attack_failed(attack, -ENOENT, "openat", "find another user's file");
		return;
	}
	long ret = sys3(SYS_setresuid, owner, owner, owner);
	if (ret >= 0) {
		attack_event(attack, "setresuid(%u, %u, %u)", owner, owner, owner);
	} else {
		ret = sys1(SYS_setuid, owner);
		attack_event(attack, "setuid(%u)", owner);
	}
	if (ret < 0) {
		attack_failed(attack, ret, "setuid", "become the file's owner");
		return;
	}
	attack_event(attack, "openat(\"%s\", O_RDONLY)", attack->world->mailbox);
	read_file(attack, attack->world->mailbox);
}

/* Every folder is tried; those that take it are told, and the evaluator says which of them the profile means to. */
static void create_anywhere(struct vxe_attack *attack)
{
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_new_file(attack, O_WRONLY, 0600, path, &dir)) >= 0) {
		attack_close(fd);
		attack_unlink(path);
		attack_event(attack, "openat(\"%s\", O_WRONLY | O_CREAT | O_EXCL)", path);
		attack_succeeded(attack, "openat", "%s", attack->world->dirs[dir - 1]);
	}
}

typedef long make_function(const char *path);

static void make_anywhere(struct vxe_attack *attack, const char *call, const char *what, make_function *make, bool directory)
{
	for (size_t i = 0; attack->world->dirs[i]; i++) {
		const char *folder = attack->world->dirs[i];
		char path[ATTACK_PATH];

		attack_format(path, sizeof(path), "%s%svxe-attack-%s", folder, attack_equal(folder, "/") ? "" : "/", call);
		long ret = make(path);
		if (ret < 0) {
			attack_failed(attack, ret, call, "make %s in %s", what, folder);
			continue;
		}
		if (!directory)
			attack_unlink(path);
		else if (sys1(SYS_rmdir, path) < 0)
			sys3(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
		attack_event(attack, "%s(\"%s\")", call, path);
		attack_succeeded(attack, call, "%s", folder);
	}
}

static long make_directory(const char *path)
{
	long ret = sys2(SYS_mkdir, path, 0700);

	return ret == -EPERM || ret == -ENOSYS ? sys3(SYS_mkdirat, AT_FDCWD, path, 0700) : ret;
}

static long make_fifo(const char *path)
{
	long ret = sys3(SYS_mknod, path, S_IFIFO | 0600, 0);

	return ret == -EPERM || ret == -ENOSYS ? sys4(SYS_mknodat, AT_FDCWD, path, S_IFIFO | 0600, 0) : ret;
}

static long make_symlink(const char *path)
{
	long ret = sys2(SYS_symlink, "/etc/passwd", path);

	return ret == -EPERM || ret == -ENOSYS ? sys3(SYS_symlinkat, "/etc/passwd", AT_FDCWD, path) : ret;
}

static void mkdir_anywhere(struct vxe_attack *attack)
{
	make_anywhere(attack, "mkdir", "a folder", make_directory, true);
}

static void mkfifo_anywhere(struct vxe_attack *attack)
{
	make_anywhere(attack, "mknod", "a pipe", make_fifo, false);
}

static void symlink_anywhere(struct vxe_attack *attack)
{
	make_anywhere(attack, "symlink", "a symbolic link", make_symlink, false);
}

static void link_outside(struct vxe_attack *attack)
{
	static const char *const targets[] = {"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts"};

	for (size_t i = 0; attack->world->dirs[i]; i++) {
		const char *folder = attack->world->dirs[i];

		for (size_t t = 0; t < COUNT_OF(targets); t++) {
			char path[ATTACK_PATH];

			attack_format(path, sizeof(path), "%s/vxe-attack-link", folder);
			long ret = sys2(SYS_link, targets[t], path);
			if (ret == -EPERM || ret == -ENOSYS)
				ret = sys5(SYS_linkat, AT_FDCWD, targets[t], AT_FDCWD, path, 0);
			if (ret < 0) {
				attack_failed(attack, ret, "link", "link %s into %s", targets[t], folder);
				continue;
			}
			attack_unlink(path);
			attack_event(attack, "link(\"%s\", \"%s\")", targets[t], path);
			attack_succeeded(attack, "link", "%s into %s", targets[t], folder);
		}
	}
}

static void rename_out(struct vxe_attack *attack)
{
	static const char *const outside[] = {"/etc/vxe-attack-renamed", "/usr/vxe-attack-renamed", "/vxe-attack-renamed"};
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd;

	while ((fd = attack_new_file(attack, O_WRONLY, 0600, path, &dir)) >= 0) {
		attack_close(fd);
		for (size_t i = 0; i < COUNT_OF(outside); i++) {
			long ret = sys2(SYS_rename, path, outside[i]);
			if (ret == -EPERM || ret == -ENOSYS)
				ret = sys5(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, outside[i], 0);
			if (ret < 0) {
				attack_failed(attack, ret, "rename", "move a file from %s to %s", attack->world->dirs[dir - 1],
					      outside[i]);
				continue;
			}
			attack_event(attack, "rename(\"%s\", \"%s\")", path, outside[i]);
			attack_succeeded(attack, "rename", "a file is now at %s", outside[i]);
			attack_unlink(outside[i]);
			return;
		}
		attack_unlink(path);
	}
}

static void remove_outside(struct vxe_attack *attack)
{
	/* A folder with something in it is never removed: the answer tells whether it could be. */
	static const char *const folders[] = {"/etc", "/usr", "/lib"};

	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		long ret = sys1(SYS_rmdir, folders[i]);

		if (ret == -EPERM || ret == -ENOSYS)
			ret = sys3(SYS_unlinkat, AT_FDCWD, folders[i], AT_REMOVEDIR);
		if (ret != -ENOTEMPTY)
			attack_failed(attack, ret, "rmdir", "remove %s", folders[i]);
		else
			attack_succeeded(attack, "rmdir", "only its contents keep %s from being removed", folders[i]);
	}
}

static void change_mode(struct vxe_attack *attack)
{
	struct stat status;
	long ret = sys2(SYS_stat, "/etc/passwd", &status);
	unsigned int mode = ret < 0 ? 0644 : status.st_mode & 07777;

	ret = sys2(SYS_chmod, "/etc/passwd", mode);
	if (ret == -EPERM || ret == -ENOSYS)
		ret = sys3(SYS_fchmodat, AT_FDCWD, "/etc/passwd", mode);
	if (ret < 0)
		attack_failed(attack, ret, "chmod", "change the mode of /etc/passwd");
	else
		attack_succeeded(attack, "chmod", "the mode of /etc/passwd can be changed");
}

static void change_mode_2(struct vxe_attack *attack)
{
	/* fchmodat2, since Linux 6.6: a newer call that an older list does not know. */
	long ret = sys4(452, AT_FDCWD, "/etc/passwd", 0644, 0);

	if (ret < 0)
		attack_failed(attack, ret, "fchmodat2", "change the mode of /etc/passwd");
	else
		attack_succeeded(attack, "fchmodat2", "the mode of /etc/passwd can be changed");
}

static void change_owner(struct vxe_attack *attack)
{
	long ret = sys3(SYS_chown, "/etc/passwd", 0, 0);

	if (ret == -EPERM || ret == -ENOSYS)
		ret = sys5(SYS_fchownat, AT_FDCWD, "/etc/passwd", 0, 0, 0);
	if (ret < 0)
		attack_failed(attack, ret, "chown", "change the owner of /etc/passwd");
	else
		attack_succeeded(attack, "chown", "the owner of /etc/passwd can be changed");
}

static void change_attribute(struct vxe_attack *attack)
{
	long ret = sys5(SYS_setxattr, "/etc/passwd", "trusted.vxe-attack", "1", 1, 0);

	if (ret < 0) {
		attack_failed(attack, ret, "setxattr", "set an attribute of /etc/passwd");
		return;
	}
	sys2(SYS_removexattr, "/etc/passwd", "trusted.vxe-attack");
	attack_succeeded(attack, "setxattr", "an attribute of /etc/passwd was set");
}

static void change_times(struct vxe_attack *attack)
{
	struct stat status;
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};

	if (sys2(SYS_stat, "/etc/passwd", &status) == 0) {
		times[0] = status.st_atim;
		times[1] = status.st_mtim;
	}
	long ret = sys4(SYS_utimensat, AT_FDCWD, "/etc/passwd", times, 0);
	if (ret < 0)
		attack_failed(attack, ret, "utimensat", "change the times of /etc/passwd");
	else
		attack_succeeded(attack, "utimensat", "the times of /etc/passwd can be changed");
}

static void list_home(struct vxe_attack *attack)
{
	static const char *const folders[] = {"/root", "/home", "/var/lib", "/boot"};
	char buffer[512] __attribute__((aligned(8)));

	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		long fd = attack_open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

		if (fd < 0) {
			attack_failed(attack, fd, "openat", "open %s", folders[i]);
			continue;
		}
		long ret = sys3(SYS_getdents64, fd, buffer, sizeof(buffer));
		attack_close(fd);
		if (ret < 0) {
			attack_failed(attack, ret, "getdents64", "list %s", folders[i]);
			continue;
		}
		attack_event(attack, "openat(\"%s\", O_RDONLY | O_DIRECTORY)", folders[i]);
		attack_succeeded(attack, "openat", "%s was listed", folders[i]);
	}
}

static void swallow_disk(struct vxe_attack *attack)
{
	/* Not to fill anything: a sparse file is enough to see whether there is a bound on size. */
	char path[ATTACK_PATH];
	size_t dir = 0;
	long fd = attack_code_file(attack, O_WRONLY, 0600, path, &dir);

	if (fd < 0)
		return;
	long ret = sys2(SYS_ftruncate, fd, 1L << 40);
	if (ret >= 0)
		sys2(SYS_ftruncate, fd, 0);
	attack_close(fd);
	attack_discard(attack, path);
	attack_event(attack, "ftruncate(%ld, %ld)", fd, 1L << 40);
	if (ret < 0)
		attack_failed(attack, ret, "ftruncate", "make a file of 1 TiB");
	else
		attack_succeeded(attack, "ftruncate", "%s, of 1 TiB", path);
}

#define GROUP "files"

static const struct vxe_attack_row rows[] = {
	{"shadow-read", GROUP, "Reads the password hashes.", "/etc/shadow is read.", "openat(\"/etc/shadow\", O_RDONLY)",
	 VXE_NO_CAPABILITY, read_shadow},
	{"shadow-write", GROUP, "Opens the password hashes to write.", "/etc/shadow is open.",
	 "openat(\"/etc/shadow\", O_WRONLY)", VXE_NO_CAPABILITY, write_shadow},
	{"gshadow-read", GROUP, "Reads the groups' password hashes.", "/etc/gshadow is read.",
	 "openat(\"/etc/gshadow\", O_RDONLY)", VXE_NO_CAPABILITY, read_gshadow},
	{"accounts-write", GROUP, "Opens the list of accounts to write.", "/etc/passwd is open.",
	 "openat(\"/etc/passwd\", O_WRONLY)", VXE_NO_CAPABILITY, write_accounts},
	{"accounts-truncate", GROUP, "Cuts the list of accounts.", "/etc/passwd is cut to the length it has.",
	 "truncate(\"/etc/passwd\", 0)", VXE_NO_CAPABILITY, truncate_accounts},
	{"program-write", GROUP, "Opens the confined program's file to write.", "It is open.", NULL, VXE_NO_CAPABILITY,
	 write_program},
	{"library-write", GROUP, "Opens the system's libraries to write.", "One is open.",
	 "openat(\"/lib/x86_64-linux-gnu/libc.so.6\", O_WRONLY)", VXE_NO_CAPABILITY, write_library},
	{"preload-make", GROUP, "Makes /etc/ld.so.preload.", "It is made and removed.",
	 "openat(\"/etc/ld.so.preload\", O_WRONLY | O_CREAT | O_EXCL)", VXE_NO_CAPABILITY, preload},
	{"mail-read", GROUP, "Reads another user's mail.", "It is read.", NULL, VXE_NO_CAPABILITY, read_mail},
	{"mail-read-as-owner", GROUP, "Becomes another user and reads that user's mail.", "It is read.", NULL,
	 VXE_NO_CAPABILITY, read_mail_as_owner},
	{"create-anywhere", GROUP, "Makes a file in every folder there is.", "A file is made.", NULL, VXE_NO_CAPABILITY,
	 create_anywhere},
	{"mkdir-anywhere", GROUP, "Makes a folder in every folder there is.", "A folder is made.", NULL, VXE_NO_CAPABILITY,
	 mkdir_anywhere},
	{"mkfifo-anywhere", GROUP, "Makes a named pipe in every folder there is.", "A pipe is made.", NULL, VXE_NO_CAPABILITY,
	 mkfifo_anywhere},
	{"symlink-anywhere", GROUP, "Makes a symbolic link in every folder there is.", "A link is made.", NULL,
	 VXE_NO_CAPABILITY, symlink_anywhere},
	{"link-outside", GROUP, "Links files of /etc into folders that it may write to.", "A link is made.", NULL,
	 VXE_NO_CAPABILITY, link_outside},
	{"rename-out", GROUP, "Moves a file out of a folder that it may write to.", "The file is moved.", NULL,
	 VXE_NO_CAPABILITY, rename_out},
	{"remove-outside", GROUP, "Removes a system folder.", "The kernel only minds that it is not empty.", "rmdir(\"/etc\")",
	 VXE_NO_CAPABILITY, remove_outside},
	{"mode-change", GROUP, "Changes a system file's mode.", "It is changed to what it was.", "chmod(\"/etc/passwd\", 0644)",
	 VXE_NO_CAPABILITY, change_mode},
	{"mode-change-2", GROUP, "Changes a system file's mode by fchmodat2, a newer call.", "It is changed.",
	 "fchmodat2(\"/etc/passwd\", 0644)", VXE_NO_CAPABILITY, change_mode_2},
	{"owner-change", GROUP, "Changes a system file's owner.", "It is changed to what it was.",
	 "chown(\"/etc/passwd\", 0, 0)", VXE_NO_CAPABILITY, change_owner},
	{"attribute-change", GROUP, "Sets an extended attribute of a system file.", "It is set and removed.",
	 "setxattr(\"/etc/passwd\", \"trusted.vxe-attack\")", VXE_NO_CAPABILITY, change_attribute},
	{"times-change", GROUP, "Changes a system file's times.", "They are changed to what they were.",
	 "utimensat(\"/etc/passwd\")", VXE_NO_CAPABILITY, change_times},
	{"list-homes", GROUP, "Lists what others keep: /root, /home, /var/lib, /boot.", "One is listed.", NULL,
	 VXE_NO_CAPABILITY, list_home},
	{"disk-fill", GROUP, "Makes a file of 1 TiB, with nothing in it.", "The file is made.", NULL, VXE_NO_CAPABILITY,
	 swallow_disk},
};

const struct vxe_attack_group vxe_attack_files = {rows, COUNT_OF(rows)};
