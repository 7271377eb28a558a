/*
 * org.vxe.addresses: rules on the addresses of sockets, one a line, as a profile is lowered to (docs/architecture.md):
 *
 *     connect tcp 10.0.0.0/8 443-443 allow
 *
 * The first line for a word and protocol that matches decides, what none matches is refused, and a word and protocol without a line is not
 * ruled. The addresses of an IPv6 socket that are mapped IPv4 ones are those. org.vxe.unix: `none` refuses unix sockets every address.
 */
#ifndef VXE_RUNTIME_SOCKET_RULES_H
#define VXE_RUNTIME_SOCKET_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum vxe_socket_word { VXE_SOCKET_ACCEPT, VXE_SOCKET_CONNECT, VXE_SOCKET_SEND };

struct vxe_socket_rule {
	enum vxe_socket_word word;
	int protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	int family;   /* AF_INET, AF_INET6; AF_UNSPEC: every address */
	unsigned int prefix;
	uint32_t address[4]; /* in the host's order; an IPv4 one is the first */
	uint16_t from, to;
	bool allow;
};

struct vxe_socket_rules {
	struct vxe_socket_rule *items;
	size_t count;
	bool no_unix;
};

/* NULL texts are annotations that are absent. */
int vxe_socket_rules_parse(const char *addresses, const char *unix_sockets, struct vxe_socket_rules *out,
			   struct vxe_error **err);
void vxe_socket_rules_free(struct vxe_socket_rules *rules);
bool vxe_socket_rules_empty(const struct vxe_socket_rules *rules);
/* Is the pair ruled at all? */
bool vxe_socket_rules_rule(const struct vxe_socket_rules *rules, enum vxe_socket_word word, int protocol);
/* What the lines mean; the programs are held against it. The address is in the host's order, an IPv4 one is the first word. */
bool vxe_socket_rules_permit(const struct vxe_socket_rules *rules, enum vxe_socket_word word, int protocol, int family,
			     const uint32_t address[4], uint16_t port);

/* "10.0.0.0/8" or "*", which is cut up; -1: neither. */
int vxe_socket_rule_address(char *text, struct vxe_socket_rule *rule);
/* Does the rule speak of this address and port? Mapped addresses are IPv4 ones here, too; words and protocols are not looked at. */
bool vxe_socket_rule_matches(const struct vxe_socket_rule *rule, int family, const uint32_t address[4], uint16_t port);

/* Loads the programs and attaches them to the cgroup, with which they end. */
int vxe_cgroup_sockets(int fd, const struct vxe_socket_rules *rules, struct vxe_error **err);

#endif
