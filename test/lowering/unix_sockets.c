/*
 * Which unix sockets take an address: prints one line for each way of making one, `connect` where connect led it to a socket in the file
 * system, `send` where sendmsg with that address delivered there. The receiving sockets are made in the folder that is given.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int receiver(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || (type != SOCK_DGRAM && listen(fd, 8) < 0)) {
		perror(path);
		exit(1);
	}
	return fd;
}

static int reached(int server, int type)
{
	char byte;
	int fd;

	if (type == SOCK_DGRAM)
		return recv(server, &byte, 1, MSG_DONTWAIT) == 1;
	fd = accept(server, NULL, NULL);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int type, met;
	} types[] = {{"SOCK_STREAM", SOCK_STREAM, SOCK_STREAM},
		     {"SOCK_SEQPACKET", SOCK_SEQPACKET, SOCK_SEQPACKET},
		     {"SOCK_DGRAM", SOCK_DGRAM, SOCK_DGRAM},
		     {"SOCK_RAW", SOCK_RAW, SOCK_DGRAM}};

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (int pair = 0; pair < 2; pair++) {
			struct sockaddr_un to = {.sun_family = AF_UNIX};
			char byte = 'x';
			struct iovec part = {&byte, 1};
			struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &part, .msg_iovlen = 1};
			int ends[2] = {-1, -1}, server, connects, sends;

			snprintf(to.sun_path, sizeof(to.sun_path), "%s/%zu%d", argv[1], i, pair);
			server = receiver(to.sun_path, types[i].met);
			if (pair ? socketpair(AF_UNIX, types[i].type, 0, ends) < 0
				 : (ends[0] = socket(AF_UNIX, types[i].type, 0)) < 0)
				return 1;
			/* Sending first: a connected socket needs no address. */
			sends = sendmsg(ends[0], &message, MSG_NOSIGNAL) == 1 && reached(server, types[i].met);
			connects = connect(ends[0], (struct sockaddr *)&to, sizeof(to)) == 0;
			if (connects && types[i].met == SOCK_DGRAM)
				connects = send(ends[0], &byte, 1, MSG_NOSIGNAL) == 1 && reached(server, types[i].met);
			printf("%s %s:%s%s\n", pair ? "socketpair" : "socket", types[i].name, connects ? " connect" : "",
			       sends ? " send" : "");
			/* The other end gone, it is tried again: an end that is left alone is no new socket. */
			if (pair) {
				close(ends[1]);
				if (types[i].met != SOCK_DGRAM && connect(ends[0], (struct sockaddr *)&to, sizeof(to)) == 0)
					printf("%s connects when its peer is gone\n", types[i].name);
			}
			close(ends[0]);
			close(server);
		}
	}
	return 0;
}
