/* One operation by an io_uring, which performs it where no filter sees a call. */
#ifndef VXE_ATTACK_URING_H
#define VXE_ATTACK_URING_H

#include "battery.h"

#include <linux/io_uring.h>

/* Sets a ring up, has it perform one operation, and takes it down. False after telling why there is no ring. */
bool attack_ring(struct vxe_attack *attack, const struct io_uring_sqe *operation, long *result);
/* The same by a thread of the kernel's that looks for operations, and performs them with the rights of who made the ring. */
bool attack_polled_ring(struct vxe_attack *attack, const struct io_uring_sqe *operation, long *result);

#endif
