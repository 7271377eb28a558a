/* What a process asks of the schedulers: processor, disks, and on which CPUs an exec begins. */
#ifndef VXE_RUNTIME_SCHEDULE_H
#define VXE_RUNTIME_SCHEDULE_H

#include "config.h"
#include "error.h"

/* process.scheduler and ioPriority, of the calling process; while it still has CAP_SYS_NICE. */
int vxe_schedule_apply(const struct vxe_process *process, struct vxe_error **err);
/* A list as in execCPUAffinity, of the calling process; NULL does nothing. */
int vxe_affinity_apply(const char *list, struct vxe_error **err);

#endif
