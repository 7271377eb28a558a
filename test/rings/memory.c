/*
 * memory WHAT COUNT: what a ring can have the kernel hold. It says `ready` and its cgroup, waits for a line, takes COUNT of WHAT
 * (as many as it gets), says how many that were and what the next one failed with, and waits for the end of its input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring.h"

#define MIB (1UL << 20)
#define ENTRIES 4096U
#define COMPLETIONS 32768U
/* Newer than the headers that this may be built with. */
#define REGISTER_PBUF_RING 22
#define PBUF_RING_MMAP 1U

struct pbuf_ring {
	uint64_t ring_addr;
	uint32_t ring_entries;
	uint16_t bgid, flags;
	uint64_t resv[3];
};

static int failed;

/* Of the largest size that there is. */
static int ring_open(struct ring *ring)
{
	struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE, .cq_entries = COMPLETIONS};
	int fd = ring_setup(ENTRIES, &params);

	if (fd < 0 || (ring && ring_map(fd, &params, ring) < 0)) {
		failed = errno;
		return -1;
	}
	return fd;
}

static long rings(long count)
{
	long got = 0;

	while (got < count && ring_open(NULL) >= 0)
		got++;
	return got;
}

/* Mebibytes of one's own memory, which the kernel pins: one for each of so many small rings. */
static long buffers(long count)
{
	long got = 0;

	for (; got < count; got++) {
		struct io_uring_params params = {0};
		struct iovec piece = {.iov_len = MIB};
		int fd = ring_setup(4, &params);

		piece.iov_base = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		failed =
			fd < 0 || piece.iov_base == MAP_FAILED ? errno : -ring_register(fd, IORING_REGISTER_BUFFERS, &piece, 1);
		if (failed)
			break;
	}
	return got;
}

/* Half a mebibyte each, which the kernel makes. */
static long provided(long count)
{
	struct ring ring;
	long got = 0;

	if (ring_open(&ring) < 0)
		return 0;
	for (; got < count; got++) {
		struct pbuf_ring wish = {.ring_entries = 32768, .bgid = (uint16_t)got, .flags = PBUF_RING_MMAP};

		failed = -ring_register(ring.fd, REGISTER_PBUF_RING, &wish, 1);
		if (failed)
			break;
	}
	return got;
}

/* Operations that wait for what never comes. */
static long waiting(long count, const struct io_uring_sqe *sqe)
{
	struct ring ring;
	long got = 0;

	if (ring_open(&ring) < 0)
		return 0;
	while (got < count) {
		unsigned int tail = *ring.sq_tail;
		unsigned int batch = count - got < (long)ENTRIES ? (unsigned int)(count - got) : ENTRIES;

		for (unsigned int i = 0; i < batch; i++) {
			unsigned int at = (tail + i) & *ring.sq_mask;

			ring.sqes[at] = *sqe;
			ring.sq_array[at] = at;
		}
		__atomic_store_n(ring.sq_tail, tail + batch, __ATOMIC_RELEASE);
		for (long done; batch > 0; batch -= (unsigned int)done, got += done) {
			done = syscall(SYS_io_uring_enter, ring.fd, batch, 0, 0, NULL, 0);
			if (done <= 0) {
				failed = done < 0 ? errno : EAGAIN;
				return got;
			}
		}
	}
	return got;
}

static long polls(long count)
{
	int ends[2] = {-1, -1};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_POLL_ADD, .poll32_events = 1 /* POLLIN */};

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	sqe.fd = ends[0];

	return waiting(count, &sqe);
}

static long threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	long count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count - 2;
}

/* Threads of the kernel that work for this process: how many there are once no more come. */
static long workers(long count)
{
	int out[2] = {-1, -1}, in[2] = {-1, -1};
	/* The kernel waits for a pipe's content by a thread of its own where it is not read. */
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SPLICE, .flags = IOSQE_ASYNC, .off = UINT64_MAX, .splice_off_in = UINT64_MAX, .len = 1};
	long got, before = -1, now = 0;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0)
		return 0;
	sqe.fd = out[1];
	sqe.splice_fd_in = in[0];
	got = waiting(count, &sqe);
	if (got < count)
		return 0;
	for (int same = 0; same < 10; same = now == before ? same + 1 : 0) {
		before = now;
		usleep(50000);
		now = threads() - 1;
	}
	return now;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		long (*take)(long count);
	} kinds[] = {{"rings", rings}, {"buffers", buffers}, {"provided", provided}, {"polls", polls}, {"workers", workers}};
	char where[4096] = "", *cgroup;
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	if (argc != 3 || fd < 0 || read(fd, where, sizeof(where) - 1) < 0)
		return 2;
	close(fd);
	cgroup = strstr(where, "0::");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char byte;
		long got;

		if (strcmp(argv[1], kinds[i].name))
			continue;
		printf("ready %s\n", cgroup ? strtok(cgroup + 3, "\n") : "/");
		fflush(stdout);
		if (read(STDIN_FILENO, &byte, 1) != 1)
			return 2;
		got = kinds[i].take(atol(argv[2]));
		printf("%ld %s\n", got, failed ? strerrorname_np(failed) : "0");
		fflush(stdout);
		return read(STDIN_FILENO, &byte, 1) < 0 ? 2 : 0;
	}
	return 2;
}
