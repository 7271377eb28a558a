#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"

#define FIRST_SIZE 4096
#define NAME_ATTEMPTS 16

static ssize_t read_some(int fd, char *data, size_t size)
{
	ssize_t got;

	do
		got = read(fd, data, size);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Enough for a regular file of unchanged size in one read, and a second that finds the end. */
static size_t first_capacity(int fd, size_t max)
{
	struct stat st;
	size_t capacity = FIRST_SIZE;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		capacity = (uint64_t)st.st_size < max ? (size_t)st.st_size : max;
	return capacity + 2;
}

int vxe_file_read_fd(int fd, const char *what, size_t max, char **out, size_t *size, struct vxe_error **err)
{
	size_t used = 0, capacity = first_capacity(fd, max);
	cleanup_free char *data = malloc(capacity);

	if (!data)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "%s: cannot be read", what);
	for (;;) {
		ssize_t got;

		if (capacity - used < 2) {
			char *grown = realloc(data, capacity * 2);

			if (!grown)
				return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "%s: cannot be read", what);
			data = grown;
			capacity *= 2;
		}
		got = read_some(fd, data + used, capacity - used - 1);
		if (got < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: cannot be read", what);
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > max)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: is larger than %zu bytes", what, max);
	}
	data[used] = '\0';
	*out = steal_pointer(&data);
	*size = used;
	return 0;
}

int vxe_file_read_at(int dirfd, const char *path, size_t max, char **out, size_t *size, struct vxe_error **err)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: cannot be opened", path);
	return vxe_file_read_fd(fd, path, max, out, size, err);
}

int vxe_file_read_own_at(int dirfd, const char *path, size_t max, char **out, size_t *size, struct vxe_error **err)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: cannot be opened", path);
	if (!S_ISREG(st.st_mode))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s: is not a file", path);
	return vxe_file_read_fd(fd, path, max, out, size, err);
}

ssize_t vxe_file_read_small(int dirfd, const char *path, char *out, size_t room)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t used = 0;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 && used < room) {
		got = read_some(fd, out + used, room - used);
		used += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return -1;
	if (used == room) {
		errno = EFBIG;
		return -1;
	}
	out[used] = '\0';
	return (ssize_t)used;
}

int vxe_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t written = write(fd, at, size);

		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

int vxe_send_all(int socket_fd, const void *data, size_t size, int pass_fd)
{
	for (const char *at = data, *end = at + size; at < end;) {
		struct iovec iov = {.iov_base = (void *)at, .iov_len = (size_t)(end - at)};
		union {
			struct cmsghdr header;
			char space[CMSG_SPACE(sizeof(int))];
		} control = {0};
		struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t sent;

		if (pass_fd >= 0) {
			struct cmsghdr *header;

			message.msg_control = &control;
			message.msg_controllen = sizeof(control);
			header = CMSG_FIRSTHDR(&message);
			header->cmsg_level = SOL_SOCKET;
			header->cmsg_type = SCM_RIGHTS;
			header->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(header), &pass_fd, sizeof(int));
		}
		sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		at += sent;
		pass_fd = -1;
	}
	return 0;
}

/* A new file beside path; its name goes to `name`. */
static int create_beside(int dirfd, const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path + 1) : 0;

	for (int i = 0; i < NAME_ATTEMPTS; i++) {
		uint64_t random;
		int length, fd;

		if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
			random = (uint64_t)getpid() << 8 | (unsigned int)i;
		length = snprintf(name, size, "%.*s.%s.%016" PRIx64, folder, path, path + folder, random);
		if (length < 0 || (size_t)length >= size) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

int vxe_file_replace_at(int dirfd, const char *path, const char *data, size_t size, mode_t mode, struct vxe_error **err)
{
	char name[PATH_MAX];
	cleanup_fd int fd = create_beside(dirfd, path, name, sizeof(name));

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%s: no temporary file can be made beside it", path);
	if (fchmod(fd, mode) < 0 || vxe_write_all(fd, data, size) < 0 || renameat(dirfd, name, dirfd, path) < 0) {
		int errnum = errno;

		unlinkat(dirfd, name, 0);
		return vxe_error_set(err, VXE_EXIT_FAILURE, errnum, "%s: cannot be written", path);
	}
	return 0;
}

static int folder_make(const char *path, mode_t mode)
{
	return mkdir(path, mode) < 0 && errno != EEXIST ? -1 : 0;
}

int vxe_folders_make(char *path, mode_t mode)
{
	for (char *p = path + 1; *p; p++) {
		int made;

		if (*p != '/' || !p[1])
			continue;
		*p = '\0';
		made = folder_make(path, 0755);
		*p = '/';
		if (made < 0)
			return -1;
	}
	return folder_make(path, mode);
}
