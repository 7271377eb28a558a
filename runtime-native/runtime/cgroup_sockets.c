/* The programs of socket rules, in a cgroup. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "cgroup_program.h"
#include "cleanup.h"
#include "socket_program.h"
#include "socket_rules.h"

/* Headers of older kernels do not have their names. */
#define CGROUP_UNIX_CONNECT 49
#define CGROUP_UNIX_SENDMSG 50

struct hook {
	enum vxe_socket_word word;
	enum vxe_socket_view view;
	uint32_t attach_type;
};

static const struct hook hooks[] = {
	{VXE_SOCKET_ACCEPT, VXE_VIEW_IPV4, BPF_CGROUP_INET4_BIND},
	{VXE_SOCKET_ACCEPT, VXE_VIEW_IPV6, BPF_CGROUP_INET6_BIND},
	{VXE_SOCKET_ACCEPT, VXE_VIEW_MAPPED, BPF_CGROUP_INET6_BIND},
	{VXE_SOCKET_CONNECT, VXE_VIEW_IPV4, BPF_CGROUP_INET4_CONNECT},
	{VXE_SOCKET_CONNECT, VXE_VIEW_IPV6, BPF_CGROUP_INET6_CONNECT},
	{VXE_SOCKET_CONNECT, VXE_VIEW_MAPPED, BPF_CGROUP_INET6_CONNECT},
	/* A datagram to a mapped address is sent as an IPv4 one, and asked for there. */
	{VXE_SOCKET_SEND, VXE_VIEW_IPV4, BPF_CGROUP_UDP4_SENDMSG},
	{VXE_SOCKET_SEND, VXE_VIEW_IPV6, BPF_CGROUP_UDP6_SENDMSG},
};

static int program_attach(int fd, const struct bpf_insn *program, size_t count, uint32_t attach_type)
{
	cleanup_fd int loaded =
		vxe_cgroup_program_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach_type, program, count, "vxe_sockets");

	return loaded < 0 ? -1 : vxe_cgroup_program_attach(fd, loaded, attach_type);
}

static int cannot(const char *annotation, int errnum, struct vxe_error **err)
{
	vxe_error_set(err, VXE_EXIT_FAILURE, errnum, "config.json: annotations.%s: the kernel does not take its rules",
		      annotation);
	return vxe_error_hint(err, errnum == EPERM
					   ? "start it as root of the host: only that one loads programs into the kernel"
					   : "it needs BPF programs on cgroups; vxe doctor tells what there is");
}

static int unix_refuse(int fd, struct vxe_error **err)
{
	static const struct bpf_insn refuse[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = -EACCES},
		{.code = BPF_JMP | BPF_CALL, .imm = 187 /* bpf_set_retval */},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	if (program_attach(fd, refuse, sizeof(refuse) / sizeof(refuse[0]), CGROUP_UNIX_CONNECT) < 0 ||
	    program_attach(fd, refuse, sizeof(refuse) / sizeof(refuse[0]), CGROUP_UNIX_SENDMSG) < 0)
		return cannot("org.vxe.unix", errno, err);
	return 0;
}

int vxe_cgroup_sockets(int fd, const struct vxe_socket_rules *rules, struct vxe_error **err)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t i = 0; i < 2 * sizeof(hooks) / sizeof(hooks[0]); i++) {
		const struct hook *hook = &hooks[i / 2];
		int protocol = protocols[i % 2];
		cleanup_free struct bpf_insn *program = NULL;
		size_t count;

		if (!vxe_socket_rules_rule(rules, hook->word, protocol))
			continue;
		program = vxe_socket_program(rules, hook->word, protocol, hook->view, &count);
		if (!program)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the rules on addresses");
		if (program_attach(fd, program, count, hook->attach_type) < 0)
			return cannot("org.vxe.addresses", errno, err);
	}
	return rules->no_unix ? unix_refuse(fd, err) : 0;
}
