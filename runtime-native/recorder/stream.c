#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"

#define BUFFER_SIZE (256 << 10)

static void line_end(struct vxe_stream *stream)
{
	if (vxe_json_text_finish(&stream->text) < 0 ||
	    fwrite(stream->text.data, 1, stream->text.size, stream->file) != stream->text.size ||
	    putc('\n', stream->file) == EOF)
		stream->failed = true;
	stream->kept = true;
	/* The text keeps its memory. */
	stream->text.size = 0;
	stream->text.need_comma = stream->text.failed = false;
}

static void words(struct vxe_json_text *text, const char *key, char *const *items)
{
	if (!items) {
		vxe_json_text_null(text, key);
		return;
	}
	vxe_json_text_array_begin(text, key);
	for (; *items; items++)
		vxe_json_text_string(text, NULL, *items);
	vxe_json_text_array_end(text);
}

/* PRETTY_NAME of /etc/os-release. */
static void os_name(char *out, size_t size)
{
	cleanup_file FILE *file = fopen("/etc/os-release", "re");
	char line[256];

	snprintf(out, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "PRETTY_NAME=", 12))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, size, "%.*s", (int)strcspn(line + 13, "\""), line + 13);
	}
}

static void header_write(struct vxe_stream *stream, const struct vxe_header *header, const char *run)
{
	struct vxe_json_text *text = &stream->text;
	struct utsname system;
	struct timespec now;
	char when[40], os[128];

	clock_gettime(CLOCK_REALTIME, &now);
	vxe_time_format(&now, when);
	uname(&system);
	os_name(os, sizeof(os));
	vxe_json_text_object_begin(text, NULL);
	vxe_json_text_string(text, "record", "header");
	vxe_json_text_uint(text, "format", 1);
	vxe_json_text_string(text, "run", run);
	vxe_json_text_string(text, "time", when);
	vxe_json_text_object_begin(text, "recorder");
	vxe_json_text_string(text, "name", header->recorder);
	vxe_json_text_string(text, "version", VXE_VERSION);
	vxe_json_text_bool(text, "every", header->every);
	vxe_json_text_bool(text, "results", header->results);
	vxe_json_text_object_end(text);
	vxe_json_text_null(text, "vxe");
	if (header->instance)
		vxe_json_text_string(text, "instance", header->instance);
	else
		vxe_json_text_null(text, "instance");
	words(text, "program", header->program);
	vxe_json_text_string(text, "root", header->bundle ? "bundle" : "host");
	words(text, "exercise", header->exercise);
	vxe_json_text_object_begin(text, "host");
	vxe_json_text_string(text, "kernel", system.release);
	vxe_json_text_string(text, "machine", system.machine);
	vxe_json_text_string(text, "os", os);
	vxe_json_text_uint(text, "uid", getuid());
	vxe_json_text_object_end(text);
	vxe_json_text_object_end(text);
	line_end(stream);
}

int vxe_stream_open(struct vxe_stream *stream, const char *path, const struct vxe_header *header, char run[17],
		    struct vxe_error **err)
{
	uint64_t number = 0;
	int fd;

	memset(stream, 0, sizeof(*stream));
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "naming the run");
	snprintf(run, 17, "%016" PRIx64, number);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the recording %s", path);
		return vxe_error_hint(err, "name another file with --output");
	}
	stream->path = strdup(path);
	stream->buffer = malloc(BUFFER_SIZE);
	stream->file = fdopen(fd, "w");
	if (!stream->path || !stream->buffer || !stream->file) {
		close(fd);
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the recording %s", path);
	}
	/* musl makes none itself, whatever the size. */
	setvbuf(stream->file, stream->buffer, _IOFBF, BUFFER_SIZE);
	header_write(stream, header, run);
	if (stream->failed || fflush(stream->file) == EOF)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing the recording %s", path);
	return 0;
}

void vxe_stream_call(struct vxe_stream *stream, const struct vxe_event *event)
{
	vxe_event_write(event, &stream->text);
	line_end(stream);
	stream->recorded += event->count;
}

void vxe_stream_process(struct vxe_stream *stream, const struct vxe_process_line *line)
{
	struct vxe_json_text *text = &stream->text;
	char when[40];

	vxe_time_format(&line->time, when);
	vxe_json_text_object_begin(text, NULL);
	vxe_json_text_string(text, "record", "process");
	vxe_json_text_uint(text, "seq", line->seq);
	vxe_json_text_string(text, "time", when);
	vxe_json_text_string(text, "event", line->event);
	vxe_json_text_int(text, "pid", line->pid);
	vxe_json_text_int(text, "tid", line->tid);
	vxe_json_text_int(text, "ppid", line->ppid);
	vxe_json_text_string(text, "comm", line->comm);
	vxe_json_text_string(text, "exe", line->exe);
	if (line->argv) {
		vxe_json_text_array_begin(text, "argv");
		for (size_t at = 0; at < line->argv_size; at += strlen(line->argv + at) + 1)
			vxe_json_text_string(text, NULL, line->argv + at);
		vxe_json_text_array_end(text);
	} else {
		vxe_json_text_null(text, "argv");
	}
	if (line->child)
		vxe_json_text_int(text, "child", line->child);
	else
		vxe_json_text_null(text, "child");
	if (line->status >= 0)
		vxe_json_text_int(text, "status", line->status);
	else
		vxe_json_text_null(text, "status");
	vxe_json_text_object_end(text);
	line_end(stream);
}

void vxe_stream_repeat(struct vxe_stream *stream, uint64_t of, uint64_t count, const struct timespec *last)
{
	struct vxe_json_text *text = &stream->text;
	char when[40];

	vxe_time_format(last, when);
	vxe_json_text_object_begin(text, NULL);
	vxe_json_text_string(text, "record", "repeat");
	vxe_json_text_uint(text, "of", of);
	vxe_json_text_uint(text, "count", count);
	vxe_json_text_string(text, "last", when);
	vxe_json_text_object_end(text);
	line_end(stream);
	stream->recorded += count;
}

void vxe_status_write(struct vxe_json_text *text, const char *key, int status)
{
	if (status >= 0)
		vxe_json_text_int(text, key, status);
	else
		vxe_json_text_null(text, key);
}

static void capabilities_write(struct vxe_json_text *text, const struct vxe_trailer *trailer)
{
	static const char *const names[] = {
		"CAP_CHOWN",
		"CAP_DAC_OVERRIDE",
		"CAP_DAC_READ_SEARCH",
		"CAP_FOWNER",
		"CAP_FSETID",
		"CAP_KILL",
		"CAP_SETGID",
		"CAP_SETUID",
		"CAP_SETPCAP",
		"CAP_LINUX_IMMUTABLE",
		"CAP_NET_BIND_SERVICE",
		"CAP_NET_BROADCAST",
		"CAP_NET_ADMIN",
		"CAP_NET_RAW",
		"CAP_IPC_LOCK",
		"CAP_IPC_OWNER",
		"CAP_SYS_MODULE",
		"CAP_SYS_RAWIO",
		"CAP_SYS_CHROOT",
		"CAP_SYS_PTRACE",
		"CAP_SYS_PACCT",
		"CAP_SYS_ADMIN",
		"CAP_SYS_BOOT",
		"CAP_SYS_NICE",
		"CAP_SYS_RESOURCE",
		"CAP_SYS_TIME",
		"CAP_SYS_TTY_CONFIG",
		"CAP_MKNOD",
		"CAP_LEASE",
		"CAP_AUDIT_WRITE",
		"CAP_AUDIT_CONTROL",
		"CAP_SETFCAP",
		"CAP_MAC_OVERRIDE",
		"CAP_MAC_ADMIN",
		"CAP_SYSLOG",
		"CAP_WAKE_ALARM",
		"CAP_BLOCK_SUSPEND",
		"CAP_AUDIT_READ",
		"CAP_PERFMON",
		"CAP_BPF",
		"CAP_CHECKPOINT_RESTORE",
	};

	if (!trailer->capabilities) {
		vxe_json_text_null(text, "capabilities");
		return;
	}
	vxe_json_text_object_begin(text, "capabilities");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool asked = false;

		for (size_t nr = 0; nr < trailer->n_capabilities; nr++) {
			const char *arch;
			cleanup_free char *call = NULL;

			if (!(trailer->capabilities[nr] & 1ULL << i))
				continue;
			if (!asked)
				vxe_json_text_array_begin(text, names[i]);
			asked = true;
			call = vxe_call_name(AUDIT_ARCH_X86_64, (int)nr, &arch);
			vxe_json_text_string(text, NULL, call ? call : "?");
		}
		if (asked)
			vxe_json_text_array_end(text);
	}
	vxe_json_text_object_end(text);
}

void vxe_stream_flush(struct vxe_stream *stream)
{
	if (stream->kept && fflush(stream->file) == EOF)
		stream->failed = true;
	stream->kept = false;
}

int vxe_stream_close(struct vxe_stream *stream, const struct vxe_trailer *trailer, struct vxe_error **err)
{
	struct vxe_json_text *text = &stream->text;
	struct timespec now;
	char when[40];
	bool failed;

	clock_gettime(CLOCK_REALTIME, &now);
	vxe_time_format(&now, when);
	vxe_json_text_object_begin(text, NULL);
	vxe_json_text_string(text, "record", "trailer");
	vxe_json_text_string(text, "time", when);
	vxe_json_text_uint(text, "calls", trailer->calls);
	vxe_json_text_uint(text, "recorded", stream->recorded);
	vxe_json_text_object_begin(text, "lost");
	for (size_t i = 0; i < trailer->n_losses; i++)
		if (trailer->losses[i].count)
			vxe_json_text_uint(text, trailer->losses[i].reason, trailer->losses[i].count);
	vxe_json_text_object_end(text);
	if (trailer->lost_processes)
		vxe_json_text_uint(text, "lostProcesses", trailer->lost_processes);
	capabilities_write(text, trailer);
	vxe_json_text_string(text, "end", trailer->end);
	vxe_status_write(text, "status", trailer->status);
	vxe_status_write(text, "exercise", trailer->exercise);
	vxe_json_text_object_end(text);
	/* A line was not written: no trailer then, so that nobody takes the rest for the whole. */
	if (!stream->failed)
		line_end(stream);
	failed = stream->failed || fflush(stream->file) == EOF || fsync(fileno(stream->file)) < 0;
	if (failed)
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing the recording %s, which is not complete", stream->path);
	vxe_stream_abandon(stream);
	return failed ? -1 : 0;
}

void vxe_stream_abandon(struct vxe_stream *stream)
{
	if (stream->file)
		fclose(stream->file);
	free(stream->buffer);
	free(stream->path);
	vxe_json_text_free(&stream->text);
	memset(stream, 0, sizeof(*stream));
}
