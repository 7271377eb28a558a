#include "config_internal.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 4095 /* the kernel cuts SECCOMP_RET_ERRNO's data to this */
#define TRACE_MAX UINT16_MAX
#define ARGS_MAX 6

/* ERRNO and TRACE stand for their base; the number is folded in by parse_action. */
static const struct config_name action_names[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
};

static const struct config_name compare_names[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

#define ARCH(name)                                                                                                             \
	{                                                                                                                      \
#name, name                                                                                                    \
	}
static const struct config_name arch_names[] = {
	ARCH(SCMP_ARCH_X86),	     ARCH(SCMP_ARCH_X86_64),   ARCH(SCMP_ARCH_X32),	    ARCH(SCMP_ARCH_ARM),
	ARCH(SCMP_ARCH_AARCH64),     ARCH(SCMP_ARCH_MIPS),     ARCH(SCMP_ARCH_MIPS64),	    ARCH(SCMP_ARCH_MIPS64N32),
	ARCH(SCMP_ARCH_MIPSEL),	     ARCH(SCMP_ARCH_MIPSEL64), ARCH(SCMP_ARCH_MIPSEL64N32), ARCH(SCMP_ARCH_PPC),
	ARCH(SCMP_ARCH_PPC64),	     ARCH(SCMP_ARCH_PPC64LE),  ARCH(SCMP_ARCH_S390),	    ARCH(SCMP_ARCH_S390X),
	ARCH(SCMP_ARCH_PARISC),	     ARCH(SCMP_ARCH_PARISC64), ARCH(SCMP_ARCH_RISCV64),
#ifdef SCMP_ARCH_LOONGARCH64
	ARCH(SCMP_ARCH_LOONGARCH64),
#endif
#ifdef SCMP_ARCH_M68K
	ARCH(SCMP_ARCH_M68K),
#endif
#ifdef SCMP_ARCH_SH
	ARCH(SCMP_ARCH_SH),
#endif
#ifdef SCMP_ARCH_SHEB
	ARCH(SCMP_ARCH_SHEB),
#endif
};

#define FLAG(name)                                                                                                             \
	{                                                                                                                      \
#name, name                                                                                                    \
	}
static const struct config_name flag_names[] = {
	FLAG(SECCOMP_FILTER_FLAG_TSYNC),
	FLAG(SECCOMP_FILTER_FLAG_LOG),
	FLAG(SECCOMP_FILTER_FLAG_SPEC_ALLOW),
	FLAG(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
};

static int parse_action(struct json_object *object, const char *path, const char *action_key, const char *errno_key,
			uint32_t *out, struct vxe_error **err)
{
	uint64_t action, number = EPERM;
	char *name = NULL;
	int found, known;

	if (config_need_string(object, path, action_key, &name, err) < 0)
		return -1;
	known = config_lookup(CONFIG_NAMES(action_names), name, &action);
	if (known < 0)
		config_fail(err, path, action_key, "\"%s\" is not the name of a seccomp action", name);
	free(name);
	if (known < 0)
		return -1;
	found = vxe_json_get_uint(object, path, errno_key, action == SCMP_ACT_TRACE(0) ? TRACE_MAX : ERRNO_MAX, &number, err);
	if (found < 0)
		return -1;
	if (action == SCMP_ACT_ERRNO(0))
		action = SCMP_ACT_ERRNO(number);
	else if (action == SCMP_ACT_TRACE(0))
		action = SCMP_ACT_TRACE(number);
	else if (found > 0)
		return config_fail(err, path, errno_key, "its action takes no errno");
	*out = (uint32_t)action;
	return 0;
}

static int parse_arg(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_seccomp_arg *arg = item;
	uint64_t index, op;
	char *name = NULL;
	int found, known;

	(void)data;
	found = vxe_json_get_uint(object, path, "index", ARGS_MAX - 1, &index, err);
	if (found == 0)
		return config_fail(err, path, "index", "is missing");
	if (found < 0)
		return -1;
	arg->index = (unsigned int)index;
	found = vxe_json_get_uint(object, path, "value", UINT64_MAX, &arg->value, err);
	if (found == 0)
		return config_fail(err, path, "value", "is missing");
	if (found < 0 || vxe_json_get_uint(object, path, "valueTwo", UINT64_MAX, &arg->value_two, err) < 0 ||
	    config_need_string(object, path, "op", &name, err) < 0)
		return -1;
	known = config_lookup(CONFIG_NAMES(compare_names), name, &op);
	if (known < 0)
		config_fail(err, path, "op", "\"%s\" is not the name of a seccomp comparison", name);
	free(name);
	if (known < 0)
		return -1;
	arg->op = (int)op;
	return 0;
}

static int parse_rule(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_seccomp_rule *rule = item;

	(void)data;
	if (config_strings(object, path, "names", &rule->names, err) < 0 ||
	    parse_action(object, path, "action", "errnoRet", &rule->action, err) < 0 ||
	    config_items(object, path, "args", sizeof(*rule->args), parse_arg, NULL, &rule->args, &rule->n_args, err) < 0)
		return -1;
	if (rule->names.count == 0)
		return config_fail(err, path, "names", "must name at least one system call");
	return 0;
}

static int parse_architectures(struct json_object *object, const char *path, struct vxe_seccomp *seccomp,
			       struct vxe_error **err)
{
	struct vxe_strings names = {0};
	int status = config_strings(object, path, "architectures", &names, err);

	if (status == 0 && names.count > 0) {
		seccomp->architectures = calloc(names.count, sizeof(*seccomp->architectures));
		if (!seccomp->architectures)
			status = config_fail_memory(err);
	}
	for (size_t i = 0; status == 0 && i < names.count; i++) {
		uint64_t arch;

		if (config_lookup(CONFIG_NAMES(arch_names), names.items[i], &arch) < 0)
			status = config_fail(err, path, "architectures", "\"%s\" is not the name of an architecture",
					     names.items[i]);
		else
			seccomp->architectures[seccomp->n_architectures++] = (uint32_t)arch;
	}
	vxe_strings_free(&names);
	return status;
}

int config_parse_seccomp(struct json_object *linux_object, bool with_rules, struct vxe_seccomp *seccomp, struct vxe_error **err)
{
	const char *path = "linux.seccomp";
	struct json_object *object;
	uint64_t flags = 0;
	int found = vxe_json_get_object(linux_object, "linux", "seccomp", &object, err);

	if (found <= 0)
		return found;
	if (parse_action(object, path, "defaultAction", "defaultErrnoRet", &seccomp->default_action, err) < 0 ||
	    parse_architectures(object, path, seccomp, err) < 0 ||
	    config_flags(object, path, "flags", CONFIG_NAMES(flag_names), "seccomp filter flag", &flags, err) < 0 ||
	    config_absolute_path(object, path, "listenerPath", &seccomp->listener_path, err) < 0 ||
	    vxe_json_get_string(object, path, "listenerMetadata", &seccomp->listener_metadata, err) < 0 ||
	    (with_rules && config_items(object, path, "syscalls", sizeof(*seccomp->rules), parse_rule, NULL, &seccomp->rules,
					&seccomp->n_rules, err) < 0))
		return -1;
	if (seccomp->listener_metadata && *seccomp->listener_metadata && !seccomp->listener_path)
		return config_fail(err, path, "listenerMetadata", "must not be set without listenerPath");
	seccomp->flags = (unsigned int)flags;
	seccomp->present = true;
	return 0;
}

void config_free_seccomp(struct vxe_seccomp *seccomp)
{
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		vxe_strings_free(&seccomp->rules[i].names);
		free(seccomp->rules[i].args);
	}
	free(seccomp->rules);
	free(seccomp->architectures);
	free(seccomp->listener_path);
	free(seccomp->listener_metadata);
	*seccomp = (struct vxe_seccomp){0};
}
