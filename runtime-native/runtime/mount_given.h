/*
 * What the launcher gives to the first process of an instance in a user namespace. Root of such a namespace is nobody on the host: it
 * cannot go through folders that are closed to that one, and makes no device. The launcher may, so a helper of its goes into the
 * instance's new mount namespace before the first process goes on, and opens there what the configuration names. A source opened there is a mount of
 * that namespace with all that is locked about it (mount_namespaces(7)): what the host has read-only stays so, whoever is root inside.
 */
#ifndef VXE_RUNTIME_MOUNT_GIVEN_H
#define VXE_RUNTIME_MOUNT_GIVEN_H

#include "config.h"
#include "error.h"
#include "mount.h"

/* Where the descriptor of that number belongs; NULL: that number is nothing to give. Numbers are below vxe_mount_given_count(). */
int *vxe_mount_given_slot(const struct vxe_config *config, struct vxe_mount_plans *plans, size_t number);
size_t vxe_mount_given_count(const struct vxe_config *config, const struct vxe_mount_plans *plans);
/* Opens what it can; the slots of the rest stay -1, and the first process tries by its own rights. `first` is that process, whose ids are
   mapped by now and which waits. */
int vxe_mount_give(const struct vxe_config *config, struct vxe_mount_plans *plans, pid_t first, struct vxe_error **err);

#endif
