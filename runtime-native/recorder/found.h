/*
 * What was looked up a moment ago: compilers and interpreters ask for the same folders over and over. It is forgotten after a moment, and at once
 * when a call is told that makes, moves or removes names, so that what is told of a path is as fresh as a look beside the call can be.
 */
#ifndef VXE_RECORDER_FOUND_H
#define VXE_RECORDER_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define VXE_FOUND_MS 20 /* as long as events may wait in the ring before anybody looks */

struct vxe_found_place {
	char *key; /* base and text, each with its NUL, and whether a last link is followed */
	size_t key_size;
	uint64_t round;
	char *path; /* NULL: nothing was there */
	enum vxe_path_kind kind;
	enum vxe_path_known known;
};

struct vxe_found {
	struct vxe_found_place *places; /* NULL: nothing is kept */
	uint64_t round;
	int64_t until;
};

/* Without it, or without memory, nothing is kept. */
void vxe_found_init(struct vxe_found *found);
void vxe_found_free(struct vxe_found *found);
/* NULL: not known. Valid until the next call. */
const struct vxe_found_place *vxe_found_get(struct vxe_found *found, const char *base, const char *given, bool follow);
/* `path` NULL: nothing is there. */
void vxe_found_put(struct vxe_found *found, const char *base, const char *given, bool follow, const char *path,
		   enum vxe_path_kind kind, enum vxe_path_known known);
void vxe_found_forget(struct vxe_found *found);

#endif
