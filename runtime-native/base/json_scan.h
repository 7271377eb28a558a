/* The strict reading of RFC 8259 that runs before json-c; see json.h for why. */
#ifndef VXE_BASE_JSON_SCAN_H
#define VXE_BASE_JSON_SCAN_H

#include <stddef.h>

#include "error.h"

/* Checks all of the text and counts the members of all its objects. Duplicate keys show as a difference between this
   count and that of the parsed tree; vxe_json_scan_duplicate then finds the first one. */
int vxe_json_scan(const char *text, size_t size, size_t *members, struct vxe_error **err);
/* Always -1. */
int vxe_json_scan_duplicate(const char *text, size_t size, struct vxe_error **err);
/* The length of the UTF-8 sequence at p, or 0: overlong forms, surrogates and what lies beyond U+10FFFF are none. */
size_t vxe_json_utf8_length(const unsigned char *p, const unsigned char *end);

#endif
