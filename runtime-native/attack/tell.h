/* The battery in words for other programs: one JSON object a line (docs/attack.md). */
#ifndef VXE_ATTACK_TELL_H
#define VXE_ATTACK_TELL_H

#include "battery.h"

#include <stdio.h>

/* Each is 0, or -1 with errno when the line could not be written. */
int vxe_attack_tell_row(FILE *out, const struct vxe_attack_row *row);
int vxe_attack_tell_result(FILE *out, const struct vxe_attack_row *row, const struct vxe_attack_result *result);

const char *vxe_attack_state_name(enum vxe_attack_state state);

#endif
