#include "home.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "kernel.h"

#define PASSWD_MAX (1u << 20)
/* passwd(5): name, password, number, group, words, home, shell. */
#define UID_FIELD 2
#define HOME_FIELD 5

static bool number_is(const char *text, size_t length, uid_t wanted)
{
	uint64_t value = 0;

	if (!length || length > 10)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	return value == wanted;
}

/* The field of a line that ends at `end`; false: it has none of this number. */
static bool field_of(const char *line, const char *end, unsigned int number, const char **field, size_t *length)
{
	for (; number; number--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (!line)
			return false;
		line++;
	}
	*field = line;
	line = memchr(line, ':', (size_t)(end - line));
	*length = (size_t)((line ? line : end) - *field);
	return true;
}

char *vxe_home_in(const char *text, size_t size, uid_t uid)
{
	for (size_t at = 0, used; at < size; at += used + 1) {
		const char *line = text + at, *end = memchr(line, '\n', size - at), *field;
		size_t length;

		if (!end)
			end = text + size;
		used = (size_t)(end - line);
		if (!field_of(line, end, UID_FIELD, &field, &length) || !number_is(field, length, uid))
			continue;
		/* The first line counts, as with getpwuid(3). */
		if (!field_of(line, end, HOME_FIELD, &field, &length) || !length || *field != '/' ||
		    memchr(field, '\0', length))
			return NULL;
		return strndup(field, length);
	}
	return NULL;
}

/* The file is the container's: it may be anything, and lead anywhere in there. */
static char *passwd_home(uid_t uid)
{
	cleanup_fd int fd =
		sys_openat2(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t size = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    vxe_file_read_fd(fd, "/etc/passwd", PASSWD_MAX, &text, &size, NULL) < 0)
		return NULL;
	return vxe_home_in(text, size, uid);
}

char *vxe_home_find(uid_t uid)
{
	char *home = passwd_home(uid);

	return home ? home : strdup("/");
}
