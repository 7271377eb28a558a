/* Bundles by name or path. */
#ifndef VXE_VERBS_BUNDLE_H
#define VXE_VERBS_BUNDLE_H

#include "config.h"
#include "error.h"

/* The folder of a bundle by name (VXE_BUNDLES, the default store) or by a path with a slash; malloc'd, checked to hold config.json. */
int vxe_bundle_find(const char *name, char **path, struct vxe_error **err);

/* Is what the bundle says of a launch the word of root or of who starts it alone? Under sudo, theirs who called it counts too. */
int vxe_bundle_trusted(int bundle_fd, const struct vxe_config *config, struct vxe_error **err);

#endif
