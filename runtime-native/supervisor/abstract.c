#include "abstract.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LISTENS 0x10000 /* __SO_ACCEPTCON */
#define NUMBERS_MAX 128 /* bytes before a name */

static bool same_name(const char *text, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != (name[i] ? name[i] : '@'))
			return false;
	return true;
}

/* A line that begins there and is of such a socket. */
static bool line_matches(const char *at, size_t size, const char *name, size_t length, int type, unsigned long *inode)
{
	char numbers[NUMBERS_MAX];
	unsigned int flags, kind;
	int end = 0;

	snprintf(numbers, sizeof(numbers), "%.*s", (int)(size < NUMBERS_MAX ? size : NUMBERS_MAX - 1), at);
	if (sscanf(numbers, "%*x: %*x %*x %x %x %*x %lu%n", &flags, &kind, inode, &end) != 3 || !end ||
	    size < (size_t)end + 1 + length + 1 || at[end] != ' ' || at[(size_t)end + 1 + length] != '\n' ||
	    !same_name(at + end + 1, name, length))
		return false;
	/* Those that a listening one has accepted have its name. */
	return kind == (unsigned int)type && (type == SOCK_DGRAM || (flags & LISTENS));
}

size_t vxe_abstract_find(const char *text, size_t size, const char *name, size_t length, int type,
			 unsigned long inodes[VXE_ABSTRACT_MOST])
{
	const char *at = text, *end = text + size;
	size_t found = 0;

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		unsigned long inode;

		if (line_matches(at, (size_t)(end - at), name, length, type, &inode)) {
			if (found < VXE_ABSTRACT_MOST)
				inodes[found] = inode;
			found++;
		}
		if (!line_end)
			break;
		at = line_end + 1;
	}
	return found;
}
