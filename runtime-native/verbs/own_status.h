/* vxe status: what is true of each instance, and what nothing holds. */
#ifndef VXE_VERBS_OWN_STATUS_H
#define VXE_VERBS_OWN_STATUS_H

#include "verbs.h"

int vxe_status_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err);

#endif
