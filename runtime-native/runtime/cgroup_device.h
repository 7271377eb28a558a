/* linux.resources.devices as a BPF program (BPF_PROG_TYPE_CGROUP_DEVICE); see cgroup_device.c for the meaning of a list. */
#ifndef VXE_RUNTIME_CGROUP_DEVICE_H
#define VXE_RUNTIME_CGROUP_DEVICE_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* The program, malloc'd; NULL when there is no memory. */
struct bpf_insn *vxe_device_program(const struct vxe_resources *resources, size_t *count);
/* What the program answers, computed without it: for tests, and what it is held against. type BPF_DEVCG_DEV_*, access
   BPF_DEVCG_ACC_*. */
bool vxe_device_allowed(const struct vxe_resources *resources, unsigned int type, unsigned int access, unsigned int major,
			unsigned int minor);

#endif
