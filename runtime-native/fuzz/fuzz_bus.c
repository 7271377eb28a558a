/* D-Bus messages as they may come over a socket: what parses stays within its bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const char *text)
{
	if (text && strlen(text) > VXE_BUS_MESSAGE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vxe_bus_message message;
	size_t at = 0;
	uint32_t number;

	if (size >= 16 && vxe_bus_message_size(data) > VXE_BUS_MESSAGE_MAX)
		abort();
	if (vxe_bus_message_parse(data, size, &message) < 0)
		return 0;
	touch(message.member);
	touch(message.error_name);
	touch(message.signature);
	if (message.body + message.body_size != data + size)
		abort();
	/* As the reader of JobRemoved goes through it, and on. */
	while (vxe_bus_get_u32(&message, &at, &number) && at < message.body_size)
		touch(vxe_bus_get_string(&message, &at));
	return 0;
}
