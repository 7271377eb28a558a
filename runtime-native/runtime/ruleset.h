/* Landlock (Documentation/userspace-api/landlock.rst): from process.landlock to a ruleset, and the restriction. */
#ifndef VXE_RUNTIME_RULESET_H
#define VXE_RUNTIME_RULESET_H

#include "config.h"
#include "error.h"

/* The running kernel's ABI; 0 where Landlock is absent or off. */
int vxe_landlock_abi(void);
/* A right or scope that the kernel does not know is an error naming it: nothing is dropped. */
int vxe_landlock_check(const struct vxe_landlock *landlock, struct vxe_error **err);
/* Opens every path below root_fd and makes the ruleset. Gives its descriptor. */
int vxe_landlock_build(const struct vxe_landlock *landlock, int root_fd, int *ruleset_fd, struct vxe_error **err);
/* Restricts the calling thread; it needs no_new_privs or CAP_SYS_ADMIN. 0 or -1 with errno. */
int vxe_landlock_restrict(const struct vxe_landlock *landlock, int ruleset_fd);

#endif
