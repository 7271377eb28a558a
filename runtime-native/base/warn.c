#include "warn.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

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
	vxe_text_plain(text, strlen(text), '?');
	warning_sink(text, warning_data);
}
