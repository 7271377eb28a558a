/* seccomp: the filter as BPF bytes, from the bundle's own compiled one or from linux.seccomp through libseccomp. */
#ifndef VXE_RUNTIME_FILTER_H
#define VXE_RUNTIME_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
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
/* The program in a file of the bundle, which must be for this machine. */
int vxe_filter_load_file(int bundle_fd, const char *path, struct vxe_filter *out, struct vxe_error **err);
/* What the program answers to a call: SECCOMP_RET_* with its data. A program that cannot be run to its end kills, as the kernel does. */
uint32_t vxe_filter_run(const struct vxe_filter *filter, const struct seccomp_data *data);
/* A call of which the bits that `known` has are as in `call`, the others anything. */
struct vxe_filter_call {
	struct seccomp_data call, known;
};
/* May the program let one of these go to the kernel? What it raises to a supervisor it does not. False is certain. */
bool vxe_filter_may_permit(const struct vxe_filter *filter, const struct vxe_filter_call *calls, size_t count);
void vxe_filter_free(struct vxe_filter *filter);

/* Installs the filter on the calling thread. Gives the listener's descriptor if it notifies, else 0; -1 with errno. */
int vxe_filter_install(const struct vxe_filter *filter);

#endif
