#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "digits.h"
#include "folder.h"
#include "tap.h"
#include "utc.h"

static char folder[] = "/tmp/vxe-test-file-XXXXXX";

static void clean_up(void)
{
	folder_remove(folder);
}

static size_t count_entries(int dirfd)
{
	DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY));
	size_t count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static bool holds(int dirfd, const char *path, const char *wanted, size_t wanted_size)
{
	cleanup_free char *data = NULL;
	size_t size = 0;

	return vxe_file_read_at(dirfd, path, 1 << 20, &data, &size, NULL) == 0 && size == wanted_size &&
	       memcmp(data, wanted, size) == 0 && data[size] == '\0';
}

static void test_replace(int dirfd)
{
	struct vxe_error *err = NULL;
	struct stat st;

	umask(077);
	ok(vxe_file_replace_at(dirfd, "a", "one\0two", 7, 0644, &err) == 0 && holds(dirfd, "a", "one\0two", 7), "a new file");
	ok(fstatat(dirfd, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0644, "the mode is not cut by the umask");
	ok(vxe_file_replace_at(dirfd, "a", "", 0, 0600, &err) == 0 && holds(dirfd, "a", "", 0), "replaced by an empty one");
	ok(fstatat(dirfd, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0600, "with its new mode");
	ok(symlinkat("a", dirfd, "link") == 0 && vxe_file_replace_at(dirfd, "link", "x", 1, 0600, &err) == 0 &&
		   fstatat(dirfd, "link", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && holds(dirfd, "a", "", 0),
	   "a symbolic link is replaced, not followed");
	ok(mkdirat(dirfd, "sub", 0700) == 0 && vxe_file_replace_at(dirfd, "sub/b", "deep", 4, 0600, &err) == 0 &&
		   holds(dirfd, "sub/b", "deep", 4),
	   "in a folder below");
	ok(!err, "no error so far");
	ok(vxe_file_replace_at(dirfd, "none/b", "x", 1, 0600, &err) < 0 && err->errnum == ENOENT &&
		   same_text(err->message, "none/b: no temporary file can be made beside it"),
	   "in a folder that is absent");
	ok(vxe_file_replace_at(dirfd, "sub", "x", 1, 0600, &err) < 0 && err->errnum == EISDIR &&
		   same_text(err->message, "sub: cannot be written"),
	   "over a folder");
	ok(count_entries(dirfd) == 3, "no temporary file stays behind");
	vxe_error_free(&err);
}

static void test_read(int dirfd)
{
	struct vxe_error *err = NULL;
	char big[10000], *data = NULL;
	size_t size = 0;

	memset(big, 'x', sizeof(big));
	vxe_file_replace_at(dirfd, "big", big, sizeof(big), 0600, NULL);
	ok(holds(dirfd, "big", big, sizeof(big)), "a file of more than one page");
	ok(vxe_file_read_at(dirfd, "big", sizeof(big), &data, &size, &err) == 0 && size == sizeof(big),
	   "of just the size allowed");
	free(data);
	data = NULL;
	ok(vxe_file_read_at(dirfd, "big", sizeof(big) - 1, &data, &size, &err) < 0 && !data &&
		   same_text(err->message, "big: is larger than 9999 bytes"),
	   "one byte too large");
	ok(vxe_file_read_at(dirfd, "absent", 10, &data, &size, &err) < 0 && err->errnum == ENOENT &&
		   same_text(err->message, "absent: cannot be opened"),
	   "an absent file");
	ok(vxe_file_read_at(dirfd, ".", 10, &data, &size, &err) < 0 && err->errnum == EISDIR &&
		   same_text(err->message, ".: cannot be read"),
	   "a folder");
	ok(vxe_file_read_at(AT_FDCWD, "/proc/self/maps", 1 << 20, &data, &size, &err) == 0 && size > 0 && strlen(data) == size,
	   "a file of /proc, which claims to be empty");
	free(data);
	data = NULL;
	ok(vxe_file_read_at(AT_FDCWD, "/proc/self/maps", 16, &data, &size, &err) < 0, "and its limit");
	ok(vxe_file_read_at(AT_FDCWD, "/dev/zero", 100000, &data, &size, &err) < 0 && !data, "an endless file");
	vxe_error_free(&err);
}

struct pipe_writer {
	int fd;
	int status;
};

static char pipe_data[1 << 18];

static void *write_pipe(void *data)
{
	struct pipe_writer *writer = data;

	writer->status = vxe_write_all(writer->fd, pipe_data, sizeof(pipe_data));
	close(writer->fd);
	return NULL;
}

static void test_small(int dirfd)
{
	char text[8];

	ok(vxe_file_replace_at(dirfd, "small", "0123456", 7, 0600, NULL) == 0 &&
		   vxe_file_read_small(dirfd, "small", text, sizeof(text)) == 7 && same_text(text, "0123456"),
	   "a small file that just fits is read, with a NUL after it");
	errno = 0;
	ok(vxe_file_read_small(dirfd, "small", text, 7) == -1 && errno == EFBIG,
	   "one that does not is an error, not a part of it");
	errno = 0;
	ok(vxe_file_read_small(dirfd, "none", text, sizeof(text)) == -1 && errno == ENOENT, "one that is not there is told");
	ok(vxe_file_replace_at(dirfd, "small", "", 0, 0600, NULL) == 0 &&
		   vxe_file_read_small(dirfd, "small", text, sizeof(text)) == 0 && same_text(text, ""),
	   "an empty one is an empty text");
	unlinkat(dirfd, "small", 0);
}

static void test_pipe(void)
{
	struct pipe_writer writer = {.status = -1};
	pthread_t thread;
	char *data = NULL;
	size_t size = 0;
	int ends[2];

	for (size_t i = 0; i < sizeof(pipe_data); i++)
		pipe_data[i] = (char)(i * 7);
	if (pipe(ends) < 0)
		abort();
	writer.fd = ends[1];
	pthread_create(&thread, NULL, write_pipe, &writer);
	ok(vxe_file_read_fd(ends[0], "pipe", sizeof(pipe_data), &data, &size, NULL) == 0 && size == sizeof(pipe_data) &&
		   memcmp(data, pipe_data, size) == 0,
	   "more than a pipe holds, read");
	pthread_join(thread, NULL);
	ok(writer.status == 0, "and written");
	free(data);
	close(ends[0]);
	ok(vxe_write_all(-1, "x", 1) < 0 && errno == EBADF, "a descriptor that is none");
}

static void test_utc(void)
{
	static const int64_t edges[] = {0, 68169599, 68169600, 951782399, 951868800, 1709164800, 4107542399, 253402300799, -1};
	uint64_t state = 88172645463325252;
	bool same = true;

	for (size_t i = 0; i < 100000; i++) {
		time_t seconds = i < sizeof(edges) / sizeof(*edges) ? edges[i] : (time_t)(state % 253402300800);
		struct tm ours, theirs;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		vxe_utc(seconds, &ours);
		gmtime_r(&seconds, &theirs);
		same &= ours.tm_year == theirs.tm_year && ours.tm_mon == theirs.tm_mon && ours.tm_mday == theirs.tm_mday &&
			ours.tm_hour == theirs.tm_hour && ours.tm_min == theirs.tm_min && ours.tm_sec == theirs.tm_sec;
	}
	ok(same, "dates are gmtime's");
}

static void test_digits(void)
{
	static const uint64_t values[] = {
		0, 1, 9, 10, 15, 16, 99, 100, 255, 4096, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
	bool same = true;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char ours[VXE_DIGITS], theirs[VXE_DIGITS];

		same &= vxe_digits_decimal(values[i], ours) == (size_t)snprintf(theirs, sizeof(theirs), "%" PRIu64, values[i]);
		same &= same_text(ours, theirs);
		same &= vxe_digits_hex(values[i], ours) == (size_t)snprintf(theirs, sizeof(theirs), "0x%" PRIx64, values[i]);
		same &= same_text(ours, theirs);
	}
	ok(same, "numbers are printf's");
}

int main(void)
{
	int dirfd;

	if (!mkdtemp(folder))
		abort();
	atexit(clean_up);
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_replace(dirfd);
	test_read(dirfd);
	test_small(dirfd);
	test_pipe();
	test_utc();
	test_digits();
	close(dirfd);
	return tap_done();
}
