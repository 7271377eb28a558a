/*
 * Who is called `vxe trace` waits for the recorder, its child. When that is killed, what it watched would go on, allowed everything and
 * recorded by nobody: then the guard ends it and says so. When the guard is killed, the recorder stops what it records, in good order.
 */
#ifndef VXE_RECORDER_GUARD_H
#define VXE_RECORDER_GUARD_H

#include <sys/types.h>

#include "error.h"

struct vxe_guard; /* shared between the two */

/* 1: in the guard, when all is over; *code is what to end with. 0: in the recorder, with *guard. -1: there is neither. */
int vxe_guard_fork(const char *recording, struct vxe_guard **guard, int *code, struct vxe_error **err);
/* A bundle's launcher, which takes away what it has made when its program has ended. */
void vxe_guard_launcher(struct vxe_guard *guard, pid_t launcher);

#endif
