/*
 * Rules are applied in the order of the list, so the last that matches holds, for each of the three accesses by itself. The list starts
 * from nothing allowed; the devices that every container has (config-linux.md, Default Devices) are allowed before its first
 * rule and again after a rule that denies everything.
 */
#include "cgroup_device.h"

#include <stdlib.h>

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

static const struct vxe_device_rule default_rules[] = {
	{true, 'c', ACCESS_ALL, 1, 3}, {true, 'c', ACCESS_ALL, 1, 5}, {true, 'c', ACCESS_ALL, 1, 7},
	{true, 'c', ACCESS_ALL, 1, 8}, {true, 'c', ACCESS_ALL, 1, 9}, {true, 'c', ACCESS_ALL, 5, 0},
	{true, 'c', ACCESS_ALL, 5, 1}, {true, 'c', ACCESS_ALL, 5, 2}, {true, 'c', ACCESS_ALL, 136, -1},
};
#define N_DEFAULT_RULES (sizeof(default_rules) / sizeof(default_rules[0]))

static bool denies_all(const struct vxe_device_rule *rule)
{
	return !rule->allow && rule->type == 'a' && rule->access == ACCESS_ALL && rule->major < 0 && rule->minor < 0;
}

/* The rules that count, last first: those of the list back to the last that denies everything, then the default ones. */
static size_t rules_in_force(const struct vxe_resources *resources, const struct vxe_device_rule **out)
{
	size_t count = 0;

	for (size_t i = resources->n_devices; i-- > 0 && !denies_all(&resources->devices[i]);)
		out[count++] = &resources->devices[i];
	for (size_t i = 0; i < N_DEFAULT_RULES; i++)
		out[count++] = &default_rules[i];
	return count;
}

static bool matches(const struct vxe_device_rule *rule, unsigned int type, unsigned int major, unsigned int minor)
{
	if (rule->type != 'a' && type != (rule->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK))
		return false;
	return (rule->major < 0 || rule->major == (int64_t)major) && (rule->minor < 0 || rule->minor == (int64_t)minor);
}

bool vxe_device_allowed(const struct vxe_resources *resources, unsigned int type, unsigned int access, unsigned int major,
			unsigned int minor)
{
	const struct vxe_device_rule **rules = calloc(resources->n_devices + N_DEFAULT_RULES, sizeof(*rules));
	size_t count = rules ? rules_in_force(resources, rules) : 0;
	bool allowed = false;

	for (size_t i = 0; i < count; i++) {
		if (!matches(rules[i], type, major, minor))
			continue;
		if (!rules[i]->allow && (access & rules[i]->access))
			break;
		if (rules[i]->allow && !(access &= ~rules[i]->access)) {
			allowed = true;
			break;
		}
	}
	free(rules);
	return allowed;
}

struct writer {
	struct bpf_insn *items;
	size_t count;
};

static void put(struct writer *w, int code, unsigned int dst, unsigned int src, int offset, int32_t immediate)
{
	w->items[w->count++] = (struct bpf_insn){
		.code = (__u8)code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = (__s16)offset, .imm = immediate};
}

/* r2: type, r3: the accesses that no rule has decided yet, r4: major, r5: minor */
static void put_rule(struct writer *w, const struct vxe_device_rule *rule)
{
	bool typed = rule->type != 'a';
	int rest = (rule->allow ? 3 : 4) + (typed ? 1 : 0) + (rule->major >= 0) + (rule->minor >= 0);

	/* Each comparison that fails leaves the rule: `rest` counts down what is left of it. */
	if (typed)
		put(w, BPF_JMP | BPF_JNE | BPF_K, 2, 0, --rest, rule->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
	if (rule->major >= 0)
		put(w, BPF_JMP32 | BPF_JNE | BPF_K, 4, 0, --rest, (int32_t)(uint32_t)rule->major);
	if (rule->minor >= 0)
		put(w, BPF_JMP32 | BPF_JNE | BPF_K, 5, 0, --rest, (int32_t)(uint32_t)rule->minor);
	if (rule->allow) {
		put(w, BPF_ALU64 | BPF_AND | BPF_K, 3, 0, 0, ~(int32_t)rule->access);
		put(w, BPF_JMP | BPF_JNE | BPF_K, 3, 0, 1, 0);
		put(w, BPF_JMP | BPF_JA, 0, 0, 0, 1); /* to "allowed", set by the caller */
	} else {
		put(w, BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0);
		put(w, BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, (int32_t)rule->access);
		put(w, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 0);
		put(w, BPF_JMP | BPF_JA, 0, 0, 0, 0); /* to "denied" */
	}
}

struct bpf_insn *vxe_device_program(const struct vxe_resources *resources, size_t *count)
{
	size_t most = resources->n_devices + N_DEFAULT_RULES;
	const struct vxe_device_rule **rules = calloc(most, sizeof(*rules));
	struct writer w = {.items = calloc(most * 7 + 10, sizeof(struct bpf_insn))};
	size_t n_rules;

	if (!rules || !w.items) {
		free(rules);
		free(w.items);
		return NULL;
	}
	n_rules = rules_in_force(resources, rules);
	/* struct bpf_cgroup_dev_ctx: access_type is (access << 16) | type. */
	put(&w, BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	put(&w, BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	put(&w, BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
	put(&w, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	put(&w, BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	put(&w, BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	for (size_t i = 0; i < n_rules; i++)
		put_rule(&w, rules[i]);
	put(&w, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0); /* denied */
	put(&w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	put(&w, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1); /* allowed */
	put(&w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t at = 0; at < w.count; at++) {
		struct bpf_insn *insn = &w.items[at];

		if (insn->code != (BPF_JMP | BPF_JA))
			continue;
		insn->off = (__s16)(w.count - (insn->imm ? 2 : 4) - at - 1);
		insn->imm = 0;
	}
	free(rules);
	*count = w.count;
	return w.items;
}
