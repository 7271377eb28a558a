/* Addresses: of sockets of the internet families by the rules of the cgroup and Landlock's ports, of unix ones by path and name. */
#include "objects_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "address.h"
#include "caller.h"
#include "cleanup.h"
#include "landlock.h"
#include "lookup.h"
#include "memory.h"
#include "words.h"

/* As many as the kernel takes of one call. */
#define MESSAGES_MAX 1024

struct named {
	struct sockaddr_storage address;
	size_t size;
};

/* Where a call has its address. */
struct way {
	int nr;
	enum vxe_socket_word word;
	enum { ADDRESS, MESSAGE, MESSAGES } in;
	signed char address, length, flags; /* arguments; -1: none */
};

static const struct way ways[] = {
	{SYS_bind, VXE_SOCKET_ACCEPT, ADDRESS, 1, 2, -1},   {SYS_connect, VXE_SOCKET_CONNECT, ADDRESS, 1, 2, -1},
	{SYS_sendto, VXE_SOCKET_SEND, ADDRESS, 4, 5, 3},    {SYS_sendmsg, VXE_SOCKET_SEND, MESSAGE, 1, -1, 2},
	{SYS_sendmmsg, VXE_SOCKET_SEND, MESSAGES, 1, 2, 3},
};

struct socket_facts {
	int domain, type, protocol;
};

static bool option_get(int fd, int option, int *value)
{
	socklen_t size = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, option, value, &size) == 0;
}

/* The address in the host's order, as rules have it; an IPv4 one is the first word. */
static void words_of(const struct sockaddr_storage *address, uint32_t words[4])
{
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->ss_family != AF_INET6) {
		words[0] = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		memcpy(&words[i], v6->sin6_addr.s6_addr + 4 * i, sizeof(words[i]));
		words[i] = ntohl(words[i]);
	}
}

/* Landlock's right on ports that asks about this; 0: none that this program knows of. */
static uint64_t port_right(enum vxe_socket_word word, int protocol)
{
	if (protocol != IPPROTO_TCP || word == VXE_SOCKET_SEND)
		return 0;
	return word == VXE_SOCKET_ACCEPT ? LANDLOCK_ACCESS_NET_BIND_TCP : LANDLOCK_ACCESS_NET_CONNECT_TCP;
}

/* True: the address has a port that the call uses. */
static bool port_of(const struct named *named, const struct socket_facts *facts, unsigned int *port)
{
	const struct sockaddr_storage *address = &named->address;

	if (address->ss_family == AF_INET6 && facts->domain == AF_INET6 &&
	    named->size >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
		*port = ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
		return true;
	}
	if (address->ss_family == AF_INET6 || named->size < sizeof(struct sockaddr_in))
		return false;
	/* An IPv6 socket of UDP takes IPv4 addresses; one of TCP does not. */
	if (address->ss_family == AF_INET && facts->domain == AF_INET6 && facts->protocol != IPPROTO_UDP)
		return false;
	*port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	return true;
}

static bool internet_judge(const struct vxe_judge *judge, enum vxe_socket_word word, bool by_sending, const struct named *named,
			   const struct socket_facts *facts, struct vxe_object *out)
{
	int protocol = facts->protocol, family = named->address.ss_family == AF_INET6 ? AF_INET6 : AF_INET;
	bool ruled = judge->sockets && vxe_socket_rules_rule(judge->sockets, word, protocol);
	/* Landlock looks at the two calls alone. */
	uint64_t right = by_sending ? 0 : port_right(word, protocol);
	const struct vxe_judged_socket *rule;
	uint32_t words[4] = {0};
	unsigned int port;
	bool by_port;

	if (!port_of(named, facts, &port))
		return false;
	/* A connect without a family takes a connection back, and a datagram without one goes to where the socket is connected; an IPv4
	 * socket takes it for its own family. */
	if (named->address.ss_family == AF_UNSPEC &&
	    (word == VXE_SOCKET_CONNECT || (word == VXE_SOCKET_SEND && facts->domain == AF_INET6)))
		return false;
	/* The kernel asks nobody about a datagram to no port. */
	if (word == VXE_SOCKET_SEND && !port)
		return false;
	if (judge->landlock)
		right &= judge->landlock->handled_net;
	if (!ruled && !right)
		return false;
	words_of(&named->address, words);
	rule = vxe_judge_socket(judge, protocol, family, words, (uint16_t)port);
	out->errnum = EACCES;
	out->rule = rule			? rule->name.rule
		    : protocol == IPPROTO_UDP	? "network:udp"
		    : word == VXE_SOCKET_ACCEPT ? "network:accept"
						: "network:connect";
	out->at = rule ? rule->name.at : "";
	/* The kernel asks Landlock first. */
	by_port = right && !vxe_judge_port_granted(judge, right, port);
	out->cgroup = ruled && !by_port;
	out->refused =
		by_port || (ruled && !vxe_socket_rules_permit(judge->sockets, word, protocol, family, words, (uint16_t)port));
	return true;
}

/* Which rule speaks of a socket at a path, and whether it grants reaching it. */
static bool unix_granted(const struct vxe_judge *judge, enum vxe_socket_word word, const char *path, struct vxe_object *out)
{
	const struct vxe_judged_unix *rule = vxe_judge_unix(judge, path);
	const struct vxe_judged_file *file = rule ? NULL : vxe_judge_file(judge, path);
	const struct vxe_rule_name *name = rule ? &rule->name : file ? &file->name : NULL;

	out->rule = name ? name->rule : "files:default";
	out->at = name ? name->at : "";
	return rule ? rule->words & (1U << word) : file && (file->access & VXE_WRITE);
}

static bool abstract_judge(const struct vxe_judge *judge, pid_t pid, enum vxe_socket_word word, const struct named *named,
			   const struct socket_facts *facts, struct vxe_object *out)
{
	const struct sockaddr_un *un = (const void *)&named->address;
	bool all = judge->sockets && judge->sockets->no_unix;
	bool scoped = judge->landlock && (judge->landlock->scoped & LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET);

	if (word == VXE_SOCKET_ACCEPT)
		return false;
	out->errnum = all ? EACCES : EPERM;
	out->rule = "scope:abstract-unix";
	out->at = "";
	out->cgroup = all;
	out->refused =
		all || (scoped && objects_abstract_outside(pid, un->sun_path, named->size - sizeof(sa_family_t), facts->type));
	return true;
}

static bool unix_judge(const struct vxe_judge *judge, pid_t pid, enum vxe_socket_word word, const struct named *named,
		       const struct socket_facts *facts, struct vxe_object *out)
{
	const struct sockaddr_un *un = (const void *)&named->address;
	char given[sizeof(un->sun_path) + 1] = "";
	struct objects_rights rights = {.folder = LANDLOCK_ACCESS_FS_MAKE_SOCK};
	struct vxe_lookup found = {0};
	bool looked;

	if (named->address.ss_family != AF_UNIX || named->size <= sizeof(sa_family_t) || named->size > sizeof(*un))
		return false;
	/* On others than datagram sockets the kernel refuses or ignores it. */
	if (word == VXE_SOCKET_SEND && facts->type != SOCK_DGRAM)
		return false;
	if (!un->sun_path[0])
		return abstract_judge(judge, pid, word, named, facts, out);
	memcpy(given, un->sun_path, named->size - sizeof(sa_family_t));
	looked = vxe_lookup(pid, AT_FDCWD, given, word != VXE_SOCKET_ACCEPT, &found) == 0;
	if (word == VXE_SOCKET_ACCEPT) {
		if (!looked)
			return objects_unseen(pid, given, &found, out);
		if (found.exists)
			return false;
		objects_file_judge(judge, pid, &found, VXE_CREATE, &rights, out);
		out->address[0] = '\0';
		return true;
	}
	/* No Landlock that this program knows of asks who reaches a socket that is a file; programs of the cgroup refuse all of them. */
	if (!judge->sockets || !judge->sockets->no_unix)
		return false;
	out->narrowed = unix_granted(judge, word, looked ? found.path : given, out);
	out->errnum = EACCES;
	out->cgroup = out->refused = true;
	return true;
}

static bool address_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, const struct way *way,
			  const struct named *named, const struct socket_facts *facts, struct vxe_object *out)
{
	struct vxe_address described;
	enum vxe_socket_word word = way->word;

	memset(out, 0, sizeof(*out));
	vxe_address_describe(&named->address, named->size, facts->type, &described);
	vxe_text_copy(out->address, sizeof(out->address), described.text);
	if (facts->domain == AF_UNIX)
		return unix_judge(view->judge, (pid_t)request->pid, word, named, facts, out);
	if (facts->domain != AF_INET && facts->domain != AF_INET6)
		return false;
	/* On a TCP socket an address to send to means a connection, or nothing. */
	if (word == VXE_SOCKET_SEND && facts->protocol == IPPROTO_TCP) {
		if (!(request->data.args[(int)way->flags] & MSG_FASTOPEN))
			return false;
		word = VXE_SOCKET_CONNECT;
	}
	return internet_judge(view->judge, word, way->word == VXE_SOCKET_SEND, named, facts, out);
}

/* Longer addresses than there are, the kernel cuts in messages. */
static bool message_named(pid_t pid, uint64_t pointer, struct named *out)
{
	struct msghdr header;

	if (vxe_memory_read(pid, pointer, &header, sizeof(header)) < 0 || !header.msg_name)
		return false;
	if (header.msg_namelen > sizeof(out->address))
		header.msg_namelen = sizeof(out->address);
	return vxe_address_read(pid, (uint64_t)(uintptr_t)header.msg_name, header.msg_namelen, &out->address, &out->size) == 0;
}

/* The Nth address of the call; false: there is none, or it cannot be read. */
static bool named_read(const struct seccomp_notif *request, const struct way *way, size_t index, struct named *out)
{
	const __u64 *args = request->data.args;
	pid_t pid = (pid_t)request->pid;

	if (way->in == ADDRESS)
		return args[(int)way->address] &&
		       vxe_address_read(pid, args[(int)way->address], (uint32_t)args[(int)way->length], &out->address,
					&out->size) == 0;
	return message_named(pid, args[(int)way->address] + index * sizeof(struct mmsghdr), out);
}

static size_t way_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, const struct way *way,
			struct vxe_object *out)
{
	size_t count = way->in == MESSAGES ? (uint32_t)request->data.args[(int)way->length] : 1, found = 0;
	cleanup_fd int sock = -1;
	struct socket_facts facts;
	struct named named;

	/* Most that is sent names nobody: no descriptor is taken for it. */
	if (way->in == ADDRESS && !named_read(request, way, 0, &named))
		return 0;
	sock = vxe_caller_descriptor(view->listener_fd, request);
	if (sock < 0 || !option_get(sock, SO_DOMAIN, &facts.domain) || !option_get(sock, SO_PROTOCOL, &facts.protocol) ||
	    !option_get(sock, SO_TYPE, &facts.type))
		return 0;
	/* The first that is refused ends the call. */
	for (size_t i = 0; i < count && i < MESSAGES_MAX && !(found && out->refused); i++)
		if (named_read(request, way, i, &named))
			found |= address_judge(view, request, way, &named, &facts, out);
	return found;
}

size_t objects_sockets_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, struct vxe_object *out)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (ways[i].nr == request->data.nr)
			return way_judge(view, request, &ways[i], out);
	return 0;
}
