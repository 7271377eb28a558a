/* SPDX-License-Identifier: Apache-2.0 */
/* Tries what a kernel and a user may or may not do, and leaves nothing behind. Knows nothing of Node. */
#ifndef VXE_NODE_SECCOMP_PROBES_H
#define VXE_NODE_SECCOMP_PROBES_H

#include <stdint.h>

/*
 * Does what the name says, in a process of its own where it would change this one, and gives 0 or the errno that it failed
 * with. -1 with errno: the attempt itself could not be made; EINVAL: there is no probe of that name.
 */
int vxe_probe(const char *name, uint32_t value);

#endif
