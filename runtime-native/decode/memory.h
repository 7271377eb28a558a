/* Another process's memory (process_vm_readv, process_vm_writev): for records, and for calls that are performed in its place. */
#ifndef VXE_DECODE_MEMORY_H
#define VXE_DECODE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0 when all of it was read. */
int vxe_memory_read(pid_t pid, uint64_t address, void *out, size_t size);
/* The same to its memory, where the process itself could write: for what a call that is performed gives back. */
int vxe_memory_write(pid_t pid, uint64_t address, const void *data, size_t size);
/* A string, cut at size - 1 bytes; `out` always ends with NUL. 1: whole, 0: cut off, -1: nothing could be read of it. */
int vxe_memory_string(pid_t pid, uint64_t address, char *out, size_t size);

#endif
