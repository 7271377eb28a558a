/* The other programs of VXE, by where this one lies. */
#ifndef VXE_VERBS_BESIDE_H
#define VXE_VERBS_BESIDE_H

#include <limits.h>
#include <stddef.h>

#include "error.h"

#define VXE_BESIDE_MAX (PATH_MAX + 64)

struct vxe_beside {
	const char *variable;  /* of the environment: its path, before any other */
	const char *places[2]; /* from this program's folder: installed (PREFIX/bin, PREFIX/lib/vxe), and in the build tree */
	int access;	       /* what it must permit, as access(2) has it */
	const char *missing, *hint;
};

/* It records for vxe trace, and tells calls after they are performed. */
extern const struct vxe_beside vxe_recorder_program;

/* The path of a program; where there is none, *err says what is missing. `out` has VXE_BESIDE_MAX bytes. */
int vxe_beside_find(const struct vxe_beside *wanted, char *out, struct vxe_error **err);

#endif
