#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

int vxe_relay_bind(const char *state_dir, const char *name, struct vxe_error **err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", state_dir, name) >= (int)sizeof(address.sun_path)) {
		vxe_error_set(err, VXE_EXIT_FAILURE, ENAMETOOLONG, "the instance's socket %s/%s", state_dir, name);
		return vxe_error_hint(err, "choose a shorter --root");
	}
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || chmod(address.sun_path, 0666) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the instance's socket %s", address.sun_path);
	return steal_fd(&fd);
}

size_t vxe_relay_receive(int fd, char *out, size_t size)
{
	ssize_t got = recv(fd, out, size, MSG_DONTWAIT);

	return got > 0 ? (size_t)got : 0;
}

size_t vxe_relay_syslog_line(const char *datagram, size_t size, char *out, size_t out_size)
{
	const char *text = datagram, *end = datagram + size;
	struct timespec now;
	struct tm tm;
	char date[32];
	size_t used;
	int n;

	while (end > text && (end[-1] == '\n' || end[-1] == '\0'))
		end--;
	if (text < end && *text == '<') {
		const char *close_bracket = memchr(text, '>', (size_t)(end - text) < 6 ? (size_t)(end - text) : 6);

		if (close_bracket)
			text = close_bracket + 1;
	}
	/* "Mmm dd hh:mm:ss " in local time without a year: replaced by ours. */
	if (end - text > 16 && text[3] == ' ' && text[6] == ' ' && text[9] == ':' && text[12] == ':' && text[15] == ' ')
		text += 16;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(out, out_size, "%s ", date);
	used = n > 0 ? (size_t)n : 0;
	for (; text < end && used + 1 < out_size; text++)
		out[used++] = (unsigned char)*text < ' ' || *text == 127 ? ' ' : *text;
	out[used++] = '\n';
	return used;
}

static void datagram_send(const char *path, const char *data, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || !length || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	(void)sendto(fd, data, size, MSG_NOSIGNAL, (const struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

void vxe_relay_syslog_forward(const char *datagram, size_t size)
{
	datagram_send("/dev/log", datagram, size);
}

size_t vxe_relay_notify_lines(const char *datagram, size_t size, char *out, size_t out_size)
{
	/* What ends with '=' takes any value. */
	static const char *const passed[] = {"READY=1", "STOPPING=1", "RELOADING=1",	      "STATUS=",
					     "ERRNO=",	"WATCHDOG=1", "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC="};
	size_t used = 0;

	for (const char *line = datagram, *end = datagram + size; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((newline ? newline : end) - line);

		for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
			size_t known = strlen(passed[i]);
			bool fits = passed[i][known - 1] == '=' ? length >= known : length == known;

			if (!fits || memcmp(line, passed[i], known) || used + length + 1 > out_size)
				continue;
			memcpy(out + used, line, length);
			used += length;
			out[used++] = '\n';
			break;
		}
		line = newline ? newline + 1 : end;
	}
	return used;
}

void vxe_relay_notify(const char *manager, const char *datagram, size_t size)
{
	char out[4096];
	size_t used = vxe_relay_notify_lines(datagram, size, out, sizeof(out));

	if (used)
		datagram_send(manager, out, used);
}
