/* Landlock (Documentation/userspace-api/landlock.rst): from process.landlock to a ruleset, and the restriction. */
#ifndef VXE_RUNTIME_RULESET_H
#define VXE_RUNTIME_RULESET_H

#include <sys/types.h>

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

/* What a path of a rule led to when it was looked up, whatever that is called by now. */
struct vxe_landlock_object {
	dev_t dev;
	ino_t ino;
	uint64_t access;
};

struct vxe_landlock_objects {
	struct vxe_landlock_object *items; /* by their numbers */
	size_t count;
	int held_fd; /* holds them as a domain would, so that no other file gets their numbers; -1: the kernel has no Landlock */
};

/* The objects that vxe_landlock_build would grant something on. A path that leads to nothing grants nothing. -1: no memory. */
int vxe_landlock_objects_find(const struct vxe_landlock *landlock, int root_fd, struct vxe_landlock_objects *out);
void vxe_landlock_objects_free(struct vxe_landlock_objects *objects);
/* What is granted by the rule for the object itself. */
uint64_t vxe_landlock_objects_access(const struct vxe_landlock_objects *objects, dev_t dev, ino_t ino);

#endif
