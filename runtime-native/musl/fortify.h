/*
 * What _FORTIFY_SOURCE is with glibc, for musl, which has no such headers: calls that would write beyond the object whose size the
 * compiler knows end the program. And what musl does in more calls than it takes. Included before everything (Makefile).
 */
#ifndef VXE_MUSL_FORTIFY_H
#define VXE_MUSL_FORTIFY_H

/* sched.h declares some of these functions once more. */
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The whole object, and the member alone. */
#define FORTIFY_WHOLE(object) __builtin_dynamic_object_size(object, 0)
#define FORTIFY_MEMBER(object) __builtin_dynamic_object_size(object, 1)

#undef memcpy
#undef memmove
#undef memset
#undef strcpy
#undef strcat
#undef snprintf
#undef vsnprintf
#define memcpy(to, from, size) __builtin___memcpy_chk(to, from, size, FORTIFY_WHOLE(to))
#define memmove(to, from, size) __builtin___memmove_chk(to, from, size, FORTIFY_WHOLE(to))
#define memset(to, byte, size) __builtin___memset_chk(to, byte, size, FORTIFY_WHOLE(to))
#define strcpy(to, from) __builtin___strcpy_chk(to, from, FORTIFY_MEMBER(to))
#define strcat(to, from) __builtin___strcat_chk(to, from, FORTIFY_MEMBER(to))
#define snprintf(to, size, ...) __builtin___snprintf_chk(to, size, 0, FORTIFY_MEMBER(to), __VA_ARGS__)
#define vsnprintf(to, size, format, list) __builtin___vsnprintf_chk(to, size, 0, FORTIFY_MEMBER(to), format, list)

static inline __attribute__((always_inline)) ssize_t fortify_read(int fd, void *to, size_t size, size_t room)
{
	if (size > room)
		__builtin_trap();
	return read(fd, to, size);
}
#define read(fd, to, size) fortify_read(fd, to, size, FORTIFY_WHOLE(to))

/* musl's sets FD_CLOEXEC once more, by a call of its own, for kernels that knew no O_CLOEXEC; its openat does not. */
#define open(path, ...) openat(AT_FDCWD, path, __VA_ARGS__)

#endif
