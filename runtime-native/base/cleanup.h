/* Ownership by scope: a variable declared with one of these is released at the end of its block. */
#ifndef VXE_BASE_CLEANUP_H
#define VXE_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

static inline void vxe_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void vxe_cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void vxe_cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void vxe_cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void vxe_cleanup_error(struct vxe_error **err)
{
	vxe_error_free(err);
}

#define cleanup_free __attribute__((cleanup(vxe_cleanup_free)))
#define cleanup_fd __attribute__((cleanup(vxe_cleanup_fd)))
#define cleanup_dir __attribute__((cleanup(vxe_cleanup_dir)))
#define cleanup_file __attribute__((cleanup(vxe_cleanup_file)))
#define cleanup_error __attribute__((cleanup(vxe_cleanup_error)))

/* Hands a descriptor or pointer over: the variable no longer owns it. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define steal_pointer(p)                                                                                                       \
	({                                                                                                                     \
		__typeof__(*(p)) taken_ = *(p);                                                                                \
		*(p) = NULL;                                                                                                   \
		taken_;                                                                                                        \
	})

#endif
