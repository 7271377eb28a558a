/* BPF programs on a cgroup (bpf(2)). */
#ifndef VXE_RUNTIME_CGROUP_PROGRAM_H
#define VXE_RUNTIME_CGROUP_PROGRAM_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* A program's descriptor, -1 with errno. Its name is of at most 15 letters. */
int vxe_cgroup_program_load(enum bpf_prog_type type, uint32_t attach_type, const struct bpf_insn *program, size_t count,
			    const char *name);
/* Beside those that are there; -1 with errno. */
int vxe_cgroup_program_attach(int cgroup_fd, int program_fd, uint32_t attach_type);

#endif
