#include "uring.h"

#include "sys.h"
#include "tools.h"

#include <string.h>
#include <sys/mman.h>

static bool failed(long ret)
{
	return ret < 0 && ret > -4096;
}

static bool perform(struct vxe_attack *attack, long ring, const struct io_uring_params *params,
		    const struct io_uring_sqe *operation, long *result)
{
	size_t ring_size = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	size_t completion_size = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	size_t entries_size = params->sq_entries * sizeof(struct io_uring_sqe);

	if (completion_size > ring_size)
		ring_size = completion_size;
	long memory = sys6(SYS_mmap, 0, ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	long entries = sys6(SYS_mmap, 0, entries_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (failed(memory) || failed(entries)) {
		attack_failed(attack, failed(memory) ? memory : entries, "mmap", "map the ring");
		return false;
	}
	*(struct io_uring_sqe *)entries = *operation;
	((uint32_t *)(memory + params->sq_off.array))[0] = 0;
	atomic_store((_Atomic uint32_t *)(memory + params->sq_off.tail), 1);
	long ret = sys6(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, 0, 0);
	if (ret < 0)
		attack_failed(attack, ret, "io_uring_enter", "submit to the ring");
	else
		*result = ((struct io_uring_cqe *)(memory + params->cq_off.cqes))[0].res;
	sys2(SYS_munmap, memory, ring_size);
	sys2(SYS_munmap, entries, entries_size);
	return ret >= 0;
}

static bool ring_of(struct vxe_attack *attack, uint32_t flags, const struct io_uring_sqe *operation, long *result)
{
	struct io_uring_params params = {.flags = flags, .sq_thread_idle = 100};
	long ring = sys2(SYS_io_uring_setup, 4, &params);

	attack_event(attack, "io_uring_setup(4)");
	if (ring < 0) {
		attack_failed(attack, ring, "io_uring_setup", "set up a ring");
		return false;
	}
	bool performed = perform(attack, ring, &params, operation, result);
	attack_close(ring);
	return performed;
}

bool attack_ring(struct vxe_attack *attack, const struct io_uring_sqe *operation, long *result)
{
	return ring_of(attack, 0, operation, result);
}

bool attack_polled_ring(struct vxe_attack *attack, const struct io_uring_sqe *operation, long *result)
{
	return ring_of(attack, IORING_SETUP_SQPOLL, operation, result);
}
