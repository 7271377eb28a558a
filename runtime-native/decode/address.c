#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "calls.h"
#include "memory.h"

int vxe_address_read(pid_t pid, uint64_t pointer, uint64_t length, struct sockaddr_storage *out, size_t *size)
{
	memset(out, 0, sizeof(*out));
	if (length < sizeof(sa_family_t) || length > sizeof(*out) || vxe_memory_read(pid, pointer, out, length) < 0)
		return -1;
	*size = length;
	return 0;
}

const char *vxe_socket_type_name(int type)
{
	static const char *const names[] = {NULL,	"SOCK_STREAM",	  "SOCK_DGRAM", "SOCK_RAW",
					    "SOCK_RDM", "SOCK_SEQPACKET", "SOCK_DCCP"};

	return type > 0 && type < (int)(sizeof(names) / sizeof(*names)) ? names[type] : NULL;
}

static void family_name(unsigned int family, char *out, size_t size)
{
	const struct vxe_call_shape *shape = vxe_call_shape_named("socket");
	const uint64_t args[6] = {0};

	if (!shape || vxe_value_write(vxe_value_set_find(&shape->args[0], args), family, out, size) < 0)
		snprintf(out, size, "%u", family);
}

/* Abstract names are bytes: what is not printable is escaped, so that equal texts are equal names. */
static void abstract_name(const char *bytes, size_t length, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 5 < size; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c < 0x20 || c >= 0x7f || c == '\\')
			used += (size_t)snprintf(out + used, size - used, "\\x%02x", c);
		else
			out[used++] = (char)c;
	}
	out[used] = '\0';
}

static void unix_describe(const struct sockaddr_storage *address, size_t length, struct vxe_address *out)
{
	const struct sockaddr_un *un = (const void *)address;
	size_t bytes = length > sizeof(sa_family_t) ? length - sizeof(sa_family_t) : 0;

	if (bytes > sizeof(un->sun_path))
		bytes = sizeof(un->sun_path);
	if (!bytes) {
		snprintf(out->text, sizeof(out->text), "unix:");
		return;
	}
	if (un->sun_path[0]) {
		snprintf(out->path, sizeof(out->path), "%.*s", (int)bytes, un->sun_path);
	} else {
		out->path[0] = '@';
		abstract_name(un->sun_path + 1, bytes - 1, out->path + 1, sizeof(out->path) - 1);
	}
	snprintf(out->text, sizeof(out->text), "unix:%.500s", out->path);
}

void vxe_address_describe(const struct sockaddr_storage *address, size_t length, int type, struct vxe_address *out)
{
	const char *protocol = type == SOCK_STREAM ? "tcp" : type == SOCK_DGRAM ? "udp" : type == SOCK_RAW ? "raw" : "ip";
	bool v6 = address->ss_family == AF_INET6;

	memset(out, 0, sizeof(*out));
	out->port = -1;
	family_name(address->ss_family, out->family, sizeof(out->family));
	if (address->ss_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *in = (const void *)address;

		inet_ntop(AF_INET, &in->sin_addr, out->host, sizeof(out->host));
		out->port = ntohs(in->sin_port);
	} else if (v6 && length >= 24 /* SIN6_LEN_RFC2133: without the scope */) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		inet_ntop(AF_INET6, &in6->sin6_addr, out->host, sizeof(out->host));
		out->port = ntohs(in6->sin6_port);
	} else if (address->ss_family == AF_UNIX) {
		unix_describe(address, length, out);
		return;
	} else {
		snprintf(out->text, sizeof(out->text), "%s", out->family);
		return;
	}
	snprintf(out->text, sizeof(out->text), v6 ? "%s/[%s]:%d" : "%s/%s:%d", protocol, out->host, out->port);
}
