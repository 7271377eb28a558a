/* What a filter may permit, by what is known of a call; and whether all processes under it keep one root. */
#include <linux/audit.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "config.h"
#include "filter.h"
#include "kernel.h"
#include "roots.h"
#include "tap.h"

/* A filter that refuses all but what the rules say. */
static bool compiled(const char *rules, struct vxe_filter *out)
{
	struct vxe_config *config = NULL;
	char *text = NULL;
	bool made =
		asprintf(&text,
			 "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"args\":[\"/x\"],\"cwd\":\"/"
			 "\",\"user\":{\"uid\":0,\"gid\":0}},\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\","
			 "\"syscalls\":[{\"names\":[\"read\",\"openat\",\"getpid\"],\"action\":\"SCMP_ACT_ALLOW\"}%s]}}}",
			 rules) > 0 &&
		vxe_config_parse(text, strlen(text), "/nowhere", &config, NULL) == 0 &&
		vxe_filter_load(-1, config, out, NULL) == 0;

	vxe_config_free(&config);
	free(text);
	return made;
}

#define ALLOW(name, more) ",{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_ALLOW\"" more "}"
#define MASKED(mask) ",\"args\":[{\"index\":0,\"value\":" mask ",\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]"
#define EXACTLY(value) ",\"args\":[{\"index\":0,\"value\":" value ",\"op\":\"SCMP_CMP_EQ\"}]"

static void roots(void)
{
	static const struct {
		const char *what, *rules;
		bool stay;
	} cases[] = {
		{"calls that have to do with no root", "", true},
		{"chroot", ALLOW("chroot", ""), false},
		{"pivot_root", ALLOW("pivot_root", ""), false},
		{"setns", ALLOW("setns", ""), false},
		{"unshare", ALLOW("unshare", ""), false},
		{"unshare with one argument", ALLOW("unshare", EXACTLY("1024")), false},
		{"clone3", ALLOW("clone3", ""), false},
		{"clone", ALLOW("clone", ""), false},
		{"clone without namespaces", ALLOW("clone", MASKED("2114060288")), true},
		{"clone without a mount namespace", ALLOW("clone", MASKED("131072")), true},
		{"clone without other namespaces than of mounts", ALLOW("clone", MASKED("2113929216")), false},
		{"clone with certain flags", ALLOW("clone", EXACTLY("18874385")), true},
		{"mount, which changes no root", ALLOW("mount", ""), true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vxe_filter filter = {0};
		bool made = compiled(cases[i].rules, &filter);

		ok(made && vxe_roots_stay(&filter) == cases[i].stay, "roots %s where it is permitted: %s",
		   cases[i].stay ? "stay" : "may change", cases[i].what);
		vxe_filter_free(&filter);
	}
}

static void performed(void)
{
	static const struct {
		struct seccomp_data data;
		bool changes;
	} calls[] = {
		{{.arch = VXE_NATIVE_ARCH, .nr = SYS_openat}, false},
		{{.arch = VXE_NATIVE_ARCH, .nr = SYS_chroot}, true},
		{{.arch = VXE_NATIVE_ARCH, .nr = SYS_unshare}, true},
		{{.arch = VXE_NATIVE_ARCH, .nr = SYS_clone, .args = {CLONE_VM}}, false},
		{{.arch = VXE_NATIVE_ARCH, .nr = SYS_clone, .args = {CLONE_NEWNS}}, true},
		{{.arch = VXE_NATIVE_ARCH, .nr = SYS_openat | 0x40000000}, true},
		{{.arch = AUDIT_ARCH_S390X, .nr = SYS_openat}, true},
	};
	bool all = true;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		all &= vxe_roots_change(&calls[i].data) == calls[i].changes;
	ok(all, "of a call that is performed it is known whether it gives another root");
}

/* Other tables of calls, which another filter lets through whole. */
static void tables(void)
{
	const struct sock_filter native_only[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 3, VXE_NATIVE_ARCH},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_openat},
		{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
		{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
	};
	struct sock_filter others[6], x32[6];
	struct vxe_filter filter = {.program = (struct sock_filter *)native_only, .length = 6};

	ok(vxe_roots_stay(&filter), "what is raised is not permitted");
	memcpy(others, native_only, sizeof(others));
	others[1].jf = 2;
	filter.program = others;
	if (VXE_NATIVE_ARCH == AUDIT_ARCH_X86_64)
		ok(!vxe_roots_stay(&filter), "calls of another table may change a root");
	/* Numbers with a bit that tells another table. */
	memcpy(x32, native_only, sizeof(x32));
	x32[3] = (struct sock_filter){BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000};
	filter.program = x32;
	if (VXE_NATIVE_ARCH == AUDIT_ARCH_X86_64)
		ok(!vxe_roots_stay(&filter), "those of x32 as well");
}

static uint32_t drawn(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Programs of every instruction: what one permits it may permit, whatever part of the call is known. */
static void programs(void)
{
	static const uint16_t codes[] = {BPF_LD | BPF_W | BPF_ABS,
					 BPF_LD | BPF_IMM,
					 BPF_LD | BPF_MEM,
					 BPF_LDX | BPF_IMM,
					 BPF_LDX | BPF_MEM,
					 BPF_ST,
					 BPF_STX,
					 BPF_ALU | BPF_AND | BPF_K,
					 BPF_ALU | BPF_OR | BPF_K,
					 BPF_ALU | BPF_XOR | BPF_K,
					 BPF_ALU | BPF_LSH | BPF_K,
					 BPF_ALU | BPF_RSH | BPF_K,
					 BPF_ALU | BPF_ADD | BPF_K,
					 BPF_ALU | BPF_AND | BPF_X,
					 BPF_ALU | BPF_OR | BPF_X,
					 BPF_ALU | BPF_XOR | BPF_X,
					 BPF_ALU | BPF_SUB | BPF_X,
					 BPF_ALU | BPF_NEG,
					 BPF_JMP | BPF_JA,
					 BPF_JMP | BPF_JEQ | BPF_K,
					 BPF_JMP | BPF_JGT | BPF_K,
					 BPF_JMP | BPF_JGE | BPF_K,
					 BPF_JMP | BPF_JSET | BPF_K,
					 BPF_JMP | BPF_JEQ | BPF_X,
					 BPF_JMP | BPF_JGT | BPF_X,
					 BPF_JMP | BPF_JGE | BPF_X,
					 BPF_JMP | BPF_JSET | BPF_X,
					 BPF_MISC | BPF_TAX,
					 BPF_MISC | BPF_TXA};
	const char *given = getenv("VXE_SEED");
	uint32_t seed = given ? (uint32_t)strtoul(given, NULL, 10) : 20260101;
	unsigned int permitted = 0, ruled_out = 0, wrong = 0;

	for (int round = 0; round < 40000; round++) {
		struct sock_filter program[24];
		struct vxe_filter filter = {.program = program, .length = sizeof(program) / sizeof(*program)};
		struct vxe_filter_call one;
		uint32_t action;
		bool may;

		for (unsigned int i = 0; i < 24; i++) {
			uint32_t left = 23 - i;

			program[i] = (struct sock_filter){.code = codes[drawn(&seed) % (sizeof(codes) / sizeof(*codes))]};
			program[i].k = drawn(&seed) % (drawn(&seed) % 2 ? 8 : 64);
			if (program[i].code == (BPF_LD | BPF_W | BPF_ABS))
				program[i].k = drawn(&seed) % 16 * 4;
			else if (BPF_CLASS(program[i].code) != BPF_ALU && BPF_CLASS(program[i].code) != BPF_JMP &&
				 program[i].code != (BPF_LD | BPF_IMM) && program[i].code != (BPF_LDX | BPF_IMM))
				program[i].k %= BPF_MEMWORDS;
			if (BPF_CLASS(program[i].code) == BPF_JMP && left < 5)
				program[i].code = BPF_MISC | BPF_TAX;
			if (program[i].code == (BPF_JMP | BPF_JA))
				program[i].k = drawn(&seed) % 3;
			program[i].jt = (uint8_t)(drawn(&seed) % 4);
			program[i].jf = (uint8_t)(drawn(&seed) % 4);
			if (i % 6 == 5)
				program[i] = (struct sock_filter){BPF_RET | BPF_K, 0, 0,
								  drawn(&seed) % 2 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO};
		}
		for (size_t i = 0; i < sizeof(one.call); i++) {
			((unsigned char *)&one.call)[i] = (unsigned char)(drawn(&seed) % 16);
			((unsigned char *)&one.known)[i] = (unsigned char)(drawn(&seed) % 3 ? 0xff : drawn(&seed));
		}
		action = vxe_filter_run(&filter, &one.call);
		may = vxe_filter_may_permit(&filter, &one, 1);
		permitted += action == SECCOMP_RET_ALLOW;
		ruled_out += !may;
		wrong += action == SECCOMP_RET_ALLOW && !may;
		memset(&one.known, 0xff, sizeof(one.known));
		wrong += action == SECCOMP_RET_ALLOW && !vxe_filter_may_permit(&filter, &one, 1);
	}
	ok(!wrong && permitted && ruled_out, "of 40000 programs what is permitted may be (%u were, %u could not; %u wrong)",
	   permitted, ruled_out, wrong);
}

int main(void)
{
	roots();
	performed();
	tables();
	programs();
	return tap_done();
}
