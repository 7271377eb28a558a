/* Bundles by name or path. */
#ifndef VXE_VERBS_BUNDLE_H
#define VXE_VERBS_BUNDLE_H

#include "error.h"

/* The folder of a bundle by name (VXE_BUNDLES, the default store) or by a path with a slash; malloc'd, checked to hold config.json. */
int vxe_bundle_find(const char *name, char **path, struct vxe_error **err);

#endif
