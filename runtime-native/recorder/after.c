/* The companion of a supervisor: what the profile's hooks are to tell of calls that the kernel has performed, line by line (verbs/companion.h). */
#include "after.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "calls.h"
#include "channel.h"
#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "kernel.h"
#include "launch.h"
#include "record.h"
#include "recorder.h"
#include "recording.h"
#include "words.h"

#define LOSSES_EVERY_NS 1000000000

enum descriptor { CHANNEL = 3, RULES = 4, LOGS = 5 };

struct told {
	struct vxe_after *hooks;
	struct vxe_record_log log;
	const char *supervised;
	bool calls[VXE_RECORD_CALLS];
	uint64_t lost;
	bool unasked; /* some may have been lost since they were asked for */
	int64_t asked_ns;
};

/* A filter has answered: that was the supervisor, if it performs such calls and it came to something. */
static bool performed(const struct told *told, const struct vxe_event *event)
{
	const struct vxe_call_shape *shape = vxe_call_shape_find(event->arch, event->nr);

	if (!event->filtered)
		return true;
	return shape && event->has_result && event->result >= 0 && vxe_words_have(told->supervised, shape->name);
}

static void object_describe(const struct vxe_event *event, struct vxe_violation *out)
{
	const struct vxe_call_shape *shape = vxe_call_shape_find(event->arch, event->nr);
	const char *call = shape ? shape->name : "?";
	struct vxe_address address;

	if (event->n_paths) {
		const struct vxe_event_path *path = &event->paths[0];

		vxe_text_copy(out->path, sizeof(out->path), path->path ? path->path : path->given ? path->given : "");
		snprintf(out->detail, sizeof(out->detail), "%s(\"%.500s\")", call, out->path);
	} else if (event->address) {
		vxe_address_describe(event->address, event->address_size, event->socket_type, &address);
		vxe_text_copy(out->address, sizeof(out->address), address.text);
		snprintf(out->detail, sizeof(out->detail), "%s(%d, %.300s)", call, (int)event->args[0], address.text);
	}
}

static void take(void *taker, const struct vxe_event *event)
{
	struct told *told = taker;
	struct seccomp_data data = {.nr = event->nr, .arch = event->arch};
	struct vxe_violation line = {.pid = event->pid,
				     .arch = event->arch,
				     .nr = event->nr,
				     .verdict = VXE_TOLD,
				     .result = event->has_result ? event->result : 0,
				     .mechanism = "bpf"};

	if (!performed(told, event))
		return;
	for (int i = 0; i < 6; i++)
		data.args[i] = line.args[i] = event->args[i];
	if (line.result < 0 && line.result >= -4095)
		line.errnum = (int)-line.result;
	vxe_text_copy(line.comm, sizeof(line.comm), event->comm ? event->comm : "");
	vxe_text_copy(line.exe, sizeof(line.exe), event->exe ? event->exe : "");
	object_describe(event, &line);
	for (size_t i = 0; i < told->hooks->n_hooks; i++) {
		const struct vxe_after_hook *hook = &told->hooks->hooks[i];

		if (!vxe_after_holds(hook, &data))
			continue;
		line.rule = hook->name.rule;
		line.at = hook->name.at;
		vxe_record_write(&told->log, &line);
	}
}

static void losses_tell(struct told *told, struct vxe_source *source)
{
	struct vxe_violation line = {
		.arch = AUDIT_ARCH_X86_64, .nr = -1, .verdict = VXE_LOST, .rule = "after:lost", .mechanism = "bpf"};
	uint64_t lost = source->lost(source);

	if (lost == told->lost)
		return;
	vxe_text_copy(line.detail, sizeof(line.detail), "calls came faster than they could be told");
	vxe_record_lost(&told->log, &line, lost - told->lost);
	told->lost = lost;
}

static int hooks_read(struct told *told, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	size_t size = 0;

	if (vxe_file_read_fd(RULES, "the bundle's hooks", VXE_JSON_MAX_SIZE, &text, &size, err) < 0 ||
	    vxe_after_parse(text, size, &told->hooks, err) < 0)
		return -1;
	for (size_t i = 0; i < told->hooks->n_hooks; i++) {
		if (told->hooks->hooks[i].nr >= VXE_RECORD_CALLS)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s cannot be told after the call",
					     told->hooks->hooks[i].call);
		told->calls[told->hooks->hooks[i].nr] = true;
	}
	return 0;
}

/* The word of the supervisor, whose program waits; from then on it is seen. */
static int program_adopt(struct vxe_source *source, struct vxe_error **err)
{
	cleanup_fd int pidfd = -1;
	pid_t pid;

	if (vxe_channel_hear(CHANNEL, &pidfd) != VXE_CHANNEL_WAITING || pidfd < 0 || (pid = vxe_pidfd_pid(pidfd)) <= 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the program has ended");
	return source->adopt(source, pid, err);
}

/* Milliseconds, -1: for ever. Losses are asked for once a second, since each processor counts its own. */
static int losses_tick(struct told *told, struct vxe_source *source)
{
	int64_t left;

	if (!told->unasked)
		return -1;
	left = told->asked_ns + LOSSES_EVERY_NS - vxe_clock_ns(CLOCK_MONOTONIC);
	if (left > 0)
		return (int)(left / 1000000) + 1;
	losses_tell(told, source);
	told->asked_ns = vxe_clock_ns(CLOCK_MONOTONIC);
	told->unasked = false;
	return -1;
}

/* Until the supervisor has ended or says that there is nothing any more. */
static int serve(struct told *told, struct vxe_source *source, struct vxe_error **err)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = source->poll_fd(source), .events = POLLIN}, {.fd = CHANNEL, .events = POLLIN}};
		int wait = vxe_record_tick(&told->log), losses = losses_tick(told, source);

		if (poll(fds, 2, losses >= 0 && (wait < 0 || losses < wait) ? losses : wait) < 0 && errno != EINTR)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for calls");
		if (source->serve(source) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "reading what calls have told");
		told->unasked |= fds[0].revents != 0;
		if (fds[1].revents)
			return 0;
	}
}

static int companion(struct told *told, struct vxe_recorder *recorder, const char *instance, const char *profile,
		     struct vxe_error **err)
{
	struct vxe_trailer trailer = {.status = -1};
	struct vxe_source *source;
	int failed;

	if (hooks_read(told, err) < 0 || vxe_record_open_of(&told->log, VXE_RECORDS_OF_HOOKS, LOGS, profile, instance, err) < 0)
		return -1;
	source = vxe_bpf_source(recorder, err);
	if (!source)
		return -1;
	failed = program_adopt(source, err) < 0 || vxe_channel_answer(CHANNEL) < 0 || serve(told, source, err) < 0;
	source->finish(source, &trailer);
	losses_tell(told, source);
	source->close(source);
	vxe_record_close(&told->log);
	return failed ? -1 : 0;
}

int vxe_recorder_after(const char *instance, const char *profile, const char *supervised)
{
	cleanup_error struct vxe_error *err = NULL;
	struct told told = {.supervised = supervised, .log = {.fd = -1}};
	struct vxe_recorder recorder = {
		.every = true, .instance = instance, .mechanism = "bpf", .take = take, .taker = &told, .told = told.calls};
	int failed;

	/* The end of the service is the supervisor's, which tells of it by the channel. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	vxe_walk_init(&recorder.walk);
	failed = companion(&told, &recorder, instance, profile, &err);
	if (failed && err) {
		char text[1024];
		int length = snprintf(text, sizeof(text), "E%.600s%c%.300s", err->message, '\0', err->hint ? err->hint : "");

		(void)send(CHANNEL, text, (size_t)length + 1, MSG_NOSIGNAL);
	}
	vxe_walk_close(&recorder.walk);
	vxe_processes_free(&recorder.processes);
	vxe_after_free(&told.hooks);
	return failed ? VXE_EXIT_FAILURE : 0;
}
