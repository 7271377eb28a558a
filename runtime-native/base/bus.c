#include "bus.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "clock.h"
#include "file.h"

#define TIMEOUT_MS 30000
#define FIELDS_MAX 64
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ORDER 'l'
#else
#define OWN_ORDER 'B'
#endif

/* Codes of header fields. */
enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR_NAME,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE
};

/* --- writing --- */

void vxe_bus_put_bytes(struct vxe_bus_body *body, const void *data, size_t size)
{
	if (body->failed || size > VXE_BUS_MESSAGE_MAX - body->size) {
		body->failed = true;
		return;
	}
	if (size > body->capacity - body->size) {
		size_t capacity = (body->size + size) * 2;
		uint8_t *grown = realloc(body->data, capacity);

		if (!grown) {
			body->failed = true;
			return;
		}
		body->data = grown;
		body->capacity = capacity;
	}
	if (size)
		memcpy(body->data + body->size, data, size);
	body->size += size;
}

void vxe_bus_align(struct vxe_bus_body *body, size_t to)
{
	static const uint8_t zero[8];

	vxe_bus_put_bytes(body, zero, (to - body->size % to) % to);
}

void vxe_bus_put_u32(struct vxe_bus_body *body, uint32_t value)
{
	vxe_bus_align(body, 4);
	vxe_bus_put_bytes(body, &value, sizeof(value));
}

void vxe_bus_put_u64(struct vxe_bus_body *body, uint64_t value)
{
	vxe_bus_align(body, 8);
	vxe_bus_put_bytes(body, &value, sizeof(value));
}

void vxe_bus_put_string(struct vxe_bus_body *body, const char *text)
{
	size_t length = strlen(text);

	vxe_bus_put_u32(body, (uint32_t)length);
	vxe_bus_put_bytes(body, text, length + 1);
}

void vxe_bus_put_signature(struct vxe_bus_body *body, const char *signature)
{
	uint8_t length = (uint8_t)strlen(signature);

	vxe_bus_put_bytes(body, &length, 1);
	vxe_bus_put_bytes(body, signature, length + 1U);
}

size_t vxe_bus_array_begin(struct vxe_bus_body *body, size_t alignment)
{
	size_t begun;

	vxe_bus_put_u32(body, 0);
	begun = body->size;
	vxe_bus_align(body, alignment);
	return begun;
}

void vxe_bus_array_end(struct vxe_bus_body *body, size_t begun, size_t alignment)
{
	/* The padding before the first element does not count. */
	size_t first = begun + (alignment - begun % alignment) % alignment;
	uint32_t length = (uint32_t)(body->size - first);

	if (!body->failed)
		memcpy(body->data + begun - sizeof(length), &length, sizeof(length));
}

void vxe_bus_body_free(struct vxe_bus_body *body)
{
	free(body->data);
	*body = (struct vxe_bus_body){0};
}

/* --- reading --- */

static bool take_u32(const uint8_t *data, size_t size, size_t *at, uint32_t *out)
{
	size_t start = *at + (4 - *at % 4) % 4;

	if (start > size || size - start < 4)
		return false;
	memcpy(out, data + start, 4);
	*at = start + 4;
	return true;
}

static const char *take_text(const uint8_t *data, size_t size, size_t *at, size_t length)
{
	const char *text = (const char *)data + *at;

	if (length >= size - *at || text[length] != '\0' || memchr(text, '\0', length))
		return NULL;
	*at += length + 1;
	return text;
}

static const char *take_string(const uint8_t *data, size_t size, size_t *at)
{
	uint32_t length;

	return take_u32(data, size, at, &length) ? take_text(data, size, at, length) : NULL;
}

static const char *take_signature(const uint8_t *data, size_t size, size_t *at)
{
	size_t length;

	if (*at >= size)
		return NULL;
	length = data[(*at)++];
	return take_text(data, size, at, length);
}

size_t vxe_bus_message_size(const uint8_t header[16])
{
	uint32_t body, fields;
	size_t whole;

	memcpy(&body, header + 4, 4);
	memcpy(&fields, header + 12, 4);
	if (header[0] != OWN_ORDER || header[3] != 1 || body > VXE_BUS_MESSAGE_MAX || fields > VXE_BUS_MESSAGE_MAX)
		return 0;
	whole = 16 + (size_t)fields;
	whole += (8 - whole % 8) % 8;
	whole += body;
	return whole > VXE_BUS_MESSAGE_MAX ? 0 : whole;
}

/* The fields' values are strings, object paths, signatures and numbers; a type beyond these is of a later protocol. */
static int field_parse(const uint8_t *data, size_t end, size_t *at, struct vxe_bus_message *out)
{
	const char *type, *text = NULL;
	uint32_t number = 0;
	uint8_t code;

	*at += (8 - *at % 8) % 8;
	if (*at >= end)
		return -1;
	code = data[(*at)++];
	type = take_signature(data, end, at);
	if (!type)
		return -1;
	if (!strcmp(type, "s") || !strcmp(type, "o"))
		text = take_string(data, end, at);
	else if (!strcmp(type, "g"))
		text = take_signature(data, end, at);
	else if (strcmp(type, "u") != 0 || !take_u32(data, end, at, &number))
		return -1;
	if (*type != 'u' && !text)
		return -1;
	if (code == FIELD_MEMBER && *type == 's')
		out->member = text;
	else if (code == FIELD_ERROR_NAME && *type == 's')
		out->error_name = text;
	else if (code == FIELD_SIGNATURE && *type == 'g')
		out->signature = text;
	else if (code == FIELD_REPLY_SERIAL && *type == 'u')
		out->reply_serial = number;
	return 0;
}

int vxe_bus_message_parse(const uint8_t *data, size_t size, struct vxe_bus_message *out)
{
	uint32_t fields, body;
	size_t at = 16, end;

	memset(out, 0, sizeof(*out));
	if (size < 16 || vxe_bus_message_size(data) != size || data[1] < VXE_BUS_CALL || data[1] > VXE_BUS_SIGNAL)
		return -1;
	out->type = (enum vxe_bus_type)data[1];
	memcpy(&body, data + 4, 4);
	memcpy(&fields, data + 12, 4);
	end = 16 + (size_t)fields;
	for (int i = 0; at < end; i++)
		if (i == FIELDS_MAX || field_parse(data, end, &at, out) < 0)
			return -1;
	out->body = data + (size - body);
	out->body_size = body;
	return 0;
}

const char *vxe_bus_get_string(const struct vxe_bus_message *message, size_t *at)
{
	return *at > message->body_size ? NULL : take_string(message->body, message->body_size, at);
}

bool vxe_bus_get_u32(const struct vxe_bus_message *message, size_t *at, uint32_t *out)
{
	return *at <= message->body_size && take_u32(message->body, message->body_size, at, out);
}

/* --- the connection --- */

/* Whole, or -1 with errno. */
static int read_all(int fd, void *data, size_t size, int64_t until_ms)
{
	for (size_t done = 0; done < size;) {
		struct pollfd waiting = {.fd = fd, .events = POLLIN};
		int64_t left = until_ms - vxe_clock_ms();
		int ready = poll(&waiting, 1, left > 0 ? (int)left : 0);
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			errno = ready ? errno : ETIMEDOUT;
			return -1;
		}
		got = read(fd, (char *)data + done, size - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got ? errno : ECONNRESET;
			return -1;
		}
		done += (size_t)got;
	}
	return 0;
}

/* One line of the handshake begins with the word. */
static int line_expect(int fd, const char *word, int64_t until_ms)
{
	char line[256];
	size_t used = 0;

	do {
		if (used == sizeof(line) - 1) {
			errno = EPROTO;
			return -1;
		}
		if (read_all(fd, line + used, 1, until_ms) < 0)
			return -1;
	} while (line[used++] != '\n');
	if (strncmp(line, word, strlen(word)) == 0)
		return 0;
	errno = EACCES;
	return -1;
}

/* The other side knows who we are by the socket; nothing has to be claimed. */
static int authenticate(int fd)
{
	static const char words[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	int64_t until = vxe_clock_ms() + TIMEOUT_MS;

	return vxe_write_all(fd, words, sizeof(words) - 1) < 0 || line_expect(fd, "DATA", until) < 0 ||
			       line_expect(fd, "OK ", until) < 0
		       ? -1
		       : 0;
}

int vxe_bus_open(struct vxe_bus *bus, const char *path, bool brokered)
{
	static const struct vxe_bus_target target = {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct vxe_bus_message answer;
	int saved;

	*bus = (struct vxe_bus){.fd = -1, .brokered = brokered};
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	bus->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bus->fd >= 0 && connect(bus->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    authenticate(bus->fd) == 0 && (!brokered || vxe_bus_call(bus, &target, "Hello", NULL, NULL, &answer, NULL) == 0))
		return 0;
	saved = errno;
	vxe_bus_close(bus);
	errno = saved;
	return -1;
}

void vxe_bus_close(struct vxe_bus *bus)
{
	if (bus->fd >= 0)
		close(bus->fd);
	free(bus->buffer);
	*bus = (struct vxe_bus){.fd = -1};
}

int vxe_bus_receive(struct vxe_bus *bus, int64_t until_ms, struct vxe_bus_message *out, struct vxe_error **err)
{
	uint8_t header[16];
	size_t size;

	if (read_all(bus->fd, header, sizeof(header), until_ms) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for an answer over D-Bus");
	size = vxe_bus_message_size(header);
	free(bus->buffer);
	bus->buffer = size ? malloc(size) : NULL;
	if (!bus->buffer)
		return vxe_error_set(err, VXE_EXIT_FAILURE, size ? ENOMEM : EPROTO, "reading an answer over D-Bus");
	memcpy(bus->buffer, header, sizeof(header));
	if (read_all(bus->fd, bus->buffer + sizeof(header), size - sizeof(header), until_ms) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "reading an answer over D-Bus");
	if (vxe_bus_message_parse(bus->buffer, size, out) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, EPROTO, "reading an answer over D-Bus");
	return 0;
}

static void field_put(struct vxe_bus_body *header, uint8_t code, const char *type, const char *text)
{
	vxe_bus_align(header, 8);
	vxe_bus_put_bytes(header, &code, 1);
	vxe_bus_put_signature(header, type);
	if (*type == 'g')
		vxe_bus_put_signature(header, text);
	else
		vxe_bus_put_string(header, text);
}

static int call_send(struct vxe_bus *bus, const struct vxe_bus_target *target, const char *member, const char *signature,
		     const struct vxe_bus_body *body)
{
	const uint8_t start[] = {OWN_ORDER, VXE_BUS_CALL, 0, 1};
	struct vxe_bus_body header = {0};
	size_t fields;
	int status;

	vxe_bus_put_bytes(&header, start, sizeof(start));
	vxe_bus_put_u32(&header, body ? (uint32_t)body->size : 0);
	vxe_bus_put_u32(&header, ++bus->serial);
	fields = vxe_bus_array_begin(&header, 8);
	field_put(&header, FIELD_PATH, "o", target->path);
	field_put(&header, FIELD_INTERFACE, "s", target->interface);
	field_put(&header, FIELD_MEMBER, "s", member);
	/* A service's own socket has nobody to address. */
	if (bus->brokered)
		field_put(&header, FIELD_DESTINATION, "s", target->destination);
	if (signature)
		field_put(&header, FIELD_SIGNATURE, "g", signature);
	vxe_bus_array_end(&header, fields, 8);
	vxe_bus_align(&header, 8);
	if (body)
		vxe_bus_put_bytes(&header, body->data, body->size);
	errno = ENOMEM;
	status = header.failed || (body && body->failed) ? -1 : vxe_write_all(bus->fd, header.data, header.size);
	vxe_bus_body_free(&header);
	return status;
}

int vxe_bus_call(struct vxe_bus *bus, const struct vxe_bus_target *target, const char *member, const char *signature,
		 const struct vxe_bus_body *body, struct vxe_bus_message *answer, struct vxe_error **err)
{
	int64_t until = vxe_clock_ms() + TIMEOUT_MS;
	size_t at = 0;
	const char *text;

	if (call_send(bus, target, member, signature, body) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "calling %s over D-Bus", member);
	do
		if (vxe_bus_receive(bus, until, answer, err) < 0)
			return -1;
	while (answer->reply_serial != bus->serial);
	if (answer->type == VXE_BUS_RETURN)
		return 0;
	text = answer->signature && *answer->signature == 's' ? vxe_bus_get_string(answer, &at) : NULL;
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: %s (%s)", member, text ? text : "refused",
			     answer->error_name ? answer->error_name : "no error's name");
}
