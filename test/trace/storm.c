/* storm CALLS [PROCESSES [THREADS]]: each thread of each process makes CALLS calls of getppid, as fast as it can. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long calls;

static void *storm(void *unused)
{
	(void)unused;
	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	return NULL;
}

int main(int argc, char **argv)
{
	int processes = argc > 2 ? atoi(argv[2]) : 1, threads = argc > 3 ? atoi(argv[3]) : 1, failed = 0, status;

	if (argc < 2)
		return 2;
	calls = atol(argv[1]);
	for (int p = 0; p < processes; p++) {
		pthread_t ids[64];

		/* The first process storms itself. */
		if (p > 0 && fork() != 0)
			continue;
		for (int t = 1; t < threads && t < 64; t++)
			if (pthread_create(&ids[t], NULL, storm, NULL) != 0)
				return 1;
		if (p > 0) {
			storm(NULL);
			for (int t = 1; t < threads && t < 64; t++)
				pthread_join(ids[t], NULL);
			return 0;
		}
		/* Its own thread comes last, so that the others are there meanwhile. */
	}
	storm(NULL);
	while (wait(&status) > 0)
		failed |= status;
	if (threads > 1)
		pthread_exit(NULL);
	return failed ? 1 : 0;
}
