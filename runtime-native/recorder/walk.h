/* Where the paths of calls lead, looked up in the recorded program's root by descriptor (openat2 with RESOLVE_IN_ROOT). */
#ifndef VXE_RECORDER_WALK_H
#define VXE_RECORDER_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "event.h"
#include "found.h"

struct vxe_walk {
	int root_fd;	       /* the root folder that paths begin at; -1: none yet */
	int namespace_fd;      /* keeps its mounts while processes come and go */
	char prefix[PATH_MAX]; /* how the recorder itself sees that folder; "" for its own root */
	pid_t own_pid;	       /* the recorder's */
	dev_t device;
	ino_t inode;
	struct vxe_found *found; /* NULL: each path is looked up */
};

struct vxe_walked {
	char path[PATH_MAX];
	enum vxe_path_kind kind;
	enum vxe_path_known known;
};

void vxe_walk_init(struct vxe_walk *walk);
/* The root of a process. Once: later calls do nothing. */
int vxe_walk_root(struct vxe_walk *walk, pid_t pid, struct vxe_error **err);
void vxe_walk_close(struct vxe_walk *walk);

/* A path that the recorder sees, as the recorded program's root has it. False: outside. */
bool vxe_walk_strip(const struct vxe_walk *walk, const char *seen, char *out, size_t size);
/*
 * The object that `given` names. `base` is the folder it is relative to, or where it is absolute the process's root; "" for the root
 * itself. With `follow` a link at its end is followed. What is not there has the path of its folder and its name; what is the
 * caller's own in /proc, where the recorder sees what is its own, has the text that was given.
 */
void vxe_walk_path(const struct vxe_walk *walk, const char *base, const char *given, bool follow, struct vxe_walked *out);
/* The same of what the call itself has not found: only its folder is looked up. */
void vxe_walk_missing(const struct vxe_walk *walk, const char *base, const char *given, struct vxe_walked *out);
/* Does the call follow a link at the end of the path in this argument? */
bool vxe_walk_follows(const struct vxe_call_shape *shape, int argument, const uint64_t args[6]);

#endif
