/* What the parts of the mount tree's making share. */
#ifndef VXE_RUNTIME_MOUNT_INTERNAL_H
#define VXE_RUNTIME_MOUNT_INTERNAL_H

#include "mount.h"

/* The detached bind mount of a plan, with its options and mapped ids. `source` is opened already, or -1: by its name. */
int mount_bind(const struct vxe_mount_plan *plan, int source, struct vxe_error **err);

#endif
