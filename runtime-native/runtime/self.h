/*
 * This program's own file as a way out: a process in a container that gets hold of it (/proc/PID/exe, or a rootfs whose
 * program is a link to /proc/self/exe) could write to it as root and wait for the next administrator (CVE-2019-5736). Where
 * no Landlock rule keeps the instance from executing it, the program goes on from a read-only mount of itself that
 * nobody else can reach and that cannot be made writable from inside.
 */
#ifndef VXE_RUNTIME_SELF_H
#define VXE_RUNTIME_SELF_H

#include "error.h"

/* Called first in main; argv is used again for the re-execution. */
void vxe_self_init(char **argv);
/* Where this program's file is; after the re-execution below, where it was. NULL: not known. */
const char *vxe_self_path(void);
/* Re-executes this program from a read-only detached mount of its file, or without root from a sealed copy in memory, unless it runs from
   one. Returns 0 when it does, or when the caller is an ordinary user that could not write the file either; -1 on failure. Nothing may
   be owned yet. */
int vxe_self_seal(struct vxe_error **err);

#endif
