/*
 * A service that is ready a while after it was started, tells the service manager so, and waits for the end. Whenever it is sent SIGUSR1 it makes a
 * call that its profile does not permit; anything but a refusal ends it.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void on_term(int number)
{
	(void)number;
	_exit(0);
}

static void on_wish(int number)
{
	(void)number;
	if (getpriority(PRIO_PROCESS, 0) != -1 || errno != EPERM)
		_exit(3);
}

static int tell(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	int fd;

	if (!path || !*path || strlen(path) >= sizeof(address.sun_path)) {
		fputs("ready: there is no NOTIFY_SOCKET\n", stderr);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0) {
		perror("ready: telling the service manager");
		return -1;
	}
	return close(fd);
}

int main(void)
{
	struct timespec while_starting = {.tv_sec = 2};

	if (signal(SIGTERM, on_term) == SIG_ERR || signal(SIGUSR1, on_wish) == SIG_ERR)
		return 1;
	nanosleep(&while_starting, NULL);
	if (tell("READY=1\nSTATUS=ready for what comes\n") < 0)
		return 1;
	for (;;)
		pause();
}
