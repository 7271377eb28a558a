/*
 * What a profile wants to be told of calls when the kernel has performed them (vxe/after.json): hooks after the call, in the order in which they
 * run. Which calls a hook is for is said by a program of the filters' kind over the call's number and registers; it refuses nothing.
 */
#ifndef VXE_SUPERVISOR_AFTER_H
#define VXE_SUPERVISOR_AFTER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "filter.h"
#include "judge.h"

struct vxe_after_hook {
	struct vxe_rule_name name;
	char *call;
	uint32_t nr; /* of this machine's own entry */
	struct vxe_filter program;
};

struct vxe_after {
	struct vxe_after_hook *hooks;
	size_t n_hooks;
};

int vxe_after_parse(const char *text, size_t size, struct vxe_after **out, struct vxe_error **err);
void vxe_after_free(struct vxe_after **after);
bool vxe_after_holds(const struct vxe_after_hook *hook, const struct seccomp_data *data);

#endif
