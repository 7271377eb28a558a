/*
 * The systemd cgroup driver: the container's cgroup is that of a transient scope unit, which systemd makes around the container's first
 * process and takes away when it is empty. linux.cgroupsPath is SLICE:PREFIX:NAME, as engines write it.
 */
#ifndef VXE_RUNTIME_SCOPE_H
#define VXE_RUNTIME_SCOPE_H

#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"

/* The names of slice and unit; malloc'd. An empty cgroupsPath is system.slice (user.slice for who is not root) and vxe-ID.scope. */
int vxe_scope_names(const char *cgroups_path, const char *id, char **slice, char **unit, struct vxe_error **err);
/* Whether there is a manager to ask: the host's for its root, else the user's. */
bool vxe_scope_possible(void);
/* Makes the scope with the process in it, and returns when that is so. *path is the cgroup's in the hierarchy; malloc'd. */
int vxe_scope_start(const char *slice, const char *unit, pid_t pid, const struct vxe_resources *resources, char **path,
		    struct vxe_error **err);
/*
 * Has systemd put a process of the caller's into a scope that is there, or into a cgroup `below` it (an absolute path, or ""): who is in a session of
 * its own may not do that by itself. An error unless the process is in `cgroup` then, a path in the file system.
 */
int vxe_scope_attach(const char *unit, const char *below, pid_t pid, const char *cgroup, struct vxe_error **err);
/* Tells systemd the limits that the cgroup has, which it would set back otherwise when it reloads. */
int vxe_scope_tell(const char *unit, int cgroup_fd, struct vxe_error **err);
/* Ends and forgets the unit. One that is gone is no error. */
int vxe_scope_stop(const char *unit, struct vxe_error **err);
/* "slice" and its parents as the folders that systemd makes of them: a-b.slice is a.slice/a-b.slice. For tests. */
bool vxe_scope_is_slice(const char *name);

#endif
