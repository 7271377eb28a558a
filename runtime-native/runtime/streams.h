/* Standard input, output and error that the program has of its caller. */
#ifndef VXE_RUNTIME_STREAMS_H
#define VXE_RUNTIME_STREAMS_H

#include "launch.h"

/*
 * A program that runs as another user than its launcher opens /dev/stdout, which is its own pipe by its file in /proc: that asks for the pipe's
 * owner, who was the launcher. Pipes alone: what has a name would keep its new owner. What the kernel does not permit is left as it is.
 * In the launcher for what root starts, since a user namespace has no right over root's pipes; inside for what an ordinary user starts.
 */
void vxe_streams_give(const struct vxe_launch *launch);
void vxe_streams_give_inside(const struct vxe_launch *launch);

#endif
