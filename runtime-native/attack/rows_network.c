/* Reaching out: every protocol to a listener outside, and the sockets that need none. */
#include "bystander.h"
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ARRIVAL_MS 300

static struct sockaddr_in address4(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct sockaddr_in6 address6(uint16_t port)
{
	return (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
}

static long make_socket(struct vxe_attack *attack, long family, long type, long protocol, const char *what)
{
	long fd = sys3(SYS_socket, family, type, protocol);

	if (fd < 0)
		attack_failed(attack, fd, "socket", "make a socket for %s", what);
	return fd;
}

static void connect_to(struct vxe_attack *attack, long fd, const void *address, long size, const char *what)
{
	if (fd < 0)
		return;
	long ret = sys3(SYS_connect, fd, address, size);
	attack_close(fd);
	if (ret < 0 && ret != -EINPROGRESS)
		attack_failed(attack, ret, "connect", "connect by %s", what);
	else
		attack_succeeded(attack, "connect", "connected by %s", what);
}

static void tcp_connect(struct vxe_attack *attack)
{
	struct sockaddr_in address = address4(attack->world->shared->tcp4);

	attack_event(attack, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)");
	attack_event(attack, "connect(3, tcp/127.0.0.1:%u)", attack->world->shared->tcp4);
	connect_to(attack, make_socket(attack, AF_INET, SOCK_STREAM, 0, "TCP"), &address, sizeof(address), "TCP");
}

static void tcp6_connect(struct vxe_attack *attack)
{
	struct sockaddr_in6 address = address6(attack->world->shared->tcp6);

	attack_event(attack, "socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP)");
	attack_event(attack, "connect(3, tcp/[::1]:%u)", attack->world->shared->tcp6);
	connect_to(attack, make_socket(attack, AF_INET6, SOCK_STREAM, 0, "TCP over IPv6"), &address, sizeof(address),
		   "TCP over IPv6");
}

static void tcp_mapped_connect(struct vxe_attack *attack)
{
	struct sockaddr_in6 address = address6(attack->world->shared->tcp4);

	/* ::ffff:127.0.0.1 */
	memset(&address.sin6_addr, 0, sizeof(address.sin6_addr));
	memcpy(address.sin6_addr.s6_addr + 10, (const unsigned char[]){0xff, 0xff, 127, 0, 0, 1}, 6);
	attack_event(attack, "socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP)");
	attack_event(attack, "connect(3, tcp/[::ffff:127.0.0.1]:%u)", attack->world->shared->tcp4);
	connect_to(attack, make_socket(attack, AF_INET6, SOCK_STREAM, 0, "TCP by a mapped address"), &address, sizeof(address),
		   "TCP by a mapped address");
}

static void mptcp_connect(struct vxe_attack *attack)
{
	struct sockaddr_in address = address4(attack->world->shared->tcp4);

	connect_to(attack, make_socket(attack, AF_INET, SOCK_STREAM, 262, "MPTCP"), &address, sizeof(address), "MPTCP");
}

static void sctp_connect(struct vxe_attack *attack)
{
	/* There is no SCTP listener: the socket is the success. */
	long fd = make_socket(attack, AF_INET, SOCK_STREAM, 132, "SCTP");

	if (fd >= 0)
		attack_succeeded(attack, "socket", "an SCTP socket");
	attack_close(fd);
}

/* Data with the first packet: a connection without connect. */
static void fastopen(struct vxe_attack *attack, bool by_sendmsg)
{
	struct sockaddr_in address = address4(attack->world->shared->tcp4);
	struct iovec data = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &data, .msg_iovlen = 1};
	uint32_t before = atomic_load(&attack->world->shared->tcp_seen);
	const char *call = by_sendmsg ? "sendmsg" : "sendto";
	long fd = make_socket(attack, AF_INET, SOCK_STREAM, 0, "TCP"), ret;

	attack_event(attack, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)");
	if (by_sendmsg)
		attack_event(attack, "sendmsg(3, 1, MSG_FASTOPEN)");
	else
		attack_event(attack, "sendto(3, 1, 1, MSG_FASTOPEN, tcp/127.0.0.1:%u)", attack->world->shared->tcp4);
	if (fd < 0)
		return;
	if (by_sendmsg)
		ret = sys3(SYS_sendmsg, fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL);
	else
		ret = sys6(SYS_sendto, fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, &address, sizeof(address));
	/* A peer that has closed already is a peer that was reached. */
	if (ret < 0 && ret != -EINPROGRESS && ret != -ECONNRESET && ret != -EPIPE)
		attack_failed(attack, ret, call, "connect and send at once");
	else if (attack_wait_counter(&attack->world->shared->tcp_seen, before, ARRIVAL_MS))
		attack_succeeded(attack, call, "connected by the first data");
	else
		attack_failed(attack, -ETIMEDOUT, call, "reach the listener by the first data");
	attack_close(fd);
}

static void fastopen_sendto(struct vxe_attack *attack)
{
	fastopen(attack, false);
}

static void fastopen_sendmsg(struct vxe_attack *attack)
{
	fastopen(attack, true);
}

static void send_datagram(struct vxe_attack *attack, long family, const void *address, long size, const char *what)
{
	uint32_t before = atomic_load(&attack->world->shared->udp_seen);
	long fd = make_socket(attack, family, SOCK_DGRAM, 0, what);

	attack_event(attack, "socket(%ld, SOCK_DGRAM, 0)", family);
	attack_event(attack, "sendto(3, 1, 1, MSG_NOSIGNAL, udp/%s:%u)", family == AF_INET ? "127.0.0.1" : "[::1]",
		     family == AF_INET ? attack->world->shared->udp4 : attack->world->shared->udp6);

	if (fd < 0)
		return;
	long ret = sys6(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, address, size);
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "sendto", "send by %s", what);
	else if (attack_wait_counter(&attack->world->shared->udp_seen, before, ARRIVAL_MS))
		attack_succeeded(attack, "sendto", "a datagram arrived by %s", what);
	else
		attack_failed(attack, -ENETUNREACH, "sendto", "reach the listener by %s", what);
}

static void udp_send(struct vxe_attack *attack)
{
	struct sockaddr_in address = address4(attack->world->shared->udp4);

	send_datagram(attack, AF_INET, &address, sizeof(address), "UDP");
}

static void udp6_send(struct vxe_attack *attack)
{
	struct sockaddr_in6 address = address6(attack->world->shared->udp6);

	send_datagram(attack, AF_INET6, &address, sizeof(address), "UDP over IPv6");
}

static void open_socket(struct vxe_attack *attack, long family, long type, long protocol, const char *what)
{
	long fd = make_socket(attack, family, type, protocol, what);

	if (fd >= 0)
		attack_succeeded(attack, "socket", "a socket for %s", what);
	attack_close(fd);
}

static void ping_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "ICMP");
}

static void raw_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw IP");
}

static void raw6_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, "raw IPv6");
}

static void packet_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_PACKET, SOCK_RAW, htons(3), "raw packets");
}

static void packet_datagram_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_PACKET, SOCK_DGRAM, htons(3), "cooked packets");
}

static void wide_domain_socket(struct vxe_attack *attack)
{
	/* The kernel takes 32 bits of the domain; a filter that compares 64 would not see AF_PACKET here. */
	open_socket(attack, (long)(0xdeadbeefUL << 32 | AF_PACKET), SOCK_RAW, htons(3),
		    "raw packets, the domain with garbage above");
}

static void netlink_route(struct vxe_attack *attack)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.info = {.ifi_family = AF_UNSPEC},
	};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	long fd = make_socket(attack, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "netlink");

	if (fd < 0)
		return;
	long ret = sys6(SYS_sendto, fd, &request, sizeof(request), 0, &kernel, sizeof(kernel));
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "sendto", "ask for the network's links");
	else
		attack_succeeded(attack, "sendto", "the kernel was asked for the network's links");
}

static void netlink_audit(struct vxe_attack *attack)
{
	open_socket(attack, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, "audit");
}

static void netlink_uevent(struct vxe_attack *attack)
{
	open_socket(attack, AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT, "device events");
}

static void netlink_filter(struct vxe_attack *attack)
{
	open_socket(attack, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, "the packet filter");
}

static void vsock_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_VSOCK, SOCK_STREAM, 0, "vsock");
}

static void vsock_connect(struct vxe_attack *attack)
{
	struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = 1};
	long fd = make_socket(attack, AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0, "vsock");

	if (fd < 0)
		return;
	long ret = sys3(SYS_connect, fd, &address, sizeof(address));
	attack_close(fd);
	/* Nobody listens there: that the question went out is connection enough. */
	if (ret >= 0 || ret == -EINPROGRESS || ret == -ECONNRESET || ret == -ECONNREFUSED)
		attack_succeeded(attack, "connect", "the machine itself was asked by vsock");
	else
		attack_failed(attack, ret == -EADDRNOTAVAIL ? -ENODEV : ret, "connect", "connect by vsock");
}

static void crypto_socket(struct vxe_attack *attack)
{
	open_socket(attack, AF_ALG, SOCK_SEQPACKET, 0, "the kernel's cryptography");
}

static void rare_sockets(struct vxe_attack *attack)
{
	/* AX.25 to SMC: old code that nobody uses and everybody's kernel may have. */
	static const int others[] = {AF_AX25, AF_IPX, AF_APPLETALK, AF_NETROM,	  AF_X25,   AF_ROSE,   AF_KEY,
				     AF_LLC,  AF_CAN, AF_TIPC,	    AF_BLUETOOTH, AF_RXRPC, AF_PHONET, AF_IEEE802154,
				     AF_CAIF, AF_NFC, AF_KCM,	    AF_QIPCRTR,	  43,	    44 /* AF_XDP */};

	for (size_t i = 0; i < COUNT_OF(others); i++)
		for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
			long fd = sys3(SYS_socket, others[i], type, others[i] == AF_KEY ? 2 : 0);

			if (fd < 0) {
				attack_failed(attack, fd, "socket", "make a socket of family %d", others[i]);
				continue;
			}
			attack_close(fd);
			attack_event(attack, "socket(%d, %d, 0)", others[i], type);
			attack_succeeded(attack, "socket", "family %d, type %d", others[i], type);
		}
}

static long unix_address(struct sockaddr_un *address, const char *name, bool abstract)
{
	size_t length = strlen(name), offset = abstract ? 1 : 0;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + offset, name, length);
	return (long)(offsetof(struct sockaddr_un, sun_path) + offset + length);
}

static void unix_abstract(struct vxe_attack *attack)
{
	struct sockaddr_un address;
	long size = unix_address(&address, attack->world->shared->abstract_name, true);

	attack_event(attack, "socket(AF_UNIX, SOCK_STREAM, 0)");
	attack_event(attack, "connect(3, unix:@%s)", attack->world->shared->abstract_name);
	connect_to(attack, make_socket(attack, AF_UNIX, SOCK_STREAM, 0, "unix"), &address, size, "an abstract unix name");
}

static void unix_abstract_datagram(struct vxe_attack *attack)
{
	char name[64];
	struct sockaddr_un address;
	long fd = make_socket(attack, AF_UNIX, SOCK_DGRAM, 0, "unix");

	if (fd < 0)
		return;
	attack_format(name, sizeof(name), "%s-dgram", attack->world->shared->abstract_name);
	attack_event(attack, "socket(AF_UNIX, SOCK_DGRAM, 0)");
	attack_event(attack, "sendto(3, 1, 1, MSG_NOSIGNAL, unix:@%s)", name);
	long size = unix_address(&address, name, true);
	uint32_t before = atomic_load(&attack->world->shared->datagrams_seen);
	long ret = sys6(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, &address, size);
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "sendto", "send to an abstract unix name");
	else if (attack_wait_counter(&attack->world->shared->datagrams_seen, before, ARRIVAL_MS))
		attack_succeeded(attack, "sendto", "a datagram arrived at an abstract unix name");
	else
		attack_failed(attack, -ECONNREFUSED, "sendto", "reach the listener by an abstract unix name");
}

static void unix_path(struct vxe_attack *attack)
{
	static const char *const others[] = {"/run/systemd/private", "/run/dbus/system_bus_socket", "/var/run/docker.sock",
					     "/run/systemd/journal/socket", "/run/containerd/containerd.sock"};
	struct sockaddr_un address;

	if (attack->world->spool_socket) {
		long size = unix_address(&address, attack->world->spool_socket, false);

		attack_event(attack, "socket(AF_UNIX, SOCK_STREAM, 0)");
		attack_event(attack, "connect(3, unix:%s)", attack->world->spool_socket);
		connect_to(attack, make_socket(attack, AF_UNIX, SOCK_STREAM, 0, "unix"), &address, size,
			   "the bystander's unix path");
	}
	/* In the control only what the bystander made is touched. */
	for (size_t i = 0; !attack->world->control && i < COUNT_OF(others); i++) {
		long size = unix_address(&address, others[i], false);

		connect_to(attack, make_socket(attack, AF_UNIX, SOCK_STREAM, 0, "unix"), &address, size, others[i]);
	}
}

static void unix_pair(struct vxe_attack *attack)
{
	int pair[2];
	long ret = sys4(SYS_socketpair, AF_INET, SOCK_STREAM, 0, pair);

	/* No kernel pairs internet sockets; EOPNOTSUPP comes after the socket was made. */
	if (ret == -EOPNOTSUPP || ret >= 0)
		attack_succeeded(attack, "socketpair", "internet sockets were made on the way");
	else
		attack_failed(attack, ret, "socketpair", "make internet sockets by socketpair");
}

static void bind_port(struct vxe_attack *attack, uint16_t port, const char *what)
{
	struct sockaddr_in address = address4(port);
	long fd = make_socket(attack, AF_INET, SOCK_STREAM, 0, "TCP");

	attack_event(attack, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)");
	attack_event(attack, "bind(3, tcp/127.0.0.1:%u)", port);
	if (fd < 0)
		return;
	long ret = sys3(SYS_bind, fd, &address, sizeof(address));
	attack_close(fd);
	/* Taken by another is told only to those who may bind. */
	if (ret < 0 && ret != -EADDRINUSE)
		attack_failed(attack, ret, "bind", "bind to %s", what);
	else
		attack_succeeded(attack, "bind", "bound to %s", what);
}

static void bind_other(struct vxe_attack *attack)
{
	bind_port(attack, 4444, "TCP port 4444");
}

static void bind_privileged(struct vxe_attack *attack)
{
	bind_port(attack, 22, "TCP port 22");
}

static void listen_unbound(struct vxe_attack *attack)
{
	/* listen binds an unbound socket to a port of the kernel's choice. */
	long fd = make_socket(attack, AF_INET, SOCK_STREAM, 0, "TCP");

	if (fd < 0)
		return;
	attack_event(attack, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)");
	/* What the kernel does for it. */
	attack_event(attack, "bind(3, tcp/0)");
	attack_event(attack, "listen(3, 1)");
	long ret = sys2(SYS_listen, fd, 1);
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "listen", "listen without a port");
	else
		attack_succeeded(attack, "listen", "listens on a port that the kernel chose");
}

static void bind_datagram(struct vxe_attack *attack)
{
	struct sockaddr_in address = address4(4444);
	long fd = make_socket(attack, AF_INET, SOCK_DGRAM, 0, "UDP");

	attack_event(attack, "socket(AF_INET, SOCK_DGRAM, 0)");
	attack_event(attack, "bind(3, udp/127.0.0.1:4444)");

	if (fd < 0)
		return;
	long ret = sys3(SYS_bind, fd, &address, sizeof(address));
	attack_close(fd);
	if (ret < 0)
		attack_failed(attack, ret, "bind", "bind to UDP port 4444");
	else
		attack_succeeded(attack, "bind", "bound to UDP port 4444");
}

#define GROUP "network"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("tcp-connect", "Connects to a listener outside by TCP.", "Connected.", NULL, tcp_connect),
	ROW("tcp6-connect", "The same over IPv6.", "Connected.", NULL, tcp6_connect),
	ROW("tcp-mapped-connect", "The same to an IPv4 address written as IPv6.", "Connected.", NULL, tcp_mapped_connect),
	ROW("tcp-fastopen-sendto", "Connects by sendto with the first data.", "The listener accepts.", NULL, fastopen_sendto),
	ROW("tcp-fastopen-sendmsg", "Connects by sendmsg with the first data.", "The listener accepts.", NULL,
	    fastopen_sendmsg),
	ROW("mptcp-connect", "Connects by multipath TCP, another protocol to the same listener.", "Connected.",
	    "socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)", mptcp_connect),
	ROW("sctp-socket", "Makes an SCTP socket.", "It is made.", "socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)", sctp_connect),
	ROW("udp-send", "Sends a datagram to a listener outside.", "It arrives.", NULL, udp_send),
	ROW("udp6-send", "The same over IPv6.", "It arrives.", NULL, udp6_send),
	ROW("icmp-socket", "Makes a ping socket.", "It is made.", "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)", ping_socket),
	ROW("raw-socket", "Makes a raw IP socket.", "It is made.", "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", raw_socket),
	ROW("raw6-socket", "Makes a raw IPv6 socket.", "It is made.", "socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)",
	    raw6_socket),
	ROW("packet-socket", "Makes a socket for raw packets.", "It is made.", "socket(AF_PACKET, SOCK_RAW, 768)",
	    packet_socket),
	ROW("packet-dgram-socket", "Makes a socket for cooked packets.", "It is made.", "socket(AF_PACKET, SOCK_DGRAM, 768)",
	    packet_datagram_socket),
	ROW("wide-domain-socket", "Makes a packet socket with garbage in the upper half of the domain.", "It is made.",
	    "socket(AF_PACKET, SOCK_RAW, 768)", wide_domain_socket),
	ROW("netlink-route", "Asks the kernel for its network's links.", "The kernel takes the question.",
	    "socket(AF_NETLINK, SOCK_RAW, 0)", netlink_route),
	ROW("netlink-audit", "Makes a socket to the audit system.", "It is made.", "socket(AF_NETLINK, SOCK_RAW, 9)",
	    netlink_audit),
	ROW("netlink-uevent", "Makes a socket for device events.", "It is made.", "socket(AF_NETLINK, SOCK_DGRAM, 15)",
	    netlink_uevent),
	ROW("netlink-netfilter", "Makes a socket to the packet filter.", "It is made.", "socket(AF_NETLINK, SOCK_RAW, 12)",
	    netlink_filter),
	ROW("vsock-socket", "Makes a socket to the hypervisor's side.", "It is made.", "socket(AF_VSOCK, SOCK_STREAM, 0)",
	    vsock_socket),
	ROW("vsock-connect", "Connects by vsock to the machine itself.", "The machine is asked.",
	    "socket(AF_VSOCK, SOCK_STREAM, 0)", vsock_connect),
	ROW("crypto-socket", "Makes a socket to the kernel's cryptography.", "It is made.", "socket(AF_ALG, SOCK_SEQPACKET, 0)",
	    crypto_socket),
	ROW("rare-sockets", "Makes sockets of twenty rare families.", "One is made.", NULL, rare_sockets),
	ROW("unix-abstract", "Connects to an abstract unix name outside.", "Connected.", NULL, unix_abstract),
	ROW("unix-abstract-dgram", "Sends a datagram to an abstract unix name outside.", "It arrives.", NULL,
	    unix_abstract_datagram),
	ROW("unix-path", "Connects to unix paths outside, the system's among them.", "Connected to the bystander's.", NULL,
	    unix_path),
	ROW("socketpair-inet", "Makes internet sockets by socketpair.", "They are made on the way.",
	    "socketpair(AF_INET, SOCK_STREAM, 0)", unix_pair),
	ROW("tcp-bind", "Binds to another TCP port.", "Bound.", NULL, bind_other),
	ROW("tcp-bind-privileged", "Binds to another daemon's TCP port, 22.", "Bound, or only taken.", NULL, bind_privileged),
	ROW("tcp-listen-unbound", "Listens without a port, on one of the kernel's choice.", "Listens.", NULL, listen_unbound),
	ROW("udp-bind", "Binds to a UDP port.", "Bound.", NULL, bind_datagram),
};

const struct vxe_attack_group vxe_attack_network = {rows, COUNT_OF(rows)};
