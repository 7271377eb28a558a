/*
 * The control: the same acts without VXE. They run with full rights but in a throw-away copy of the host's tree (an
 * overlay), in own namespaces, against the battery's own bystander: what they prove, they prove harmlessly.
 */
#ifndef VXE_ATTACK_CONTROL_H
#define VXE_ATTACK_CONTROL_H

#include "battery.h"
#include "bystander.h"

#include "error.h"

/* Fills world in but for its shared memory, and runs the selected rows. -1 and *err if the surroundings cannot be made. */
int vxe_control_run(struct vxe_attack_world *world, struct vxe_error **err);

/* Memory that this process and those that it makes share. NULL and errno on failure. */
void *vxe_attack_share(size_t size);

/* The first disk of the host that can be opened to read; 0 where there is none. */
dev_t vxe_attack_find_disk(void);

#endif
