/* What a program sends to its /dev/log and its notification socket: one line comes of it, and no line that was not meant to pass. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
	if (!good)
		abort();
}

static void check_syslog(const char *datagram, size_t size, size_t room)
{
	char *line = malloc(room);
	size_t length = vxe_relay_syslog_line(datagram, size, line, room);

	/* Nobody inside may write a second line, or a control sequence for who reads the log. */
	need(length > 0 && length <= room && line[length - 1] == '\n');
	for (size_t i = 0; i + 1 < length; i++)
		need((unsigned char)line[i] >= ' ' && line[i] != 127);
	free(line);
}

static void check_forwarded(const char *datagram, size_t size, size_t room)
{
	static const char tag[] = " vxe-popd[";
	char *line = malloc(room + 1), *end;
	size_t length = vxe_relay_syslog_datagram("popd", datagram, size, line, room);
	long priority;

	need(length <= room);
	line[length] = '\0';
	if (length) {
		/* Whose word it is, and how loud, is not for the program to say. */
		need(line[0] == '<');
		priority = strtol(line + 1, &end, 10);
		need(*end == '>' && priority >= 8 && priority < 24 * 8 && priority / 8 != 5 && priority % 8 != 0);
		need(strlen(end) > 16 + sizeof(tag) && !memcmp(end + 16, tag, strlen(tag)));
	}
	for (size_t i = 0; i < length; i++)
		need((unsigned char)line[i] >= ' ' && line[i] != 127);
	free(line);
}

static void check_notify(const char *datagram, size_t size, size_t room)
{
	static const char *const spoken_for[] = {"MAINPID", "FDSTORE", "FDNAME", "NOTIFYACCESS", "BUSERROR", "BARRIER"};
	char *out = malloc(room ? room : 1);
	size_t length = vxe_relay_notify_lines(datagram, size, out, room);

	need(length <= room && (!length || out[length - 1] == '\n'));
	for (const char *line = out; line < out + length;) {
		const char *end = memchr(line, '\n', (size_t)(out + length - line));

		need(end && end > line);
		for (size_t i = 0; i < sizeof(spoken_for) / sizeof(*spoken_for); i++)
			need((size_t)(end - line) < strlen(spoken_for[i]) ||
			     memcmp(line, spoken_for[i], strlen(spoken_for[i])) != 0);
		line = end + 1;
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size, so that the sanitizer sees a byte read beyond it. */
	char *datagram = malloc(size ? size : 1);

	memcpy(datagram, data, size);
	check_syslog(datagram, size, 4200);
	check_syslog(datagram, size, 32);
	check_forwarded(datagram, size, 4600);
	check_forwarded(datagram, size, 64);
	check_forwarded(datagram, size, 32);
	check_notify(datagram, size, 4096);
	check_notify(datagram, size, 16);
	free(datagram);
	return 0;
}
