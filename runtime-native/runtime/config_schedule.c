/* process.scheduler, process.ioPriority and process.execCPUAffinity (runtime-spec config.md, Linux Process). */
#include "config_internal.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* linux/sched.h and linux/sched/types.h clash with glibc's sched.h. */
#define POLICY_ISO 4
#define POLICY_DEADLINE 6
#define FLAG_UTIL_CLAMP_MIN 0x20
#define FLAG_UTIL_CLAMP_MAX 0x40

static const struct config_name policy_names[] = {
	{"SCHED_OTHER", SCHED_OTHER},	     {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},	     {"SCHED_ISO", POLICY_ISO},	 {"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", POLICY_DEADLINE},
};

static const struct config_name flag_names[] = {
	{"SCHED_FLAG_RESET_ON_FORK", 0x01},
	{"SCHED_FLAG_RECLAIM", 0x02},
	{"SCHED_FLAG_DL_OVERRUN", 0x04},
	{"SCHED_FLAG_KEEP_POLICY", 0x08},
	{"SCHED_FLAG_KEEP_PARAMS", 0x10},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", FLAG_UTIL_CLAMP_MAX},
};

static const struct config_name class_names[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
};

static int parse_scheduler(struct json_object *process, const char *path, struct vxe_scheduler *out, struct vxe_error **err)
{
	struct json_object *object;
	char where[CONFIG_PATH_MAX];
	char *policy = NULL;
	uint64_t value = 0;
	int64_t nice = 0, priority = 0;
	bool realtime, deadline;
	int status, found = vxe_json_get_object(process, path, "scheduler", &object, err);

	if (found <= 0 || vxe_json_is_empty(object))
		return found < 0 ? -1 : 0;
	config_path(where, "%s.scheduler", path);
	status = config_need_string(object, where, "policy", &policy, err);
	if (status == 0 && config_lookup(CONFIG_NAMES(policy_names), policy, &value) < 0)
		status = config_fail(err, where, "policy", "\"%s\" is not the name of a scheduling policy", policy);
	free(policy);
	if (status < 0 || vxe_json_get_int(object, where, "nice", -20, 19, &nice, err) < 0 ||
	    vxe_json_get_int(object, where, "priority", 0, 99, &priority, err) < 0 ||
	    config_flags(object, where, "flags", CONFIG_NAMES(flag_names), "scheduler flag", &out->flags, err) < 0 ||
	    vxe_json_get_uint(object, where, "runtime", UINT64_MAX, &out->runtime, err) < 0 ||
	    vxe_json_get_uint(object, where, "deadline", UINT64_MAX, &out->deadline, err) < 0 ||
	    vxe_json_get_uint(object, where, "period", UINT64_MAX, &out->period, err) < 0)
		return -1;
	out->policy = (uint32_t)value;
	out->nice = (int32_t)nice;
	out->priority = (uint32_t)priority;
	realtime = value == SCHED_FIFO || value == SCHED_RR;
	deadline = value == POLICY_DEADLINE;
	/* The kernel passes over what a policy does not use. */
	if (realtime ? priority == 0 : priority != 0)
		return config_fail(err, where, "priority",
				   realtime ? "is missing, the policy needs one from 1 to 99"
					    : "is for SCHED_FIFO and SCHED_RR alone");
	if ((realtime || deadline) && nice)
		return config_fail(err, where, "nice", "has no meaning with this policy");
	if (!deadline && (out->runtime || out->deadline || out->period))
		return config_fail(err, where,
				   out->runtime	   ? "runtime"
				   : out->deadline ? "deadline"
						   : "period",
				   "is for SCHED_DEADLINE alone");
	/* Their values have no field in the specification. */
	if (out->flags & (FLAG_UTIL_CLAMP_MIN | FLAG_UTIL_CLAMP_MAX))
		return config_fail(err, where, "flags",
				   "the utilization clamps are not supported, there is no field for their values");
	out->present = true;
	return 0;
}

static int parse_io_priority(struct json_object *process, const char *path, struct vxe_process *out, struct vxe_error **err)
{
	struct json_object *object;
	char where[CONFIG_PATH_MAX];
	char *name = NULL;
	uint64_t class = 0, level = 0;
	int status, found = vxe_json_get_object(process, path, "ioPriority", &object, err);

	if (found <= 0 || vxe_json_is_empty(object))
		return found < 0 ? -1 : 0;
	config_path(where, "%s.ioPriority", path);
	status = config_need_string(object, where, "class", &name, err);
	if (status == 0 && config_lookup(CONFIG_NAMES(class_names), name, &class) < 0)
		status = config_fail(err, where, "class", "\"%s\" is not the name of an I/O class", name);
	free(name);
	if (status < 0)
		return -1;
	found = vxe_json_get_uint(object, where, "priority", 7, &level, err);
	if (found < 0)
		return -1;
	if (found == 0 && class != IOPRIO_CLASS_IDLE)
		return config_fail(err, where, "priority", "is missing");
	out->has_io_priority = true;
	out->io_priority = IOPRIO_PRIO_VALUE((int)class, (int)level);
	return 0;
}

/* The kernel's own list form: numbers and ranges, parted by commas. */
static bool is_cpu_list(const char *text)
{
	for (;;) {
		char *end;
		unsigned long first, last;

		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || last >= CPU_SETSIZE)
			return false;
		if (*end != ',')
			return *end == '\0';
		text = end + 1;
	}
}

static int parse_affinity(struct json_object *process, const char *path, struct vxe_process *out, struct vxe_error **err)
{
	struct json_object *object;
	char where[CONFIG_PATH_MAX];
	int found = vxe_json_get_object(process, path, "execCPUAffinity", &object, err);
	const struct {
		const char *key;
		char **list;
	} fields[] = {{"initial", &out->affinity_initial}, {"final", &out->affinity_final}};

	if (found <= 0)
		return found;
	config_path(where, "%s.execCPUAffinity", path);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		found = vxe_json_get_string(object, where, fields[i].key, fields[i].list, err);
		if (found < 0)
			return -1;
		if (found > 0 && !is_cpu_list(*fields[i].list))
			return config_fail(err, where, fields[i].key, "\"%s\" is not a list of CPUs", *fields[i].list);
	}
	return 0;
}

int config_parse_schedule(struct json_object *object, const char *path, struct vxe_process *process, struct vxe_error **err)
{
	return parse_scheduler(object, path, &process->scheduler, err) < 0 ||
			       parse_io_priority(object, path, process, err) < 0 ||
			       parse_affinity(object, path, process, err) < 0
		       ? -1
		       : 0;
}
