/* What the files objects*.c share. */
#ifndef VXE_SUPERVISOR_OBJECTS_INTERNAL_H
#define VXE_SUPERVISOR_OBJECTS_INTERNAL_H

#include "lookup.h"
#include "objects.h"

/* What Landlock asks for: on the object by its own path, and on the folder that holds its name. */
struct objects_rights {
	uint64_t object, folder;
};

void objects_file_judge(const struct vxe_judge *judge, pid_t pid, const struct vxe_lookup *found, unsigned int access,
			const struct objects_rights *rights, struct vxe_object *out);

/* What a caller's path leads to was not to be looked up. false: whoever is asked in the caller's place would be refused as well. */
bool objects_unseen(pid_t pid, const char *given, const struct vxe_lookup *found, struct vxe_object *out);

/* Each gives how many objects it found. Of a call that is not of its kind: 0. */
size_t objects_sockets_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, struct vxe_object *out);
size_t objects_scopes_judge(const struct vxe_objects_view *view, const struct seccomp_notif *request, struct vxe_object *out);

/* Is the abstract name one of a socket that no process of the caller's pid namespace holds? */
bool objects_abstract_outside(pid_t pid, const char *name, size_t length, int type);

#endif
