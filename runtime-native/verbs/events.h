/* `events`: JSON lines of what a container uses, {"type":"stats"}, and of processes ended for want of memory, {"type":"oom"}. */
#ifndef VXE_VERBS_EVENTS_H
#define VXE_VERBS_EVENTS_H

#include <stdint.h>

#include "error.h"

/* The numbers of now. */
int vxe_instance_stats(const char *root, const char *id, struct vxe_error **err);
/* The numbers after each interval, and what happens meanwhile, until the container's last process has ended. */
int vxe_instance_events(const char *root, const char *id, int64_t interval_ns, struct vxe_error **err);

#endif
