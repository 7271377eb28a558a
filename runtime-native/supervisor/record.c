#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "calls.h"
#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "places.h"

#define RECORD_FILE "violations.ndjson"
#define RECORD_FILE_OLD "violations.ndjson.1"
#define RECORD_MAX_SIZE (16u << 20)
#define RECORDS_PER_SECOND 200.0
#define RECORDS_BURST 2000.0

static int directory_make(const char *path, mode_t mode)
{
	return mkdir(path, mode) < 0 && errno != EEXIST ? -1 : 0;
}

/* mkdir -p, below what the caller or the environment named. */
static int directories_make(char *path, mode_t mode)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (directory_make(path, 0755) < 0)
			return -1;
		*p = '/';
	}
	return directory_make(path, mode);
}

int vxe_log_dir_open(const char *id, char **path, struct vxe_error **err)
{
	cleanup_free char *full = vxe_place_path(&vxe_place_logs, id);
	int fd;

	if (!full)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "opening the log folder");
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = directories_make(full, 0750) < 0 ? -1 : open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the log folder %s", full);
		return vxe_error_hint(err, "make it writable, or set VXE_LOGS");
	}
	if (path)
		*path = steal_pointer(&full);
	return fd;
}

int vxe_log_dir_find(const char *id, char **path, struct vxe_error **err)
{
	cleanup_free char *full = vxe_place_path(&vxe_place_logs, id);
	int fd = full ? open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 && full && errno == ENOENT) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "there is no log of %s (%s)", id, full);
		return vxe_error_hint(err, "instances that have run: vxe status; their logs are below the same folder");
	}
	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, full ? errno : ENOMEM, "opening the log of %s", id);
	*path = steal_pointer(&full);
	return fd;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int vxe_record_open(struct vxe_record_log *log, int dir_fd, const char *profile, const char *instance, struct vxe_error **err)
{
	struct stat st;

	memset(log, 0, sizeof(*log));
	log->dir_fd = dir_fd;
	log->profile = profile;
	log->instance = instance;
	log->tokens = RECORDS_BURST;
	log->refilled_ns = now_ns(CLOCK_MONOTONIC);
	log->fd = openat(dir_fd, RECORD_FILE, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log->fd < 0 || fstat(log->fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the violation log of %s", instance);
	log->size = (uint64_t)st.st_size;
	return 0;
}

static const char *base_name(char *path)
{
	path[strcspn(path, "\n")] = '\0';
	return path;
}

static void process_describe(struct vxe_json_text *text, pid_t pid)
{
	char path[64], comm[32] = "", exe[PATH_MAX] = "";
	cleanup_fd int fd = -1;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd >= 0 ? read(fd, comm, sizeof(comm) - 1) : -1;
	if (got > 0)
		comm[got] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	got = readlink(path, exe, sizeof(exe) - 1);
	exe[got > 0 ? got : 0] = '\0';
	vxe_json_text_string(text, "comm", base_name(comm));
	vxe_json_text_string(text, "exe", exe);
}

static void time_write(struct vxe_json_text *text)
{
	struct timespec ts;
	struct tm tm;
	char date[32], full[64];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(full, sizeof(full), "%s.%09ldZ", date, ts.tv_nsec);
	vxe_json_text_string(text, "time", full);
}

static const char *errno_name(int errnum)
{
	const char *name = strerrorname_np(errnum);

	return name ? name : "UNKNOWN";
}

static void record_format(const struct vxe_record_log *log, const struct vxe_violation *v, uint64_t count,
			  struct vxe_json_text *text)
{
	const char *arch;
	cleanup_free char *call = vxe_call_name(v->arch, v->nr, &arch);
	char rule[96];

	snprintf(rule, sizeof(rule), "calls:%s", call ? call : "?");
	vxe_json_text_object_begin(text, NULL);
	time_write(text);
	vxe_json_text_string(text, "vxe", log->profile);
	vxe_json_text_string(text, "instance", log->instance);
	vxe_json_text_int(text, "pid", v->pid);
	process_describe(text, v->pid);
	vxe_json_text_string(text, "arch", arch);
	vxe_json_text_string(text, "call", call ? call : "?");
	vxe_json_text_int(text, "nr", v->nr);
	vxe_json_text_array_begin(text, "args");
	for (int i = 0; i < 6; i++) {
		char value[24];

		snprintf(value, sizeof(value), "0x%llx", (unsigned long long)v->args[i]);
		vxe_json_text_string(text, NULL, value);
	}
	vxe_json_text_array_end(text);
	if (v->detail[0])
		vxe_json_text_string(text, "detail", v->detail);
	else
		vxe_json_text_null(text, "detail");
	if (v->path[0])
		vxe_json_text_string(text, "path", v->path);
	else
		vxe_json_text_null(text, "path");
	vxe_json_text_string(text, "rule", v->rule ? v->rule : rule);
	vxe_json_text_string(text, "verdict", v->errnum ? "refused" : "performed");
	if (v->errnum)
		vxe_json_text_string(text, "errno", errno_name(v->errnum));
	else
		vxe_json_text_null(text, "errno");
	vxe_json_text_string(text, "mechanism", "seccomp");
	vxe_json_text_uint(text, "count", count);
	vxe_json_text_object_end(text);
}

static void log_rotate(struct vxe_record_log *log)
{
	int fd;

	if (renameat(log->dir_fd, RECORD_FILE, log->dir_fd, RECORD_FILE_OLD) < 0)
		return;
	fd = openat(log->dir_fd, RECORD_FILE, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return;
	close(log->fd);
	log->fd = fd;
	log->size = 0;
}

static bool rate_take(struct vxe_record_log *log)
{
	int64_t now = now_ns(CLOCK_MONOTONIC);

	log->tokens += (double)(now - log->refilled_ns) / 1e9 * RECORDS_PER_SECOND;
	log->refilled_ns = now;
	if (log->tokens > RECORDS_BURST)
		log->tokens = RECORDS_BURST;
	if (log->tokens < 1)
		return false;
	log->tokens -= 1;
	return true;
}

static void record_append(struct vxe_record_log *log, const struct vxe_violation *violation, uint64_t count)
{
	struct vxe_json_text text = {0};
	cleanup_free char *line = NULL;
	int length = -1;

	record_format(log, violation, count, &text);
	if (vxe_json_text_finish(&text) == 0)
		length = asprintf(&line, "%s\n", text.data);
	vxe_json_text_free(&text);
	if (length < 0) {
		line = NULL;
		log->lost++;
		return;
	}
	if (log->size + (uint64_t)length > RECORD_MAX_SIZE)
		log_rotate(log);
	if (vxe_write_all(log->fd, line, (size_t)length) < 0) {
		log->lost++;
		return;
	}
	log->size += (uint64_t)length;
	log->folded = 0;
}

void vxe_record_write(struct vxe_record_log *log, const struct vxe_violation *violation)
{
	log->total++;
	if (log->fd < 0 || !rate_take(log)) {
		log->folded++;
		log->last = *violation;
		return;
	}
	/* The count of the record that ends a silence includes those that were not written. */
	record_append(log, violation, 1 + log->folded);
}

void vxe_record_close(struct vxe_record_log *log)
{
	if (log->fd < 0)
		return;
	if (log->folded)
		record_append(log, &log->last, log->folded);
	close(log->fd);
	log->fd = -1;
}
