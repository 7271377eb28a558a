/* A call's registers and what was read of its caller's memory: whatever they are, the record is one line of JSON that can be read. */
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "json.h"
#include "json_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *data;
	size_t size;
};

static void bytes_take(struct bytes *from, void *out, size_t size)
{
	size_t taken = size < from->size ? size : from->size;

	memset(out, 0, size);
	memcpy(out, from->data, taken);
	from->data += taken;
	from->size -= taken;
}

static uint8_t byte_take(struct bytes *from)
{
	uint8_t byte;

	bytes_take(from, &byte, 1);
	return byte;
}

/* Of its own size, so that a step beyond it is seen; NULL where the byte before it is 0. */
static char *string_take(struct bytes *from)
{
	size_t length = (size_t)byte_take(from) * 20;
	char *text;

	if (!length)
		return NULL;
	if (length > from->size)
		length = from->size;
	text = calloc(length + 1, 1);
	if (text)
		bytes_take(from, text, length);
	return text;
}

/* One line of UTF-8 that the strict reader reads. */
static void line_check(const struct vxe_json_text *text)
{
	struct json_object *root = NULL;

	if (memchr(text->data, '\n', text->size) || vxe_json_parse(text->data, text->size, &root, NULL) < 0 ||
	    !vxe_json_is_object(root))
		abort();
	for (size_t at = 0, length; at < text->size; at += length) {
		length = vxe_json_utf8_length((const unsigned char *)text->data + at,
					      (const unsigned char *)text->data + text->size);
		if (!length || (unsigned char)text->data[at] < ' ')
			abort();
	}
	vxe_json_put(&root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t machines[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0};
	static const char *const arguments[] = {"path", "oldpath", "newpath"};
	struct bytes from = {data, size};
	struct sockaddr_storage address;
	struct vxe_json_text text = {0};
	struct vxe_event event = {.mechanism = "seccomp", .socket_type = -1};
	uint8_t flags = byte_take(&from), more = byte_take(&from);
	uint16_t nr;
	char *owned[16] = {0};
	size_t n_owned = 0;

	event.full = flags & 1;
	event.no_args = flags & 2;
	event.has_result = flags & 4;
	event.arch = machines[(flags >> 3) % (sizeof(machines) / sizeof(*machines))];
	bytes_take(&from, &nr, sizeof(nr));
	event.nr = more & 1 ? nr | 0x40000000 : more & 2 ? -(int)nr : nr;
	bytes_take(&from, event.args, sizeof(event.args));
	bytes_take(&from, &event.result, sizeof(event.result));
	event.refused = (int)byte_take(&from) * 3;
	event.comm = owned[n_owned++] = string_take(&from);
	event.exe = owned[n_owned++] = string_take(&from);
	for (size_t i = 0; i < 6; i++)
		event.strings[i] = owned[n_owned++] = string_take(&from);
	event.n_paths = (more >> 2) % (VXE_EVENT_PATHS + 1);
	for (size_t i = 0; i < event.n_paths; i++) {
		struct vxe_event_path *path = &event.paths[i];

		path->argument = arguments[i];
		path->given = owned[n_owned++] = string_take(&from);
		path->path = owned[n_owned++] = string_take(&from);
		path->kind = byte_take(&from) % (VXE_KIND_ABSENT + 1);
		path->known = byte_take(&from) % (VXE_KNOWN_JOINED + 1);
		path->truncated = more & 128;
	}
	if (more & 16) {
		event.address_size = byte_take(&from) % (sizeof(address) + 1);
		event.socket_type = (int8_t)byte_take(&from);
		bytes_take(&from, &address, sizeof(address));
		event.address = &address;
	}
	vxe_event_write(&event, &text);
	if (vxe_json_text_finish(&text) < 0)
		abort();
	line_check(&text);
	vxe_json_text_free(&text);
	for (size_t i = 0; i < n_owned; i++)
		free(owned[i]);
	return 0;
}
