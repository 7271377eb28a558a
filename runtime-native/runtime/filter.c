#include "filter.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

/* newer_calls: a load, and so many instructions for each machine. */
#define NEWER_MACHINES 4
#define NEWER_EACH 5
#define NEWER_MAX (1 + NEWER_MACHINES * NEWER_EACH)

static bool instruction_sane(const struct sock_filter *program, unsigned int count, unsigned int at)
{
	const struct sock_filter *insn = &program[at];

	if (BPF_CLASS(insn->code) != BPF_JMP)
		return true;
	if (BPF_OP(insn->code) == BPF_JA)
		return insn->k < count - at - 1;
	return insn->jt < count - at - 1 && insn->jf < count - at - 1;
}

int vxe_filter_from_bytes(const void *bytes, size_t size, struct vxe_filter *out, struct vxe_error **err)
{
	size_t count = size / sizeof(struct sock_filter);
	struct sock_filter *program;

	memset(out, 0, sizeof(*out));
	if (!count || size % sizeof(struct sock_filter) || count > BPF_MAXINSNS)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "the seccomp filter has %zu bytes: not a program of 1 to %d instructions", size,
				     BPF_MAXINSNS);
	program = malloc(size);
	if (!program)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the seccomp filter");
	memcpy(program, bytes, size);
	for (unsigned int i = 0; i < count; i++) {
		if (!instruction_sane(program, (unsigned int)count, i)) {
			free(program);
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					     "the seccomp filter's instruction %u jumps outside the program", i);
		}
		if (program[i].code == (BPF_RET | BPF_K) && (program[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			out->notifies = true;
	}
	if (BPF_CLASS(program[count - 1].code) != BPF_RET) {
		free(program);
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the seccomp filter does not end in a return");
	}
	out->program = program;
	out->length = (unsigned short)count;
	return 0;
}

/* How much one rule's actions differ from the default decides whether libseccomp takes it; equal ones are left out. */
static int oci_rule_add(scmp_filter_ctx ctx, const struct vxe_seccomp_rule *rule, const char *name, struct vxe_error **err)
{
	struct scmp_arg_cmp compare[6];
	int call = seccomp_syscall_resolve_name(name), failed;
	bool repeated = false;

	/* The specification lets a runtime skip names that its libseccomp does not know. */
	if (call == __NR_SCMP_ERROR)
		return 0;
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct vxe_seccomp_arg *arg = &rule->args[i];

		compare[i % 6] = (struct scmp_arg_cmp){arg->index, (enum scmp_compare)arg->op, arg->value, arg->value_two};
		for (size_t k = 0; k < i; k++)
			repeated |= rule->args[k].index == arg->index;
	}
	if (!repeated) {
		failed = seccomp_rule_add_array(ctx, rule->action, call, (unsigned int)rule->n_args, compare);
	} else {
		/* The same argument named twice means "or" in every engine since the first of them. */
		failed = 0;
		for (size_t i = 0; i < rule->n_args && !failed; i++)
			failed = seccomp_rule_add_array(ctx, rule->action, call, 1, &compare[i]);
	}
	if (failed && failed != -EEXIST)
		return vxe_error_set(err, VXE_EXIT_FAILURE, -failed, "config.json: linux.seccomp: the rule for %s", name);
	return 0;
}

/* The highest number of a call that the rules name for the machine; -1: none, or the filter is not for that machine. */
static int highest_named(scmp_filter_ctx ctx, const struct vxe_seccomp *seccomp, uint32_t arch)
{
	bool served = seccomp_arch_exist(ctx, arch) == 0;
	int highest = -1;

	for (size_t i = 0; served && i < seccomp->n_rules; i++)
		for (size_t k = 0; k < seccomp->rules[i].names.count; k++) {
			int call = seccomp_syscall_resolve_name_arch(arch, seccomp->rules[i].names.items[k]);

			highest = call > highest ? call : highest;
		}
	return highest;
}

/*
 * A list of what is permitted was written when there was nothing behind the last call that it names. To what has come since the answer is
 * ENOSYS, not the list's EPERM: a libc that is newer than the list tries such a call first, and falls back by that word alone. runc has it
 * so, and the profiles of Docker and containerd count on it. Another errno is kept. Gives how many instructions there are.
 */
static size_t newer_calls(scmp_filter_ctx ctx, const struct vxe_seccomp *seccomp, struct sock_filter *to)
{
	static const uint32_t machines[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
	static const uint32_t x32_bit = 0x40000000;
	size_t n = 0, total = 1;
	int highest[NEWER_MACHINES];

	if (seccomp->default_action != SCMP_ACT_ERRNO(EPERM))
		return 0;
	for (size_t i = 0; i < NEWER_MACHINES; i++)
		total += (highest[i] = highest_named(ctx, seccomp, machines[i])) >= 0 ? NEWER_EACH : 0;
	to[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < NEWER_MACHINES; i++) {
		/* To the filter itself, behind all of this. */
		uint8_t past = (uint8_t)(total - n);

		if (highest[i] < 0)
			continue;
		to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machines[i], 0, NEWER_EACH - 1);
		to[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
		to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)highest[i], 0, past - 3);
		to[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, past - 4, 0);
		to[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	}
	return n;
}

/* What libseccomp has made, behind what comes before it. */
static int oci_filter(scmp_filter_ctx ctx, const struct vxe_seccomp *seccomp, const char *bytes, size_t size,
		      struct vxe_filter *out, struct vxe_error **err)
{
	size_t before = NEWER_MAX * sizeof(struct sock_filter);
	cleanup_free char *all = malloc(before + size);

	if (!all)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "config.json: linux.seccomp: making the filter");
	before = newer_calls(ctx, seccomp, (struct sock_filter *)(void *)all) * sizeof(struct sock_filter);
	memcpy(all + before, bytes, size);
	return vxe_filter_from_bytes(all, before + size, out, err);
}

static int oci_compile(const struct vxe_seccomp *seccomp, struct vxe_filter *out, struct vxe_error **err)
{
	scmp_filter_ctx ctx = seccomp_init(seccomp->default_action);
	cleanup_fd int memory = -1;
	cleanup_free char *bytes = NULL;
	size_t size = 0;
	int failed = 0, status = -1;

	if (!ctx)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: linux.seccomp: libseccomp refused the default action");
	for (size_t i = 0; i < seccomp->n_architectures && !failed; i++) {
		failed = seccomp_arch_add(ctx, seccomp->architectures[i]);
		if (failed == -EEXIST)
			failed = 0;
	}
	if (!failed)
		failed = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!failed)
		failed = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (failed) {
		vxe_error_set(err, VXE_EXIT_FAILURE, -failed, "config.json: linux.seccomp: setting up the filter");
		goto out;
	}
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct vxe_seccomp_rule *rule = &seccomp->rules[i];

		if (rule->action == seccomp->default_action)
			continue;
		for (size_t k = 0; k < rule->names.count; k++)
			if (oci_rule_add(ctx, rule, rule->names.items[k], err) < 0)
				goto out;
	}
	memory = memfd_create("vxe-filter", MFD_CLOEXEC);
	failed = memory < 0 ? -errno : seccomp_export_bpf(ctx, memory);
	if (failed || lseek(memory, 0, SEEK_SET) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, failed ? -failed : errno,
			      "config.json: linux.seccomp: exporting the filter");
		goto out;
	}
	if (vxe_file_read_fd(memory, "the compiled filter", BPF_MAXINSNS * sizeof(struct sock_filter), &bytes, &size, err) < 0)
		goto out;
	status = oci_filter(ctx, seccomp, bytes, size, out, err);
	out->log = seccomp->flags & SECCOMP_FILTER_FLAG_LOG;
	out->spec_allow = seccomp->flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW;
out:
	seccomp_release(ctx);
	return status;
}

int vxe_filter_load(int bundle_fd, const struct vxe_config *config, struct vxe_filter *out, struct vxe_error **err)
{
	const char *path = vxe_config_annotation(config, "org.vxe.seccomp.filter");

	memset(out, 0, sizeof(*out));
	if (!path)
		return config->seccomp.present ? oci_compile(&config->seccomp, out, err) : 0;
	return vxe_filter_load_file(bundle_fd, path, out, err);
}

static bool permits(const struct vxe_filter *filter, uint32_t arch, int nr)
{
	const struct seccomp_data data = {.nr = nr, .arch = arch};

	return (vxe_filter_run(filter, &data) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}

/* Every filter that VXE compiles lets a process end by its machine's exit_group, and by no other's. */
static int machine_check(const struct vxe_filter *filter, const char *path, struct vxe_error **err)
{
	static const struct {
		const char *name;
		uint32_t arch;
		int exit_group;
	} machines[] = {{"x86_64", AUDIT_ARCH_X86_64, 231}, {"aarch64", AUDIT_ARCH_AARCH64, 94}};
	const char *here = "", *there = NULL;

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		bool native = machines[i].arch == VXE_NATIVE_ARCH;

		if (native)
			here = machines[i].name;
		if (!permits(filter, machines[i].arch, machines[i].exit_group))
			continue;
		if (native)
			return 0;
		there = machines[i].name;
	}
	if (!there)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s was compiled for %s, and this machine is %s", path, there, here);
	return vxe_error_hint(err, "compile the profile, or create the bundle, on this machine");
}

int vxe_filter_load_file(int bundle_fd, const char *path, struct vxe_filter *out, struct vxe_error **err)
{
	cleanup_free char *bytes = NULL;
	cleanup_fd int fd = sys_openat2(bundle_fd, path, O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	size_t size = 0;

	memset(out, 0, sizeof(*out));
	if (fd < 0) {
		int saved = errno;

		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "opening the bundle's seccomp filter %s", path);
		return vxe_error_hint(err, "create the bundle again");
	}
	if (vxe_file_read_fd(fd, path, BPF_MAXINSNS * sizeof(struct sock_filter), &bytes, &size, err) < 0)
		return -1;
	if (vxe_filter_from_bytes(bytes, size, out, err) < 0) {
		vxe_error_wrap(err, "%s", path);
		return vxe_error_hint(err, "create the bundle again");
	}
	if (machine_check(out, path, err) < 0) {
		vxe_filter_free(out);
		return -1;
	}
	return 0;
}

static bool jump_taken(const struct sock_filter *insn, uint32_t a, uint32_t x)
{
	uint32_t operand = BPF_SRC(insn->code) == BPF_X ? x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return a == operand;
	case BPF_JGT:
		return a > operand;
	case BPF_JGE:
		return a >= operand;
	default: /* BPF_JSET */
		return a & operand;
	}
}

/* False: no operation of seccomp's. */
static bool arithmetic(uint16_t code, uint32_t operand, uint32_t *a)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		*a += operand;
		return true;
	case BPF_SUB:
		*a -= operand;
		return true;
	case BPF_AND:
		*a &= operand;
		return true;
	case BPF_OR:
		*a |= operand;
		return true;
	case BPF_XOR:
		*a ^= operand;
		return true;
	case BPF_LSH:
		*a = operand < 32 ? *a << operand : 0;
		return true;
	case BPF_RSH:
		*a = operand < 32 ? *a >> operand : 0;
		return true;
	case BPF_NEG:
		*a = -*a;
		return true;
	default:
		return false;
	}
}

/* Jumps go forward only, so it ends. */
uint32_t vxe_filter_run(const struct vxe_filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {0};

	for (unsigned int at = 0; at < filter->length; at++) {
		const struct sock_filter *insn = &filter->program[at];

		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			if (BPF_MODE(insn->code) == BPF_ABS && insn->k <= sizeof(*data) - sizeof(a) && insn->k % sizeof(a) == 0)
				memcpy(&a, (const char *)data + insn->k, sizeof(a));
			else if (BPF_MODE(insn->code) == BPF_IMM)
				a = insn->k;
			else if (BPF_MODE(insn->code) == BPF_MEM && insn->k < BPF_MEMWORDS)
				a = memory[insn->k];
			else
				return SECCOMP_RET_KILL_PROCESS;
			break;
		case BPF_LDX:
			if (BPF_MODE(insn->code) == BPF_IMM)
				x = insn->k;
			else if (BPF_MODE(insn->code) == BPF_MEM && insn->k < BPF_MEMWORDS)
				x = memory[insn->k];
			else
				return SECCOMP_RET_KILL_PROCESS;
			break;
		case BPF_ST:
		case BPF_STX:
			if (insn->k >= BPF_MEMWORDS)
				return SECCOMP_RET_KILL_PROCESS;
			memory[insn->k] = BPF_CLASS(insn->code) == BPF_ST ? a : x;
			break;
		case BPF_ALU:
			if (!arithmetic(insn->code, BPF_SRC(insn->code) == BPF_X ? x : insn->k, &a))
				return SECCOMP_RET_KILL_PROCESS;
			break;
		case BPF_JMP:
			if (BPF_OP(insn->code) == BPF_JA)
				at += insn->k;
			else
				at += jump_taken(insn, a, x) ? insn->jt : insn->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(insn->code) == BPF_A ? a : insn->k;
		case BPF_MISC:
			if (BPF_MISCOP(insn->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

void vxe_filter_free(struct vxe_filter *filter)
{
	free(filter->program);
	memset(filter, 0, sizeof(*filter));
}

int vxe_filter_install(const struct vxe_filter *filter)
{
	struct sock_fprog program = {.len = filter->length, .filter = filter->program};
	unsigned long flags =
		(filter->log ? SECCOMP_FILTER_FLAG_LOG : 0) | (filter->spec_allow ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0);
	long result;

	if (!filter->notifies)
		return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* A notified call that a signal interrupts would be raised twice; kernels before 5.19 do not know the flag. */
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
	if (result < 0 && errno == EINVAL)
		result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return (int)result;
}
