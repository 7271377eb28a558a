/* The time as one number (clock_gettime(2)). */
#ifndef VXE_BASE_CLOCK_H
#define VXE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t vxe_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Milliseconds of CLOCK_MONOTONIC, as poll(2) counts. */
static inline int64_t vxe_clock_ms(void)
{
	return vxe_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static inline void vxe_clock_sleep_ms(int64_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

#endif
