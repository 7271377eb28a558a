/* tmpcopyup: a new tmpfs begins with what the folder under it holds. */
#ifndef VXE_RUNTIME_COPY_UP_H
#define VXE_RUNTIME_COPY_UP_H

#include <stdbool.h>

#include "error.h"

/* Copies the content of one folder into another, both by descriptor; no link is followed. With `itself`, owner and mode of the folder too. */
int vxe_copy_up(int from_fd, int to_fd, bool itself, const char *where, struct vxe_error **err);

#endif
