/* SPDX-License-Identifier: Apache-2.0 */
#include "probes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>

/* Newer than the headers that this may be built with. */
#define NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)
#define NOTIF_SYNC_WAKE_UP 1UL
#define MEMFD_NOEXEC_SEAL 0x0008U
#define SET_MDWE 65
#define MDWE_REFUSE_EXEC_GAIN 1UL

/* All that a probe does happens in a child of a process that has threads: only calls that are safe after a signal. */
typedef int (*probe_try)(uint32_t value);

static int result(long answer)
{
	return answer < 0 ? errno : 0;
}

static int namespaces_try(uint32_t flags)
{
	return result(unshare((int)flags));
}

/* A missing program is looked for only after the flags are found to be known. */
static int seccomp_flags_try(uint32_t flags)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT)
		return 0;
	return errno;
}

static int notify_sync_try(uint32_t value)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &allow};
	long fd;

	(void)value;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		return errno;
	return result(ioctl((int)fd, NOTIF_SET_FLAGS, NOTIF_SYNC_WAKE_UP));
}

static int memfd_noexec_try(uint32_t value)
{
	(void)value;
	return result(memfd_create("vxe-probe", MEMFD_NOEXEC_SEAL | MFD_CLOEXEC));
}

static int mdwe_try(uint32_t value)
{
	(void)value;
	return result(prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
}

/* The descriptor of the user namespace is looked at only where mounts can be mapped. */
static int idmap_try(uint32_t value)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = INT_MAX};

	(void)value;
	if (syscall(SYS_mount_setattr, -1, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 && errno == EBADF)
		return 0;
	return errno;
}

static int fsopen_try(uint32_t value)
{
	(void)value;
	return result(syscall(SYS_fsopen, "tmpfs", 1));
}

static int pidfd_try(uint32_t value)
{
	(void)value;
	return result(syscall(SYS_pidfd_open, getpid(), 0));
}

static int program_load(uint32_t type, uint32_t attach_type, uint32_t btf_id, int32_t returns)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = returns},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(*code);
	attr.license = (uint64_t)(uintptr_t) "GPL";
	attr.expected_attach_type = attach_type;
	attr.attach_btf_id = btf_id;
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Attached for a moment, the program lets everything pass; its end takes it off. */
static int bpf_lsm_try(uint32_t btf_id)
{
	union bpf_attr attr;
	int fd = program_load(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, btf_id, 0);

	if (fd < 0)
		return errno;
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = (uint32_t)fd;
	return result(syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)));
}

/* Attached for a moment, the program looks at nothing; its end takes it off. */
static int bpf_tracepoint_try(uint32_t value)
{
	static const char point[] = "sys_exit";
	union bpf_attr attr;
	int fd = program_load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 0);

	(void)value;
	if (fd < 0)
		return errno;
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uint64_t)(uintptr_t)point;
	attr.raw_tracepoint.prog_fd = (uint32_t)fd;
	return result(syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)));
}

/* 0: connections of IPv4. */
static int bpf_sockaddr_try(uint32_t attach_type)
{
	return result(program_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach_type ? attach_type : BPF_CGROUP_INET4_CONNECT, 0, 1));
}

/* ENODATA: the kernel can audit and does not. */
static int audit_try(uint32_t value)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
		char rest[256];
	} message;
	struct timeval second = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	(void)value;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) < 0)
		return errno;
	memset(&message, 0, sizeof(message));
	message.head.nlmsg_len = NLMSG_LENGTH(sizeof(message.status));
	message.head.nlmsg_type = AUDIT_GET;
	message.head.nlmsg_flags = NLM_F_REQUEST;
	if (send(fd, &message, message.head.nlmsg_len, 0) < 0)
		return errno;
	memset(&message, 0, sizeof(message));
	if (recv(fd, &message, sizeof(message), 0) < (ssize_t)NLMSG_LENGTH(offsetof(struct audit_status, failure)))
		return errno == 0 ? EPROTO : errno;
	if (message.head.nlmsg_type == NLMSG_ERROR) {
		int refusal;

		memcpy(&refusal, &message.status, sizeof(refusal));
		return refusal < 0 ? -refusal : EPROTO;
	}
	if (message.head.nlmsg_type != AUDIT_GET)
		return EPROTO;
	return message.status.enabled != 0 ? 0 : ENODATA;
}

/* A ring that takes one operation, and whose memory nobody makes code of; without capabilities, as the supervisor's maker of rings is. */
static int rings_try(uint32_t value)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED};
	struct io_uring_restriction one = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP};
	int fd = -1;

	(void)value;
	if (syscall(SYS_capset, &header, none) == 0)
		fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (fd < 0 || syscall(SYS_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS, &one, 1) < 0 ||
	    syscall(SYS_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
		return errno;
	if (mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_EXEC, MAP_SHARED, fd,
		 IORING_OFF_SQES) != MAP_FAILED)
		return ENOSYS;
	return errno == EPERM ? 0 : errno;
}

static const struct {
	const char *name;
	probe_try run;
} probes[] = {
	{"namespaces", namespaces_try},
	{"seccomp-flags", seccomp_flags_try},
	{"notify-sync", notify_sync_try},
	{"memfd-noexec", memfd_noexec_try},
	{"mdwe", mdwe_try},
	{"idmap", idmap_try},
	{"fsopen", fsopen_try},
	{"pidfd", pidfd_try},
	{"bpf-lsm", bpf_lsm_try},
	{"bpf-tracepoint", bpf_tracepoint_try},
	{"bpf-sockaddr", bpf_sockaddr_try},
	{"audit", audit_try},
	{"rings", rings_try},
};

static int run_apart(probe_try run, uint32_t value)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0) {
		errno = 0;
		_exit(run(value) & 0xff);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	/* What a probe dies of is not there to be used. */
	return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

int vxe_probe(const char *name, uint32_t value)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		if (strcmp(probes[i].name, name) == 0)
			return run_apart(probes[i].run, value);
	}
	errno = EINVAL;
	return -1;
}
