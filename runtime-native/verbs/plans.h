/*
 * The plans that an instance was launched with, kept beside its state: its bundle may get others while it runs, and what joins it is
 * held by the instance's own, never by part of each.
 */
#ifndef VXE_VERBS_PLANS_H
#define VXE_VERBS_PLANS_H

#include "config.h"
#include "judge.h"
#include "launch.h"

/* Writes down what the launch has read; of a bundle whose configuration says it all, nothing. hooks_fd -1: none after calls. */
int vxe_plans_keep(int state_dir_fd, const struct vxe_launch *launch, const struct vxe_judge_source *judge, int hooks_fd,
		   struct vxe_error **err);

/* Makes a kept configuration name the kept plans, which stand in the state's folder. */
int vxe_plans_kept(struct vxe_config *config, struct vxe_error **err);

#endif
