/* The abstract unix sockets of a network namespace, as /proc/PID/net/unix tells of them. */
#ifndef VXE_SUPERVISOR_ABSTRACT_H
#define VXE_SUPERVISOR_ABSTRACT_H

#include <stddef.h>

#define VXE_ABSTRACT_MOST 8

/*
 * The inodes of the sockets of that name (its first byte is zero) and type that can be connected to or sent to; how many, also where they
 * are more than VXE_ABSTRACT_MOST. The kernel lets there be one. But names stand in the text byte for byte, and whoever has a line end in
 * his own can make it look as if there were others: what is not there may be found, what is there always is.
 */
size_t vxe_abstract_find(const char *text, size_t size, const char *name, size_t length, int type,
			 unsigned long inodes[VXE_ABSTRACT_MOST]);

#endif
