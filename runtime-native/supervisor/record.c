#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "calls.h"
#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "event.h"
#include "journal.h"
#include "judge.h"
#include "names.h"
#include "places.h"

static const struct {
	const char *name, *older, *what;
} files[] = {
	[VXE_RECORDS_OF_VIOLATIONS] = {"violations.ndjson", "violations.ndjson.1", "the violation log"},
	[VXE_RECORDS_OF_HOOKS] = {"after.ndjson", "after.ndjson.1", "the log of hooks after calls"},
};

#define RECORD_MAX_SIZE (16u << 20)
#define RECORDS_PER_SECOND 50.0
#define RECORDS_BURST 1000.0

/* Of one kind, so many are written as they come in a window; the rest of them when it ends. */
#define FOLD_AFTER 8
#define FOLD_WINDOW_NS (10 * (int64_t)1000000000)
#define FOLD_SLOTS 256
#define FOLD_PROBES 8

/* A kind of violation: the same call with the same numbers and object, by the same rule. */
struct vxe_fold {
	uint64_t key; /* 0: free */
	int64_t window_ns, first_ns, last_ns;
	unsigned int written;
	uint64_t pending;
	struct vxe_violation violation;
};

int vxe_log_dir_open(const char *id, char **path, struct vxe_error **err)
{
	cleanup_free char *full = vxe_place_path(&vxe_place_logs, id);
	int fd;

	if (!full)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "opening the log folder");
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && vxe_folders_make(full, 0750) == 0)
		fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

static int log_open(struct vxe_record_log *log)
{
	int fd = openat(log->dir_fd, files[log->of].name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct stat st;
	char last = '\n';

	if (fd < 0)
		return -1;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	log->torn = log->size && pread(fd, &last, 1, (off_t)log->size - 1) == 1 && last != '\n';
	return 0;
}

int vxe_record_open(struct vxe_record_log *log, int dir_fd, const char *profile, const char *instance, struct vxe_error **err)
{
	return vxe_record_open_of(log, VXE_RECORDS_OF_VIOLATIONS, dir_fd, profile, instance, err);
}

int vxe_record_open_of(struct vxe_record_log *log, enum vxe_record_of of, int dir_fd, const char *profile, const char *instance,
		       struct vxe_error **err)
{
	memset(log, 0, sizeof(*log));
	log->of = of;
	log->dir_fd = dir_fd;
	log->profile = profile;
	log->instance = instance;
	log->tokens = RECORDS_BURST;
	log->refilled_ns = vxe_clock_ns(CLOCK_MONOTONIC);
	log->journal_fd = -1;
	log->fd = -1;
	if (log_open(log) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening %s of %s", files[of].what, instance);
	log->folds = calloc(FOLD_SLOTS, sizeof(*log->folds));
	if (!log->folds)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "opening %s of %s", files[of].what, instance);
	log->journal_fd = vxe_journal_open();
	return 0;
}

static void process_describe(struct vxe_violation *v)
{
	char path[64];
	cleanup_fd int fd = -1;
	ssize_t got;

	/* Who tells of a call that is over tells who made it. */
	if (v->comm[0] || v->exe[0])
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", v->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd >= 0 ? read(fd, v->comm, sizeof(v->comm) - 1) : -1;
	v->comm[got > 0 ? got : 0] = '\0';
	v->comm[strcspn(v->comm, "\n")] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/exe", v->pid);
	got = readlink(path, v->exe, sizeof(v->exe) - 1);
	v->exe[got > 0 ? got : 0] = '\0';
}

static void time_write(struct vxe_json_text *text, const char *key, int64_t ns)
{
	const struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	char full[40];

	vxe_time_format(&time, full);
	vxe_json_text_string(text, key, full);
}

const char *vxe_verdict_word(enum vxe_verdict verdict)
{
	static const char *const words[] = {"refused", "performed", "told", "lost"};

	return words[verdict];
}

static const char *errno_name(int errnum)
{
	const char *name = vxe_errno_name(errnum);

	return name ? name : "UNKNOWN";
}

static void text_or_null(struct vxe_json_text *text, const char *key, const char *value)
{
	if (value[0])
		vxe_json_text_string(text, key, value);
	else
		vxe_json_text_null(text, key);
}

/* When, and how many. */
struct stretch {
	int64_t first_ns, last_ns;
	uint64_t count;
};

static void record_format(const struct vxe_record_log *log, const struct vxe_violation *v, const char *call, const char *arch,
			  const struct stretch *when, struct vxe_json_text *text)
{
	char rule[96], needs[64];

	snprintf(rule, sizeof(rule), "calls:%s", call);
	vxe_json_text_object_begin(text, NULL);
	time_write(text, "time", when->last_ns);
	if (when->count > 1)
		time_write(text, "first", when->first_ns);
	vxe_json_text_string(text, "vxe", log->profile);
	vxe_json_text_string(text, "instance", log->instance);
	/* What is told after a call is told in either mode. */
	if (log->of == VXE_RECORDS_OF_VIOLATIONS)
		vxe_json_text_string(text, "mode", vxe_mode_name(log->mode));
	vxe_json_text_int(text, "pid", v->pid);
	vxe_json_text_string(text, "comm", v->comm);
	vxe_json_text_string(text, "exe", v->exe);
	vxe_json_text_string(text, "arch", arch);
	if (v->verdict == VXE_LOST)
		vxe_json_text_null(text, "call");
	else
		vxe_json_text_string(text, "call", call);
	vxe_json_text_int(text, "nr", v->nr);
	vxe_json_text_array_begin(text, "args");
	for (int i = 0; i < 6; i++) {
		char value[24];

		snprintf(value, sizeof(value), "0x%llx", (unsigned long long)v->args[i]);
		vxe_json_text_string(text, NULL, value);
	}
	vxe_json_text_array_end(text);
	text_or_null(text, "detail", v->detail);
	text_or_null(text, "path", v->path);
	if (v->address[0])
		vxe_json_text_string(text, "to", v->address);
	if (v->needs) {
		vxe_access_words(v->needs, needs, sizeof(needs));
		vxe_json_text_string(text, "needs", needs);
	}
	if (v->narrowed)
		vxe_json_text_bool(text, "narrowed", true);
	if (v->folder)
		vxe_json_text_bool(text, "folder", true);
	vxe_json_text_string(text, "rule", v->rule ? v->rule : rule);
	if (v->at && v->at[0])
		vxe_json_text_string(text, "at", v->at);
	vxe_json_text_string(text, "verdict", vxe_verdict_word(v->verdict));
	if (v->verdict == VXE_TOLD)
		vxe_json_text_wide(text, "result", v->result);
	if (v->errnum)
		vxe_json_text_string(text, "errno", errno_name(v->errnum));
	else
		vxe_json_text_null(text, "errno");
	vxe_json_text_string(text, "mechanism", v->mechanism ? v->mechanism : "seccomp");
	vxe_json_text_uint(text, "count", when->count);
	vxe_json_text_object_end(text);
}

/* Another supervisor of the same instance (vxe exec) may have rotated the file, or the administrator removed it. */
static void log_follow(struct vxe_record_log *log)
{
	struct stat ours, named;

	if (fstat(log->fd, &ours) == 0 && (fstatat(log->dir_fd, files[log->of].name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
					   ours.st_ino != named.st_ino || ours.st_dev != named.st_dev))
		(void)log_open(log);
	else
		log->size = (uint64_t)ours.st_size;
}

static void log_rotate(struct vxe_record_log *log)
{
	if (renameat(log->dir_fd, files[log->of].name, log->dir_fd, files[log->of].older) == 0)
		(void)log_open(log);
}

/* Only whole lines count: what a full disk cut is ended by the next record's own line end. */
static int line_append(struct vxe_record_log *log, const char *line, size_t length)
{
	const char *begin = log->torn ? line : line + 1;
	ssize_t wanted = (ssize_t)(length - (size_t)(begin - line)), got;

	do
		got = write(log->fd, begin, (size_t)wanted);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		log->size += (uint64_t)got;
	if (got == wanted) {
		log->torn = false;
		return 0;
	}
	log->torn |= got > 0;
	return -1;
}

static void record_append(struct vxe_record_log *log, const struct vxe_violation *violation, const struct stretch *when)
{
	const char *arch;
	cleanup_free char *call = vxe_call_name(violation->arch, violation->nr, &arch);
	struct vxe_json_text text = {0};
	cleanup_free char *line = NULL;
	int length = -1;

	record_format(log, violation, call ? call : "?", arch, when, &text);
	if (vxe_json_text_finish(&text) == 0)
		length = asprintf(&line, "\n%s\n", text.data);
	vxe_json_text_free(&text);
	if (length < 0) {
		line = NULL;
		log->lost += when->count;
		return;
	}
	log_follow(log);
	if (log->size + (uint64_t)length > RECORD_MAX_SIZE)
		log_rotate(log);
	if (line_append(log, line, (size_t)length) < 0)
		log->lost += when->count;
	vxe_journal_send(log, violation, call ? call : "?", when->count);
}

static bool rate_take(struct vxe_record_log *log, int64_t now)
{
	log->tokens += (double)(now - log->refilled_ns) / 1e9 * RECORDS_PER_SECOND;
	log->refilled_ns = now;
	if (log->tokens > RECORDS_BURST)
		log->tokens = RECORDS_BURST;
	if (log->tokens < 1)
		return false;
	log->tokens -= 1;
	return true;
}

static uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

/* Numbers tell kinds apart, addresses in the caller's memory do not: those have bits above the 32nd, and not all of them. */
static uint64_t kind_key(const struct vxe_violation *v)
{
	const char *texts[] = {v->rule ? v->rule : "", v->path, v->address};
	uint64_t hash = 0xcbf29ce484222325ULL;
	int numbers[] = {v->nr, (int)v->arch, v->errnum, (int)v->verdict, (int)v->needs};

	hash = hash_add(hash, numbers, sizeof(numbers));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		hash = hash_add(hash, texts[i], strlen(texts[i]) + 1);
	for (int i = 0; i < 6; i++) {
		uint64_t high = v->args[i] >> 32, word = high == 0 || high == 0xffffffff ? v->args[i] : 1;

		hash = hash_add(hash, &word, sizeof(word));
	}
	return hash ? hash : 1;
}

static void fold_tell(struct vxe_record_log *log, struct vxe_fold *fold)
{
	struct stretch when = {fold->first_ns, fold->last_ns, fold->pending};

	log->folded -= fold->pending;
	fold->pending = 0;
	record_append(log, &fold->violation, &when);
}

static bool fold_goes_before(const struct vxe_fold *a, const struct vxe_fold *b)
{
	if (!a->key || !b->key)
		return !a->key && b->key;
	if (!a->pending != !b->pending)
		return !a->pending;
	return a->last_ns < b->last_ns;
}

/* The slot of a kind. Where none is free, that of the kind that has been quiet longest, after telling what it holds. */
static struct vxe_fold *fold_find(struct vxe_record_log *log, uint64_t key)
{
	struct vxe_fold *oldest = NULL;

	for (unsigned int i = 0; i < FOLD_PROBES; i++) {
		struct vxe_fold *fold = &log->folds[(key + i) % FOLD_SLOTS];

		if (fold->key == key)
			return fold;
		if (!oldest || fold_goes_before(fold, oldest))
			oldest = fold;
	}
	if (!oldest->pending)
		oldest->key = 0;
	return oldest;
}

static void fold_count(struct vxe_record_log *log, struct vxe_fold *fold, int64_t clock)
{
	if (!fold->pending)
		fold->first_ns = clock;
	fold->last_ns = clock;
	fold->pending++;
	log->folded++;
}

void vxe_record_write(struct vxe_record_log *log, const struct vxe_violation *violation)
{
	int64_t now = vxe_clock_ns(CLOCK_MONOTONIC), clock = vxe_clock_ns(CLOCK_REALTIME);
	uint64_t key = kind_key(violation);
	struct vxe_fold *fold;

	log->total++;
	log->refused += violation->verdict == VXE_REFUSED;
	log->last = *violation;
	log->last_ns = clock;
	if (log->fd < 0)
		return;
	fold = fold_find(log, key);
	if (fold->key && fold->key != key) {
		/* More kinds at once than are kept apart. The one that must go is told; if the rate forbids that, this one is counted with it. */
		if (!rate_take(log, now)) {
			snprintf(fold->violation.detail, sizeof(fold->violation.detail),
				 "this and other violations: more kinds at once than are told apart");
			fold_count(log, fold, clock);
			return;
		}
		fold_tell(log, fold);
		fold->key = 0;
	}
	if (!fold->key) {
		memset(fold, 0, sizeof(*fold));
		fold->key = key;
		fold->violation = *violation;
		process_describe(&fold->violation);
	}
	if (now - fold->window_ns > FOLD_WINDOW_NS) {
		fold->window_ns = now;
		fold->written = 0;
	}
	if (fold->written < FOLD_AFTER && rate_take(log, now)) {
		struct stretch when = {clock, clock, 1};
		struct vxe_violation one = *violation;

		/* What was held back comes first: the log is in order of time. */
		if (fold->pending)
			fold_tell(log, fold);
		process_describe(&one);
		fold->written++;
		fold->last_ns = clock;
		record_append(log, &one, &when);
		return;
	}
	fold_count(log, fold, clock);
}

void vxe_record_lost(struct vxe_record_log *log, const struct vxe_violation *violation, uint64_t count)
{
	int64_t clock = vxe_clock_ns(CLOCK_REALTIME);
	struct stretch when = {clock, clock, count};

	record_append(log, violation, &when);
}

int vxe_record_tick(struct vxe_record_log *log)
{
	int64_t now = vxe_clock_ns(CLOCK_MONOTONIC), next = INT64_MAX;

	if (log->fd < 0 || !log->folded)
		return -1;
	for (size_t i = 0; i < FOLD_SLOTS; i++) {
		struct vxe_fold *fold = &log->folds[i];
		int64_t due = fold->window_ns + FOLD_WINDOW_NS;

		if (!fold->pending)
			continue;
		if (due <= now && rate_take(log, now)) {
			/* The next window of a kind that goes on begins with counting. */
			fold_tell(log, fold);
			fold->window_ns = now;
			fold->written = FOLD_AFTER;
		} else if (due < next) {
			next = due;
		}
	}
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 1000 : (int)((next - now) / 1000000) + 1;
}

void vxe_record_finish(struct vxe_record_log *log)
{
	/* Most have none, and would look at a hundred pages for the first time. */
	for (size_t i = 0; log->fd >= 0 && log->folded && i < FOLD_SLOTS; i++)
		if (log->folds[i].pending)
			fold_tell(log, &log->folds[i]);
}

void vxe_record_close(struct vxe_record_log *log)
{
	if (log->fd < 0)
		return;
	vxe_record_finish(log);
	free(log->folds);
	log->folds = NULL;
	if (log->journal_fd >= 0)
		close(log->journal_fd);
	close(log->fd);
	log->fd = log->journal_fd = -1;
}
