/*
 * As much of D-Bus as asking systemd for a unit takes: one connection, calls with an answer, and waiting for a signal. The wire format is
 * that of the D-Bus specification, version 1. What comes from the other side is checked before it is looked at.
 */
#ifndef VXE_BASE_BUS_H
#define VXE_BASE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define VXE_BUS_MESSAGE_MAX (1u << 20)

/* A growing message body; an allocation failure is remembered. */
struct vxe_bus_body {
	uint8_t *data;
	size_t size, capacity;
	bool failed;
};

void vxe_bus_put_u32(struct vxe_bus_body *body, uint32_t value);
void vxe_bus_put_u64(struct vxe_bus_body *body, uint64_t value);
void vxe_bus_put_string(struct vxe_bus_body *body, const char *text); /* also an object path */
void vxe_bus_put_signature(struct vxe_bus_body *body, const char *signature);
void vxe_bus_put_bytes(struct vxe_bus_body *body, const void *data, size_t size);
void vxe_bus_align(struct vxe_bus_body *body, size_t to);
/* An array of elements with this alignment: begin gives what end wants. */
size_t vxe_bus_array_begin(struct vxe_bus_body *body, size_t alignment);
void vxe_bus_array_end(struct vxe_bus_body *body, size_t begun, size_t alignment);
void vxe_bus_body_free(struct vxe_bus_body *body);

enum vxe_bus_type { VXE_BUS_CALL = 1, VXE_BUS_RETURN, VXE_BUS_ERROR, VXE_BUS_SIGNAL };

/* A received message; all of it points into the bytes it was read from. */
struct vxe_bus_message {
	enum vxe_bus_type type;
	uint32_t reply_serial;
	const char *member, *error_name, *signature; /* NULL where absent */
	const uint8_t *body;
	size_t body_size;
};

/* How long the whole message is that begins with these 16 bytes; 0: it is none that this program reads. */
size_t vxe_bus_message_size(const uint8_t header[16]);
/* 0, or -1 where the bytes are no message. */
int vxe_bus_message_parse(const uint8_t *data, size_t size, struct vxe_bus_message *out);
/* A string, or object path, of the body at *at, which is moved on. NULL where there is none. */
const char *vxe_bus_get_string(const struct vxe_bus_message *message, size_t *at);
bool vxe_bus_get_u32(const struct vxe_bus_message *message, size_t *at, uint32_t *out);

struct vxe_bus {
	int fd;
	uint32_t serial;
	bool brokered;	 /* through a message bus, not a service's own socket */
	uint8_t *buffer; /* the last message that was received */
};

/* To a service's own socket, or a bus. 0, or -1 with errno. */
int vxe_bus_open(struct vxe_bus *bus, const char *path, bool brokered);
void vxe_bus_close(struct vxe_bus *bus);
struct vxe_bus_target {
	const char *destination, *path, *interface;
};
/* Calls the method and waits for its return; *answer is good until the next message. signature NULL: no body. */
int vxe_bus_call(struct vxe_bus *bus, const struct vxe_bus_target *target, const char *member, const char *signature,
		 const struct vxe_bus_body *body, struct vxe_bus_message *answer, struct vxe_error **err);
/* Waits for the next message of any kind until the time of CLOCK_MONOTONIC in milliseconds. */
int vxe_bus_receive(struct vxe_bus *bus, int64_t until_ms, struct vxe_bus_message *out, struct vxe_error **err);

#endif
