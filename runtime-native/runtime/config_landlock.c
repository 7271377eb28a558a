#include "config_internal.h"

#include <stdlib.h>
#include <string.h>

#include "landlock.h"

static const struct config_name fs_names[] = {
	{"execute", LANDLOCK_ACCESS_FS_EXECUTE},	   {"write_file", LANDLOCK_ACCESS_FS_WRITE_FILE},
	{"read_file", LANDLOCK_ACCESS_FS_READ_FILE},	   {"read_dir", LANDLOCK_ACCESS_FS_READ_DIR},
	{"remove_dir", LANDLOCK_ACCESS_FS_REMOVE_DIR},	   {"remove_file", LANDLOCK_ACCESS_FS_REMOVE_FILE},
	{"make_char", LANDLOCK_ACCESS_FS_MAKE_CHAR},	   {"make_dir", LANDLOCK_ACCESS_FS_MAKE_DIR},
	{"make_reg", LANDLOCK_ACCESS_FS_MAKE_REG},	   {"make_sock", LANDLOCK_ACCESS_FS_MAKE_SOCK},
	{"make_fifo", LANDLOCK_ACCESS_FS_MAKE_FIFO},	   {"make_block", LANDLOCK_ACCESS_FS_MAKE_BLOCK},
	{"make_sym", LANDLOCK_ACCESS_FS_MAKE_SYM},	   {"refer", LANDLOCK_ACCESS_FS_REFER},
	{"truncate", LANDLOCK_ACCESS_FS_TRUNCATE},	   {"ioctl_dev", LANDLOCK_ACCESS_FS_IOCTL_DEV},
	{"resolve_unix", LANDLOCK_ACCESS_FS_RESOLVE_UNIX},
};

static const struct config_name net_names[] = {
	{"bind_tcp", LANDLOCK_ACCESS_NET_BIND_TCP},
	{"connect_tcp", LANDLOCK_ACCESS_NET_CONNECT_TCP},
	{"bind_udp", LANDLOCK_ACCESS_NET_BIND_UDP},
	{"connect_send_udp", LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP},
};

static const struct config_name scope_names[] = {
	{"abstract_unix_socket", LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET},
	{"signal", LANDLOCK_SCOPE_SIGNAL},
};

/* Since ABI 7: which denials the kernel's audit log tells of. Without the field those of the program that is executed. */
static const struct config_name flag_names[] = {
	{"log_same_exec_off", LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF},
	{"log_new_exec_on", LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON},
	{"log_subdomains_off", LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF},
};

struct known_keys {
	const char *const *keys;
	size_t count;
	const char *path;
	struct vxe_error **err;
};

static int check_known(const char *key, struct json_object *value, void *data)
{
	const struct known_keys *known = data;

	(void)value;
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->keys[i], key) == 0)
			return 0;
	return config_fail(known->err, known->path, key, "is not a field of process.landlock");
}

/* Here a field that is passed over may be a restriction that was misspelt, so unlike elsewhere it is an error. */
#define ONLY_KEYS(object, where, err, ...)                                                                                     \
	vxe_json_object_each((object), check_known,                                                                            \
			     &(struct known_keys){(const char *const[]){__VA_ARGS__},                                          \
						  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), (where),  \
						  (err)})

static int parse_access(struct json_object *object, const char *path, struct config_names names, uint64_t handled,
			const char *handled_key, uint64_t *out, struct vxe_error **err)
{
	if (config_flags(object, path, "allowedAccess", names, "Landlock access right", out, err) < 0)
		return -1;
	if (*out == 0)
		return config_fail(err, path, "allowedAccess", "must name at least one access right");
	for (size_t i = 0; i < names.count; i++)
		if (names.items[i].value & *out & ~handled)
			return config_fail(err, path, "allowedAccess", "\"%s\" is not in ruleset.%s", names.items[i].name,
					   handled_key);
	return 0;
}

static int parse_path_rule(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	const struct vxe_landlock *landlock = data;
	struct vxe_landlock_paths *rule = item;

	if (ONLY_KEYS(object, path, err, "allowedAccess", "optional", "paths") < 0 ||
	    vxe_json_get_bool(object, path, "optional", &rule->optional, err) < 0 ||
	    parse_access(object, path, CONFIG_NAMES(fs_names), landlock->handled_fs, "handledAccessFS", &rule->access, err) <
		    0 ||
	    config_absolute_paths(object, path, "paths", &rule->paths, err) < 0)
		return -1;
	if (rule->paths.count == 0)
		return config_fail(err, path, "paths", "must name at least one path");
	return 0;
}

static int parse_port_rule(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err)
{
	const struct vxe_landlock *landlock = data;
	struct vxe_landlock_ports *rule = item;
	struct json_object *ports = NULL;
	size_t length;

	if (ONLY_KEYS(object, path, err, "allowedAccess", "ports") < 0 ||
	    parse_access(object, path, CONFIG_NAMES(net_names), landlock->handled_net, "handledAccessNet", &rule->access, err) <
		    0 ||
	    vxe_json_get_array(object, path, "ports", &ports, err) < 0)
		return -1;
	length = vxe_json_array_length(ports);
	if (length == 0)
		return config_fail(err, path, "ports", "must name at least one port");
	rule->ports = calloc(length, sizeof(*rule->ports));
	if (!rule->ports)
		return config_fail_memory(err);
	for (size_t i = 0; i < length; i++) {
		char what[CONFIG_PATH_MAX];

		config_path(what, "%s.ports[%zu]", path, i);
		if (vxe_json_uint_value(vxe_json_array_at(ports, i), what, UINT16_MAX, &rule->ports[i], err) < 0)
			return -1;
		rule->count++;
	}
	return 0;
}

static int parse_ruleset(struct json_object *object, const char *path, struct vxe_landlock *landlock, struct vxe_error **err)
{
	if (ONLY_KEYS(object, path, err, "handledAccessFS", "handledAccessNet", "scoped") < 0 ||
	    config_flags(object, path, "handledAccessFS", CONFIG_NAMES(fs_names), "Landlock file access right",
			 &landlock->handled_fs, err) < 0 ||
	    config_flags(object, path, "handledAccessNet", CONFIG_NAMES(net_names), "Landlock network access right",
			 &landlock->handled_net, err) < 0 ||
	    config_flags(object, path, "scoped", CONFIG_NAMES(scope_names), "Landlock scope", &landlock->scoped, err) < 0)
		return -1;
	if (!(landlock->handled_fs | landlock->handled_net | landlock->scoped))
		return config_fail(err, path, "", "handles no access right and no scope, so it would restrict nothing");
	return 0;
}

int config_parse_landlock(struct json_object *process, const char *path, struct vxe_landlock *landlock, struct vxe_error **err)
{
	struct json_object *object, *ruleset = NULL, *rules = NULL;
	char where[CONFIG_PATH_MAX], ruleset_path[CONFIG_PATH_MAX], rules_path[CONFIG_PATH_MAX];
	uint64_t flags = 0;
	bool strict;
	int found = vxe_json_get_object(process, path, "landlock", &object, err);

	if (found <= 0)
		return found;
	config_path(where, "%s.landlock", path);
	config_path(ruleset_path, "%s.landlock.ruleset", path);
	config_path(rules_path, "%s.landlock.rules", path);
	/* Best effort is never made here, so the switch for it is only checked. */
	if (ONLY_KEYS(object, where, err, "ruleset", "rules", "flags", "disableBestEffort") < 0 ||
	    config_flags(object, where, "flags", CONFIG_NAMES(flag_names), "Landlock flag", &flags, err) < 0 ||
	    vxe_json_get_bool(object, where, "disableBestEffort", &strict, err) < 0 ||
	    vxe_json_get_object(object, where, "ruleset", &ruleset, err) < 0 ||
	    vxe_json_get_object(object, where, "rules", &rules, err) < 0 ||
	    ONLY_KEYS(rules, rules_path, err, "pathBeneath", "netPort") < 0)
		return -1;
	if (!ruleset)
		return config_fail(err, ruleset_path, "", "is missing");
	if (parse_ruleset(ruleset, ruleset_path, landlock, err) < 0 ||
	    config_items(rules, rules_path, "pathBeneath", sizeof(*landlock->path_rules), parse_path_rule, landlock,
			 &landlock->path_rules, &landlock->n_path_rules, err) < 0 ||
	    config_items(rules, rules_path, "netPort", sizeof(*landlock->port_rules), parse_port_rule, landlock,
			 &landlock->port_rules, &landlock->n_port_rules, err) < 0)
		return -1;
	landlock->has_flags = vxe_json_get(object, "flags", &(struct json_object *){NULL}) > 0;
	landlock->flags = (unsigned int)flags;
	landlock->present = true;
	return 0;
}

void config_free_landlock(struct vxe_landlock *landlock)
{
	for (size_t i = 0; i < landlock->n_path_rules; i++)
		vxe_strings_free(&landlock->path_rules[i].paths);
	for (size_t i = 0; i < landlock->n_port_rules; i++)
		free(landlock->port_rules[i].ports);
	free(landlock->path_rules);
	free(landlock->port_rules);
	*landlock = (struct vxe_landlock){0};
}
