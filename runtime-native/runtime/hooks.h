/* OCI hooks (runtime-spec config.md, "POSIX-platform Hooks"): run with the container's state on standard input. */
#ifndef VXE_RUNTIME_HOOKS_H
#define VXE_RUNTIME_HOOKS_H

#include <sys/types.h>

#include "config.h"
#include "error.h"

/* Between a hook's fork and its execve, so that the one who waits for it needs no right of what is taken here. -1: it does not run. */
struct vxe_hook_confinement {
	int (*apply)(void *arg, struct vxe_error **err);
	void *arg;
	char *const *env; /* of the program: a hook's that has none of its own */
};

/* The hooks that are programs of the container, under what holds for its program: an image says what they are. */
int vxe_hooks_run_inside(const struct vxe_hooks *hooks, const char *kind, const struct vxe_config *config, const char *id,
			 pid_t pid, const char *status, const struct vxe_hook_confinement *confinement, struct vxe_error **err);
/* Runs them in order, in the calling process's namespaces; the first failure ends the run. */
int vxe_hooks_run(const struct vxe_hooks *hooks, const char *kind, const struct vxe_config *config, const char *id, pid_t pid,
		  const char *status, struct vxe_error **err);

#endif
