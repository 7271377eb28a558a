/* Whether all processes under a filter keep one root folder: then it need not be asked of each that calls. */
#ifndef VXE_SUPERVISOR_ROOTS_H
#define VXE_SUPERVISOR_ROOTS_H

#include "filter.h"

/* No call that gives a process another root comes to the kernel without having been raised. */
bool vxe_roots_stay(const struct vxe_filter *filter);
/* Is it such a call, if it is performed? */
bool vxe_roots_change(const struct seccomp_data *data);

#endif
