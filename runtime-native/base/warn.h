/* What has to be told and is no failure. A program that has somewhere to tell it to says so once; a library keeps silent. */
#ifndef VXE_BASE_WARN_H
#define VXE_BASE_WARN_H

#include <stdbool.h>

typedef void vxe_warning_sink(const char *message, void *data);

void vxe_warning_to(vxe_warning_sink *sink, void *data);
/* From the first of these to the second warnings are kept: whoever reads something twice has them told once. */
void vxe_warning_keep(void);
void vxe_warning_release(bool tell);
void vxe_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
