#include "ring.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int ring_setup(unsigned int entries, struct io_uring_params *params)
{
	return (int)syscall(SYS_io_uring_setup, entries, params);
}

int ring_register(int fd, unsigned int opcode, const void *arg, unsigned int count)
{
	return syscall(SYS_io_uring_register, fd, opcode, arg, count) < 0 ? -errno : 0;
}

int ring_map(int fd, const struct io_uring_params *p, struct ring *ring)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned int);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	char *rings = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	void *sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  fd, IORING_OFF_SQES);

	if (rings == MAP_FAILED || sqes == MAP_FAILED)
		return -1;
	*ring = (struct ring){.fd = fd,
			      .sq_head = (unsigned int *)(rings + p->sq_off.head),
			      .sq_tail = (unsigned int *)(rings + p->sq_off.tail),
			      .sq_mask = (unsigned int *)(rings + p->sq_off.ring_mask),
			      .sq_array = (unsigned int *)(rings + p->sq_off.array),
			      .cq_head = (unsigned int *)(rings + p->cq_off.head),
			      .cq_tail = (unsigned int *)(rings + p->cq_off.tail),
			      .cq_mask = (unsigned int *)(rings + p->cq_off.ring_mask),
			      .sqes = sqes,
			      .cqes = (struct io_uring_cqe *)(rings + p->cq_off.cqes)};
	return 0;
}

int ring_submit(struct ring *ring, const struct io_uring_sqe *sqes, unsigned int count, int *results)
{
	unsigned int tail = *ring->sq_tail, flags = IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int at = (tail + i) & *ring->sq_mask;

		ring->sqes[at] = sqes[i];
		ring->sqes[at].user_data = (uint64_t)tail + i;
		ring->sq_array[at] = at;
		results[i] = RING_UNANSWERED;
	}
	__atomic_store_n(ring->sq_tail, tail + count, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, count, count, flags, NULL, 0) < 0) {
		int failed = -errno;

		__atomic_store_n(ring->sq_tail, tail, __ATOMIC_RELEASE);
		return failed;
	}
	/* What is sent without copying has a second answer, which may come among those of what follows. */
	for (unsigned int left = count; left > 0;) {
		for (unsigned int head = *ring->cq_head; head != __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE); head++) {
			const struct io_uring_cqe *cqe = &ring->cqes[head & *ring->cq_mask];
			uint64_t index = cqe->user_data - tail;

			if (index < count && results[index] == RING_UNANSWERED) {
				results[index] = cqe->res;
				left--;
			}
			__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
		}
		if (left > 0 && syscall(SYS_io_uring_enter, ring->fd, 0, 1, flags, NULL, 0) < 0)
			break;
	}
	return 0;
}

int ring_do(struct ring *ring, struct io_uring_sqe sqe)
{
	int result, failed = ring_submit(ring, &sqe, 1, &result);

	return failed < 0 ? failed : result;
}
