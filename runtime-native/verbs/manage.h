/* What is done to a container from outside while it is there: signals, pause, limits, and looking. */
#ifndef VXE_VERBS_MANAGE_H
#define VXE_VERBS_MANAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"

/* all: every process of the container, not the first one alone. */
int vxe_instance_kill(const char *root, const char *id, int sig, bool all, struct vxe_error **err);
int vxe_instance_pause(const char *root, const char *id, bool paused, struct vxe_error **err);
int vxe_instance_update(const char *root, const char *id, const struct vxe_resources *resources, struct vxe_error **err);
/* The container's processes, host's numbers; malloc'd. */
int vxe_instance_processes(const char *root, const char *id, pid_t **pids, size_t *count, struct vxe_error **err);
/* The descriptor of a running container's cgroup; `doing` is the verb, for the message. */
int vxe_instance_cgroup(const char *root, const char *id, const char *doing, struct vxe_error **err);

#endif
