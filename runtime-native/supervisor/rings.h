/*
 * io_uring_setup(2) in the caller's place (org.vxe.rings). A ring performs what no filter sees, so that a program is given none of its own making: each is
 * made here, with parameters of ours, restricted to the operations that the profile permits as calls, and comes into the caller's table by
 * SECCOMP_ADDFD. docs/architecture.md says what the kernel holds of such a ring; test_rings.c tries it.
 */
#ifndef VXE_SUPERVISOR_RINGS_H
#define VXE_SUPERVISOR_RINGS_H

#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "error.h"

struct vxe_rings {
	/* The kernel's numbers, ascending. */
	unsigned char operations[128], registrations[64];
	size_t n_operations, n_registrations;
	/* Between the supervisor and the process that makes a ring. */
	struct vxe_ring_wish *wish;
};

/* The words of org.vxe.rings; one that is not known is an error. */
int vxe_rings_read(struct vxe_rings *rings, const char *words, struct vxe_error **err);
/* Reads them, and is ready to make rings. */
int vxe_rings_open(struct vxe_rings *rings, const char *words, struct vxe_error **err);
void vxe_rings_close(struct vxe_rings *rings);

/* Makes a ring and throws it away: what this kernel cannot hold is an error before anything is started. */
int vxe_rings_try(const struct vxe_rings *rings, struct vxe_error **err);

#define VXE_RING_REFUSAL 256

/*
 * What is granted of a caller's wish: the parameters and the number of entries to make a ring with. 0, or the errno to answer with; `refusal`, which is
 * empty before, is what the log is to tell of then: a ring that could do more than the profile permits.
 */
int vxe_rings_grant(const struct io_uring_params *asked, unsigned int entries, struct io_uring_params *params,
		    unsigned int *granted, char refusal[VXE_RING_REFUSAL]);

/*
 * Answers an io_uring_setup. 0: the caller has its ring, or is gone; otherwise the errno to answer with. `cgroup_fd` is the instance's, whose
 * memory the ring is to be of; -1: it has none. `refusal` as above; it tells of a kernel that makes no ring any
 * more, too.
 */
int vxe_rings_serve(const struct vxe_rings *rings, int listener_fd, int cgroup_fd, const struct seccomp_notif *request,
		    char refusal[VXE_RING_REFUSAL]);

#endif
