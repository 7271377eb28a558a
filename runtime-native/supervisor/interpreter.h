/* What the kernel opens besides a program that is executed: the interpreter of a script, or the one that an ELF file names. */
#ifndef VXE_SUPERVISOR_INTERPRETER_H
#define VXE_SUPERVISOR_INTERPRETER_H

#include <limits.h>
#include <stdbool.h>

/* The kernel goes through so many scripts. */
#define VXE_INTERPRETERS_MAX 5

/* The path as the file has it; *script: a script's, which may be a script again. False: it names none, or cannot be read. */
bool vxe_interpreter_read(int fd, char out[PATH_MAX], bool *script);

#endif
