/* What a Landlock domain may not do whatever its rules grant: control devices, signal and reach who is outside of it, mount. */
#include "objects_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "abstract.h"
#include "calls.h"
#include "cleanup.h"
#include "file.h"
#include "landlock.h"
#include "lookup.h"

#ifndef FS_IOC_GETFSUUID
#define FS_IOC_GETFSUUID _IOR(0x15, 0, char[17])
#endif
#ifndef FS_IOC_GETFSSYSFSPATH
#define FS_IOC_GETFSSYSFSPATH _IOR(0x15, 1, char[129])
#endif

#define FSCONFIG_RECONFIGURE 7
#define SOCKETS_MAX (64u << 20) /* bytes of /proc/net/unix */

static bool same_pid_namespace(const char *one, const char *other)
{
	char path[64];
	struct stat a, b;

	snprintf(path, sizeof(path), "/proc/%s/ns/pid", one);
	if (stat(path, &a) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%s/ns/pid", other);
	return stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Does the process hold the socket? Its links read "socket:[INODE]". */
static bool holds_socket(const char *pid, unsigned long inode)
{
	char path[300], wanted[48], link[64];
	DIR *folder;
	bool found = false;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	folder = opendir(path);
	if (!folder)
		return false;
	for (struct dirent *entry = readdir(folder); entry && !found; entry = readdir(folder)) {
		ssize_t got = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);

		link[got < 0 ? 0 : got] = '\0';
		found = !strcmp(link, wanted);
	}
	closedir(folder);
	return found;
}

static bool held_inside(pid_t pid, unsigned long inode)
{
	char caller[16];
	DIR *folder = opendir("/proc");
	bool found = false;

	snprintf(caller, sizeof(caller), "%d", pid);
	if (!folder)
		return false;
	for (struct dirent *entry = readdir(folder); entry && !found; entry = readdir(folder))
		found = isdigit((unsigned char)entry->d_name[0]) && same_pid_namespace(entry->d_name, caller) &&
			holds_socket(entry->d_name, inode);
	closedir(folder);
	return found;
}

bool objects_abstract_outside(pid_t pid, const char *name, size_t length, int type)
{
	unsigned long inodes[VXE_ABSTRACT_MOST];
	cleanup_free char *text = NULL;
	char path[64];
	size_t size, found;

	snprintf(path, sizeof(path), "/proc/%d/net/unix", pid);
	/* What cannot be looked at is nobody's to count as its own. */
	if (vxe_file_read_at(AT_FDCWD, path, SOCKETS_MAX, &text, &size, NULL) < 0)
		return true;
	found = vxe_abstract_find(text, size, name, length, type, inodes);
	/* Who makes it look as if there were several hides nothing by it. */
	if (found > VXE_ABSTRACT_MOST)
		return true;
	for (size_t i = 0; i < found; i++)
		if (!held_inside(pid, inodes[i]))
			return true;
	return false;
}

/* Landlock asks about no request that means the descriptor or the file system and not the device. */
static bool asks_device(unsigned int request)
{
	static const unsigned int others[] = {
		FIOCLEX,       FIONCLEX, FIONBIO, FIOASYNC,	FIOQSIZE,      FIFREEZE,	 FITHAW,
		FS_IOC_FIEMAP, FIGETBSZ, FICLONE, FICLONERANGE, FIDEDUPERANGE, FS_IOC_GETFSUUID, FS_IOC_GETFSSYSFSPATH,
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (others[i] == request)
			return false;
	return true;
}

/* Was the descriptor opened in the caller's own mount namespace? Landlock asks nothing of what was opened before the launch. */
static bool opened_inside(pid_t pid, int fd)
{
	char path[64];
	cleanup_file FILE *file = NULL;
	cleanup_free char *line = NULL;
	size_t space = 0;
	long mount;

	mount = vxe_lookup_fdinfo(pid, fd, "mnt_id:");
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	file = fopen(path, "re");
	while (mount >= 0 && file && getline(&line, &space, file) > 0)
		if (strtol(line, NULL, 10) == mount)
			return true;
	return false;
}

static size_t device_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, struct vxe_object *out)
{
	const struct objects_rights rights = {.object = LANDLOCK_ACCESS_FS_IOCTL_DEV};
	int fd = (int)request->data.args[0];
	struct vxe_lookup found;

	if (!judge->landlock || !(judge->landlock->handled_fs & LANDLOCK_ACCESS_FS_IOCTL_DEV) ||
	    !asks_device((unsigned int)request->data.args[1]) || vxe_lookup((pid_t)request->pid, fd, "", true, &found) < 0 ||
	    !found.exists || !(S_ISCHR(found.type) || S_ISBLK(found.type)) || !opened_inside((pid_t)request->pid, fd))
		return 0;
	objects_file_judge(judge, (pid_t)request->pid, &found, VXE_IOCTL, &rights, out);
	return 1;
}

/* The number that the call names a process by, where it is in a register; 0: it is not such a call. */
static int signalled(const struct seccomp_notif *request, bool *by_descriptor)
{
	const __u64 *args = request->data.args;

	switch (request->data.nr) {
	case SYS_pidfd_send_signal:
		*by_descriptor = true;
		return (int)args[0];
	case SYS_kill:
	case SYS_tkill:
	case SYS_rt_sigqueueinfo:
		return (int)args[0];
	case SYS_tgkill:
	case SYS_rt_tgsigqueueinfo:
		return (int)args[1];
	default:
		return 0;
	}
}

/* Of processes outside the domain, pid 1 of the instance is the one that has a number in it: it is VXE's own. */
static size_t signal_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, struct vxe_object *out)
{
	char caller[16], init[16];
	bool by_descriptor = false;
	int target = signalled(request, &by_descriptor);

	if (view->reaper <= 0 || !view->judge->landlock || !(view->judge->landlock->scoped & LANDLOCK_SCOPE_SIGNAL))
		return 0;
	if (by_descriptor) {
		if (vxe_lookup_fdinfo((pid_t)request->pid, target, "Pid:") != view->reaper)
			return 0;
	} else {
		snprintf(caller, sizeof(caller), "%d", (int)request->pid);
		snprintf(init, sizeof(init), "%d", view->reaper);
		if (target != 1 || !same_pid_namespace(caller, init))
			return 0;
	}
	out->errnum = EPERM;
	out->rule = "scope:signal";
	out->at = "";
	out->refused = true;
	return 1;
}

static bool mounts(const struct seccomp_notif *request)
{
	switch (request->data.nr) {
	case SYS_mount:
	case SYS_umount2:
	case SYS_pivot_root:
	case SYS_move_mount:
		return true;
	case SYS_fsconfig:
		return (unsigned int)request->data.args[1] == FSCONFIG_RECONFIGURE;
	default:
		return false;
	}
}

/* No domain that rules files may mount: its rules are of the tree as it is. */
static size_t mount_judge(const struct vxe_judge *judge, const struct seccomp_notif *request, struct vxe_object *out)
{
	const char *arch;
	cleanup_free char *call = vxe_call_name(request->data.arch, request->data.nr, &arch);
	const struct vxe_judged_call *rule = call ? vxe_judge_call(judge, call) : NULL;

	if (!judge->landlock || !judge->landlock->handled_fs)
		return 0;
	out->errnum = EPERM;
	out->rule = rule ? rule->name.rule : "calls:default";
	out->at = rule ? rule->name.at : "";
	out->narrowed = out->refused = true;
	return 1;
}

size_t objects_scopes_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, struct vxe_object *out)
{
	bool by_descriptor;

	memset(out, 0, sizeof(*out));
	if (request->data.nr == SYS_ioctl)
		return device_judge(view->judge, request, out);
	if (mounts(request))
		return mount_judge(view->judge, request, out);
	return signalled(request, &by_descriptor) ? signal_judge(view, request, out) : 0;
}
