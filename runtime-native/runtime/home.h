/*
 * HOME of who is given none: by the container's own /etc/passwd, as engines expect of a runtime (Docker leaves it to it).
 */
#ifndef VXE_RUNTIME_HOME_H
#define VXE_RUNTIME_HOME_H

#include <stddef.h>
#include <sys/types.h>

/* The user's home folder by the text of a passwd file; malloc'd. NULL: no line is this user's, or it names no path. */
char *vxe_home_in(const char *text, size_t size, uid_t uid);
/* By the file in this process's root, else "/"; malloc'd, NULL for want of memory. */
char *vxe_home_find(uid_t uid);

#endif
