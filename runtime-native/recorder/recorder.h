/* What both recorders share: from one call's facts to its line. */
#ifndef VXE_RECORDER_RECORDER_H
#define VXE_RECORDER_RECORDER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "event.h"
#include "processes.h"
#include "stream.h"
#include "walk.h"

struct vxe_recorder {
	struct vxe_stream stream;
	struct vxe_processes processes;
	struct vxe_walk walk;
	const char *instance; /* NULL: none */
	const char *mechanism;
	bool every;
	bool seen_listen; /* a socket takes connections: what is exercised may begin */
	/* Instead of lines in the stream; NULL: the stream's. `told` has all calls that are to be seen, by number; others are not. */
	void (*take)(void *taker, const struct vxe_event *event);
	void *taker;
	const bool *told;
};

/* One path of a call, as far as the recorder's source knows it. */
struct vxe_path_facts {
	int argument; /* 6: the result */
	const char *given;
	bool truncated;
	const char *base;   /* the folder that it is relative to; NULL: not known */
	const char *object; /* what was opened; NULL: look it up */
	enum vxe_path_kind kind;
	const char *access;
};

struct vxe_call_facts {
	struct vxe_event event; /* all but its paths */
	struct vxe_path_facts paths[VXE_EVENT_PATHS];
	size_t n_paths;
};

/* Looks up what is not known yet, and writes the line. */
void vxe_recorder_call(struct vxe_recorder *recorder, struct vxe_call_facts *facts);
/* The text of names that were read upward, leaf first, each with its NUL. */
void vxe_names_join(const char *names, size_t size, char *out, size_t out_size);

/* A way to watch; `data` is its own. */
struct vxe_source {
	const char *name; /* bpf, notify */
	bool results;
	void *data;
	/* The program's process exists and waits. */
	int (*adopt)(struct vxe_source *source, pid_t pid, struct vxe_error **err);
	/* The listener of the program's filter; for sources that need one. */
	int (*listen)(struct vxe_source *source, int listener_fd, struct vxe_error **err);
	/* To be polled, and how long at most (ms, -1: for ever); negative: none. */
	int (*poll_fd)(const struct vxe_source *source);
	int timeout;
	/* Takes what is there. -1: nothing more will come. */
	int (*serve)(struct vxe_source *source);
	/* All that is left, the repeats, and the counts. */
	void (*finish)(struct vxe_source *source, struct vxe_trailer *trailer);
	void (*close)(struct vxe_source *source);
	/* Calls that could not be told, so far; NULL: it does not lose any. */
	uint64_t (*lost)(struct vxe_source *source);
	bool needs_filter;
};

/* NULL with *err where this kernel, this user or this build cannot. */
struct vxe_source *vxe_bpf_source(struct vxe_recorder *recorder, struct vxe_error **err);
struct vxe_source *vxe_notify_source(struct vxe_recorder *recorder, struct vxe_error **err);

/* vxe-recorder --after INSTANCE PROFILE SUPERVISED: the companion of a supervisor (companion.h), by its descriptors 3 to 5. The exit code. */
int vxe_recorder_after(const char *instance, const char *profile, const char *supervised);

struct vxe_guard;
/* What is recorded, and how it is exercised. */
struct vxe_target {
	struct vxe_guard *guard;
	bool bundle;
	const char *name;      /* the bundle's name or folder */
	const char *root;      /* state root, NULL: the default */
	char *const *program;  /* the host's program, or arguments instead of the bundle's; NULL */
	char *const *exercise; /* NULL: none */
	double wait;	       /* seconds before the exercise; negative: until the program listens */
};

/* Runs it to its end. 0, or -1 when it was never started (without *err where the launcher has said why). *status and *exercise as in the trailer, *stopped: it was told to end. */
int vxe_target_run(const struct vxe_target *target, struct vxe_recorder *recorder, struct vxe_source *source, int *status,
		   int *exercise, bool *stopped, struct vxe_error **err);

/* The child's side of a program on the host, and of a bundle: do not return. */
struct vxe_channel;
__attribute__((noreturn)) void vxe_target_host(const struct vxe_target *target, bool needs_filter, int channel);
__attribute__((noreturn)) void vxe_target_bundle(const struct vxe_target *target, bool needs_filter, int channel);

#endif
