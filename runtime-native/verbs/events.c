/* `events`: what a container uses, once or again and again, and when the kernel ended one of its processes for want of memory. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "manage.h"

static void number_write(struct vxe_json_text *text, const char *key, int fd, const char *file, const char *name)
{
	uint64_t value;

	if (vxe_cgroup_number(fd, file, name, &value))
		vxe_json_text_uint(text, key, value);
}

/* Microseconds in the file, nanoseconds in the document. */
static void time_write(struct vxe_json_text *text, const char *key, int fd, const char *name)
{
	uint64_t value;

	if (vxe_cgroup_number(fd, "cpu.stat", name, &value))
		vxe_json_text_uint(text, key, value * 1000);
}

static void usage_write(struct vxe_json_text *text, const char *key, int fd, const char *current, const char *max)
{
	vxe_json_text_object_begin(text, key);
	number_write(text, "usage", fd, current, NULL);
	number_write(text, "limit", fd, max, NULL);
	vxe_json_text_object_end(text);
}

static void stats_write(struct vxe_json_text *text, int fd)
{
	vxe_json_text_object_begin(text, "cpu");
	vxe_json_text_object_begin(text, "usage");
	time_write(text, "total", fd, "usage_usec");
	time_write(text, "kernel", fd, "system_usec");
	time_write(text, "user", fd, "user_usec");
	vxe_json_text_object_end(text);
	vxe_json_text_object_begin(text, "throttling");
	number_write(text, "periods", fd, "cpu.stat", "nr_periods");
	number_write(text, "throttledPeriods", fd, "cpu.stat", "nr_throttled");
	time_write(text, "throttledTime", fd, "throttled_usec");
	vxe_json_text_object_end(text);
	vxe_json_text_object_end(text);
	vxe_json_text_object_begin(text, "memory");
	usage_write(text, "usage", fd, "memory.current", "memory.max");
	usage_write(text, "swap", fd, "memory.swap.current", "memory.swap.max");
	number_write(text, "cache", fd, "memory.stat", "file");
	vxe_json_text_object_end(text);
	vxe_json_text_object_begin(text, "pids");
	number_write(text, "current", fd, "pids.current", NULL);
	number_write(text, "limit", fd, "pids.max", NULL);
	vxe_json_text_object_end(text);
}

/* One line: {"type":TYPE,"id":ID}, for stats with the numbers. A reader that has gone away is an error. */
static int event_print(const char *type, const char *id, int stats_of, struct vxe_error **err)
{
	struct vxe_json_text text = {0};
	int failed = 0;

	vxe_json_text_object_begin(&text, NULL);
	vxe_json_text_string(&text, "type", type);
	vxe_json_text_string(&text, "id", id);
	if (stats_of >= 0) {
		vxe_json_text_object_begin(&text, "data");
		stats_write(&text, stats_of);
		vxe_json_text_object_end(&text);
	}
	vxe_json_text_object_end(&text);
	if (vxe_json_text_finish(&text) < 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "writing the events of %s", id);
	else if (puts(text.data) < 0 || fflush(stdout) != 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing the events of %s", id);
	vxe_json_text_free(&text);
	return failed;
}

int vxe_instance_stats(const char *root, const char *id, struct vxe_error **err)
{
	cleanup_fd int cgroup_fd = vxe_instance_cgroup(root, id, "events", err);

	return cgroup_fd < 0 ? -1 : event_print("stats", id, cgroup_fd, err);
}

/* poll(2) tells of a change of these files once they have been read by that descriptor. */
static void change_seen(int fd)
{
	char text[4096];

	if (fd >= 0)
		(void)!pread(fd, text, sizeof(text), 0);
}

static uint64_t oom_count(int cgroup_fd)
{
	uint64_t kills = 0;

	return vxe_cgroup_number(cgroup_fd, "memory.events", "oom_kill", &kills) ? kills : 0;
}

static bool populated(int cgroup_fd)
{
	uint64_t value = 0;

	/* A cgroup that has been removed has no such number. */
	return vxe_cgroup_number(cgroup_fd, "cgroup.events", "populated", &value) && value;
}

/* Milliseconds until then, rounded up and as many as poll takes. */
static int wait_until(int64_t then_ns)
{
	int64_t left = then_ns - vxe_clock_ns(CLOCK_MONOTONIC);

	if (left <= 0)
		return 0;
	return left / 1000000 >= INT32_MAX ? INT32_MAX : (int)(left / 1000000) + 1;
}

int vxe_instance_events(const char *root, const char *id, int64_t interval_ns, struct vxe_error **err)
{
	cleanup_fd int cgroup_fd = vxe_instance_cgroup(root, id, "events", err);
	cleanup_fd int alive = cgroup_fd < 0 ? -1 : openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	/* Not there without the controller: nothing is ended for want of memory then. */
	cleanup_fd int memory = cgroup_fd < 0 ? -1 : openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	struct pollfd fds[] = {{.fd = alive, .events = POLLPRI}, {.fd = memory, .events = POLLPRI}};
	int64_t next_ns = vxe_clock_ns(CLOCK_MONOTONIC) + interval_ns;
	uint64_t told;

	if (cgroup_fd < 0)
		return -1;
	if (alive < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching the cgroup of %s", id);
	told = oom_count(cgroup_fd);
	for (;;) {
		uint64_t killed;
		bool ended;

		change_seen(alive);
		change_seen(memory);
		ended = !populated(cgroup_fd);
		/* After the question above: the last process may have been ended by that. */
		for (killed = oom_count(cgroup_fd); told < killed; told++)
			if (event_print("oom", id, -1, err) < 0)
				return -1;
		if (ended)
			return 0;
		if (vxe_clock_ns(CLOCK_MONOTONIC) >= next_ns) {
			if (event_print("stats", id, cgroup_fd, err) < 0)
				return -1;
			next_ns = vxe_clock_ns(CLOCK_MONOTONIC) + interval_ns;
		}
		if (poll(fds, 2, wait_until(next_ns)) < 0 && errno != EINTR)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for events of %s", id);
	}
}
