#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "config.h"
#include "kernel.h"

const struct vxe_namespace_kind vxe_namespace_kinds[VXE_NAMESPACE_KINDS] = {
	{CLONE_NEWUSER, "user", "user"},  {CLONE_NEWPID, "pid", "pid"},
	{CLONE_NEWNET, "net", "network"}, {CLONE_NEWIPC, "ipc", "ipc"},
	{CLONE_NEWUTS, "uts", "uts"},	  {CLONE_NEWCGROUP, "cgroup", "cgroup"},
	{CLONE_NEWNS, "mnt", "mount"},	  {CLONE_NEWTIME, "time_for_children", "time"},
};

const char *vxe_namespace_type(int flag)
{
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		if (vxe_namespace_kinds[i].flag == flag)
			return vxe_namespace_kinds[i].type;
	return "unknown";
}

int vxe_namespace_open(const struct vxe_namespace *given, struct vxe_error **err)
{
	/* What is no namespace may be a fifo that nobody writes to. */
	cleanup_fd int fd = open(given->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int type = fd < 0 ? -1 : ioctl(fd, NS_GET_NSTYPE);

	if (fd >= 0 && type == given->flag)
		return steal_fd(&fd);
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: linux.namespaces: opening the %s namespace %s",
				     vxe_namespace_type(given->flag), given->path);
	if (type < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: linux.namespaces: %s is no namespace",
				     given->path);
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: linux.namespaces: %s is a namespace of type %s, not %s",
			     given->path, vxe_namespace_type(type), vxe_namespace_type(given->flag));
}
