/* The signals that the recorder and its guard take: all others end them. */
#ifndef VXE_RECORDER_SIGNALS_H
#define VXE_RECORDER_SIGNALS_H

#include <signal.h>
#include <stddef.h>

static inline void vxe_recorder_signals(sigset_t *set)
{
	static const int taken[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(set, taken[i]);
}

#endif
