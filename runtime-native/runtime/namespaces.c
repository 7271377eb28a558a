#include "namespaces.h"

#include <sched.h>

#include "kernel.h"

const struct vxe_namespace_kind vxe_namespace_kinds[VXE_NAMESPACE_KINDS] = {
	{CLONE_NEWUSER, "user"}, {CLONE_NEWPID, "pid"},	      {CLONE_NEWNET, "net"}, {CLONE_NEWIPC, "ipc"},
	{CLONE_NEWUTS, "uts"},	 {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWNS, "mnt"},  {CLONE_NEWTIME, "time_for_children"},
};
