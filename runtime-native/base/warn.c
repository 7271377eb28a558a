#include "warn.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static vxe_warning_sink *warning_sink;
static void *warning_data;

void vxe_warning_to(vxe_warning_sink *sink, void *data)
{
	warning_sink = sink;
	warning_data = data;
}

void vxe_warning(const char *format, ...)
{
	char text[512];
	va_list args;

	if (!warning_sink)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* It goes to a terminal, and may quote what comes from a bundle that is anyone's. */
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
			*p = '?';
	warning_sink(text, warning_data);
}
