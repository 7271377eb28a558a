/* What the files cgroup*.c share. */
#ifndef VXE_RUNTIME_CGROUP_INTERNAL_H
#define VXE_RUNTIME_CGROUP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

/* Names of controllers, borrowed and not ended: the first part of a file's name. */
struct vxe_controllers {
	const char *names[16];
	size_t lengths[16], count;
};

/* A file of the cgroup fd, whole. 0, or -1 with errno. */
int cgroup_file_write(int fd, const char *file, const char *text);
int cgroup_file_read(int fd, const char *file, char **text);
/* Is the word in the space-separated file, or text? */
bool cgroup_file_lists(int fd, const char *file, const char *word, size_t length);
bool cgroup_text_lists(const char *text, const char *word, size_t length);

/* Those that the limits need, and handing them down from fd to the cgroups below it. */
void cgroup_controllers_needed(const struct vxe_resources *resources, struct vxe_controllers *set);
int cgroup_controllers_enable(int fd, const char *where, const struct vxe_controllers *set, struct vxe_error **err);
/* All that there are, as far as the kernel does it. */
void cgroup_controllers_offer(int fd);

#endif
