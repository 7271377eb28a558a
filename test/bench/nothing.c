/* The program that does nothing: what is measured is everything around it. `wait` does it for long, `calls N` measures a refused call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "wait"))
		for (;;)
			pause();
	if (argc > 2 && !strcmp(argv[1], "calls")) {
		long count = atol(argv[2]), begun = now_ns();
		char line[64];
		int length;

		/* No profile here permits it. */
		for (long i = 0; i < count; i++)
			syscall(SYS_getpriority, 0, 0);
		length = snprintf(line, sizeof(line), "%.0f\n", (double)(now_ns() - begun) / (double)count);
		return write(1, line, (size_t)length) == length ? 0 : 1;
	}
	return 0;
}
