/*
 * What filters cost a call that they permit: processes, one under none and one under each, make the call in turns.
 * usage: filter ROUNDS CALLS FILTER...; prints for none and for each the median in nanoseconds a call, and of the rounds' ratios to none.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INSTRUCTIONS_MAX 4096
#define ROUNDS_MAX 1001
#define WORKERS_MAX 8

struct worker {
	int go, done;
	pid_t pid;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void filter_load(const char *path)
{
	static struct sock_filter code[INSTRUCTIONS_MAX];
	struct sock_fprog program = {.filter = code};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, code, sizeof(code));

	if (size <= 0 || size % (ssize_t)sizeof(*code))
		die(path);
	close(fd);
	program.len = (unsigned short)((size_t)size / sizeof(*code));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		die("seccomp");
}

static double calls_time(long calls)
{
	struct timespec begun, ended;

	/* By the kernel's page, and not by a call that the filter would see. */
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	return (double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec);
}

static struct worker worker_start(const char *filter, long calls)
{
	int go[2], done[2];
	struct worker worker;
	char byte;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
		die("pipe");
	worker = (struct worker){.go = go[1], .done = done[0], .pid = fork()};
	if (worker.pid < 0)
		die("fork");
	if (worker.pid > 0) {
		close(go[0]);
		close(done[1]);
		return worker;
	}
	close(go[1]);
	if (filter)
		filter_load(filter);
	while (read(go[0], &byte, 1) == 1) {
		double time = calls_time(calls);

		if (write(done[1], &time, sizeof(time)) != sizeof(time))
			break;
	}
	_exit(0);
}

static double worker_turn(const struct worker *worker)
{
	double time;

	if (write(worker->go, "", 1) != 1 || read(worker->done, &time, sizeof(time)) != sizeof(time)) {
		fprintf(stderr, "a worker is gone\n");
		exit(1);
	}
	return time;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

int main(int argc, char **argv)
{
	static double times[WORKERS_MAX][ROUNDS_MAX], ratios[WORKERS_MAX][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 0, count = argc - 2;
	long calls = argc > 2 ? atol(argv[2]) : 0;
	struct worker workers[WORKERS_MAX];

	if (argc < 4 || rounds < 1 || rounds > ROUNDS_MAX || calls < 1 || count > WORKERS_MAX) {
		fprintf(stderr, "usage: filter ROUNDS CALLS FILTER...\n");
		return 2;
	}
	/* The first one is under none. */
	for (int i = 0; i < count; i++) {
		workers[i] = worker_start(i ? argv[i + 2] : NULL, calls);
		worker_turn(&workers[i]);
	}
	/* Each is first, and each is last, as often as the others. */
	for (int round = 0; round < rounds; round++)
		for (int turn = 0; turn < count; turn++) {
			int i = (round + turn) % count;

			times[i][round] = worker_turn(&workers[i]);
		}
	/* A later worker holds the earlier ones' ends too: the last one goes first. */
	for (int i = 0; i < count; i++)
		close(workers[i].go);
	for (int i = 0; i < count; i++) {
		waitpid(workers[i].pid, NULL, 0);
		for (int round = 0; round < rounds; round++)
			ratios[i][round] = times[i][round] / times[0][round];
	}
	for (int i = 0; i < count; i++)
		printf("%.2f %.4f\n", median(times[i], rounds) / (double)calls, median(ratios[i], rounds));
	return 0;
}
