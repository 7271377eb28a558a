#include "cgroup_program.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int vxe_cgroup_program_load(enum bpf_prog_type type, uint32_t attach_type, const struct bpf_insn *program, size_t count,
			    const char *name)
{
	union bpf_attr load = {0};

	load.prog_type = type;
	load.insns = (uint64_t)(uintptr_t)program;
	load.insn_cnt = (uint32_t)count;
	load.license = (uint64_t)(uintptr_t) "GPL";
	load.expected_attach_type = attach_type;
	snprintf(load.prog_name, sizeof(load.prog_name), "%s", name);
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
}

int vxe_cgroup_program_attach(int cgroup_fd, int program_fd, uint32_t attach_type)
{
	union bpf_attr attach = {0};

	attach.target_fd = (uint32_t)cgroup_fd;
	attach.attach_bpf_fd = (uint32_t)program_fd;
	attach.attach_type = attach_type;
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach));
}
