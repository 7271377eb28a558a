/* linux.timeOffsets: what the clocks of a new time namespace are ahead of the host's. */
#ifndef VXE_RUNTIME_TIME_OFFSETS_H
#define VXE_RUNTIME_TIME_OFFSETS_H

#include "config.h"
#include "error.h"

/* Makes a time namespace, sets its clocks and enters it. The caller has one thread and shares its memory with nobody. */
int vxe_time_offsets_apply(const struct vxe_config *config, struct vxe_error **err);

#endif
