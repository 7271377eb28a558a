/* Which of the launcher's descriptors the program gets: org.vxe.descriptors, "stdio listen" or "none"; absent: as the engine has it. */
#ifndef VXE_VERBS_DESCRIPTORS_H
#define VXE_VERBS_DESCRIPTORS_H

#include "config.h"
#include "error.h"
#include "launch.h"

/* What the caller hands over: how many sockets of LISTEN_FDS there are for this process, and that they and the `preserved` descriptors
   behind them are open. To be asked before a fork, since they are named for one process, and before anything else is opened. */
int vxe_descriptors_passed(int preserved, int *sockets, struct vxe_error **err);
/* Takes of them what the profile grants and refuses what it does not, once the supervisor has put its own in place. `stays`: the program goes
   on when its caller has gone. */
int vxe_descriptors_take(const struct vxe_config *config, struct vxe_launch *launch, int sockets, int preserved, bool stays,
			 struct vxe_error **err);

/* For a supervisor that outlives its caller: the caller's descriptors are closed, which are those that an execve would leave open. Who
   waits for the other end of one of them would wait for the container. */
void vxe_descriptors_leave(void);

#endif
