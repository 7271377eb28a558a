/* Rules on addresses: their text, and the programs made of them against what the lines mean. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_program.h"
#include "socket_program.h"
#include "socket_rules.h"
#include "tap.h"

#define SET_RETVAL 187

/* The few instructions that the generator knows, as the kernel runs them; -1 for anything else. */
static int program_run(const struct bpf_insn *program, size_t count, const struct bpf_sock_addr *context)
{
	uint64_t r[10] = {0};
	int told = 0;

	for (size_t at = 0; at < count; at++) {
		const struct bpf_insn *i = &program[at];
		uint64_t *dst = &r[i->dst_reg], src = r[i->src_reg];
		uint32_t low = (uint32_t)*dst, value;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			memcpy(&value, (const char *)context + i->off, sizeof(value));
			*dst = value;
			break;
		case BPF_ALU | BPF_END | BPF_TO_BE:
			*dst = i->imm == 16 ? htons((uint16_t)low) : htonl(low);
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = src;
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			*dst = (uint32_t)src;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = (uint64_t)(int64_t)i->imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			*dst = low >> i->imm;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			at += low == (uint32_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += low != (uint32_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JLT | BPF_K:
			at += low < (uint32_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JGT | BPF_K:
			at += low > (uint32_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_CALL:
			if (i->imm != SET_RETVAL || (int64_t)r[1] != -EACCES)
				return -1;
			told = 1;
			break;
		case BPF_JMP | BPF_EXIT:
			/* What is refused says why. */
			return r[0] == 1 ? 1 : r[0] == 0 && told ? 0 : -1;
		default:
			return -1;
		}
	}
	return -1;
}

static const char *const good[] = {
	"connect tcp 10.0.0.0/8 443-443 allow",
	"accept udp * 0-65535 refuse",
	"send udp fd00::/8 53-60 allow\nsend udp ::/128 0-65535 refuse",
};

static const char *const wrong[] = {
	"connect",
	"connect tcp 10.0.0.0/8 443-443",
	"connect tcp 10.0.0.0/8 443-443 maybe",
	"connect icmp * 0-1 allow",
	"bind tcp * 0-1 allow",
	"connect tcp 10.0.0.0 0-1 allow",
	"connect tcp 10.0.0.0/33 0-1 allow",
	"connect tcp ::/129 0-1 allow",
	"connect tcp 10.0.0/8 0-1 allow",
	"connect tcp * 2-1 allow",
	"connect tcp * 0-65536 allow",
	"connect tcp * 1 allow",
	"connect tcp * -1-2 allow",
	"connect tcp * 0-1 allow more",
	"connect tcp 10.0.0.0/ 0-1 allow",
	"connect tcp 10.0.0.0/+8 0-1 allow",
	"connect tcp * 0-+1 allow",
	"connect tcp 10.0.0.0/8x 0-1 allow",
	"connect tcp * 0-1 allow\n\nconnect tcp * 0-1 allow",
};

static void texts(void)
{
	struct vxe_socket_rules rules;
	struct vxe_error *err = NULL;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok(vxe_socket_rules_parse(good[i], NULL, &rules, &err) == 0, "read: %s", good[i]);
		vxe_socket_rules_free(&rules);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ok(vxe_socket_rules_parse(wrong[i], NULL, &rules, &err) < 0 && err && strstr(err->message, "org.vxe.addresses"),
		   "refused: %s", wrong[i]);
		vxe_error_free(&err);
	}
	ok(vxe_socket_rules_parse(NULL, "some", &rules, &err) < 0, "org.vxe.unix knows one word");
	vxe_error_free(&err);
	ok(vxe_socket_rules_parse(NULL, NULL, &rules, &err) == 0 && vxe_socket_rules_empty(&rules), "nothing is no rule");
	ok(vxe_socket_rules_parse(NULL, "none", &rules, &err) == 0 && !vxe_socket_rules_empty(&rules), "no unix socket is one");
}

/* --- programs --- */

static uint32_t seed = 1;

static uint32_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static const char *const ranges[] = {
	"*",
	"10.0.0.0/8",
	"10.1.0.0/16",
	"10.1.2.3/32",
	"127.0.0.0/8",
	"0.0.0.0/32",
	"0.0.0.0/0",
	"fd00::/8",
	"fd00:1::/32",
	"::1/128",
	"::/0",
	"::/128",
	"fd00:1::8000:0:0:1/127",
	"128.0.0.0/1",
	"10.1.2.4/30",
	"8000::/1",
};

static const uint16_t ports[] = {0, 1, 80, 88, 90, 443, 1023, 1024, 65534, 65535};

#define PICK(list) (list)[random_number() % (sizeof(list) / sizeof((list)[0]))]

static void rules_draw(char *text, size_t size)
{
	size_t used = 0, count = 1 + random_number() % 6;

	for (size_t i = 0; i < count; i++) {
		static const char *const words[] = {"accept", "connect", "send"}, *const protocols[] = {"tcp", "udp"},
					 *const verdicts[] = {"allow", "refuse"};
		unsigned int a = PICK(ports), b = PICK(ports);

		used += (size_t)snprintf(text + used, size - used, "%s%s %s %s %u-%u %s", i ? "\n" : "", PICK(words),
					 PICK(protocols), PICK(ranges), a < b ? a : b, a < b ? b : a, PICK(verdicts));
	}
}

static const char *const addresses[] = {
	"10.0.0.1",
	"10.1.0.1",
	"10.1.2.3",
	"10.1.2.7",
	"10.1.2.8",
	"127.0.0.1",
	"0.0.0.0",
	"203.0.113.1",
	"fd00::1",
	"fd00:1::1",
	"::1",
	"::",
	"2001:db8::1",
	"fd00:1::8000:0:0:0",
	"fd00:1::8000:0:0:2",
	"::ffff:10.1.2.3",
	"::ffff:127.0.0.1",
	"::ffff:0.0.0.0",
	"::fffe:10.1.2.3",
	"::1:ffff:10.1.2.3",
};

/* What the kernel does with an address: it asks every program of the hook, and each must let it pass. */
static int hook_run(const struct vxe_socket_rules *rules, enum vxe_socket_word word, const struct bpf_sock_addr *context,
		    bool ipv6)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	int verdict = 1;

	for (int view = ipv6 ? VXE_VIEW_IPV6 : VXE_VIEW_IPV4; view <= (ipv6 ? VXE_VIEW_MAPPED : VXE_VIEW_IPV4); view++) {
		for (size_t i = 0; i < 2; i++) {
			struct bpf_insn *program;
			size_t count;
			int answer;

			if (!vxe_socket_rules_rule(rules, word, protocols[i]))
				continue;
			program = vxe_socket_program(rules, word, protocols[i], (enum vxe_socket_view)view, &count);
			answer = program ? program_run(program, count, context) : -1;
			free(program);
			if (answer < 0)
				return -1;
			verdict &= answer;
		}
	}
	return verdict;
}

static bool event_agrees(const struct vxe_socket_rules *rules)
{
	enum vxe_socket_word word = (enum vxe_socket_word)(random_number() % 3);
	const char *text = PICK(addresses);
	bool ipv6 = strchr(text, ':') != NULL, udp = random_number() & 1;
	struct bpf_sock_addr context = {0};
	uint16_t port = PICK(ports);
	uint32_t address[4] = {0};
	unsigned char bytes[16];

	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, text, bytes) != 1)
		return false;
	for (size_t i = 0; i < (ipv6 ? 4 : 1); i++) {
		uint32_t part;

		memcpy(&part, bytes + 4 * i, sizeof(part));
		address[i] = ntohl(part);
		if (ipv6)
			context.user_ip6[i] = part;
		else
			context.user_ip4 = part;
	}
	context.user_port = htons(port);
	context.type = udp ? SOCK_DGRAM : SOCK_STREAM;
	context.protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	if (hook_run(rules, word, &context, ipv6) !=
	    vxe_socket_rules_permit(rules, word, (int)context.protocol, ipv6 ? AF_INET6 : AF_INET, address, port))
		return false;
	/* What is neither TCP nor UDP is no matter of theirs. */
	context.type = SOCK_RAW;
	if (hook_run(rules, word, &context, ipv6) != 1)
		return false;
	context.type = SOCK_STREAM;
	context.protocol = 262;
	return hook_run(rules, word, &context, ipv6) == 1;
}

static void programs(void)
{
	size_t agreed = 0, drawn = 0;

	for (int round = 0; round < 2000; round++) {
		struct vxe_socket_rules rules;
		char text[1024];

		rules_draw(text, sizeof(text));
		if (vxe_socket_rules_parse(text, NULL, &rules, NULL) < 0) {
			printf("# %s\n", text);
			break;
		}
		for (int i = 0; i < 20; i++, drawn++)
			agreed += event_agrees(&rules);
		if (agreed != drawn) {
			printf("# %s\n", text);
			round = 2000;
		}
		vxe_socket_rules_free(&rules);
	}
	ok(agreed == 40000, "programs do what their rules mean (%zu of %zu decisions)", agreed, drawn);
}

/* The verifier, where it can be asked: a thousand rules of each kind are no trouble. */
static void verifier(void)
{
	static const uint32_t hooks[] = {BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_INET6_CONNECT};
	struct vxe_socket_rules rules = {0};
	char *text = NULL;
	size_t size, count;
	FILE *out = open_memstream(&text, &size);

	for (unsigned int i = 0; out && i < 1000; i++)
		fprintf(out, "%sconnect tcp 10.%u.%u.0/24 %u-%u %s\nconnect tcp fd00:%x::/47 %u-%u allow", i ? "\n" : "",
			i / 200, i % 200, i, i + 10, i & 1 ? "allow" : "refuse", 2 * i, i, i + 10);
	if (!out || fclose(out) != 0 || vxe_socket_rules_parse(text, NULL, &rules, NULL) < 0) {
		ok(false, "many rules are read");
		free(text);
		return;
	}
	for (int view = VXE_VIEW_IPV4; view <= VXE_VIEW_MAPPED; view++) {
		struct bpf_insn *program =
			vxe_socket_program(&rules, VXE_SOCKET_CONNECT, IPPROTO_TCP, (enum vxe_socket_view)view, &count);
		int fd = program ? vxe_cgroup_program_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, hooks[view], program, count,
							   "vxe_sockets")
				 : -1;

		if (fd < 0 && (errno == EPERM || errno == ENOSYS))
			skip("it loads none for this user", "the kernel takes a program of a thousand rules");
		else
			ok(fd >= 0, "the kernel takes a program of %zu instructions (%s)", count,
			   fd < 0 ? strerror(errno) : "");
		if (fd >= 0)
			close(fd);
		free(program);
	}
	vxe_socket_rules_free(&rules);
	free(text);
}

int main(void)
{
	texts();
	programs();
	verifier();
	return tap_done();
}
