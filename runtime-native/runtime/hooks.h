/* OCI hooks (runtime-spec config.md, "POSIX-platform Hooks"): run with the container's state on standard input. */
#ifndef VXE_RUNTIME_HOOKS_H
#define VXE_RUNTIME_HOOKS_H

#include <sys/types.h>

#include "config.h"
#include "error.h"

/* Runs them in order, in the calling process's namespaces; the first failure ends the run. */
int vxe_hooks_run(const struct vxe_hooks *hooks, const char *kind, const struct vxe_config *config, const char *id, pid_t pid,
		  const char *status, struct vxe_error **err);

#endif
