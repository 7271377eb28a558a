/* linux.resources, as far as cgroup v2 has the like. */
#include "config_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define CPU_SHARES_MAX 262144

/* What cgroup v2 has no like of. */
static const char *const unsupported_memory[] = {"kernel", "kernelTCP", "swappiness", "disableOOMKiller"};
static const char *const unsupported_cpu[] = {"realtimeRuntime", "realtimePeriod"};
static const char *const unsupported_network[] = {"classID", "priorities"};

/* A limit of -1 is "none". */
static int get_limit(struct json_object *object, const char *path, const char *key, bool *has, int64_t *out,
		     struct vxe_error **err)
{
	int found = vxe_json_get_int(object, path, key, -1, INT64_MAX, out, err);

	*has = found > 0;
	return found < 0 ? -1 : 0;
}

/* Engines write a 0 where they mean that nothing was asked. */
static int refuse_numbers(struct json_object *object, const char *path, const char *const *keys, size_t n_keys,
			  struct vxe_error **err)
{
	for (size_t i = 0; i < n_keys; i++) {
		struct json_object *value = NULL;
		const char *key = keys[i];
		uint64_t number;

		if (!vxe_json_get(object, key, &value))
			continue;
		if (strcmp(key, "swappiness") != 0 && vxe_json_uint_value(value, "", UINT64_MAX, &number, NULL) == 0 &&
		    number == 0)
			continue;
		if (config_refuse(object, path, &key, 1, err) < 0)
			return -1;
	}
	return 0;
}

static int parse_memory(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err)
{
	const char *path = "linux.resources.memory";
	struct json_object *object;
	int found = vxe_json_get_object(resources, "linux.resources", "memory", &object, err);

	if (found <= 0)
		return found;
	/* useHierarchy is what cgroup v2 always does. */
	if (refuse_numbers(object, path, unsupported_memory, sizeof(unsupported_memory) / sizeof(unsupported_memory[0]), err) <
		    0 ||
	    vxe_json_get_bool(object, path, "checkBeforeUpdate", &out->check_before_update, err) < 0 ||
	    get_limit(object, path, "limit", &out->has_memory_limit, &out->memory_limit, err) < 0 ||
	    get_limit(object, path, "swap", &out->has_memory_swap, &out->memory_swap, err) < 0 ||
	    get_limit(object, path, "reservation", &out->has_memory_reservation, &out->memory_reservation, err) < 0)
		return -1;
	if (out->has_memory_swap && out->memory_swap > 0 && (!out->has_memory_limit || out->memory_limit <= 0))
		return config_fail(err, path, "swap", "counts memory and swap together, so it needs memory.limit");
	if (out->has_memory_swap && out->memory_swap > 0 && out->memory_swap < out->memory_limit)
		return config_fail(err, path, "swap", "counts memory and swap together, so it cannot be below memory.limit");
	return 0;
}

static int parse_cpu(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err)
{
	const char *path = "linux.resources.cpu";
	struct json_object *object;
	int found = vxe_json_get_object(resources, "linux.resources", "cpu", &object, err);

	if (found <= 0)
		return found;
	if (refuse_numbers(object, path, unsupported_cpu, sizeof(unsupported_cpu) / sizeof(unsupported_cpu[0]), err) < 0 ||
	    get_limit(object, path, "quota", &out->has_cpu_quota, &out->cpu_quota, err) < 0 ||
	    vxe_json_get_string(object, path, "cpus", &out->cpuset_cpus, err) < 0 ||
	    vxe_json_get_string(object, path, "mems", &out->cpuset_mems, err) < 0)
		return -1;
	found = vxe_json_get_uint(object, path, "shares", CPU_SHARES_MAX, &out->cpu_shares, err);
	if (found < 0)
		return -1;
	out->has_cpu_shares = found > 0 && out->cpu_shares > 0;
	found = vxe_json_get_uint(object, path, "period", INT64_MAX, &out->cpu_period, err);
	if (found < 0)
		return -1;
	out->has_cpu_period = found > 0 && out->cpu_period > 0;
	found = vxe_json_get_uint(object, path, "burst", INT64_MAX, &out->cpu_burst, err);
	if (found < 0)
		return -1;
	out->has_cpu_burst = found > 0;
	found = vxe_json_get_int(object, path, "idle", 0, 1, &out->cpu_idle, err);
	if (found < 0)
		return -1;
	out->has_cpu_idle = found > 0;
	return 0;
}

static int refuse_network(struct json_object *resources, struct vxe_error **err)
{
	struct json_object *object;
	int found = vxe_json_get_object(resources, "linux.resources", "network", &object, err);

	return found <= 0 ? found
			  : refuse_numbers(object, "linux.resources.network", unsupported_network,
					   sizeof(unsupported_network) / sizeof(unsupported_network[0]), err);
}

static int parse_pids(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err)
{
	struct json_object *object;
	int found = vxe_json_get_object(resources, "linux.resources", "pids", &object, err);

	if (found <= 0)
		return found;
	return get_limit(object, "linux.resources.pids", "limit", &out->has_pids_limit, &out->pids_limit, err);
}

struct device_rule {
	bool allow;
	char *type, *access;
	int64_t major, minor; /* -1: any */
};

/* The devices that the specification says every container has (config-linux.md, Default Devices), by number. */
static bool is_default_device(const struct device_rule *rule)
{
	static const struct {
		int64_t major, minor;
	} numbers[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}, {136, -1}};

	if (!rule->type || strcmp(rule->type, "c") != 0)
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (rule->major == numbers[i].major && rule->minor == numbers[i].minor)
			return true;
	return false;
}

static bool denies_all(const struct device_rule *rule)
{
	return !rule->allow && (!rule->type || strcmp(rule->type, "a") == 0) && rule->major == -1 && rule->minor == -1 &&
	       (!rule->access || strlen(rule->access) == 3);
}

/* type c, b, a; access a non-empty choice of r, w, m. */
static int check_device_rule(const struct device_rule *rule, const char *path, struct vxe_error **err)
{
	size_t length = rule->access ? strlen(rule->access) : 3;

	if (rule->type && (strlen(rule->type) != 1 || !strchr("abc", rule->type[0])))
		return config_fail(err, path, "type", "\"%s\" is not a, b or c", rule->type);
	if (rule->access && (length == 0 || length > 3 || rule->access[strspn(rule->access, "rwm")] != '\0' ||
			     strchr(rule->access + 1, rule->access[0]) || (length == 3 && rule->access[1] == rule->access[2])))
		return config_fail(err, path, "access", "\"%s\" is not made of r, w and m", rule->access);
	return 0;
}

static int add_device_rule(const struct device_rule *rule, struct vxe_resources *out, struct vxe_error **err)
{
	struct vxe_device_rule *rules = reallocarray(out->devices, out->n_devices + 1, sizeof(*rules));
	unsigned int access = 0;

	if (!rules)
		return config_fail_memory(err);
	for (const char *letter = rule->access ? rule->access : "rwm"; *letter; letter++)
		access |= *letter == 'm' ? 1 : *letter == 'r' ? 2 : 4;
	out->devices = rules;
	rules[out->n_devices++] = (struct vxe_device_rule){.allow = rule->allow,
							   .type = rule->type ? rule->type[0] : 'a',
							   .access = access,
							   .major = rule->major,
							   .minor = rule->minor};
	return 0;
}

static int parse_device_rule(struct json_object *object, const char *path, struct vxe_resources *out, struct vxe_error **err)
{
	struct device_rule rule = {.major = -1, .minor = -1};
	int found = vxe_json_get_bool(object, path, "allow", &rule.allow, err), status = -1;

	if (found == 0)
		return config_fail(err, path, "allow", "is missing");
	if (found > 0 && vxe_json_get_string(object, path, "type", &rule.type, err) >= 0 &&
	    vxe_json_get_string(object, path, "access", &rule.access, err) >= 0 &&
	    vxe_json_get_int(object, path, "major", -1, UINT32_MAX, &rule.major, err) >= 0 &&
	    vxe_json_get_int(object, path, "minor", -1, UINT32_MAX, &rule.minor, err) >= 0)
		status = check_device_rule(&rule, path, err);
	if (status == 0) {
		if (!denies_all(&rule) && !(rule.allow && is_default_device(&rule)))
			out->has_other_devices = true;
		status = add_device_rule(&rule, out, err);
	}
	free(rule.type);
	free(rule.access);
	return status;
}

static int parse_device_rules(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err)
{
	struct json_object *array = NULL;

	if (vxe_json_get_array(resources, "linux.resources", "devices", &array, err) < 0)
		return -1;
	for (size_t i = 0; i < vxe_json_array_length(array); i++) {
		struct json_object *rule = vxe_json_array_at(array, i);
		char path[CONFIG_PATH_MAX];

		config_path(path, "linux.resources.devices[%zu]", i);
		if (!vxe_json_is_object(rule))
			return config_fail(err, path, "", "must be an object");
		if (parse_device_rule(rule, path, out, err) < 0)
			return -1;
	}
	return 0;
}

static int check_unified(const struct vxe_pairs *unified, struct vxe_error **err)
{
	for (size_t i = 0; i < unified->count; i++) {
		const char *name = unified->items[i].key;

		/* The name is a file in the instance's own cgroup; cgroup.* are the runtime's to write. */
		if (strchr(name, '/') || !strchr(name, '.') || name[0] == '.' || strncmp(name, "cgroup.", 7) == 0)
			return config_fail(err, "linux.resources.unified", name, "is not the name of a cgroup v2 limit");
	}
	return 0;
}

int config_parse_resources(struct json_object *linux_object, struct vxe_resources *resources, struct vxe_error **err)
{
	const char *path = "linux.resources";
	struct json_object *object;
	int found = vxe_json_get_object(linux_object, "linux", "resources", &object, err);

	if (found <= 0)
		return found;
	if (refuse_network(object, err) < 0 || config_parse_io_resources(object, resources, err) < 0 ||
	    parse_device_rules(object, resources, err) < 0 || parse_memory(object, resources, err) < 0 ||
	    parse_cpu(object, resources, err) < 0 || parse_pids(object, resources, err) < 0 ||
	    config_pairs(object, path, "unified", &resources->unified, err) < 0)
		return -1;
	return check_unified(&resources->unified, err);
}

int vxe_config_parse_resources(const char *text, size_t size, struct vxe_resources *out, struct vxe_error **err)
{
	cleanup_free char *wrapped = NULL;
	struct json_object *root = NULL;
	int status, length;

	memset(out, 0, sizeof(*out));
	length = asprintf(&wrapped, "{\"resources\":%.*s}", (int)size, text);
	if (length < 0) {
		wrapped = NULL;
		return config_fail_memory(err);
	}
	status = vxe_json_parse(wrapped, (size_t)length, &root, err);
	if (status == 0)
		status = config_parse_resources(root, out, err);
	vxe_json_put(&root);
	if (status < 0)
		vxe_resources_free(out);
	return status;
}

void vxe_resources_free(struct vxe_resources *resources)
{
	free(resources->cpuset_cpus);
	free(resources->cpuset_mems);
	free(resources->devices);
	config_free_io_resources(resources);
	vxe_pairs_free(&resources->unified);
	*resources = (struct vxe_resources){0};
}
