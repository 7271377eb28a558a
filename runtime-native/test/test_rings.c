/*
 * What the running kernel holds of io_uring: a ring that the supervisor makes, restricts and gives to a confined process in answer to its
 * io_uring_setup. docs/architecture.md says what follows from it. Each refusal stands beside the same operation where it is permitted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "landlock.h"
#include "ring.h"
#include "socket_rules.h"
#include "tap.h"

#define OP_BIND 56 /* Linux 6.11 */
#define SOCKET_SETSOCKOPT 3

/* What the confined process asks for: the number of entries says which kind of ring. */
enum kind { RESTRICTED = 8, BY_HELPER = 16, POLLED = 32, PERSONAL = 64, ISSUER = 128, COMMANDS = 256 };

/* What the confined process found: results as the kernel gives them. */
struct found {
	int open_call, open, open_async, open_child, secret, secret_async, secret_slot, read_slot;
	int mkdir_op, linked_first, linked_second, flag, register_files, register_personality, register_again, register_enable;
	int helper_open, helper_secret, helper_mkdir, polled_secret, polled_memory, personal_secret, issuer_enter;
	int connect_granted, connect_port, connect_address, send_granted, send_address, bind_port, bind_granted;
	int setsockopt_call, setsockopt_ring, blind, task_restrictions;
	int ended;
};

static char folder[] = "/tmp/vxe-rings-XXXXXX";
/* Filled before the processes part, so that these addresses hold the same in both. */
static char open_path[64], secret_path[64];
static struct found *found;
static bool has_net, has_cgroup, has_bind;

static struct io_uring_sqe opening(const char *path, unsigned char flags)
{
	return (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
				     .flags = flags,
				     .fd = AT_FDCWD,
				     .addr = (uintptr_t)path,
				     .open_flags = O_RDONLY | O_CLOEXEC};
}

static struct io_uring_sqe making(const char *path)
{
	return (struct io_uring_sqe){.opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t)path, .len = 0700};
}

static const char *path_of(const char *name)
{
	static char texts[8][128];
	static unsigned int next;
	char *text = texts[next++ % 8];

	snprintf(text, sizeof(texts[0]), "%s/%s", folder, name);
	return text;
}

/* --- the supervisor's side --- */

static int restrict_ring(int fd, bool commands)
{
	static const unsigned char ops[] = {IORING_OP_NOP,   IORING_OP_OPENAT,	IORING_OP_READ,
					    IORING_OP_CLOSE, IORING_OP_CONNECT, IORING_OP_SENDMSG};
	struct io_uring_restriction list[16] = {0};
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(ops) && !commands; i++)
		list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = ops[i]};
	if (has_bind && !commands)
		list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = OP_BIND};
	if (commands)
		list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_URING_CMD};
	list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
						  .sqe_flags = IOSQE_ASYNC | IOSQE_IO_LINK | IOSQE_FIXED_FILE};
	list[n++] =
		(struct io_uring_restriction){.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_FILES};
	return ring_register(fd, IORING_REGISTER_RESTRICTIONS, list, n);
}

static int ring_make(enum kind kind, struct io_uring_params *params)
{
	int fd;

	*params = (struct io_uring_params){.flags = IORING_SETUP_R_DISABLED, .sq_thread_idle = 100};
	if (kind == POLLED)
		params->flags |= IORING_SETUP_SQPOLL;
	if (kind == ISSUER)
		params->flags |= IORING_SETUP_SINGLE_ISSUER;
	fd = ring_setup(8, params);
	if (fd < 0)
		return -1;
	if (restrict_ring(fd, kind == COMMANDS) < 0 ||
	    (kind == PERSONAL && syscall(SYS_io_uring_register, fd, IORING_REGISTER_PERSONALITY, NULL, 0) != 1) ||
	    ring_register(fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int descriptor_take(pid_t pid, int fd)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

/* Answers one io_uring_setup: the ring comes into being in the caller's table, and the caller's parameters are filled in. */
static int answer_one(int listener)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_addfd add = {.flags = SECCOMP_ADDFD_FLAG_SEND, .newfd_flags = O_CLOEXEC};
	struct io_uring_params params;
	struct iovec here, there;
	enum kind kind;
	int fd, status;

	/* It hangs up when the last process under the filter is gone. */
	if (poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, 300000) != 1 ||
	    ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return -1;
	kind = (enum kind)request.data.args[0];
	if (kind == BY_HELPER) {
		int pair[2];
		pid_t pid;

		/* The maker is gone before the ring is used. */
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return -1;
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			fd = ring_make(RESTRICTED, &params);
			/* The number is free in the parent; pidfd_getfd takes the ring from here. */
			if (write(pair[1], &fd, sizeof(fd)) != sizeof(fd) ||
			    write(pair[1], &params, sizeof(params)) != sizeof(params) || read(pair[1], &fd, sizeof(fd)) < 0)
				_exit(1);
			_exit(0);
		}
		close(pair[1]);
		if (read(pair[0], &fd, sizeof(fd)) != sizeof(fd) || read(pair[0], &params, sizeof(params)) != sizeof(params))
			fd = -1;
		else
			fd = descriptor_take(pid, fd);
		close(pair[0]);
		waitpid(pid, &status, 0);
	} else {
		fd = ring_make(kind, &params);
	}
	if (fd < 0) {
		struct seccomp_notif_resp no = {.id = request.id, .error = -ENOSYS};

		return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &no);
	}
	here = (struct iovec){&params, sizeof(params)};
	there = (struct iovec){(void *)(uintptr_t)request.data.args[1],
			       sizeof(params)}; /* NOLINT: an address in another process */
	if (process_vm_writev((pid_t)request.pid, &here, 1, &there, 1, 0) != sizeof(params))
		return -1;
	add.id = request.id;
	add.srcfd = (uint32_t)fd;
	status = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	close(fd);
	return status < 0 ? -1 : 0;
}

/* --- the confined process --- */

static int landlock_confine(bool nothing)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
	struct landlock_path_beneath_attr path = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE};
	struct landlock_net_port_attr connects = {.allowed_access = LANDLOCK_ACCESS_NET_CONNECT_TCP, .port = 9};
	struct landlock_net_port_attr binds = {.allowed_access = LANDLOCK_ACCESS_NET_BIND_TCP, .port = 0};
	int fd;

	if (has_net)
		attr.handled_access_net = LANDLOCK_ACCESS_NET_CONNECT_TCP | LANDLOCK_ACCESS_NET_BIND_TCP;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, has_net ? sizeof(attr) : sizeof(attr.handled_access_fs), 0);
	if (fd < 0)
		return -1;
	path.parent_fd = open(path_of("open"), O_PATH | O_CLOEXEC);
	if (!nothing && (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &path, 0) < 0 ||
			 (has_net && (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_NET_PORT, &connects, 0) < 0 ||
				      syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_NET_PORT, &binds, 0) < 0))))
		return -1;
	close(path.parent_fd);
	return (int)syscall(SYS_landlock_restrict_self, fd, 0);
}

#define CALL_IS(nr, then) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, then)

static int filter_load(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		CALL_IS(SYS_io_uring_setup, SECCOMP_RET_USER_NOTIF),
		CALL_IS(SYS_openat, SECCOMP_RET_ERRNO | EPERM),
		CALL_IS(SYS_setsockopt, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(*program), .filter = program};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

static int descriptor_pass(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header;

	if (fd >= 0) {
		header = CMSG_FIRSTHDR(&message);
		*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd))};
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
		return sendmsg(socket, &message, 0) == 1 ? 0 : -1;
	}
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !(header = CMSG_FIRSTHDR(&message)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static int ring_ask(enum kind kind, struct ring *ring)
{
	struct io_uring_params params = {0};
	int fd = ring_setup(kind, &params);

	return fd < 0 ? -errno : ring_map(fd, &params, ring);
}

static struct sockaddr_in address_of(const char *address, int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

/* Connects, binds or sends by the ring, with a socket of its own. */
static int on_socket(struct ring *ring, unsigned char op, int type, const char *address, int port)
{
	struct sockaddr_in in = address_of(address, port);
	char byte = 1;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_name = &in, .msg_namelen = sizeof(in), .msg_iov = &data, .msg_iovlen = 1};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), result;
	struct io_uring_sqe sqe = {.opcode = op, .fd = fd, .addr = (uintptr_t)&in, .off = sizeof(in)};

	if (op == IORING_OP_SENDMSG)
		sqe = (struct io_uring_sqe){.opcode = op, .fd = fd, .addr = (uintptr_t)&message, .len = 1};
	result = ring_do(ring, sqe);
	close(fd);
	return result;
}

static int setsockopt_by_ring(struct ring *ring)
{
	int value = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), result;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_URING_CMD, .fd = fd, .off = SOCKET_SETSOCKOPT, .file_index = sizeof(value)};
	uint32_t where[2] = {SOL_SOCKET, SO_KEEPALIVE};
	uint64_t at = (uintptr_t)&value;

	/* Newer headers name these. */
	memcpy((char *)&sqe + 16, where, sizeof(where));
	memcpy((char *)&sqe + 48, &at, sizeof(at));
	result = ring_do(ring, sqe);
	close(fd);
	return result;
}

static void files_try(struct ring *ring)
{
	struct io_uring_sqe linked[2] = {{.opcode = IORING_OP_NOP, .flags = IOSQE_IO_LINK}, making(path_of("open/linked"))};
	struct io_uring_sqe slot = opening(secret_path, 0), flagged = {.opcode = IORING_OP_NOP, .flags = IOSQE_IO_DRAIN};
	int results[2], status;
	pid_t pid;

	found->open_call = (int)syscall(SYS_openat, AT_FDCWD, open_path, O_RDONLY) < 0 ? -errno : 0;
	found->open = ring_do(ring, opening(open_path, 0));
	found->open_async = ring_do(ring, opening(open_path, IOSQE_ASYNC));
	found->secret = ring_do(ring, opening(secret_path, 0));
	found->secret_async = ring_do(ring, opening(secret_path, IOSQE_ASYNC));
	found->mkdir_op = ring_do(ring, making(path_of("open/made")));
	if (ring_submit(ring, linked, 2, results) == 0) {
		found->linked_first = results[0];
		found->linked_second = results[1];
	}
	found->flag = ring_do(ring, flagged);
	found->register_files = ring_register(ring->fd, IORING_REGISTER_FILES, &found->open, 1);
	{
		char byte;
		struct io_uring_sqe read_slot = {
			.opcode = IORING_OP_READ, .flags = IOSQE_FIXED_FILE, .fd = 0, .addr = (uintptr_t)&byte, .len = 1};

		found->read_slot = ring_do(ring, read_slot);
	}
	slot.file_index = 1;
	slot.open_flags = O_RDONLY;
	found->secret_slot = ring_do(ring, slot);
	found->register_personality = ring_register(ring->fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	found->register_again = restrict_ring(ring->fd, true);
	found->register_enable = ring_register(ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	/* The same ring in the hands of a process that is confined more. */
	pid = fork();
	if (pid == 0) {
		if (landlock_confine(true) == 0)
			found->open_child = ring_do(ring, opening(open_path, 0));
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

static void sockets_try(struct ring *ring)
{
	found->connect_granted = on_socket(ring, IORING_OP_CONNECT, SOCK_STREAM, "127.0.0.1", 9);
	found->connect_port = on_socket(ring, IORING_OP_CONNECT, SOCK_STREAM, "127.0.0.1", 11);
	found->connect_address = on_socket(ring, IORING_OP_CONNECT, SOCK_STREAM, "127.0.0.2", 9);
	found->send_granted = on_socket(ring, IORING_OP_SENDMSG, SOCK_DGRAM, "127.0.0.1", 9);
	found->send_address = on_socket(ring, IORING_OP_SENDMSG, SOCK_DGRAM, "127.0.0.2", 9);
	found->bind_granted = on_socket(ring, OP_BIND, SOCK_STREAM, "127.0.0.1", 0);
	found->bind_port = on_socket(ring, OP_BIND, SOCK_STREAM, "127.0.0.1", 20011);
}

__attribute__((noreturn)) static void confined_main(int socket, int cgroup)
{
	struct io_uring_restriction any = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP};
	struct io_uring_sqe personal = opening(secret_path, 0);
	struct ring ring;
	int listener, value = 1;

	if (cgroup >= 0 && write(cgroup, "0", 1) != 1)
		_exit(1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_confine(false) < 0)
		_exit(2);
	listener = filter_load();
	if (listener < 0 || descriptor_pass(socket, listener) < 0)
		_exit(3);
	close(listener);
	if (ring_ask(RESTRICTED, &ring) < 0)
		_exit(4);
	files_try(&ring);
	sockets_try(&ring);
	found->blind = ring_register(-1, 35 /* IORING_REGISTER_QUERY */, NULL, 0);
	found->task_restrictions = ring_register(-1, IORING_REGISTER_RESTRICTIONS, &any, 1);
	if (ring_ask(BY_HELPER, &ring) < 0)
		_exit(5);
	found->helper_open = ring_do(&ring, opening(open_path, 0));
	found->helper_secret = ring_do(&ring, opening(secret_path, IOSQE_ASYNC));
	found->helper_mkdir = ring_do(&ring, making(path_of("open/made")));
	if (ring_ask(POLLED, &ring) < 0)
		_exit(6);
	found->polled_secret = ring_do(&ring, opening(secret_path, 0));
	/* The maker's copy of the path is still whole. */
	memset(secret_path, 0, sizeof(secret_path));
	found->polled_memory = ring_do(&ring, opening(secret_path, 0));
	snprintf(secret_path, sizeof(secret_path), "%s/secret/file", folder);
	if (ring_ask(PERSONAL, &ring) < 0)
		_exit(7);
	personal.personality = 1;
	found->personal_secret = ring_do(&ring, personal);
	if (ring_ask(ISSUER, &ring) < 0)
		_exit(8);
	found->issuer_enter = ring_do(&ring, (struct io_uring_sqe){.opcode = IORING_OP_NOP});
	if (ring_ask(COMMANDS, &ring) < 0)
		_exit(9);
	found->setsockopt_call = setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)) < 0 ? -errno : 0;
	found->setsockopt_ring = setsockopt_by_ring(&ring);
	found->ended = 1;
	_exit(0);
}

/* --- the test --- */

static int file_write(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* A cgroup of its own that holds addresses; -1: not to be had here. */
static int cgroup_make(char *path, size_t size)
{
	static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	const char lines[] = "connect tcp 127.0.0.1/32 9-11 allow\nsend udp 127.0.0.1/32 9-11 allow";
	struct vxe_socket_rules rules;
	char procs[160];

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		cleanup_fd int fd = -1;
		int failed;

		snprintf(procs, sizeof(procs), "%s/cgroup.subtree_control", roots[i]);
		if (access(procs, F_OK) < 0)
			continue;
		snprintf(path, size, "%s/vxe-rings-%d", roots[i], (int)getpid());
		if (mkdir(path, 0755) < 0)
			continue;
		fd = open(path, O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && vxe_socket_rules_parse(lines, NULL, &rules, NULL) == 0) {
			failed = vxe_cgroup_sockets(fd, &rules, NULL);
			vxe_socket_rules_free(&rules);
			if (failed == 0)
				return openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
		}
		rmdir(path);
	}
	path[0] = '\0';
	return -1;
}

static bool supports(int ring_fd, unsigned int op)
{
	char room[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)] __attribute__((aligned(8))) = {0};
	struct io_uring_probe *probe = (struct io_uring_probe *)room;

	return ring_register(ring_fd, IORING_REGISTER_PROBE, probe, 256) == 0 && op <= probe->last_op &&
	       (probe->ops[op].flags & IO_URING_OP_SUPPORTED);
}

static void report_files(void)
{
	ok(found->open_call == -EPERM && found->open >= 0,
	   "a filter that refuses openat does not see a ring's: each operation needs its call's permission (%d, %d)",
	   found->open_call, found->open);
	ok(found->open_async >= 0, "control: a granted file opens in a worker too (%d)", found->open_async);
	ok(found->secret == -EACCES, "Landlock of the submitter holds, whoever made the ring (%d)", found->secret);
	ok(found->secret_async == -EACCES, "in a worker too (%d)", found->secret_async);
	ok(found->secret_slot == -EACCES, "and into a registered slot (%d)", found->secret_slot);
	ok(found->read_slot == 1, "control: a registered file is read (%d)", found->read_slot);
	ok(found->open_child == -EACCES, "in the hands of a process that is confined more, its own Landlock holds (%d)",
	   found->open_child);
	ok(found->mkdir_op == -EACCES, "an operation that is not listed is refused (%d)", found->mkdir_op);
	ok(found->linked_second == -EACCES || found->linked_second == -ECANCELED, "behind a link too (%d, %d)",
	   found->linked_first, found->linked_second);
	ok(found->flag == -EACCES, "so is a flag (%d)", found->flag);
	ok(found->register_files == 0, "control: a listed registration is done (%d)", found->register_files);
	ok(found->register_personality == -EACCES, "no personality can be registered (%d)", found->register_personality);
	ok(found->register_again < 0, "the restrictions cannot be replaced (%d)", found->register_again);
	ok(found->register_enable < 0, "nor the ring be enabled again (%d)", found->register_enable);
	ok(found->helper_open >= 0 && found->helper_secret == -EACCES && found->helper_mkdir == -EACCES,
	   "all this outlives the process that made the ring (%d, %d, %d)", found->helper_open, found->helper_secret,
	   found->helper_mkdir);
}

static void report_ways_out(void)
{
	ok(found->polled_secret >= 0, "SQPOLL works with its maker's rights: no such ring may be given (%d)",
	   found->polled_secret);
	ok(found->polled_memory >= 0, "and in its maker's memory (%d)", found->polled_memory);
	ok(found->personal_secret >= 0, "so does a personality of the maker's: none may be registered (%d)",
	   found->personal_secret);
	ok(found->issuer_enter == -EEXIST, "a ring for a single issuer is its enabler's alone (%d)", found->issuer_enter);
	if (found->setsockopt_ring == -EOPNOTSUPP || found->setsockopt_ring == -EINVAL)
		skip("before Linux 6.7", "options of sockets by URING_CMD");
	else
		ok(found->setsockopt_call == -EPERM && found->setsockopt_ring == 0,
		   "URING_CMD is many calls under one number: it may never be listed (%d, %d)", found->setsockopt_call,
		   found->setsockopt_ring);
	printf("# registrations without a ring: %d; restrictions of a task: %d\n", found->blind, found->task_restrictions);
}

static void report_sockets(void)
{
	if (!has_net) {
		skip("Landlock before ABI 4", "ports");
	} else {
		ok(found->connect_granted == -ECONNREFUSED, "control: a granted port is asked (%d)", found->connect_granted);
		ok(found->connect_port == -EACCES, "Landlock's ports hold CONNECT (%d)", found->connect_port);
	}
	if (!has_net || !has_bind) {
		skip("before Linux 6.11", "BIND");
	} else {
		ok(found->bind_granted == 0, "control: a granted port is bound (%d)", found->bind_granted);
		ok(found->bind_port == -EACCES, "Landlock's ports hold BIND (%d)", found->bind_port);
	}
	if (!has_cgroup) {
		skip("no cgroup v2 whose programs judge addresses", "addresses");
	} else {
		ok(found->connect_address == -EACCES, "the cgroup's programs hold the address of CONNECT (%d)",
		   found->connect_address);
		ok(found->send_granted == 1, "control: a datagram to a granted address is sent (%d)", found->send_granted);
		ok(found->send_address == -EACCES, "and hold that of SENDMSG (%d)", found->send_address);
	}
}

static bool paths_fill(void)
{
	return snprintf(open_path, sizeof(open_path), "%s/open/file", folder) > 0 &&
	       snprintf(secret_path, sizeof(secret_path), "%s/secret/file", folder) > 0;
}

static void rings(void)
{
	struct io_uring_params params = {0};
	cleanup_fd int own = ring_setup(8, &params), cgroup = -1, listener = -1;
	char cgroup_path[128] = "";
	struct ring ring;
	int pair[2], status = 0;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	pid_t pid;

	if (own < 0 || abi < 1 || geteuid() != 0) {
		skip(own < 0   ? "this kernel has no io_uring, or it is off"
		     : abi < 1 ? "no Landlock"
			       : "not the superuser",
		     "rings");
		return;
	}
	has_net = abi >= 4;
	has_bind = supports(own, OP_BIND);
	if (!ok(mkdtemp(folder) && paths_fill() && mkdir(path_of("open"), 0700) == 0 && mkdir(path_of("secret"), 0700) == 0 &&
			file_write(open_path, "open") == 0 && file_write(secret_path, "secret") == 0,
		"files to open"))
		return;
	ok(ring_map(own, &params, &ring) == 0 && ring_do(&ring, opening(secret_path, 0)) >= 0 &&
		   ring_do(&ring, making(path_of("open/control"))) == 0,
	   "control: outside, a ring opens what the confined may not, and makes folders");
	cgroup = cgroup_make(cgroup_path, sizeof(cgroup_path));
	has_cgroup = cgroup >= 0;
	if (ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "a channel")) {
		pid = fork();
		if (pid == 0)
			confined_main(pair[1], cgroup);
		close(pair[1]);
		listener = descriptor_pass(pair[0], -1);
		for (int i = 0; i < 6 && listener >= 0; i++)
			if (answer_one(listener) < 0)
				break;
		/* A process that waits for an answer that never comes would wait for ever. */
		close(steal_fd(&listener));
		waitpid(pid, &status, 0);
		close(pair[0]);
		ok(found->ended && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		   "the confined process got its rings by descriptor and mapped them (status 0x%x)", (unsigned int)status);
		report_files();
		report_ways_out();
		report_sockets();
	}
	if (cgroup_path[0])
		rmdir(cgroup_path);
	for (size_t i = 0; i < 2; i++)
		unlink(i ? open_path : secret_path);
	rmdir(path_of("open/control"));
	rmdir(path_of("open"));
	rmdir(path_of("secret"));
	rmdir(folder);
}

int main(void)
{
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!ok(found != MAP_FAILED, "memory to tell results in"))
		return tap_done();
	rings();
	return tap_done();
}
