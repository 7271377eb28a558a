/*
 * Hooks after calls (org.vxe.after): a companion of the supervisor, vxe-recorder with its BPF program, which tells what a profile wants to be told
 * of when the kernel has performed it. It is there before the program is executed, and until nothing of it is left; without it the
 * instance does not start, and does not go on.
 */
#ifndef VXE_VERBS_COMPANION_H
#define VXE_VERBS_COMPANION_H

#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"
#include "launch.h"

struct vxe_companion {
	int channel;  /* to the companion; its end is the companion's. -1: there is none */
	pid_t pid;    /* of whoever has begun it the child */
	int hooks_fd; /* the file of hooks that it has; -1 */
};
#define VXE_COMPANION_NONE                                                                                                     \
	{                                                                                                                      \
		.channel = -1, .hooks_fd = -1                                                                                  \
	}

bool vxe_companion_wanted(const struct vxe_config *config);
/* Starts it, with the hooks of the bundle and the folder of the instance's logs. While it gets ready the launch may go on. */
int vxe_companion_begin(struct vxe_companion *companion, const struct vxe_config *config, int bundle_fd, const char *id,
			const char *profile, int log_dir_fd, struct vxe_error **err);
/* The program's process exists and waits: from its execve on all that it and its descendants do is seen. Returns when that is so. */
int vxe_companion_watch(const struct vxe_companion *companion, const struct vxe_launch *launch, struct vxe_error **err);
/* Nothing more comes; returns when what has come is written. */
void vxe_companion_end(struct vxe_companion *companion);

#endif
