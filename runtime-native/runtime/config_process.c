#include "config_internal.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "warn.h"

#define ID_MAX (UINT32_MAX - 1) /* (uid_t)-1 means "leave it" to the kernel */
#define CAPABILITY(name)                                                                                                       \
	{                                                                                                                      \
#name, UINT64_C(1) << name                                                                                     \
	}
#define RLIMIT(name)                                                                                                           \
	{                                                                                                                      \
#name, name                                                                                                    \
	}

static const struct config_name capability_names[] = {
	CAPABILITY(CAP_CHOWN),
	CAPABILITY(CAP_DAC_OVERRIDE),
	CAPABILITY(CAP_DAC_READ_SEARCH),
	CAPABILITY(CAP_FOWNER),
	CAPABILITY(CAP_FSETID),
	CAPABILITY(CAP_KILL),
	CAPABILITY(CAP_SETGID),
	CAPABILITY(CAP_SETUID),
	CAPABILITY(CAP_SETPCAP),
	CAPABILITY(CAP_LINUX_IMMUTABLE),
	CAPABILITY(CAP_NET_BIND_SERVICE),
	CAPABILITY(CAP_NET_BROADCAST),
	CAPABILITY(CAP_NET_ADMIN),
	CAPABILITY(CAP_NET_RAW),
	CAPABILITY(CAP_IPC_LOCK),
	CAPABILITY(CAP_IPC_OWNER),
	CAPABILITY(CAP_SYS_MODULE),
	CAPABILITY(CAP_SYS_RAWIO),
	CAPABILITY(CAP_SYS_CHROOT),
	CAPABILITY(CAP_SYS_PTRACE),
	CAPABILITY(CAP_SYS_PACCT),
	CAPABILITY(CAP_SYS_ADMIN),
	CAPABILITY(CAP_SYS_BOOT),
	CAPABILITY(CAP_SYS_NICE),
	CAPABILITY(CAP_SYS_RESOURCE),
	CAPABILITY(CAP_SYS_TIME),
	CAPABILITY(CAP_SYS_TTY_CONFIG),
	CAPABILITY(CAP_MKNOD),
	CAPABILITY(CAP_LEASE),
	CAPABILITY(CAP_AUDIT_WRITE),
	CAPABILITY(CAP_AUDIT_CONTROL),
	CAPABILITY(CAP_SETFCAP),
	CAPABILITY(CAP_MAC_OVERRIDE),
	CAPABILITY(CAP_MAC_ADMIN),
	CAPABILITY(CAP_SYSLOG),
	CAPABILITY(CAP_WAKE_ALARM),
	CAPABILITY(CAP_BLOCK_SUSPEND),
	CAPABILITY(CAP_AUDIT_READ),
	CAPABILITY(CAP_PERFMON),
	CAPABILITY(CAP_BPF),
	CAPABILITY(CAP_CHECKPOINT_RESTORE),
};
_Static_assert(sizeof(capability_names) / sizeof(capability_names[0]) == CAP_LAST_CAP + 1, "every capability has its name");

static const struct config_name rlimit_names[] = {
	RLIMIT(RLIMIT_AS),     RLIMIT(RLIMIT_CORE),   RLIMIT(RLIMIT_CPU),	 RLIMIT(RLIMIT_DATA),
	RLIMIT(RLIMIT_FSIZE),  RLIMIT(RLIMIT_LOCKS),  RLIMIT(RLIMIT_MEMLOCK),	 RLIMIT(RLIMIT_MSGQUEUE),
	RLIMIT(RLIMIT_NICE),   RLIMIT(RLIMIT_NOFILE), RLIMIT(RLIMIT_NPROC),	 RLIMIT(RLIMIT_RSS),
	RLIMIT(RLIMIT_RTPRIO), RLIMIT(RLIMIT_RTTIME), RLIMIT(RLIMIT_SIGPENDING), RLIMIT(RLIMIT_STACK),
};

/* commandLine and user.username belong to Windows, where the specification ignores them elsewhere too. */
static const char *const unsupported[] = {"selinuxLabel"};

static int need_id(struct json_object *object, const char *path, const char *key, uint32_t *out, struct vxe_error **err)
{
	uint64_t value;
	int found = vxe_json_get_uint(object, path, key, ID_MAX, &value, err);

	if (found == 0)
		return config_fail(err, path, key, "is missing");
	if (found < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int parse_groups(struct json_object *user, const char *path, struct vxe_process *process, struct vxe_error **err)
{
	struct json_object *array = NULL;
	size_t length;

	if (vxe_json_get_array(user, path, "additionalGids", &array, err) < 0)
		return -1;
	length = vxe_json_array_length(array);
	if (length == 0)
		return 0;
	process->additional_gids = calloc(length, sizeof(*process->additional_gids));
	if (!process->additional_gids)
		return config_fail_memory(err);
	for (size_t i = 0; i < length; i++) {
		char what[CONFIG_PATH_MAX];
		uint64_t gid;

		config_path(what, "%s.additionalGids[%zu]", path, i);
		if (vxe_json_uint_value(vxe_json_array_at(array, i), what, ID_MAX, &gid, err) < 0)
			return -1;
		process->additional_gids[i] = (gid_t)gid;
	}
	process->n_additional_gids = length;
	return 0;
}

static int parse_user(struct json_object *object, const char *path, bool needs_user, struct vxe_process *process,
		      struct vxe_error **err)
{
	struct json_object *user;
	char where[CONFIG_PATH_MAX];
	uint64_t umask;
	int found = vxe_json_get_object(object, path, "user", &user, err);

	/* No default: the natural one would be root. Of a further process it is the container's. */
	if (found == 0 && needs_user)
		return config_fail(err, path, "user", "is missing");
	if (found <= 0)
		return found;
	process->has_user = true;
	config_path(where, "%s.user", path);
	if (need_id(user, where, "uid", &process->uid, err) < 0 || need_id(user, where, "gid", &process->gid, err) < 0)
		return -1;
	found = vxe_json_get_uint(user, where, "umask", 0777, &umask, err);
	if (found < 0)
		return -1;
	if (found > 0) {
		process->has_umask = true;
		process->umask = (mode_t)umask;
	}
	return parse_groups(user, where, process, err);
}

/* config.md: a value that stands for nothing here is a warning, and never more than that. Leaving one out grants less. */
static int parse_capability_set(struct json_object *sets, const char *path, const char *key, uint64_t *bits,
				struct vxe_error **err)
{
	struct vxe_strings names = {0};
	int status = config_strings(sets, path, key, &names, err);

	for (size_t i = 0; status == 0 && i < names.count; i++) {
		uint64_t bit;

		if (config_lookup(CONFIG_NAMES(capability_names), names.items[i], &bit) == 0)
			*bits |= bit;
		else
			vxe_warning("%s.%s: \"%.64s\" is not the name of a capability and grants nothing", path, key,
				    names.items[i]);
	}
	vxe_strings_free(&names);
	return status;
}

static int parse_capabilities(struct json_object *object, const char *path, struct vxe_capabilities *capabilities,
			      struct vxe_error **err)
{
	struct json_object *sets;
	char where[CONFIG_PATH_MAX];
	const struct {
		const char *key;
		uint64_t *bits;
	} fields[] = {
		{"bounding", &capabilities->bounding},	     {"effective", &capabilities->effective},
		{"inheritable", &capabilities->inheritable}, {"permitted", &capabilities->permitted},
		{"ambient", &capabilities->ambient},
	};
	int found = vxe_json_get_object(object, path, "capabilities", &sets, err);

	if (found <= 0)
		return found;
	config_path(where, "%s.capabilities", path);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (parse_capability_set(sets, where, fields[i].key, fields[i].bits, err) < 0)
			return -1;
	capabilities->present = true;
	return 0;
}

static int parse_rlimit(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	struct vxe_rlimit *rlimit = item;
	const struct vxe_process *process = data;
	char *type = NULL;
	uint64_t resource, soft, hard;
	int soft_found, hard_found;

	if (config_need_string(object, path, "type", &type, err) < 0)
		return -1;
	if (config_lookup(CONFIG_NAMES(rlimit_names), type, &resource) < 0) {
		config_fail(err, path, "type", "\"%s\" is not the name of a resource limit", type);
		free(type);
		return -1;
	}
	free(type);
	soft_found = vxe_json_get_uint(object, path, "soft", UINT64_MAX, &soft, err);
	if (soft_found < 0)
		return -1;
	hard_found = vxe_json_get_uint(object, path, "hard", UINT64_MAX, &hard, err);
	if (hard_found < 0)
		return -1;
	if (!soft_found || !hard_found)
		return config_fail(err, path, soft_found ? "hard" : "soft", "is missing");
	if (soft > hard)
		return config_fail(err, path, "soft", "is above the hard limit");
	for (const struct vxe_rlimit *other = process->rlimits; other < rlimit; other++)
		if (other->resource == (int)resource)
			return config_fail(err, path, "type", "the limit is given twice");
	rlimit->resource = (int)resource;
	rlimit->limit = (struct rlimit){.rlim_cur = soft, .rlim_max = hard};
	return 0;
}

static int parse_console(struct json_object *object, const char *path, struct vxe_process *process, struct vxe_error **err)
{
	struct json_object *size;
	char where[CONFIG_PATH_MAX];
	uint64_t rows = 0, columns = 0;
	int found = vxe_json_get_object(object, path, "consoleSize", &size, err);

	if (found <= 0)
		return found;
	config_path(where, "%s.consoleSize", path);
	if (vxe_json_get_uint(size, where, "height", UINT16_MAX, &rows, err) < 0 ||
	    vxe_json_get_uint(size, where, "width", UINT16_MAX, &columns, err) < 0)
		return -1;
	process->console_rows = (uint16_t)rows;
	process->console_columns = (uint16_t)columns;
	return 0;
}

static int parse_program(struct json_object *object, const char *path, bool needed, struct vxe_process *process,
			 struct vxe_error **err)
{
	if (config_strings(object, path, "args", &process->args, err) < 0 ||
	    config_strings(object, path, "env", &process->env, err) < 0 ||
	    config_absolute_path(object, path, "cwd", &process->cwd, err) < 0)
		return -1;
	if ((needed && process->args.count == 0) || (process->args.count > 0 && process->args.items[0][0] == '\0'))
		return config_fail(err, path, "args", "names no program");
	if (needed && !process->cwd)
		return config_fail(err, path, "cwd", "is missing");
	for (size_t i = 0; i < process->env.count; i++) {
		const char *equals = strchr(process->env.items[i], '=');

		if (!equals || equals == process->env.items[i])
			return config_fail(err, path, "env", "\"%s\" is not NAME=VALUE", process->env.items[i]);
	}
	return 0;
}

int config_parse_process(struct json_object *object, const char *path, bool needs_program, bool needs_user,
			 struct vxe_process *process, struct vxe_error **err)
{
	int64_t score;
	int found;

	if (parse_program(object, path, needs_program, process, err) < 0 ||
	    parse_user(object, path, needs_user, process, err) < 0 ||
	    vxe_json_get_bool(object, path, "terminal", &process->terminal, err) < 0 ||
	    parse_console(object, path, process, err) < 0 ||
	    parse_capabilities(object, path, &process->capabilities, err) < 0 ||
	    config_items(object, path, "rlimits", sizeof(*process->rlimits), parse_rlimit, process, &process->rlimits,
			 &process->n_rlimits, err) < 0 ||
	    vxe_json_get_bool(object, path, "noNewPrivileges", &process->no_new_privileges, err) < 0)
		return -1;
	found = vxe_json_get_int(object, path, "oomScoreAdj", -1000, 1000, &score, err);
	if (found < 0)
		return -1;
	if (found > 0) {
		process->has_oom_score_adj = true;
		process->oom_score_adj = (int)score;
	}
	if (config_refuse(object, path, unsupported, sizeof(unsupported) / sizeof(unsupported[0]), err) < 0 ||
	    config_absent_string(object, path, "apparmorProfile", &process->apparmor_profile, err) < 0 ||
	    config_parse_schedule(object, path, process, err) < 0 ||
	    config_parse_landlock(object, path, &process->landlock, err) < 0)
		return -1;
	process->present = true;
	return 0;
}

int vxe_config_parse_process(const char *text, size_t size, struct vxe_process **out, struct vxe_error **err)
{
	struct json_object *root = NULL;
	struct vxe_process *process;
	int status;

	if (vxe_json_parse(text, size, &root, err) < 0)
		return -1;
	process = calloc(1, sizeof(*process));
	if (!process)
		status = config_fail_memory(err);
	else if (!vxe_json_is_object(root))
		status = config_fail(err, "process", "", "must be an object");
	else
		status = config_parse_process(root, "process", true, false, process, err);
	vxe_json_put(&root);
	if (status < 0) {
		vxe_process_free(&process);
		return -1;
	}
	*out = process;
	return 0;
}

void config_free_process(struct vxe_process *process)
{
	vxe_strings_free(&process->args);
	vxe_strings_free(&process->env);
	free(process->cwd);
	free(process->additional_gids);
	free(process->rlimits);
	free(process->affinity_initial);
	free(process->affinity_final);
	free(process->apparmor_profile);
	config_free_landlock(&process->landlock);
	*process = (struct vxe_process){0};
}

void vxe_process_free(struct vxe_process **process)
{
	if (!*process)
		return;
	config_free_process(*process);
	free(*process);
	*process = NULL;
}

int vxe_config_capability(const char *name, uint64_t *bits)
{
	for (size_t i = 0; i < sizeof(capability_names) / sizeof(capability_names[0]); i++) {
		if (strcmp(capability_names[i].name, name) != 0 && strcmp(capability_names[i].name + strlen("CAP_"), name) != 0)
			continue;
		*bits |= capability_names[i].value;
		return 0;
	}
	return -1;
}

const char *const *vxe_config_capabilities(void)
{
	static const char *names[sizeof(capability_names) / sizeof(capability_names[0]) + 1];

	for (size_t i = 0; i < sizeof(capability_names) / sizeof(capability_names[0]); i++)
		names[i] = capability_names[i].name;
	return names;
}
