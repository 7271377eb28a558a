/* What has to be told and is no failure. A program that has somewhere to tell it to says so once; a library keeps silent. */
#ifndef VXE_BASE_WARN_H
#define VXE_BASE_WARN_H

typedef void vxe_warning_sink(const char *message, void *data);

void vxe_warning_to(vxe_warning_sink *sink, void *data);
void vxe_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
