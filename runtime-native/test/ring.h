/* A ring of io_uring by hand, as a program without a library uses it. */
#ifndef VXE_TEST_RING_H
#define VXE_TEST_RING_H

#include <linux/io_uring.h>

struct ring {
	int fd;
	unsigned int *sq_head, *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

int ring_setup(unsigned int entries, struct io_uring_params *params);
/* 0, or -errno. */
int ring_register(int fd, unsigned int opcode, const void *arg, unsigned int count);
int ring_map(int fd, const struct io_uring_params *params, struct ring *ring);
/* Submits these and waits for all of them; their results in order, RING_UNANSWERED where there is none. 0, or what io_uring_enter failed with. */
int ring_submit(struct ring *ring, const struct io_uring_sqe *sqes, unsigned int count, int *results);
/* The result of one operation, or what io_uring_enter failed with. */
int ring_do(struct ring *ring, struct io_uring_sqe sqe);

#define RING_UNANSWERED INT32_MIN

#endif
