/* vxe mode, and how a mode is told by every view of an instance. */
#ifndef VXE_VERBS_OWN_MODE_H
#define VXE_VERBS_OWN_MODE_H

#include <stdio.h>

#include "held.h"
#include "verbs.h"

int vxe_mode_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err);
/* "soft", or what is asked for and what is held. */
void vxe_mode_print(const struct vxe_held *held, FILE *out);

#endif
