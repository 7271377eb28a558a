#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "words.h"

int vxe_relay_bind(const char *state_dir, const char *name, struct vxe_error **err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_fd int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* However long the folder's path is. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (dir >= 0)
		unlinkat(dir, name, 0);
	if (dir < 0 || fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir, name, 0666, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the instance's socket %s/%s", state_dir, name);
	return steal_fd(&fd);
}

size_t vxe_relay_receive(int fd, char *out, size_t size)
{
	ssize_t got = recv(fd, out, size, MSG_DONTWAIT);

	return got > 0 ? (size_t)got : 0;
}

struct syslog_message {
	const char *text, *end; /* without priority, date and line end */
	int priority;		/* facility * 8 + severity, -1: none */
};

static struct syslog_message syslog_read(const char *datagram, size_t size)
{
	struct syslog_message message = {.text = datagram, .end = datagram + size, .priority = -1};
	const char *p = datagram;
	int priority = 0;

	while (message.end > message.text && (message.end[-1] == '\n' || message.end[-1] == '\0'))
		message.end--;
	if (p < message.end && *p == '<') {
		const char *digits = ++p;

		for (; p < message.end && p - digits < 4 && *p >= '0' && *p <= '9'; p++)
			priority = priority * 10 + (*p - '0');
		if (p < message.end && *p == '>' && p > digits) {
			message.priority = priority;
			message.text = p + 1;
		}
	}
	/* "Mmm dd hh:mm:ss " in local time without a year: replaced by ours. */
	p = message.text;
	if (message.end - p > 16 && p[3] == ' ' && p[6] == ' ' && p[9] == ':' && p[12] == ':' && p[15] == ' ')
		message.text += 16;
	return message;
}

/* Nothing inside may begin a second line, or hold a control sequence for who reads. */
static size_t text_append(const struct syslog_message *message, char *out, size_t used, size_t out_size)
{
	size_t length = (size_t)(message->end - message->text);

	if (length > out_size - used)
		length = out_size - used;
	memcpy(out + used, message->text, length);
	vxe_text_plain(out + used, length, ' ');
	return used + length;
}

size_t vxe_relay_syslog_line(const char *datagram, size_t size, char *out, size_t out_size)
{
	struct syslog_message message = syslog_read(datagram, size);
	struct timespec now;
	struct tm tm;
	char date[32];
	size_t used;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(out, out_size, "%s ", date);
	used = text_append(&message, out, n > 0 ? (size_t)n : 0, out_size - 1);
	out[used++] = '\n';
	return used;
}

/*
 * The host's log takes the sender's word for facility, severity and tag. The kernel's facility and that of the log itself are not a
 * program's, nobody's terminal is written to (which daemons do for LOG_EMERG), and what stands where the tag does is the instance's.
 */
static int priority_held(int priority)
{
	int facility = priority >> 3, severity = priority & LOG_PRIMASK;

	if (priority < 0)
		return LOG_DAEMON | LOG_NOTICE;
	if (facility == LOG_KERN >> 3 || facility == LOG_SYSLOG >> 3 || facility >= LOG_NFACILITIES)
		facility = LOG_DAEMON >> 3;
	return facility << 3 | (severity == LOG_EMERG ? LOG_ALERT : severity);
}

size_t vxe_relay_syslog_datagram(const char *id, const char *datagram, size_t size, char *out, size_t out_size)
{
	struct syslog_message message = syslog_read(datagram, size);
	time_t now = time(NULL);
	char date[32];
	struct tm tm;
	int n;

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%b %e %H:%M:%S", &tm);
	n = snprintf(out, out_size, "<%d>%s vxe-%s[%d]: ", priority_held(message.priority), date, id, (int)getpid());
	return n < 0 || (size_t)n >= out_size ? 0 : text_append(&message, out, (size_t)n, out_size);
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

void vxe_relay_syslog_forward(const char *log, const char *id, const char *datagram, size_t size)
{
	char out[4600];
	size_t used = vxe_relay_syslog_datagram(id, datagram, size, out, sizeof(out));

	if (used)
		datagram_send(log, out, used);
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
			vxe_text_plain(out + used, length, '?');
			used += length;
			out[used++] = '\n';
			break;
		}
		line = newline ? newline + 1 : end;
	}
	return used;
}

/* Among lines that each have their end. */
static bool says_ready(const char *lines, size_t size)
{
	static const char ready[] = "READY=1\n";

	for (const char *line = lines, *end = lines + size; line < end;
	     line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1)
		if ((size_t)(end - line) >= strlen(ready) && !memcmp(line, ready, strlen(ready)))
			return true;
	return false;
}

bool vxe_relay_notify(const char *manager, const char *datagram, size_t size, pid_t main_pid)
{
	char out[4096 + 32];
	size_t used = vxe_relay_notify_lines(datagram, size, out, sizeof(out) - 32);
	bool ready = says_ready(out, used);

	if (ready && main_pid > 0)
		used += (size_t)snprintf(out + used, sizeof(out) - used, "MAINPID=%d\n", main_pid);
	if (used)
		datagram_send(manager, out, used);
	return ready;
}
