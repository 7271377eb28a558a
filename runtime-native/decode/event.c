#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "address.h"
#include "cleanup.h"
#include "digits.h"
#include "names.h"
#include "utc.h"
#include "words.h"

#define DETAIL_SIZE 2048

static const char *const kinds[] = {"unknown", "file", "folder", "link", "device", "fifo", "socket", "anonymous", "absent"};
static const char *const known_words[] = {"not", "kernel", "walked", "joined"};

void vxe_time_format(const struct timespec *time, char out[40])
{
	struct tm tm;

	vxe_utc(time->tv_sec, &tm);
	memcpy(out, "0000-00-00T00:00:00.000000000Z", 31);
	vxe_digits_fixed((uint64_t)tm.tm_year + 1900, out, 4);
	vxe_digits_fixed((uint64_t)tm.tm_mon + 1, out + 5, 2);
	vxe_digits_fixed((uint64_t)tm.tm_mday, out + 8, 2);
	vxe_digits_fixed((uint64_t)tm.tm_hour, out + 11, 2);
	vxe_digits_fixed((uint64_t)tm.tm_min, out + 14, 2);
	vxe_digits_fixed((uint64_t)tm.tm_sec, out + 17, 2);
	vxe_digits_fixed((uint64_t)time->tv_nsec, out + 20, 9);
}

enum vxe_path_kind vxe_kind_of_mode(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return VXE_KIND_FILE;
	case S_IFDIR:
		return VXE_KIND_FOLDER;
	case S_IFLNK:
		return VXE_KIND_LINK;
	case S_IFCHR:
	case S_IFBLK:
		return VXE_KIND_DEVICE;
	case S_IFIFO:
		return VXE_KIND_FIFO;
	case S_IFSOCK:
		return VXE_KIND_SOCKET;
	default:
		return VXE_KIND_ANONYMOUS;
	}
}

static void string_or_null(struct vxe_json_text *text, const char *key, const char *value)
{
	if (value && value[0])
		vxe_json_text_string(text, key, value);
	else
		vxe_json_text_null(text, key);
}

/* Addresses and large values as hexadecimal numbers; what may be negative with its sign. */
static void number_text(const struct vxe_argument *argument, uint64_t value, char *out, size_t size)
{
	bool is_address = argument->type == VXE_ARG_PTR || argument->type == VXE_ARG_PATH || argument->type == VXE_ARG_TEXT ||
			  argument->type == VXE_ARG_SOCKADDR;
	bool is_signed = argument->type == VXE_ARG_INT || argument->type == VXE_ARG_FD || argument->type == VXE_ARG_DIRFD;
	bool negative = is_signed && (int32_t)value < 0;
	char digits[VXE_DIGITS + 1] = "-";

	if (is_address && !value) {
		vxe_text_copy(out, size, "NULL");
		return;
	}
	if (is_address || (argument->type == VXE_ARG_LONG && value >= 65536))
		vxe_digits_hex(value, digits + 1);
	else if (is_signed)
		vxe_digits_decimal(negative ? -(uint64_t)(int32_t)value : (uint32_t)value, digits + 1);
	else
		vxe_digits_decimal(value, digits + 1);
	vxe_text_copy(out, size, negative ? digits : digits + 1);
}

/* One argument as text: strings bare (the detail quotes them), constants by name, the rest as numbers. */
static void argument_text(const struct vxe_event *event, const struct vxe_call_shape *shape, size_t index,
			  const struct vxe_address *address, char *out, size_t size)
{
	const struct vxe_argument *argument = &shape->args[index];
	uint64_t args[6];
	const struct vxe_value_set *set;
	uint64_t value;

	vxe_call_arguments(event->arch, shape->name, event->args, args);
	value = vxe_argument_value(argument, args[index]);
	set = vxe_value_set_find(argument, args);

	if (event->strings[index])
		vxe_text_copy(out, size, event->strings[index]);
	else if (argument->type == VXE_ARG_SOCKADDR && address)
		vxe_text_copy(out, size, address->text);
	else if (argument->type == VXE_ARG_DIRFD && (int32_t)value == AT_FDCWD)
		snprintf(out, size, "AT_FDCWD");
	else if (set && vxe_value_write(set, value, out, size) == 0)
		return;
	else
		number_text(argument, value, out, size);
}

/* Appends to the one-line form; one that does not fit is cut and ends with "...". */
static void detail_append(char *detail, size_t *used, const char *piece)
{
	size_t length = strlen(piece), room = DETAIL_SIZE - 4 - *used;

	if (*used > DETAIL_SIZE - 4)
		return;
	if (length <= room) {
		memcpy(detail + *used, piece, length + 1);
		*used += length;
		return;
	}
	memcpy(detail + *used, piece, room);
	memcpy(detail + *used + room, "...", 4);
	*used = DETAIL_SIZE;
}

static void arguments_write(const struct vxe_event *event, const struct vxe_call_shape *shape,
			    const struct vxe_address *address, struct vxe_json_text *text, char *detail)
{
	char value[4400];
	size_t used = 0;

	detail[0] = '\0';
	if (event->full) /* A violation log's reader has the detail. */
		vxe_json_text_object_begin(text, "decoded");
	if (shape)
		detail_append(detail, &used, shape->name);
	if (shape)
		detail_append(detail, &used, "(");
	for (int i = 0; shape && i < shape->n_args; i++) {
		const struct vxe_argument *argument = &shape->args[i];

		if (event->no_args && !event->strings[i])
			snprintf(value, sizeof(value), "?");
		else
			argument_text(event, shape, (size_t)i, address, value, sizeof(value));
		if (event->full && !(event->no_args && !event->strings[i]))
			vxe_json_text_string(text, argument->name, value);
		if (i)
			detail_append(detail, &used, ", ");
		if (event->strings[i])
			detail_append(detail, &used, "\"");
		detail_append(detail, &used, value);
		if (event->strings[i])
			detail_append(detail, &used, "\"");
	}
	if (shape)
		detail_append(detail, &used, ")");
	if (event->full)
		vxe_json_text_object_end(text);
}

static void paths_write(const struct vxe_event *event, struct vxe_json_text *text)
{
	const char *first = NULL;

	for (size_t i = 0; i < event->n_paths && !first; i++)
		first = event->paths[i].path;
	/* A violation's path is what the caller said, where nothing better is known. */
	for (size_t i = 0; i < event->n_paths && !first && !event->full; i++)
		first = event->paths[i].given;
	string_or_null(text, "path", first);
	if (!event->full)
		return;
	vxe_json_text_array_begin(text, "paths");
	for (size_t i = 0; i < event->n_paths; i++) {
		const struct vxe_event_path *path = &event->paths[i];

		vxe_json_text_object_begin(text, NULL);
		vxe_json_text_string(text, "argument", path->argument);
		if (path->given)
			vxe_json_text_string(text, "given", path->given);
		else
			vxe_json_text_null(text, "given");
		string_or_null(text, "path", path->path);
		vxe_json_text_string(text, "kind", kinds[path->kind]);
		vxe_json_text_string(text, "known", known_words[path->known]);
		if (path->truncated)
			vxe_json_text_bool(text, "truncated", true);
		if (path->access)
			vxe_json_text_string(text, "access", path->access);
		vxe_json_text_object_end(text);
	}
	vxe_json_text_array_end(text);
}

static void address_write(const struct vxe_event *event, const struct vxe_address *address, struct vxe_json_text *text)
{
	if (!event->full)
		return;
	if (!address) {
		vxe_json_text_null(text, "address");
		return;
	}
	vxe_json_text_object_begin(text, "address");
	vxe_json_text_string(text, "text", address->text);
	vxe_json_text_string(text, "family", address->family);
	string_or_null(text, "type", vxe_socket_type_name(event->socket_type));
	string_or_null(text, "host", address->host);
	if (address->port >= 0)
		vxe_json_text_int(text, "port", address->port);
	else
		vxe_json_text_null(text, "port");
	string_or_null(text, "path", address->path);
	vxe_json_text_object_end(text);
}

static const char *errno_name(int errnum)
{
	const char *name = vxe_errno_name(errnum);

	/* The kernel's own, which it turns into a restart or EINTR on the way back (include/linux/errno.h). */
	switch (errnum) {
	case 512:
		return "ERESTARTSYS";
	case 513:
		return "ERESTARTNOINTR";
	case 514:
		return "ERESTARTNOHAND";
	case 516:
		return "ERESTART_RESTARTBLOCK";
	default:
		return name ? name : "UNKNOWN";
	}
}

static void outcome_write(const struct vxe_event *event, const char *call, struct vxe_json_text *text)
{
	bool failed = event->has_result && event->result < 0 && event->result >= -4095;
	char rule[96];

	if (event->full && event->has_result)
		vxe_json_text_wide(text, "result", event->result);
	else if (event->full)
		vxe_json_text_null(text, "result");
	snprintf(rule, sizeof(rule), "calls:%s", call);
	string_or_null(text, "rule", event->rule ? event->rule : event->full ? NULL : rule);
	vxe_json_text_string(text, "verdict", event->refused || event->filtered ? "refused" : "performed");
	string_or_null(text, "errno",
		       event->refused ? errno_name(event->refused)
		       : failed	      ? errno_name((int)-event->result)
				      : NULL);
	vxe_json_text_string(text, "mechanism", event->mechanism);
	vxe_json_text_uint(text, "count", event->count);
}

void vxe_event_write(const struct vxe_event *event, struct vxe_json_text *text)
{
	const struct vxe_call_shape *shape = vxe_call_shape_find(event->arch, event->nr);
	const char *arch;
	cleanup_free char *name = vxe_call_name(event->arch, event->nr, &arch);
	const char *call = name ? name : "?";
	struct vxe_address address;
	char when[40], detail[DETAIL_SIZE];

	if (event->address)
		vxe_address_describe(event->address, event->address_size, event->socket_type, &address);
	vxe_time_format(&event->time, when);
	vxe_json_text_object_begin(text, NULL);
	if (event->full)
		vxe_json_text_uint(text, "seq", event->seq);
	vxe_json_text_string(text, "time", when);
	string_or_null(text, "vxe", event->vxe);
	string_or_null(text, "instance", event->instance);
	vxe_json_text_int(text, "pid", event->pid);
	if (event->tid)
		vxe_json_text_int(text, "tid", event->tid);
	if (event->full || event->ppid)
		vxe_json_text_int(text, "ppid", event->ppid);
	vxe_json_text_string(text, "comm", event->comm ? event->comm : "");
	vxe_json_text_string(text, "exe", event->exe ? event->exe : "");
	vxe_json_text_string(text, "arch", arch);
	vxe_json_text_string(text, "call", call);
	vxe_json_text_int(text, "nr", event->nr);
	vxe_json_text_array_begin(text, "args");
	for (int i = 0; !event->no_args && i < (shape && shape->n_args >= 0 ? shape->n_args : 6); i++) {
		char value[VXE_DIGITS];

		vxe_digits_hex(event->args[i], value);
		vxe_json_text_string(text, NULL, value);
	}
	vxe_json_text_array_end(text);
	arguments_write(event, shape, event->address ? &address : NULL, text, detail);
	string_or_null(text, "detail", detail);
	paths_write(event, text);
	address_write(event, event->address ? &address : NULL, text);
	outcome_write(event, call, text);
	vxe_json_text_object_end(text);
}
