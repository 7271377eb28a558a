#include "scope.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "cgroup.h"
#include "cgroup_internal.h"
#include "cleanup.h"
#include "clock.h"
#include "places.h"
#include "file.h"

#define JOB_TIMEOUT_MS 60000

static const struct vxe_bus_target manager = {"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
					      "org.freedesktop.systemd1.Manager"};

static void bus_cleanup(struct vxe_bus *bus)
{
	vxe_bus_close(bus);
}
static void body_cleanup(struct vxe_bus_body *body)
{
	vxe_bus_body_free(body);
}
#define cleanup_bus __attribute__((cleanup(bus_cleanup)))
#define cleanup_body __attribute__((cleanup(body_cleanup)))

/* --- names --- */

static bool is_unit_word(const char *text, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-@";

	return strspn(text, letters) >= length;
}

bool vxe_scope_is_slice(const char *name)
{
	size_t length = strlen(name);

	return length > 6 && length < 256 && !strcmp(name + length - 6, ".slice") && is_unit_word(name, length) &&
	       name[0] != '-' && !strstr(name, "--") && !strstr(name, "-.slice") && name[0] != '.';
}

/* Root of the host, and not of some user namespace: the system's manager is asked then, and the user's otherwise. */
static bool is_host_root(void)
{
	return geteuid() == 0 && !vxe_in_user_namespace();
}

/* systemd.unit(5), escaping: of what an instance's name may have, units lack the plus alone. */
static char *escaped(const char *id)
{
	char *text = malloc(4 * strlen(id) + 1), *out = text;

	for (; out && *id; id++) {
		if (*id == '+')
			out = stpcpy(out, "\\x2b");
		else
			*out++ = *id;
	}
	if (out)
		*out = '\0';
	return text;
}

int vxe_scope_names(const char *cgroups_path, const char *id, char **slice, char **unit, struct vxe_error **err)
{
	const char *path = cgroups_path ? cgroups_path : "", *first, *second = NULL;
	cleanup_free char *asked = NULL, *name = NULL;
	int length;

	if (!*path) {
		name = escaped(id);
		*slice = strdup(is_host_root() ? "system.slice" : "user.slice");
		length = name ? asprintf(unit, "vxe-%s.scope", name) : -1;
	} else {
		first = strchr(path, ':');
		second = first ? strchr(first + 1, ':') : NULL;
		if (!second || strchr(second + 1, ':'))
			return vxe_error_set(
				err, VXE_EXIT_FAILURE, 0,
				"config.json: linux.cgroupsPath: \"%s\" is not SLICE:PREFIX:NAME, as the systemd driver "
				"has it",
				path);
		*slice = first == path ? strdup(is_host_root() ? "system.slice" : "user.slice")
				       : strndup(path, (size_t)(first - path));
		if (second == first + 1)
			length = asprintf(unit, "%s.scope", second + 1);
		else
			length = asprintf(unit, "%.*s-%s.scope", (int)(second - first - 1), first + 1, second + 1);
	}
	if (length < 0)
		*unit = NULL;
	if (!*slice || !*unit)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the scope of %s", id);
	/* "-.slice" is the root of all. */
	if (strcmp(*slice, "-.slice") != 0 && !vxe_scope_is_slice(*slice))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: linux.cgroupsPath: \"%s\" is not the name of a slice", *slice);
	if (strlen(*unit) > 255 || !is_unit_word(*unit, strlen(*unit)) || (second && second[1] == '\0'))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: linux.cgroupsPath: \"%s\" is not the name of a scope", *unit);
	return 0;
}

/* --- the manager --- */

static int user_manager_open(struct vxe_bus *bus)
{
	const char *folder = getenv("XDG_RUNTIME_DIR"), *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	cleanup_free char *path = NULL;

	if (folder && *folder == '/') {
		if (asprintf(&path, "%s/systemd/private", folder) < 0) {
			path = NULL;
			return -1;
		}
		if (vxe_bus_open(bus, path, false) == 0)
			return 0;
	}
	if (!address || strncmp(address, "unix:path=", 10) != 0)
		return -1;
	free(path);
	path = strndup(address + 10, strcspn(address + 10, ",;"));
	return path ? vxe_bus_open(bus, path, true) : -1;
}

/* Its own socket first: what is said there passes nobody else. */
static int manager_connect(struct vxe_bus *bus)
{
	if (!is_host_root())
		return user_manager_open(bus);
	return vxe_bus_open(bus, "/run/systemd/private", false) < 0 ? vxe_bus_open(bus, "/run/dbus/system_bus_socket", true)
								    : 0;
}

static int manager_open(struct vxe_bus *bus, struct vxe_error **err)
{
	static const char rule[] = "type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";
	static const struct vxe_bus_target broker = {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"};
	struct vxe_bus_message answer;
	cleanup_body struct vxe_bus_body body = {0};

	if (manager_connect(bus) < 0) {
		bool host = is_host_root();

		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "there is no systemd of %s to make the container's scope",
			      host ? "the host" : "the user");
		return vxe_error_hint(err, "tell the engine to use cgroupfs (podman: --cgroup-manager=cgroupfs), or %s",
				      host ? "boot with systemd" : "log in where systemd has a session (XDG_RUNTIME_DIR)");
	}
	if (!bus->brokered)
		return 0;
	vxe_bus_put_string(&body, rule);
	return vxe_bus_call(bus, &broker, "AddMatch", "s", &body, &answer, err) < 0 ||
			       vxe_bus_call(bus, &manager, "Subscribe", NULL, NULL, &answer, err) < 0
		       ? -1
		       : 0;
}

bool vxe_scope_possible(void)
{
	cleanup_bus struct vxe_bus bus = {.fd = -1};

	return manager_open(&bus, NULL) == 0;
}

/* --- properties --- */

static void property_begin(struct vxe_bus_body *body, const char *name, const char *signature)
{
	vxe_bus_align(body, 8);
	vxe_bus_put_string(body, name);
	vxe_bus_put_signature(body, signature);
}

static void property_string(struct vxe_bus_body *body, const char *name, const char *value)
{
	property_begin(body, name, "s");
	vxe_bus_put_string(body, value);
}

static void property_true(struct vxe_bus_body *body, const char *name, bool value)
{
	property_begin(body, name, "b");
	vxe_bus_put_u32(body, value);
}

static void property_u64(struct vxe_bus_body *body, const char *name, uint64_t value)
{
	property_begin(body, name, "t");
	vxe_bus_put_u64(body, value);
}

/* "0-2,5" as bits, the first byte having the lowest. */
static void property_mask(struct vxe_bus_body *body, const char *name, const char *list)
{
	uint8_t bits[1024] = {0};
	size_t used = 0, begun;

	for (const char *at = list; *at;) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		/* What is no list is for the kernel to refuse, with the field's name. */
		if (end == at || last < first || last >= sizeof(bits) * 8)
			return;
		for (; first <= last; first++)
			bits[first / 8] |= (uint8_t)(1U << first % 8);
		if (last / 8 + 1 > used)
			used = last / 8 + 1;
		at = end + (*end == ',');
		if (*end && *end != ',')
			return;
	}
	property_begin(body, name, "ay");
	begun = vxe_bus_array_begin(body, 1);
	vxe_bus_put_bytes(body, bits, used);
	vxe_bus_array_end(body, begun, 1);
}

static uint64_t limit_value(int64_t value)
{
	return value < 0 ? UINT64_MAX : (uint64_t)value;
}

/* In steps of 10 ms, up: systemd keeps it as whole hundredths. */
static uint64_t quota_per_second(uint64_t quota, uint64_t period)
{
	return (quota * 1000000 / period + 9999) / 10000 * 10000;
}

/* systemd writes what it knows of a unit again when it is reloaded. Its units are coarser in places; the exact numbers are
   written into the files after it. */
static void limits_put(struct vxe_bus_body *body, const struct vxe_resources *r)
{
	if (r->has_memory_limit && r->memory_limit)
		property_u64(body, "MemoryMax", limit_value(r->memory_limit));
	if (r->has_memory_reservation && r->memory_reservation)
		property_u64(body, "MemoryLow", limit_value(r->memory_reservation));
	if (r->has_memory_swap && r->memory_swap)
		property_u64(body, "MemorySwapMax", limit_value(r->memory_swap < 0 ? -1 : r->memory_swap - r->memory_limit));
	if (r->has_cpu_shares)
		property_u64(body, "CPUWeight", vxe_cgroup_weight(r->cpu_shares));
	if (r->has_cpu_period)
		property_u64(body, "CPUQuotaPeriodUSec", r->cpu_period);
	if (r->has_cpu_quota && r->cpu_quota) {
		uint64_t period = r->has_cpu_period ? r->cpu_period : 100000, quota = UINT64_MAX;

		if (r->cpu_quota > 0 && (uint64_t)r->cpu_quota < UINT64_MAX / 1000000)
			quota = quota_per_second((uint64_t)r->cpu_quota, period);
		property_u64(body, "CPUQuotaPerSecUSec", quota);
	}
	if (r->cpuset_cpus && *r->cpuset_cpus)
		property_mask(body, "AllowedCPUs", r->cpuset_cpus);
	if (r->cpuset_mems && *r->cpuset_mems)
		property_mask(body, "AllowedMemoryNodes", r->cpuset_mems);
	if (r->has_pids_limit)
		property_u64(body, "TasksMax", r->pids_limit > 0 ? (uint64_t)r->pids_limit : UINT64_MAX);
}

/* The same of what the kernel holds, by whichever field it was given. What the cgroup has no controller for has no file. */
static void held_put(struct vxe_bus_body *body, int cgroup_fd, const char *cpu_max)
{
	static const struct {
		const char *file, *key, *property;
	} amounts[] = {
		{"memory.min", NULL, "MemoryMin"},	    {"memory.low", NULL, "MemoryLow"},
		{"memory.high", NULL, "MemoryHigh"},	    {"memory.max", NULL, "MemoryMax"},
		{"memory.swap.max", NULL, "MemorySwapMax"}, {"pids.max", NULL, "TasksMax"},
		{"cpu.weight", NULL, "CPUWeight"},	    {"io.weight", "default", "IOWeight"},
	};
	static const char *const sets[][2] = {{"cpuset.cpus", "AllowedCPUs"}, {"cpuset.mems", "AllowedMemoryNodes"}};
	uint64_t quota, period;

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		cleanup_free char *text = NULL;
		uint64_t value = UINT64_MAX;

		if (cgroup_file_read(cgroup_fd, amounts[i].file, &text) == 0 &&
		    (!strcmp(text, "max\n") || vxe_cgroup_number(cgroup_fd, amounts[i].file, amounts[i].key, &value)))
			property_u64(body, amounts[i].property, value);
	}
	if (cpu_max && sscanf(cpu_max, "max %" SCNu64, &period) == 1) {
		property_u64(body, "CPUQuotaPeriodUSec", period);
		property_u64(body, "CPUQuotaPerSecUSec", UINT64_MAX);
	} else if (cpu_max && sscanf(cpu_max, "%" SCNu64 " %" SCNu64, &quota, &period) == 2 && period) {
		property_u64(body, "CPUQuotaPeriodUSec", period);
		property_u64(body, "CPUQuotaPerSecUSec", quota_per_second(quota, period));
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		cleanup_free char *list = NULL;

		if (cgroup_file_read(cgroup_fd, sets[i][0], &list) < 0)
			continue;
		list[strcspn(list, "\n")] = '\0';
		if (*list)
			property_mask(body, sets[i][1], list);
	}
}

/* --- jobs --- */

/* Until systemd says that the job is off its list, and how it ended. */
static int job_wait(struct vxe_bus *bus, const char *job, const char *unit, struct vxe_error **err)
{
	int64_t until = vxe_clock_ms() + JOB_TIMEOUT_MS;

	for (;;) {
		struct vxe_bus_message message;
		const char *path, *result;
		uint32_t number;
		size_t at = 0;

		if (vxe_bus_receive(bus, until, &message, err) < 0)
			return vxe_error_wrap(err, "the scope %s", unit);
		if (message.type != VXE_BUS_SIGNAL || !message.member || strcmp(message.member, "JobRemoved") != 0 ||
		    !message.signature || strcmp(message.signature, "uoss") != 0 || !vxe_bus_get_u32(&message, &at, &number) ||
		    !(path = vxe_bus_get_string(&message, &at)) || strcmp(path, job) != 0 || !vxe_bus_get_string(&message, &at))
			continue;
		result = vxe_bus_get_string(&message, &at);
		if (result && !strcmp(result, "done"))
			return 0;
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "systemd did not make the scope %s: the job ended as %s", unit,
				     result ? result : "nothing");
	}
}

/* A call that gives a job, and the job's end. */
static int job_run(struct vxe_bus *bus, const char *member, const char *signature, const struct vxe_bus_body *body,
		   const char *unit, struct vxe_error **err)
{
	struct vxe_bus_message answer;
	cleanup_free char *job = NULL;
	const char *path;
	size_t at = 0;

	if (vxe_bus_call(bus, &manager, member, signature, body, &answer, err) < 0)
		return vxe_error_wrap(err, "the scope %s", unit);
	path = answer.signature && !strcmp(answer.signature, "o") ? vxe_bus_get_string(&answer, &at) : NULL;
	job = path ? strdup(path) : NULL;
	if (!job)
		return vxe_error_set(err, VXE_EXIT_FAILURE, path ? ENOMEM : EPROTO, "the scope %s: reading systemd's answer",
				     unit);
	return job_wait(bus, job, unit, err);
}

/* --- the scope --- */

static int cgroup_of(pid_t pid, const char *unit, char **path, struct vxe_error **err)
{
	cleanup_free char *inside = vxe_cgroup_of(pid);

	/* Beyond 255 bytes systemd would have to shorten it; it does not. */
	if (!inside || strcmp(strrchr(inside, '/') + 1, unit) != 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container's first process is not in the scope %s", unit);
	*path = steal_pointer(&inside);
	return 0;
}

int vxe_scope_start(const char *slice, const char *unit, pid_t pid, const struct vxe_resources *resources, char **path,
		    struct vxe_error **err)
{
	cleanup_bus struct vxe_bus bus = {.fd = -1};
	cleanup_body struct vxe_bus_body body = {0};
	cleanup_free char *text = NULL;
	size_t properties, pids;

	if (asprintf(&text, "OCI container %.*s", (int)(strlen(unit) - strlen(".scope")), unit) < 0) {
		text = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the scope %s", unit);
	}
	if (manager_open(&bus, err) < 0)
		return -1;
	vxe_bus_put_string(&body, unit);
	vxe_bus_put_string(&body, "replace");
	properties = vxe_bus_array_begin(&body, 8);
	property_string(&body, "Description", text);
	property_string(&body, "Slice", slice);
	/* The limits below are ours to write, and the container's to divide where it may. */
	property_true(&body, "Delegate", true);
	property_true(&body, "DefaultDependencies", false);
	property_true(&body, "CPUAccounting", true);
	property_true(&body, "MemoryAccounting", true);
	property_true(&body, "IOAccounting", true);
	property_true(&body, "TasksAccounting", true);
	property_begin(&body, "PIDs", "au");
	pids = vxe_bus_array_begin(&body, 4);
	vxe_bus_put_u32(&body, (uint32_t)pid);
	vxe_bus_array_end(&body, pids, 4);
	/* systemd has a limit of its own for whom none is given. */
	if (!resources->has_pids_limit)
		property_u64(&body, "TasksMax", UINT64_MAX);
	limits_put(&body, resources);
	vxe_bus_array_end(&body, properties, 8);
	vxe_bus_array_end(&body, vxe_bus_array_begin(&body, 8), 8);
	if (job_run(&bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, unit, err) < 0)
		return -1;
	return cgroup_of(pid, unit, path, err);
}

int vxe_scope_attach(const char *unit, const char *below, pid_t pid, const char *cgroup, struct vxe_error **err)
{
	cleanup_bus struct vxe_bus bus = {.fd = -1};
	cleanup_body struct vxe_bus_body body = {0};
	cleanup_free char *inside = NULL, *path = NULL;
	struct vxe_bus_message answer;
	size_t pids;

	if (manager_connect(&bus) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "entering the scope %s: there is no systemd of the user to ask",
			      unit);
		return vxe_error_hint(err, "do it in a session of the user's systemd (XDG_RUNTIME_DIR)");
	}
	vxe_bus_put_string(&body, unit);
	vxe_bus_put_string(&body, below);
	pids = vxe_bus_array_begin(&body, 4);
	vxe_bus_put_u32(&body, (uint32_t)pid);
	vxe_bus_array_end(&body, pids, 4);
	if (vxe_bus_call(&bus, &manager, "AttachProcessesToUnit", "ssau", &body, &answer, err) < 0)
		return vxe_error_wrap(err, "entering the scope %s", unit);
	/* What counts is where it is, and not what somebody says of it. */
	inside = vxe_cgroup_of(pid);
	if (inside && vxe_cgroup_in_hierarchy(inside, &path, err) < 0)
		return -1;
	return path && !strcmp(path, cgroup) ? 0
					     : vxe_error_set(err, VXE_EXIT_FAILURE, 0,
							     "entering the scope %s: systemd put the process elsewhere", unit);
}

int vxe_scope_tell(const char *unit, int cgroup_fd, struct vxe_error **err)
{
	cleanup_bus struct vxe_bus bus = {.fd = -1};
	cleanup_body struct vxe_bus_body body = {0};
	cleanup_free char *cpu_max = NULL;
	struct vxe_bus_message answer;
	size_t properties;

	if (manager_open(&bus, err) < 0)
		return -1;
	(void)cgroup_file_read(cgroup_fd, "cpu.max", &cpu_max);
	vxe_bus_put_string(&body, unit);
	vxe_bus_put_u32(&body, 1); /* until the next boot */
	properties = vxe_bus_array_begin(&body, 8);
	held_put(&body, cgroup_fd, cpu_max);
	vxe_bus_array_end(&body, properties, 8);
	if (vxe_bus_call(&bus, &manager, "SetUnitProperties", "sba(sv)", &body, &answer, err) < 0)
		return vxe_error_wrap(err, "telling systemd the limits of %s", unit);
	/* systemd has written what it makes of it. */
	return cpu_max && cgroup_file_write(cgroup_fd, "cpu.max", cpu_max) < 0
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing cpu.max of %s", unit)
		       : 0;
}

int vxe_scope_stop(const char *unit, struct vxe_error **err)
{
	cleanup_bus struct vxe_bus bus = {.fd = -1};
	cleanup_body struct vxe_bus_body stop = {0}, forget = {0};
	cleanup_error struct vxe_error *gone = NULL;
	struct vxe_bus_message answer;

	if (manager_open(&bus, err) < 0)
		return -1;
	vxe_bus_put_string(&stop, unit);
	vxe_bus_put_string(&stop, "replace");
	/* An empty scope goes by itself, and is not known any more then. */
	if (job_run(&bus, "StopUnit", "ss", &stop, unit, &gone) < 0 && !strstr(gone->message, "NoSuchUnit")) {
		if (err)
			*err = steal_pointer(&gone);
		return -1;
	}
	vxe_bus_put_string(&forget, unit);
	(void)vxe_bus_call(&bus, &manager, "ResetFailedUnit", "s", &forget, &answer, NULL);
	return 0;
}
