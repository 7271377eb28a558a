/* The confined side: the battery as the program of an instance. The only file that talks to the launch library. */
#ifndef VXE_ATTACK_CONFINE_H
#define VXE_ATTACK_CONFINE_H

#include "battery.h"

#include "error.h"

struct vxe_confine_options {
	const char *bundle;   /* its folder */
	const char *id;	      /* of the instance */
	unsigned int without; /* enum vxe_without */
};

/* Fills world in but for its shared memory, and runs the selected rows inside. Started anew, with the rows that are
   left, as often as an attempt ends the instance. */
int vxe_confine_run(const struct vxe_confine_options *options, struct vxe_attack_world *world, struct vxe_error **err);

#endif
