/* Messages of the launch's two sides, with descriptors: one byte and at most one descriptor are taken, and no other stays open. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch.h"

#define DESCRIPTORS_MAX 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* The byte that begins a message says how long it is and how many descriptors come with it. */
static void message_send(int fd, const uint8_t *text, size_t length, size_t descriptors)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = length};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (descriptors) {
		struct cmsghdr *cmsg;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		for (size_t i = 0; i < descriptors; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
	}
	(void)sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t before = open_descriptors();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	for (int messages = 0; size > 0 && messages < 64; messages++) {
		size_t descriptors = data[0] & DESCRIPTORS_MAX, length = data[0] >> 3;
		int passed = -2, message;

		data++;
		size--;
		if (length > size)
			length = size;
		if (length == 0)
			continue; /* an empty one is the end, to whoever receives */
		message_send(pair[0], data, length, descriptors);
		message = vxe_sync_receive(pair[1], &passed);
		if (message != data[0] || passed < -1 ||
		    (passed >= 0 && (descriptors == 0 || fcntl(passed, F_GETFD) != FD_CLOEXEC)))
			abort();
		if (descriptors == 1 && passed < 0)
			abort();
		if (passed >= 0)
			close(passed);
		data += length;
		size -= length;
	}
	close(pair[0]);
	if (vxe_sync_receive(pair[1], &(int){0}) != -1)
		abort();
	close(pair[1]);
	if (open_descriptors() != before)
		abort();
	return 0;
}
