/*
 * Files of the calling process in its own /proc. Their names have the process's number in them, and each process has files of its
 * own, so that Landlock, which grants objects that are there when it is made, cannot hold a rule for them: the supervisor opens them in the
 * caller's place (org.vxe.own). What is granted is looked at after it is opened, on the descriptor that the caller then gets.
 */
#ifndef VXE_SUPERVISOR_OWN_H
#define VXE_SUPERVISOR_OWN_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

/* The calls of org.vxe.supervised that open files. */
struct vxe_own {
	const char *lines; /* org.vxe.own: a line for each path and its words; NULL: none */
	bool open, openat, openat2;
};

/* Is it a call that the filter raises for these files alone, whose arguments are all permitted? */
bool vxe_own_raised(const struct vxe_own *own, int nr);
/*
 * Opens what the call names, where that is such a file. 1: the caller has it, or is gone; 0: it is none, or the profile does not grant it;
 * else -errno for the caller.
 */
int vxe_own_serve(const struct vxe_own *own, int listener_fd, const struct seccomp_notif *request);

/* What the lines grant of the path; enum vxe_access. */
unsigned int vxe_own_granted(const char *lines, const char *path);
/* Does the rule's path, in which * is a number, name this one? */
bool vxe_own_matches(const char *rule, const char *path);
/* /proc/N/... as /proc/self/..., where N is the caller's process; all else is left as it is. */
void vxe_own_name(pid_t tid, char path[PATH_MAX]);

#endif
