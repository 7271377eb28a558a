#include "socket_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define ADDRESSES "annotations.org.vxe.addresses"
#define RULES_MAX 65536

static const char *const words[] = {"accept", "connect", "send"};

static int bad(const char *line, struct vxe_error **err)
{
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: \"%.*s\" is not a rule", ADDRESSES, (int)strcspn(line, "\n"), line);
	return vxe_error_hint(err, "such as connect tcp 10.0.0.0/8 443-443 allow");
}

int vxe_socket_rule_address(char *text, struct vxe_socket_rule *rule)
{
	char *slash = strchr(text, '/'), *end;
	struct in_addr v4;
	struct in6_addr v6;
	unsigned long prefix;

	if (!strcmp(text, "*")) {
		rule->family = AF_UNSPEC;
		return 0;
	}
	if (!slash || slash[1] < '0' || slash[1] > '9')
		return -1;
	*slash = '\0';
	prefix = strtoul(slash + 1, &end, 10);
	if (*end)
		return -1;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		rule->family = AF_INET;
		rule->address[0] = ntohl(v4.s_addr);
	} else if (inet_pton(AF_INET6, text, &v6) == 1) {
		rule->family = AF_INET6;
		for (size_t i = 0; i < 4; i++) {
			uint32_t part;

			memcpy(&part, v6.s6_addr + 4 * i, sizeof(part));
			rule->address[i] = ntohl(part);
		}
	} else {
		return -1;
	}
	rule->prefix = (unsigned int)prefix;
	return prefix <= (rule->family == AF_INET ? 32 : 128) ? 0 : -1;
}

static int port_parse(const char **at, char end, uint16_t *out)
{
	char *after;
	unsigned long value;

	if (**at < '0' || **at > '9')
		return -1;
	value = strtoul(*at, &after, 10);
	if (value > UINT16_MAX || *after != end)
		return -1;
	*out = (uint16_t)value;
	*at = after + (end != '\0');
	return 0;
}

static int line_parse(const char *line, struct vxe_socket_rule *rule)
{
	char word[9], protocol[5], address[64], ports[16], verdict[8], after;
	const char *at = ports;
	size_t length = strcspn(line, "\n");
	cleanup_free char *copy = strndup(line, length);

	memset(rule, 0, sizeof(*rule));
	if (!copy || sscanf(copy, "%8s %4s %63s %15s %7s %c", word, protocol, address, ports, verdict, &after) != 5)
		return -1;
	for (size_t i = 0;; i++) {
		if (i == sizeof(words) / sizeof(words[0]))
			return -1;
		if (!strcmp(word, words[i])) {
			rule->word = (enum vxe_socket_word)i;
			break;
		}
	}
	rule->protocol = !strcmp(protocol, "tcp") ? IPPROTO_TCP : !strcmp(protocol, "udp") ? IPPROTO_UDP : 0;
	rule->allow = !strcmp(verdict, "allow");
	if (!rule->protocol || (!rule->allow && strcmp(verdict, "refuse") != 0))
		return -1;
	if (vxe_socket_rule_address(address, rule) < 0 || port_parse(&at, '-', &rule->from) < 0 ||
	    port_parse(&at, '\0', &rule->to) < 0)
		return -1;
	return rule->from <= rule->to ? 0 : -1;
}

int vxe_socket_rules_parse(const char *addresses, const char *unix_sockets, struct vxe_socket_rules *out,
			   struct vxe_error **err)
{
	memset(out, 0, sizeof(*out));
	if (unix_sockets && strcmp(unix_sockets, "none") != 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "annotations.org.vxe.unix: \"%s\" is not none", unix_sockets);
	out->no_unix = unix_sockets != NULL;
	for (const char *line = addresses; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		struct vxe_socket_rule rule, *items;

		if (out->count == RULES_MAX || line_parse(line, &rule) < 0) {
			vxe_socket_rules_free(out);
			return bad(line, err);
		}
		items = reallocarray(out->items, out->count + 1, sizeof(*items));
		if (!items) {
			vxe_socket_rules_free(out);
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading %s", ADDRESSES);
		}
		out->items = items;
		items[out->count++] = rule;
	}
	return 0;
}

void vxe_socket_rules_free(struct vxe_socket_rules *rules)
{
	free(rules->items);
	*rules = (struct vxe_socket_rules){0};
}

bool vxe_socket_rules_empty(const struct vxe_socket_rules *rules)
{
	return !rules->count && !rules->no_unix;
}

bool vxe_socket_rules_rule(const struct vxe_socket_rules *rules, enum vxe_socket_word word, int protocol)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].word == word && rules->items[i].protocol == protocol)
			return true;
	return false;
}

static bool prefix_holds(const struct vxe_socket_rule *rule, const uint32_t address[4])
{
	for (unsigned int i = 0; 32 * i < rule->prefix; i++) {
		unsigned int bits = rule->prefix - 32 * i < 32 ? rule->prefix - 32 * i : 32;

		if ((rule->address[i] ^ address[i]) >> (32 - bits))
			return false;
	}
	return true;
}

bool vxe_socket_rule_matches(const struct vxe_socket_rule *rule, int family, const uint32_t address[4], uint16_t port)
{
	uint32_t mapped[4] = {address[3]};

	if (family == AF_INET6 && !address[0] && !address[1] && address[2] == 0xffff) {
		family = AF_INET;
		address = mapped;
	}
	return (rule->family == AF_UNSPEC || (rule->family == family && prefix_holds(rule, address))) && rule->from <= port &&
	       port <= rule->to;
}

bool vxe_socket_rules_permit(const struct vxe_socket_rules *rules, enum vxe_socket_word word, int protocol, int family,
			     const uint32_t address[4], uint16_t port)
{
	bool ruled = false;

	for (size_t i = 0; i < rules->count; i++) {
		const struct vxe_socket_rule *rule = &rules->items[i];

		if (rule->word != word || rule->protocol != protocol)
			continue;
		ruled = true;
		if (vxe_socket_rule_matches(rule, family, address, port))
			return rule->allow;
	}
	return !ruled;
}
