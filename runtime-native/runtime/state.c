/* The state document: what an instance is, as text and as values, and what of it is still true. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cgroup.h"
#include "cleanup.h"
#include "config_internal.h"
#include "file.h"
#include "json.h"
#include "utc.h"

#define STATE_FILE "state.json"
#define STATE_MAX (1u << 20)
#define KIND_ANNOTATION "org.vxe.kind"

static const char *const status_names[] = {
	[VXE_CREATING] = "creating", [VXE_CREATED] = "created", [VXE_RUNNING] = "running",
	[VXE_PAUSED] = "paused",     [VXE_STOPPED] = "stopped",
};

const char *vxe_status_name(enum vxe_status status)
{
	return (size_t)status < sizeof(status_names) / sizeof(status_names[0]) ? status_names[status] : "unknown";
}

struct process_stat {
	char state;
	long threads;
	uint64_t start_time;
};

/* proc(5): the name in parentheses may hold anything, so the fields are counted from the last parenthesis. */
static int read_process_stat(pid_t pid, struct process_stat *out)
{
	char path[32], text[1024];
	const char *fields;
	ssize_t size;

	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	size = vxe_file_read_small(AT_FDCWD, path, text, sizeof(text) - 1);
	if (size < 0 && errno != ENOENT)
		return -1;
	if (size <= 0) {
		errno = ESRCH;
		return -1;
	}
	text[size] = '\0';
	fields = strrchr(text, ')');
	/* 3: state, 20: threads, 22: start time */
	if (!fields || sscanf(fields, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %" SCNu64,
			      &out->state, &out->threads, &out->start_time) != 3) {
		errno = ESRCH;
		return -1;
	}
	return 0;
}

uint64_t vxe_process_start_time(pid_t pid)
{
	struct process_stat stat;

	return read_process_stat(pid, &stat) < 0 ? 0 : stat.start_time;
}

/* 1: alive, 0: not, -1: that cannot be told now. */
static int process_look(const struct vxe_process_id *process)
{
	struct process_stat stat;

	if (process->pid <= 0 || process->start_time == 0)
		return 0;
	if (read_process_stat(process->pid, &stat) < 0)
		return errno == ESRCH ? 0 : -1;
	if (stat.start_time != process->start_time)
		return 0;
	/* A zombie whose other threads run on is a living process without its first thread. */
	return (stat.state != 'Z' && stat.state != 'X') || stat.threads > 1;
}

/* What cannot be looked at is not known to have ended: its state stays. */
bool vxe_process_alive(const struct vxe_process_id *process)
{
	return process_look(process) != 0;
}

bool vxe_state_alive(const struct vxe_state *state)
{
	return vxe_process_alive(&state->init) || vxe_process_alive(&state->program);
}

const char *vxe_state_annotation(const struct vxe_state *state, const char *key)
{
	for (size_t i = 0; i < state->annotations.count; i++)
		if (strcmp(state->annotations.items[i].key, key) == 0)
			return state->annotations.items[i].value;
	return NULL;
}

int vxe_state_refresh(struct vxe_state *state)
{
	const char *kind = vxe_state_annotation(state, KIND_ANNOTATION);
	bool forking = kind && strcmp(kind, "forking") == 0;
	int look;

	switch (state->status) {
	case VXE_CREATING:
		look = process_look(&state->init);
		if (look == 0)
			look = process_look(&state->program);
		if (look == 0)
			look = process_look(&state->supervisor);
		break;
	case VXE_RUNNING:
	case VXE_PAUSED:
		look = process_look(forking || state->program.pid == 0 ? &state->init : &state->program);
		break;
	case VXE_CREATED:
		look = process_look(&state->init);
		break;
	default:
		return 0;
	}
	if (look == 0)
		state->status = VXE_STOPPED;
	return look < 0 ? -1 : 0;
}

static int parse_status(struct json_object *root, struct vxe_state *state, struct vxe_error **err)
{
	cleanup_free char *name = NULL;

	if (config_need_string(root, "", "status", &name, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
		if (strcmp(status_names[i], name) == 0) {
			state->status = (enum vxe_status)i;
			return 0;
		}
	}
	return config_fail(err, "", "status", "\"%s\" is not known", name);
}

static int parse_process_id(struct json_object *root, const char *key, struct vxe_process_id *out, struct vxe_error **err)
{
	struct json_object *object;
	int64_t pid = 0;
	int found = vxe_json_get_object(root, "", key, &object, err);

	if (found <= 0)
		return found;
	if (vxe_json_get_int(object, key, "pid", 0, INT32_MAX, &pid, err) < 0 ||
	    vxe_json_get_uint(object, key, "startTime", UINT64_MAX, &out->start_time, err) < 0)
		return -1;
	out->pid = (pid_t)pid;
	return 0;
}

static int parse_namespaces(struct json_object *root, struct vxe_state *state, struct vxe_error **err)
{
	struct json_object *object;
	int found = vxe_json_get_object(root, "", "namespaces", &object, err);

	for (size_t i = 0; found > 0 && i < VXE_NAMESPACE_KINDS; i++) {
		int64_t fd = 0;

		if (vxe_json_get_int(object, "namespaces", vxe_namespace_kinds[i].file, 0, INT32_MAX, &fd, err) < 0)
			return -1;
		state->namespaces[i] = (int)fd;
	}
	return found < 0 ? -1 : 0;
}

static int parse_state(struct json_object *root, struct vxe_state *state, struct vxe_error **err)
{
	uint64_t owner;
	int64_t exit_code = -1;
	int found;

	if (!vxe_json_is_object(root))
		return config_fail(err, "the root", "", "must be an object");
	if (config_need_string(root, "", "id", &state->id, err) < 0 ||
	    config_need_string(root, "", "bundle", &state->bundle, err) < 0 ||
	    config_need_string(root, "", "ociVersion", &state->oci_version, err) < 0 || parse_status(root, state, err) < 0)
		return -1;
	if (!vxe_state_id_valid(state->id))
		return config_fail(err, "", "id", "is not the name of an instance");
	if (vxe_json_get_string(root, "", "rootfs", &state->rootfs, err) < 0 ||
	    vxe_json_get_string(root, "", "profile", &state->profile, err) < 0 ||
	    vxe_json_get_string(root, "", "cgroup", &state->cgroup, err) < 0 ||
	    vxe_json_get_string(root, "", "scope", &state->scope, err) < 0 ||
	    parse_process_id(root, "init", &state->init, err) < 0 ||
	    parse_process_id(root, "program", &state->program, err) < 0 ||
	    parse_process_id(root, "supervisor", &state->supervisor, err) < 0 || parse_namespaces(root, state, err) < 0 ||
	    vxe_json_get_bool(root, "", "cgroupAnothers", &state->cgroup_anothers, err) < 0 ||
	    vxe_json_get_bool(root, "", "ownPidNamespace", &state->own_pid_namespace, err) < 0 ||
	    vxe_json_get_bool(root, "", "supervised", &state->supervised, err) < 0 ||
	    vxe_json_get_bool(root, "", "detached", &state->detached, err) < 0 ||
	    vxe_json_get_int(root, "", "createdNs", 0, INT64_MAX, &state->created_ns, err) < 0 ||
	    vxe_json_get_int(root, "", "exitCode", -1, 255, &exit_code, err) < 0 ||
	    config_pairs(root, "", "annotations", &state->annotations, err) < 0)
		return -1;
	state->exit_code = (int)exit_code;
	found = vxe_json_get_uint(root, "", "owner", UINT32_MAX, &owner, err);
	if (found == 0)
		return config_fail(err, "", "owner", "is missing");
	if (found < 0)
		return -1;
	state->owner = (uid_t)owner;
	return 0;
}

int vxe_state_parse(const char *text, size_t size, struct vxe_state **out, struct vxe_error **err)
{
	struct vxe_state *state = NULL;
	struct json_object *root = NULL;
	int status = vxe_json_parse(text, size, &root, err);

	if (status == 0) {
		state = calloc(1, sizeof(*state));
		status = state ? parse_state(root, state, err) : config_fail_memory(err);
	}
	vxe_json_put(&root);
	if (status < 0) {
		vxe_state_free(&state);
		return vxe_error_wrap(err, STATE_FILE);
	}
	*out = state;
	return 0;
}

void vxe_state_free(struct vxe_state **pointer)
{
	struct vxe_state *state = *pointer;

	if (!state)
		return;
	free(state->id);
	free(state->bundle);
	free(state->oci_version);
	free(state->rootfs);
	free(state->profile);
	free(state->cgroup);
	free(state->scope);
	vxe_pairs_free(&state->annotations);
	free(state);
	*pointer = NULL;
}

static void write_process_id(struct vxe_json_text *text, const char *key, const struct vxe_process_id *process)
{
	if (process->pid <= 0)
		return;
	vxe_json_text_object_begin(text, key);
	vxe_json_text_int(text, "pid", process->pid);
	vxe_json_text_uint(text, "startTime", process->start_time);
	vxe_json_text_object_end(text);
}

static void write_namespaces(struct vxe_json_text *text, const struct vxe_state *state)
{
	/* The user namespace's is there whenever there are any. */
	if (!state->namespaces[0])
		return;
	vxe_json_text_object_begin(text, "namespaces");
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		if (state->namespaces[i])
			vxe_json_text_int(text, vxe_namespace_kinds[i].file, state->namespaces[i]);
	vxe_json_text_object_end(text);
}

static void write_optional(struct vxe_json_text *text, const char *key, const char *value)
{
	if (value)
		vxe_json_text_string(text, key, value);
}

/* runtime.md, State: pid is the program's, on the host's side, and 0 when there is none any more. */
static void write_oci(struct vxe_json_text *text, const struct vxe_state *state)
{
	pid_t pid = state->program.pid > 0 ? state->program.pid : state->init.pid;

	vxe_json_text_string(text, "ociVersion", state->oci_version);
	vxe_json_text_string(text, "id", state->id);
	vxe_json_text_string(text, "status", vxe_status_name(state->status));
	vxe_json_text_int(text, "pid", state->status == VXE_STOPPED ? 0 : pid);
	vxe_json_text_string(text, "bundle", state->bundle);
	vxe_json_text_object_begin(text, "annotations");
	for (size_t i = 0; i < state->annotations.count; i++)
		vxe_json_text_string(text, state->annotations.items[i].key, state->annotations.items[i].value);
	vxe_json_text_object_end(text);
}

void vxe_state_created(const struct vxe_state *state, char out[VXE_STATE_TIME])
{
	struct tm tm;

	vxe_utc(state->created_ns / 1000000000, &tm);
	snprintf(out, VXE_STATE_TIME, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		 tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(state->created_ns % 1000000000));
}

static void write_own(struct vxe_json_text *text, const struct vxe_state *state)
{
	char created[VXE_STATE_TIME];

	write_optional(text, "rootfs", state->rootfs);
	write_optional(text, "profile", state->profile);
	write_optional(text, "cgroup", state->cgroup);
	if (state->own_pid_namespace)
		vxe_json_text_bool(text, "ownPidNamespace", true);
	if (state->cgroup_anothers)
		vxe_json_text_bool(text, "cgroupAnothers", true);
	write_optional(text, "scope", state->scope);
	write_process_id(text, "init", &state->init);
	write_process_id(text, "program", &state->program);
	write_process_id(text, "supervisor", &state->supervisor);
	write_namespaces(text, state);
	vxe_json_text_bool(text, "supervised", state->supervised);
	vxe_json_text_bool(text, "detached", state->detached);
	vxe_state_created(state, created);
	vxe_json_text_string(text, "created", created);
	vxe_json_text_int(text, "createdNs", state->created_ns);
	vxe_json_text_uint(text, "owner", state->owner);
	if (state->exit_code >= 0)
		vxe_json_text_int(text, "exitCode", state->exit_code);
	else
		vxe_json_text_null(text, "exitCode");
}

static int write_state(const struct vxe_state *state, bool all, struct vxe_json_text *text, struct vxe_error **err)
{
	vxe_json_text_object_begin(text, NULL);
	write_oci(text, state);
	if (all)
		write_own(text, state);
	vxe_json_text_object_end(text);
	if (vxe_json_text_finish(text) < 0)
		return config_fail_memory(err);
	return 0;
}

int vxe_state_to_json(const struct vxe_state *state, bool all, char **out, struct vxe_error **err)
{
	struct vxe_json_text text = {0};
	int status = write_state(state, all, &text, err);

	if (status == 0)
		*out = steal_pointer(&text.data);
	vxe_json_text_free(&text);
	return status;
}

int vxe_state_write(int dir_fd, const struct vxe_state *state, struct vxe_error **err)
{
	struct vxe_json_text text = {0};
	int status = write_state(state, true, &text, err);

	if (status == 0)
		status = vxe_file_replace_at(dir_fd, STATE_FILE, text.data, text.size, 0600, err);
	vxe_json_text_free(&text);
	if (status < 0)
		vxe_error_wrap(err, "state of %s", state->id);
	return status;
}

static bool is_absent(int dir_fd)
{
	struct stat st;

	return fstatat(dir_fd, STATE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

bool vxe_state_interrupted(int dir_fd)
{
	return is_absent(dir_fd) && !vxe_state_locked(dir_fd);
}

bool vxe_state_coming(int dir_fd)
{
	return is_absent(dir_fd) && vxe_state_locked(dir_fd);
}

/* 1: it is; -1 and errno: for want of descriptors or memory that cannot be told. */
static int is_frozen(const struct vxe_state *state)
{
	cleanup_error struct vxe_error *err = NULL;
	cleanup_fd int fd = state->cgroup ? vxe_cgroup_open(state->cgroup, &err) : -1;

	if (fd < 0 && err && vxe_errno_is_shortage(err->errnum)) {
		errno = err->errnum;
		return -1;
	}
	errno = 0;
	if (fd < 0 || vxe_cgroup_frozen(fd))
		return fd >= 0;
	return vxe_errno_is_shortage(errno) ? -1 : 0;
}

/* What was written is as old as the last command that came to its end: one that was killed may have done its work. -1 and errno: as is_frozen. */
static int refresh_by_kernel(int dir_fd, struct vxe_state *state)
{
	cleanup_fd int waits = -1;
	bool told = false;
	int frozen;

	if (state->status != VXE_CREATED && state->status != VXE_RUNNING && state->status != VXE_PAUSED)
		return 0;
	/* The container's process is the fifo's reader until it has been told. */
	if (state->status != VXE_RUNNING)
		waits = openat(dir_fd, VXE_STATE_START, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (state->status != VXE_RUNNING && waits < 0 && vxe_errno_is_shortage(errno))
		return -1;
	told = waits < 0 && errno == ENXIO;
	frozen = is_frozen(state);
	if (frozen < 0)
		return -1;
	if (frozen)
		state->status = VXE_PAUSED;
	else if (state->status == VXE_PAUSED)
		state->status = waits >= 0 ? VXE_CREATED : VXE_RUNNING;
	else if (state->status == VXE_CREATED && told)
		state->status = VXE_RUNNING;
	return 0;
}

int vxe_state_read(int dir_fd, struct vxe_state **out, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	struct vxe_state *state = NULL;
	size_t size;
	bool creating;

	if (is_absent(dir_fd)) {
		if (vxe_state_locked(dir_fd))
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "is being created, there is no state yet");
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "its creation was interrupted, there is no state");
		return vxe_error_hint(err, "start it again, which clears the rests");
	}
	if (vxe_file_read_own_at(dir_fd, STATE_FILE, STATE_MAX, &text, &size, err) < 0 ||
	    vxe_state_parse(text, size, &state, err) < 0) {
		vxe_error_wrap(err, "its state is damaged");
		return vxe_error_hint(err, "start it again, which clears the rests");
	}
	/* Who creates may not be in the state yet, but holds the lock. */
	creating = state->status == VXE_CREATING && vxe_state_locked(dir_fd);
	if (!creating && (vxe_state_refresh(state) < 0 || refresh_by_kernel(dir_fd, state) < 0)) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "whether its processes live and run cannot be told");
		vxe_state_free(&state);
		return -1;
	}
	*out = state;
	return 0;
}
