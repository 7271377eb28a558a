/* seccomp: the filter as BPF bytes, from the bundle's own compiled one or from linux.seccomp through libseccomp. */
#ifndef VXE_RUNTIME_FILTER_H
#define VXE_RUNTIME_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "config.h"
#include "error.h"

struct vxe_filter {
	struct sock_filter *program;
	unsigned short length; /* instructions; 0: no filter */
	bool notifies;	       /* some return is USER_NOTIF: a supervisor must answer */
	bool log;	       /* SECCOMP_FILTER_FLAG_LOG */
	bool spec_allow;       /* SECCOMP_FILTER_FLAG_SPEC_ALLOW */
};

/* Checks the shape (whole instructions, at most BPF_MAXINSNS, ends in a return, jumps inside). */
int vxe_filter_from_bytes(const void *bytes, size_t size, struct vxe_filter *out, struct vxe_error **err);
int vxe_filter_load(int bundle_fd, const struct vxe_config *config, struct vxe_filter *out, struct vxe_error **err);
void vxe_filter_free(struct vxe_filter *filter);

/* Installs the filter on the calling thread. Gives the listener's descriptor if it notifies, else 0; -1 with errno. */
int vxe_filter_install(const struct vxe_filter *filter);

#endif
