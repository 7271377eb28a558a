/* A user namespace that exists for its mappings alone, as mount_setattr(2) takes them for id-mapped mounts. */
#ifndef VXE_RUNTIME_IDMAP_H
#define VXE_RUNTIME_IDMAP_H

#include "config.h"
#include "error.h"

/* Gives its descriptor; no process stays in it. */
int vxe_idmap_open(const struct vxe_id_mappings *uids, const struct vxe_id_mappings *gids, int *fd, struct vxe_error **err);

#endif
