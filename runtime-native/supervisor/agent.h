/* The seccomp agent of linux.seccomp.listenerPath: a program of the host that answers a filter's notifications in the runtime's place. */
#ifndef VXE_SUPERVISOR_AGENT_H
#define VXE_SUPERVISOR_AGENT_H

#include <sys/types.h>

#include "config.h"
#include "error.h"
#include "launch.h"

/* Does the configuration name an agent for this launch's filter? */
bool vxe_agent_wanted(const struct vxe_launch *launch);
/* Sends the container process state and the launch's listener to the agent, and closes the listener. `init` is the container's first
   process, `status` the container's. */
int vxe_agent_hand_over(struct vxe_launch *launch, pid_t init, const char *status, struct vxe_error **err);

#endif
