#include "warn.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static vxe_warning_sink *warning_sink;
static void *warning_data;
static bool keeping;
static char **kept;
static size_t n_kept;

void vxe_warning_to(vxe_warning_sink *sink, void *data)
{
	warning_sink = sink;
	warning_data = data;
}

void vxe_warning_keep(void)
{
	keeping = true;
}

void vxe_warning_release(bool tell)
{
	for (size_t i = 0; i < n_kept; i++) {
		if (tell && warning_sink)
			warning_sink(kept[i], warning_data);
		free(kept[i]);
	}
	free(kept);
	kept = NULL;
	n_kept = 0;
	keeping = false;
}

/* False: there is no memory, so it is told now. */
static bool keep(const char *text)
{
	char **items = keeping ? reallocarray(kept, n_kept + 1, sizeof(*kept)) : NULL;

	if (!items)
		return false;
	kept = items;
	kept[n_kept] = strdup(text);
	if (!kept[n_kept])
		return false;
	n_kept++;
	return true;
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
	if (!keep(text))
		warning_sink(text, warning_data);
}
