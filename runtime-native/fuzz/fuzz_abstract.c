/* /proc/PID/net/unix, which holds names that programs chose: a socket that is there is found, whatever else the text says. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abstract.h"

#define NAME_MAX_BYTES 108
#define INODE 31337

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the name in `name`, as the kernel has it. */
static size_t line_write(char *out, const char *name, size_t length)
{
	size_t used = (size_t)sprintf(out, "\n0000000000000000: 00000002 00000000 00010000 0001 01 %d ", INODE);

	for (size_t i = 0; i < length; i++)
		out[used++] = (char)(name[i] ? name[i] : '@');
	out[used++] = '\n';
	return used;
}

/* The name's length, the name, and what is in the text before the socket's line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned long inodes[VXE_ABSTRACT_MOST];
	char name[NAME_MAX_BYTES] = "", *text, *exact;
	size_t length = size ? 1 + data[0] % (NAME_MAX_BYTES - 1) : 0, before, found, now;
	bool there = false;

	if (size < 1 + length)
		return 0;
	memcpy(name + 1, data + 1, length - 1);
	size -= length;
	text = malloc(size + 256);
	memcpy(text, data + length, size);
	before = vxe_abstract_find(text, size, name, length, SOCK_STREAM, inodes);
	size += line_write(text + size, name, length);
	/* Of its own size, so that a byte too far is seen. */
	exact = malloc(size);
	memcpy(exact, text, size);
	found = vxe_abstract_find(exact, size, name, length, SOCK_STREAM, inodes);
	now = found < VXE_ABSTRACT_MOST ? found : VXE_ABSTRACT_MOST;
	for (size_t i = 0; i < now; i++)
		there |= inodes[i] == INODE;
	if (found <= before || (found <= VXE_ABSTRACT_MOST && !there))
		abort();
	free(text);
	free(exact);
	return 0;
}
