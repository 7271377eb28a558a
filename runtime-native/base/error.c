#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static char out_of_memory[] = "out of memory";

static char *format_text(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static char *format_text(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return out_of_memory;
	return text;
}

static void free_text(char *text)
{
	if (text != out_of_memory)
		free(text);
}

int vxe_error_set(struct vxe_error **err, enum vxe_exit exit_code, int errnum, const char *format, ...)
{
	struct vxe_error *error;
	va_list args;

	if (!err)
		return -1;
	vxe_error_free(err);
	error = calloc(1, sizeof(*error));
	if (!error)
		return -1;
	error->exit = exit_code;
	error->errnum = errnum;
	va_start(args, format);
	error->message = format_text(format, args);
	va_end(args);
	*err = error;
	return -1;
}

int vxe_error_hint(struct vxe_error **err, const char *format, ...)
{
	va_list args;

	if (!err || !*err || (*err)->hint)
		return -1;
	va_start(args, format);
	(*err)->hint = format_text(format, args);
	va_end(args);
	return -1;
}

int vxe_error_wrap(struct vxe_error **err, const char *format, ...)
{
	char *context, *joined = NULL;
	va_list args;

	if (!err || !*err)
		return -1;
	va_start(args, format);
	context = format_text(format, args);
	va_end(args);
	if (asprintf(&joined, "%s: %s", context, (*err)->message) >= 0) {
		free_text((*err)->message);
		(*err)->message = joined;
	}
	free_text(context);
	return -1;
}

bool vxe_errno_is_shortage(int errnum)
{
	return errnum == ENOMEM || errnum == ENOSPC || errnum == EMFILE || errnum == ENFILE || errnum == EINTR ||
	       errnum == EIO || errnum == EAGAIN;
}

void vxe_error_free(struct vxe_error **err)
{
	if (!err || !*err)
		return;
	free_text((*err)->message);
	free_text((*err)->hint);
	free(*err);
	*err = NULL;
}

void vxe_error_print(const char *program, const struct vxe_error *err)
{
	const char *message = err && err->message ? err->message : "failed, and there was no memory to say how";
	int errnum = err ? err->errnum : 0;
	char *whole = NULL;

	if (asprintf(&whole, "%s: %s%s%s%s%s", program, message, errnum ? ": " : "", errnum ? strerror(errnum) : "",
		     err && err->hint ? "; " : "", err && err->hint ? err->hint : "") < 0) {
		fprintf(stderr, "%s: %s\n", program, out_of_memory);
		return;
	}
	/* It may quote a path, a name or a process that is anyone's. */
	vxe_text_plain(whole, strlen(whole), '?');
	fprintf(stderr, "%s\n", whole);
	free(whole);
}
