/* LOGS/ID/output.log: what the program wrote and what it sent to /dev/log; bounded, one older file is kept. */
#ifndef VXE_SUPERVISOR_OUTPUT_H
#define VXE_SUPERVISOR_OUTPUT_H

#include <stddef.h>

int vxe_output_open(int log_dir_fd);
/* Appends; rotates when the file is full. Failures (a full disk) lose the text and nothing else. */
void vxe_output_append(int log_dir_fd, int *fd, const char *text, size_t size);

#endif
