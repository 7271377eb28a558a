/* Errors as values: set once, at the place that knows what went wrong; callers may only put context before it. */
#ifndef VXE_BASE_ERROR_H
#define VXE_BASE_ERROR_H

#include <stdbool.h>

/* What the process will exit with when nobody handles the error (docs/architecture.md, exit codes). */
enum vxe_exit {
	VXE_EXIT_FAILURE = 1,
	VXE_EXIT_MISUSE = 2,
	VXE_EXIT_NO_PROGRAM = 255, /* of vxe-runtime exec: whatever the program might have ended with, it never ran */
};

struct vxe_error {
	enum vxe_exit exit;
	int errnum;    /* 0 when no system call failed */
	char *message; /* one sentence without the final stop */
	char *hint;    /* what to do next, or NULL */
};

/* All return -1, so that `return vxe_error_set(...)` is the one error path. A NULL err is allowed. */
int vxe_error_set(struct vxe_error **err, enum vxe_exit exit_code, int errnum, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int vxe_error_hint(struct vxe_error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int vxe_error_wrap(struct vxe_error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A failure for want of memory, room or descriptors: it says nothing of the thing itself, and another attempt may succeed. */
bool vxe_errno_is_shortage(int errnum);
void vxe_error_free(struct vxe_error **err);
/* "vxe: MESSAGE: strerror; HINT\n" on stderr. */
void vxe_error_print(const char *program, const struct vxe_error *err);

#endif
