/* What each recorded process executes. */
#ifndef VXE_RECORDER_PROCESSES_H
#define VXE_RECORDER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vxe_recorded_process {
	pid_t pid; /* 0: a free place */
	char *exe;
	char *file;		 /* the text that the last execve was given; NULL: none seen */
	unsigned int generation; /* the notify recorder's: how many programs it has executed */
};

struct vxe_processes {
	struct vxe_recorded_process *places;
	size_t size, used; /* size is a power of two */
};

/* NULL: not known, or no memory. */
struct vxe_recorded_process *vxe_process_find(struct vxe_processes *processes, pid_t pid);
/* The process, made if it is not known. NULL: no memory. */
struct vxe_recorded_process *vxe_process_get(struct vxe_processes *processes, pid_t pid);
/* The child begins as its parent is. */
void vxe_process_fork(struct vxe_processes *processes, pid_t parent, pid_t child);
void vxe_process_exec(struct vxe_processes *processes, pid_t pid, const char *exe, const char *file);
void vxe_processes_free(struct vxe_processes *processes);

#endif
