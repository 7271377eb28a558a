#include "socket_program.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Headers of older kernels do not have its name. */
#define FUNC_SET_RETVAL 187

#define CONTEXT(field) ((int)offsetof(struct bpf_sock_addr, field))
/* Per rule: four words and a rest to compare, two ends of the ports, a verdict of four. */
#define RULE_MAX 16
#define FRAME_MAX 40

enum { R0, R1, WORD0, PORT = 7, SCRATCH = 8, CTX = 6 };

struct writer {
	struct bpf_insn *items;
	size_t count;
};

static void put(struct writer *w, int code, int dst, int src, int offset, uint32_t immediate)
{
	w->items[w->count++] = (struct bpf_insn){.code = (__u8)code,
						 .dst_reg = (__u8)dst & 0xf,
						 .src_reg = (__u8)src & 0xf,
						 .off = (__s16)offset,
						 .imm = (__s32)immediate};
}

static void put_load(struct writer *w, int dst, int field)
{
	put(w, BPF_LDX | BPF_MEM | BPF_W, dst, CTX, field, 0);
}

static void put_allow(struct writer *w)
{
	put(w, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 1);
	put(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* EACCES, as Landlock has it for ports. */
static void put_refuse(struct writer *w)
{
	put(w, BPF_ALU64 | BPF_MOV | BPF_K, R1, 0, 0, (uint32_t)-EACCES);
	put(w, BPF_JMP | BPF_CALL, 0, 0, 0, FUNC_SET_RETVAL);
	put(w, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 0);
	put(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* What is another program's passes this one. */
static void put_only(struct writer *w, int reg, uint32_t value)
{
	put(w, BPF_JMP32 | BPF_JEQ | BPF_K, reg, 0, 2, value);
	put_allow(w);
}

/* The address into WORD0 and on, in the host's order. */
static void put_address(struct writer *w, enum vxe_socket_view view)
{
	int fields[4] = {CONTEXT(user_ip6[0]), CONTEXT(user_ip6[1]), CONTEXT(user_ip6[2]), CONTEXT(user_ip6[3])};

	if (view == VXE_VIEW_IPV4) {
		put_load(w, WORD0, CONTEXT(user_ip4));
		put(w, BPF_ALU | BPF_END | BPF_TO_BE, WORD0, 0, 0, 32);
		return;
	}
	for (int i = 0; i < 4; i++) {
		put_load(w, WORD0 + i, fields[i]);
		put(w, BPF_ALU | BPF_END | BPF_TO_BE, WORD0 + i, 0, 0, 32);
	}
	if (view == VXE_VIEW_MAPPED) {
		put_only(w, WORD0, 0);
		put_only(w, WORD0 + 1, 0);
		put_only(w, WORD0 + 2, 0xffff);
		put(w, BPF_ALU64 | BPF_MOV | BPF_X, WORD0, WORD0 + 3, 0, 0);
		return;
	}
	put(w, BPF_JMP32 | BPF_JNE | BPF_K, WORD0, 0, 4, 0);
	put(w, BPF_JMP32 | BPF_JNE | BPF_K, WORD0 + 1, 0, 3, 0);
	put(w, BPF_JMP32 | BPF_JNE | BPF_K, WORD0 + 2, 0, 2, 0xffff);
	put_allow(w);
}

/* False where every address and port matches: the kernel takes no instructions that nothing leads to. */
static bool put_rule(struct writer *w, const struct vxe_socket_rule *rule)
{
	size_t start = w->count, compared;

	for (unsigned int i = 0; rule->family != AF_UNSPEC && 32 * i < rule->prefix; i++) {
		unsigned int bits = rule->prefix - 32 * i;

		if (bits >= 32) {
			put(w, BPF_JMP32 | BPF_JNE | BPF_K, WORD0 + (int)i, 0, 0, rule->address[i]);
			continue;
		}
		put(w, BPF_ALU | BPF_MOV | BPF_X, SCRATCH, WORD0 + (int)i, 0, 0);
		put(w, BPF_ALU | BPF_RSH | BPF_K, SCRATCH, 0, 0, 32 - bits);
		put(w, BPF_JMP32 | BPF_JNE | BPF_K, SCRATCH, 0, 0, rule->address[i] >> (32 - bits));
	}
	if (rule->from > 0)
		put(w, BPF_JMP32 | BPF_JLT | BPF_K, PORT, 0, 0, rule->from);
	if (rule->to < UINT16_MAX)
		put(w, BPF_JMP32 | BPF_JGT | BPF_K, PORT, 0, 0, rule->to);
	compared = w->count - start;
	if (rule->allow)
		put_allow(w);
	else
		put_refuse(w);
	/* Each comparison that fails leads to the next rule. */
	for (size_t at = start; at < w->count; at++)
		if (BPF_CLASS(w->items[at].code) == BPF_JMP32)
			w->items[at].off = (__s16)(w->count - at - 1);
	return compared > 0;
}

struct bpf_insn *vxe_socket_program(const struct vxe_socket_rules *rules, enum vxe_socket_word word, int protocol,
				    enum vxe_socket_view view, size_t *count)
{
	int family = view == VXE_VIEW_IPV6 ? AF_INET6 : AF_INET;
	bool more = true;
	struct writer w = {.items = calloc(rules->count * RULE_MAX + FRAME_MAX, sizeof(struct bpf_insn))};

	if (!w.items)
		return NULL;
	put(&w, BPF_ALU64 | BPF_MOV | BPF_X, CTX, 1, 0, 0);
	put_load(&w, WORD0, CONTEXT(type));
	put_only(&w, WORD0, protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM);
	put_load(&w, WORD0, CONTEXT(protocol));
	put_only(&w, WORD0, (uint32_t)protocol);
	put_load(&w, PORT, CONTEXT(user_port));
	put(&w, BPF_ALU | BPF_END | BPF_TO_BE, PORT, 0, 0, 16);
	put_address(&w, view);
	for (size_t i = 0; more && i < rules->count; i++) {
		const struct vxe_socket_rule *rule = &rules->items[i];

		if (rule->word == word && rule->protocol == protocol && (rule->family == AF_UNSPEC || rule->family == family))
			more = put_rule(&w, rule);
	}
	if (more)
		put_refuse(&w);
	*count = w.count;
	return w.items;
}
