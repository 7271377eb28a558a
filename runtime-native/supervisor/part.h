/* The parts of a bundle that are rules as JSON (vxe/judge.json, vxe/after.json): how each of them begins. */
#ifndef VXE_SUPERVISOR_PART_H
#define VXE_SUPERVISOR_PART_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "json.h"

struct vxe_part {
	const char *what; /* in errors: "the bundle's judge" */
	const char *key;  /* has the version */
	uint64_t version;
	int (*take)(struct json_object *root, void *out, struct vxe_error **err);
};

int vxe_part_parse(const struct vxe_part *part, const char *text, size_t size, void *out, struct vxe_error **err);
/* -1, with what is wrong with it. */
int vxe_part_fail(const struct vxe_part *part, const char *wrong, struct vxe_error **err);

#endif
