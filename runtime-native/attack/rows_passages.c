/* Ways around the plain calls: datagrams by every call, sockets that change their peer, rings, and descriptors that are passed. */
#include "bystander.h"
#include "uring.h"
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ARRIVAL_MS 300
#define ANSWER_MS 2000

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A socket; -1 after telling why there is none. */
static long open_socket(struct vxe_attack *attack, long family, long type, const char *event)
{
	/* The call that the event tells of: a profile may permit the one spelling of TCP and not the other. */
	long fd = sys3(SYS_socket, family, type, family == AF_INET && type == SOCK_STREAM ? IPPROTO_TCP : 0);

	attack_event(attack, "%s", event);
	if (fd < 0)
		attack_failed(attack, fd, "socket", "make a socket");
	return fd < 0 ? -1 : fd;
}

#define TCP_EVENT "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)"
#define UDP_EVENT "socket(AF_INET, SOCK_DGRAM, 0)"
#define UDP6_EVENT "socket(AF_INET6, SOCK_DGRAM, 0)"
#define UNIX_EVENT "socket(AF_UNIX, SOCK_STREAM, 0)"

static void arrived(struct vxe_attack *attack, _Atomic uint32_t *counter, uint32_t before, long ret, const char *call,
		    const char *what)
{
	if (ret < 0)
		attack_failed(attack, ret, call, "%s", what);
	else if (attack_wait_counter(counter, before, ARRIVAL_MS))
		attack_succeeded(attack, call, "%s: it arrived", what);
	else
		attack_failed(attack, -ENETUNREACH, call, "reach the listener: %s", what);
}

/* --- datagrams --- */

static void udp_sendmsg(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->udp_seen;
	struct sockaddr_in to = loopback(attack->world->shared->udp4);
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1};
	uint32_t before = atomic_load(seen);
	long fd = open_socket(attack, AF_INET, SOCK_DGRAM, UDP_EVENT);

	attack_event(attack, "sendmsg(3, udp/127.0.0.1:%u, MSG_NOSIGNAL)", attack->world->shared->udp4);
	if (fd < 0)
		return;
	arrived(attack, seen, before, sys3(SYS_sendmsg, fd, &message, MSG_NOSIGNAL), "sendmsg", "send by sendmsg");
	attack_close(fd);
}

static void udp_sendmmsg(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->udp_seen;
	struct sockaddr_in to = loopback(attack->world->shared->udp4);
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr messages[1] = {
		{.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1}}};
	uint32_t before = atomic_load(seen);
	long fd = open_socket(attack, AF_INET, SOCK_DGRAM, UDP_EVENT);

	attack_event(attack, "sendmmsg(3, udp/127.0.0.1:%u, 1, MSG_NOSIGNAL)", attack->world->shared->udp4);
	if (fd < 0)
		return;
	arrived(attack, seen, before, sys4(SYS_sendmmsg, fd, messages, 1, MSG_NOSIGNAL), "sendmmsg", "send by sendmmsg");
	attack_close(fd);
}

/* The address is said by connect, and what is sent has none. */
static void udp_connect(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->udp_seen;
	struct sockaddr_in to = loopback(attack->world->shared->udp4);
	uint32_t before = atomic_load(seen);
	long fd = open_socket(attack, AF_INET, SOCK_DGRAM, UDP_EVENT), ret;

	attack_event(attack, "connect(3, udp/127.0.0.1:%u)", attack->world->shared->udp4);
	attack_event(attack, "write(3)");
	if (fd < 0)
		return;
	ret = sys3(SYS_connect, fd, &to, sizeof(to));
	if (ret < 0)
		attack_failed(attack, ret, "connect", "connect a datagram socket");
	else
		arrived(attack, seen, before, sys3(SYS_write, fd, "x", 1), "write", "write to a connected datagram socket");
	attack_close(fd);
}

static void udp_mapped(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->udp_seen;
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(attack->world->shared->udp4)};
	uint32_t before = atomic_load(seen);
	long fd = open_socket(attack, AF_INET6, SOCK_DGRAM, UDP6_EVENT);

	memcpy(to.sin6_addr.s6_addr + 10, (const unsigned char[]){0xff, 0xff, 127, 0, 0, 1}, 6);
	attack_event(attack, "sendto(3, 1, 1, MSG_NOSIGNAL, udp/[::ffff:127.0.0.1]:%u)", attack->world->shared->udp4);
	if (fd < 0)
		return;
	arrived(attack, seen, before, sys6(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, &to, sizeof(to)), "sendto",
		"send to an IPv4 address written as IPv6");
	attack_close(fd);
}

/* --- sockets that change their peer --- */

/* Connected, parted by AF_UNSPEC, and connected again: the second time is a connection as any other. */
static void reconnect(struct vxe_attack *attack, long type)
{
	bool tcp = type == SOCK_STREAM;
	uint16_t port = tcp ? attack->world->shared->tcp4 : attack->world->shared->udp4;
	_Atomic uint32_t *seen = tcp ? &attack->world->shared->tcp_seen : &attack->world->shared->udp_seen;
	struct sockaddr_in to = loopback(port);
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	long fd = open_socket(attack, AF_INET, type, tcp ? TCP_EVENT : UDP_EVENT), ret = 0;
	uint32_t before;

	attack_event(attack, "connect(3, %s/127.0.0.1:%u)", tcp ? "tcp" : "udp", port);
	if (fd < 0)
		return;
	/* Each step is tried whatever came of the one before: parting is permitted to those who may not connect. */
	for (int round = 0; round < 2; round++) {
		sys3(SYS_connect, fd, &nobody, sizeof(nobody));
		before = atomic_load(seen);
		ret = sys3(SYS_connect, fd, &to, sizeof(to));
		if (ret >= 0 && !tcp)
			ret = sys3(SYS_write, fd, "x", 1);
		if (ret >= 0 && round == 0)
			attack_wait_counter(seen, before, ARRIVAL_MS);
	}
	arrived(attack, seen, before, ret == -EINPROGRESS ? 0 : ret, "connect", "connect a socket again after AF_UNSPEC");
	attack_close(fd);
}

static void tcp_reconnect(struct vxe_attack *attack)
{
	reconnect(attack, SOCK_STREAM);
}

static void udp_reconnect(struct vxe_attack *attack)
{
	reconnect(attack, SOCK_DGRAM);
}

/* --- rings --- */

static void ring_socket(struct vxe_attack *attack)
{
	/* A packet socket: what no filter would let through. */
	struct io_uring_sqe operation = {.opcode = IORING_OP_SOCKET, .fd = AF_PACKET, .off = SOCK_RAW, .len = htons(3)};
	long result;

	attack_event(attack, "socket(AF_PACKET, SOCK_RAW, 0x300)");
	if (!attack_ring(attack, &operation, &result))
		return;
	if (result < 0) {
		attack_failed(attack, result, "io_uring_enter", "have a ring make a packet socket");
		return;
	}
	attack_close(result);
	attack_succeeded(attack, "io_uring_enter", "a ring made a packet socket");
}

static void ring_connect(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->tcp_seen;
	struct sockaddr_in to = loopback(attack->world->shared->tcp4);
	uint32_t before = atomic_load(seen);
	struct io_uring_sqe operation = {
		.opcode = IORING_OP_CONNECT, .addr = (uint64_t)(uintptr_t)&to, .off = sizeof(to), .len = 0};
	long fd = open_socket(attack, AF_INET, SOCK_STREAM, TCP_EVENT), result;

	attack_event(attack, "connect(3, tcp/127.0.0.1:%u)", attack->world->shared->tcp4);
	if (fd < 0)
		return;
	operation.fd = (int)fd;
	if (attack_ring(attack, &operation, &result))
		arrived(attack, seen, before, result, "io_uring_enter", "have a ring connect");
	attack_close(fd);
}

static void ring_send(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->udp_seen;
	struct sockaddr_in to = loopback(attack->world->shared->udp4);
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1};
	uint32_t before = atomic_load(seen);
	struct io_uring_sqe operation = {
		.opcode = IORING_OP_SENDMSG, .addr = (uint64_t)(uintptr_t)&message, .len = 1, .msg_flags = MSG_NOSIGNAL};
	long fd = open_socket(attack, AF_INET, SOCK_DGRAM, UDP_EVENT), result;

	attack_event(attack, "sendmsg(3, udp/127.0.0.1:%u, MSG_NOSIGNAL)", attack->world->shared->udp4);
	if (fd < 0)
		return;
	operation.fd = (int)fd;
	if (attack_ring(attack, &operation, &result))
		arrived(attack, seen, before, result, "io_uring_enter", "have a ring send a datagram");
	attack_close(fd);
}

/* SOCKET_URING_OP_SETSOCKOPT: one operation for many calls. Newer headers name its fields. */
static void ring_option(struct vxe_attack *attack)
{
	struct io_uring_sqe operation = {.opcode = IORING_OP_URING_CMD, .off = 3, .file_index = sizeof(int)};
	const uint32_t which[2] = {SOL_SOCKET, SO_KEEPALIVE};
	int value = 1;
	const uint64_t at = (uintptr_t)&value;
	long fd = open_socket(attack, AF_INET, SOCK_STREAM, TCP_EVENT), result;

	attack_event(attack, "setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, 0, 4)");
	if (fd < 0)
		return;
	operation.fd = (int)fd;
	memcpy((char *)&operation + offsetof(struct io_uring_sqe, addr), which, sizeof(which));
	memcpy((char *)&operation + offsetof(struct io_uring_sqe, addr3), &at, sizeof(at));
	if (!attack_ring(attack, &operation, &result))
		;
	else if (result < 0)
		/* Rings have no such command before Linux 6.7. */
		attack_failed(attack, result == -EOPNOTSUPP || result == -EINVAL ? -ENOSYS : result, "io_uring_enter",
			      "have a ring set an option");
	else
		attack_succeeded(attack, "io_uring_enter", "a ring set a socket's option");
	attack_close(fd);
}

/* --- descriptors --- */

static long rendezvous(struct vxe_attack *attack)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *name = attack->world->shared->abstract_name;
	size_t length = strlen(name);
	long fd = open_socket(attack, AF_UNIX, SOCK_STREAM, UNIX_EVENT);

	attack_event(attack, "connect(3, unix:@%s)", name);
	if (fd < 0)
		return -1;
	memcpy(to.sun_path + 1, name, length);
	long ret = sys3(SYS_connect, fd, &to, offsetof(struct sockaddr_un, sun_path) + 1 + length);
	if (ret >= 0)
		return fd;
	attack_failed(attack, ret, "connect", "connect to a process outside, which passes descriptors");
	attack_close(fd);
	return -1;
}

union descriptor_control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

/* What somebody outside opened is read here, where no rule was asked about it. */
static void take_descriptor(struct vxe_attack *attack)
{
	union descriptor_control control = {0};
	char byte, text[sizeof(VXE_ATTACK_SECRET)] = {0};
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	long fd = rendezvous(attack), ret;
	int got = -1;

	attack_event(attack, "recvmsg(3)");
	if (fd < 0)
		return;
	ret = sys3(SYS_recvmsg, fd, &message, MSG_CMSG_CLOEXEC);
	attack_close(fd);
	if (ret < 0) {
		attack_failed(attack, ret, "recvmsg", "take a descriptor");
		return;
	}
	if (CMSG_FIRSTHDR(&message))
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(got));
	ret = sys4(SYS_pread64, got, text, sizeof(text) - 1, 0);
	attack_close(got);
	if (ret > 0 && attack_equal(text, VXE_ATTACK_SECRET))
		attack_succeeded(attack, "recvmsg", "a descriptor from outside tells the bystander's secret");
	else
		attack_failed(attack, ret < 0 ? ret : -EBADF, "recvmsg", "read what was passed");
}

static void pass_descriptor(struct vxe_attack *attack)
{
	_Atomic uint32_t *seen = &attack->world->shared->descriptors_seen;
	union descriptor_control control = {
		.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	uint32_t before = atomic_load(seen);
	long fd = rendezvous(attack), ret;
	int own = (int)fd;

	attack_event(attack, "sendmsg(3, 1, MSG_NOSIGNAL)");
	if (fd < 0)
		return;
	/* The socket itself is as good as any other. */
	memcpy(CMSG_DATA(&control.header), &own, sizeof(own));
	ret = sys3(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
	if (ret < 0)
		attack_failed(attack, ret, "sendmsg", "pass a descriptor out");
	else if (attack_wait_counter(seen, before, ANSWER_MS))
		attack_succeeded(attack, "sendmsg", "a process outside has a descriptor of this one");
	else
		attack_failed(attack, -ENETUNREACH, "sendmsg", "have the descriptor taken outside");
	attack_close(fd);
}

#define GROUP "passages"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("udp-sendmsg", "Sends a datagram to a listener outside by sendmsg.", "It arrives.", NULL, udp_sendmsg),
	ROW("udp-sendmmsg", "The same by sendmmsg.", "It arrives.", NULL, udp_sendmmsg),
	ROW("udp-connect", "Connects a datagram socket and writes to it.", "It arrives.", NULL, udp_connect),
	ROW("udp-mapped-send", "Sends a datagram to an IPv4 address written as IPv6.", "It arrives.", NULL, udp_mapped),
	ROW("tcp-reconnect", "Parts a TCP socket from its peer by AF_UNSPEC and connects it again.", "Connected twice.", NULL,
	    tcp_reconnect),
	ROW("udp-reconnect", "The same with a datagram socket.", "What it sends arrives.", NULL, udp_reconnect),
	ROW("ring-socket", "Has a ring make a packet socket, which no filter sees.", "It is made.", NULL, ring_socket),
	ROW("ring-connect", "Has a ring connect to a listener outside.", "Connected.", NULL, ring_connect),
	ROW("ring-send", "Has a ring send a datagram to a listener outside.", "It arrives.", NULL, ring_send),
	ROW("ring-option", "Has a ring set a socket's option, by the operation that is many calls.", "It is set.", NULL,
	    ring_option),
	ROW("descriptor-take", "Takes a descriptor from a process outside and reads the secret in it.", "The secret is read.",
	    NULL, take_descriptor),
	ROW("descriptor-pass", "Passes a descriptor to a process outside.", "It has it.", NULL, pass_descriptor),
};

const struct vxe_attack_group vxe_attack_passages = {rows, COUNT_OF(rows)};
