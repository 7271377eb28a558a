/* linux.timeOffsets: what the clocks of a new time namespace are ahead of the host's. */
#ifndef VXE_RUNTIME_TIME_OFFSETS_H
#define VXE_RUNTIME_TIME_OFFSETS_H

#include "config.h"
#include "error.h"

/* Makes the time namespace of what the calling process forks and executes from now on, and sets its clocks. */
int vxe_time_offsets_apply(const struct vxe_config *config, struct vxe_error **err);

#endif
