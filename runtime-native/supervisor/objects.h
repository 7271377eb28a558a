/*
 * The objects that a call names, judged by the profile's data: what Landlock would refuse, and by which rule. For records alone: the
 * caller's memory is read, and the call goes on whatever is found.
 */
#ifndef VXE_SUPERVISOR_OBJECTS_H
#define VXE_SUPERVISOR_OBJECTS_H

#include <linux/seccomp.h>
#include <stdbool.h>

#include "judge.h"

#define VXE_OBJECTS_MAX 8 /* a rename names two, a script brings its interpreters */

struct vxe_objects_view {
	const struct vxe_judge *judge;
	int listener_fd;
	pid_t reaper; /* pid 1 of the instance, where that is VXE's own; else 0 */
};

struct vxe_object {
	char path[512];	    /* "" for what is no file */
	char address[160];  /* "" for what is no socket's */
	unsigned int needs; /* enum vxe_access: what the call asks for; 0 for addresses */
	bool mount;	    /* a mount holds the rule, not Landlock */
	bool cgroup;	    /* programs of the cgroup do */
	bool refused;
	bool unseen; /* what `path`, the caller's own words, leads to may not be looked up from here: nobody knows whether it is refused */
	bool narrowed; /* the words of the rule grant it: a narrower rule lies below its folder (see coverage), or a move would gain rights */
	int errnum;
	const char *rule, *at; /* borrowed from the judge, or constant */
};

/* How many objects were found, refused ones and others, and those that may not be looked up; 0 for calls that name none, or none that exists. */
size_t vxe_objects_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request,
			 struct vxe_object out[VXE_OBJECTS_MAX]);

#endif
