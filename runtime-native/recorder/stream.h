/* A recording as a file: header, lines, trailer (docs/architecture.md, "The record stream"). */
#ifndef VXE_RECORDER_STREAM_H
#define VXE_RECORDER_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "error.h"
#include "event.h"

struct vxe_stream {
	FILE *file;
	char *buffer; /* the file's */
	char *path;
	struct vxe_json_text text; /* one line, used over and over */
	uint64_t recorded;	   /* calls that have a line or are in a repeat */
	bool kept;		   /* lines that are not in the file yet */
	bool failed;		   /* something could not be written: the recording will not be complete */
};

struct vxe_header {
	const char *recorder; /* "bpf" or "notify" */
	bool every, results;
	const char *instance;
	bool bundle;
	char *const *program, *const *exercise; /* exercise NULL: none */
};

struct vxe_process_line {
	uint64_t seq;
	struct timespec time;
	const char *event; /* fork, exec, exit */
	pid_t pid, tid, ppid, child;
	const char *comm, *exe;
	const char *argv; /* NUL-separated; NULL: none */
	size_t argv_size;
	int status; /* -1: none */
};

struct vxe_loss {
	const char *reason;
	uint64_t count;
};

struct vxe_trailer {
	uint64_t calls;
	const struct vxe_loss *losses;
	size_t n_losses;
	uint64_t lost_processes; /* lines of processes that are missing */
	const char *end;	 /* exited, stopped, failed */
	int status, exercise;
	const uint64_t *capabilities; /* by call number on x86_64: what the kernel asked for, and was there; NULL: not known */
	size_t n_capabilities;
};

/* A new file, readable by its owner alone; the run's name in `run` (17 bytes). */
int vxe_stream_open(struct vxe_stream *stream, const char *path, const struct vxe_header *header, char run[17],
		    struct vxe_error **err);
void vxe_stream_call(struct vxe_stream *stream, const struct vxe_event *event);
void vxe_stream_process(struct vxe_stream *stream, const struct vxe_process_line *line);
void vxe_stream_repeat(struct vxe_stream *stream, uint64_t of, uint64_t count, const struct timespec *last);
/* To the file, so that a recorder that is killed has not kept it to itself. */
void vxe_stream_flush(struct vxe_stream *stream);
/* The trailer, to the disk; an error if anything is missing. */
int vxe_stream_close(struct vxe_stream *stream, const struct vxe_trailer *trailer, struct vxe_error **err);
/* An exit code, or null for what has none (-1). */
void vxe_status_write(struct vxe_json_text *text, const char *key, int status);
/* After a failure: the file stays without a trailer. */
void vxe_stream_abandon(struct vxe_stream *stream);

#endif
