/* Capabilities and identity of the program (capabilities(7)). */
#ifndef VXE_RUNTIME_CAPS_H
#define VXE_RUNTIME_CAPS_H

#include "config.h"
#include "error.h"

/* Drops the bounding set, changes to the process's user and groups (`keep_groups`: the caller's further groups stay), and sets the other
   sets. */
int vxe_caps_apply(const struct vxe_process *process, bool keep_groups, struct vxe_error **err);
/* config.md, Linux Process: a capability that cannot be granted is a warning. Takes those out of the sets that the caller does not have
   (in a user namespace of its own it has them all) or that a set rests on and another set lacks. */
void vxe_caps_fit(struct vxe_process *process, bool own_user_namespace);
/* As many as the caller can give, for a program that is recorded. */
void vxe_caps_all(struct vxe_process *process, bool own_user_namespace);
/* Nothing but `keep` (bits), in all sets, for the reaper. 0 or -1 with errno. */
int vxe_caps_keep(uint64_t keep);
/* None at all, for a process that executes nothing more. 0 or -1 with errno. */
int vxe_caps_none(void);
/* Does the calling process hold the capability in its effective set? */
bool vxe_caps_have(int capability);

#endif
