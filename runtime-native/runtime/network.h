/*
 * The network namespace of an instance, made ahead of it. It takes the kernel longer than anything else of a launch, so a process of its own makes it
 * while the launcher reads and writes what it has to. That process has the launcher's memory and descriptors, makes four calls, and ends.
 */
#ifndef VXE_RUNTIME_NETWORK_H
#define VXE_RUNTIME_NETWORK_H

#include "error.h"

struct vxe_network {
	int maker; /* its pid; 0: none is being made, or it was waited for */
	int fd;	   /* once it was waited for; -1 */
};
#define VXE_NETWORK_NONE                                                                                                       \
	{                                                                                                                      \
		.fd = -1                                                                                                       \
	}

/* One at a time in a process. */
int vxe_network_begin(struct vxe_network *network, struct vxe_error **err);
/* Waits for it; the caller owns *fd. */
int vxe_network_take(struct vxe_network *network, int *fd, struct vxe_error **err);
/* Waits for one that nobody took. */
void vxe_network_free(struct vxe_network *network);

#endif
