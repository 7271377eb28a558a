/*
 * What filters cost calls that they permit: processes, one under none, one with another hook of the system call entry that looks at
 * nothing, and one under each filter, make the calls in turns.
 * usage: filter ROUNDS CALLS [HOW@]FILTER...
 * CALLS: how many of the calls, the first ones. HOW: how the filter is loaded, words with commas between: spec, log, tsync, listener and waiting
 * for the kernel's flags, and twice or fourfold.
 * prints for each call a line of its name and, for each process, the median and the least of its rounds in nanoseconds and the median and
 * the least of the ratios to none; "-" four times where the filter does not permit the call.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INSTRUCTIONS_MAX 4096
#define ROUNDS_MAX 1001
#define WORKERS_MAX 12
#define BLOCK 65536

struct worker {
	int go, done;
	pid_t pid;
};

/* What the calls are made on: a file of one block, a sink, a pipe that nothing comes through, and a partner that answers each byte. */
struct place {
	char name[32];
	int file, sink, quiet, epoll, to, from;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct {
	const char *word;
	unsigned long flags;
	int times;
} HOW[] = {
	{"spec", SECCOMP_FILTER_FLAG_SPEC_ALLOW, 1},
	{"log", SECCOMP_FILTER_FLAG_LOG, 1},
	{"tsync", SECCOMP_FILTER_FLAG_TSYNC, 1},
	{"listener", SECCOMP_FILTER_FLAG_NEW_LISTENER, 1},
	{"waiting", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 1},
	{"twice", 0, 2},
	{"fourfold", 0, 4},
};

static int how_find(const char *word, size_t length)
{
	for (int i = 0; i < (int)(sizeof(HOW) / sizeof(*HOW)); i++)
		if (strlen(HOW[i].word) == length && !strncmp(HOW[i].word, word, length))
			return i;
	fprintf(stderr, "%.*s: no way of loading a filter\n", (int)length, word);
	exit(2);
}

static void filter_load(const char *filter)
{
	static struct sock_filter code[INSTRUCTIONS_MAX];
	struct sock_fprog program = {.filter = code};
	const char *at = strchr(filter, '@'), *path = at ? at + 1 : filter;
	int fd = open(path, O_RDONLY | O_CLOEXEC), times = 1;
	ssize_t size = fd < 0 ? -1 : read(fd, code, sizeof(code));
	unsigned long flags = 0;

	if (size <= 0 || size % (ssize_t)sizeof(*code))
		die(path);
	close(fd);
	for (const char *word = filter; at && word < at; word += strcspn(word, ",@") + 1) {
		int how = how_find(word, strcspn(word, ",@"));

		flags |= HOW[how].flags;
		times = HOW[how].times > times ? HOW[how].times : times;
	}
	program.len = (unsigned short)((size_t)size / sizeof(*code));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
	while (times-- > 0)
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0)
			die("seccomp");
}

/* The partner dies with its writer. */
static void partner_start(struct place *place)
{
	int to[2], from[2];
	char byte;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(to[1]);
		close(from[0]);
		while (read(to[0], &byte, 1) == 1 && write(from[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	place->to = to[1];
	place->from = from[0];
}

static struct place place_make(void)
{
	struct place place = {.name = "/tmp/vxe-filter-XXXXXX"};
	static char block[BLOCK];
	struct epoll_event event = {.events = EPOLLIN};
	int quiet[2];

	place.file = mkostemp(place.name, O_CLOEXEC);
	if (place.file < 0 || write(place.file, block, sizeof(block)) != sizeof(block))
		die(place.name);
	place.sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
	place.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (place.sink < 0 || place.epoll < 0 || pipe2(quiet, O_CLOEXEC) < 0)
		die("descriptors");
	place.quiet = quiet[0];
	if (epoll_ctl(place.epoll, EPOLL_CTL_ADD, place.quiet, &event) < 0)
		die("epoll");
	return place;
}

/* Each makes its call once, and says whether it was let through. */
static bool act_getppid(const struct place *place)
{
	(void)place;
	return syscall(SYS_getppid) >= 0;
}

static bool act_read_nothing(const struct place *place)
{
	char byte;

	return pread(place->file, &byte, 0, 0) == 0;
}

static bool act_read_block(const struct place *place)
{
	static char block[BLOCK];

	return pread(place->file, block, sizeof(block), 0) == sizeof(block);
}

static bool act_open_close(const struct place *place)
{
	int fd = openat(AT_FDCWD, place->name, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && close(fd) == 0;
}

static bool act_poll(const struct place *place)
{
	struct pollfd one = {.fd = place->quiet, .events = POLLIN};

	return poll(&one, 1, 0) == 0;
}

static bool act_epoll_wait(const struct place *place)
{
	struct epoll_event event;

	return epoll_wait(place->epoll, &event, 1, 0) == 0;
}

static bool act_write(const struct place *place)
{
	return write(place->sink, "x", 1) == 1;
}

static bool act_ping_pong(const struct place *place)
{
	char byte = 'x';

	return write(place->to, &byte, 1) == 1 && read(place->from, &byte, 1) == 1;
}

/* How often each is made in a turn: some milliseconds, so that a turn is longer than what disturbs it and shorter than a change of speed. */
static const struct act {
	const char *name;
	bool (*make)(const struct place *place);
	int times;
} ACTS[] = {
	{"getppid", act_getppid, 10000},
	{"pread64 of 0 bytes", act_read_nothing, 10000},
	{"pread64 of 64 KiB", act_read_block, 400},
	{"openat and close", act_open_close, 2000},
	{"poll, timeout 0", act_poll, 8000},
	{"epoll_wait, timeout 0", act_epoll_wait, 8000},
	{"write of 1 byte to /dev/null", act_write, 10000},
	{"a byte there and back by pipes", act_ping_pong, 200},
};
#define ACTS_COUNT ((int)(sizeof(ACTS) / sizeof(*ACTS)))

/* Nanoseconds a call, or -1. */
static double act_time(const struct act *act, const struct place *place)
{
	struct timespec begun, ended;

	if (!act->make(place))
		return -1;
	/* By the kernel's page, and not by a call that the filter would see. */
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (int i = 0; i < act->times; i++)
		if (!act->make(place))
			return -1;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	return ((double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec)) / act->times;
}

/* A hook that no call is caught by: what is left is the kernel's way through its hooks. */
static void hook_set(void)
{
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, ~0UL >> 1, NULL) < 0)
		die("another hook");
}

static struct worker worker_start(const char *filter, bool hook, struct place place)
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
	/* A filter need not permit making it. */
	partner_start(&place);
	if (filter)
		filter_load(filter);
	if (hook)
		hook_set();
	while (read(go[0], &byte, 1) == 1) {
		double time = act_time(&ACTS[(unsigned char)byte], &place);

		if (write(done[1], &time, sizeof(time)) != sizeof(time))
			break;
	}
	_exit(0);
}

static double worker_turn(const struct worker *worker, int act)
{
	char byte = (char)act;
	double time;

	if (write(worker->go, &byte, 1) != 1 || read(worker->done, &time, sizeof(time)) != sizeof(time)) {
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

int main(int argc, char **argv)
{
	static double times[WORKERS_MAX][ROUNDS_MAX], ratios[WORKERS_MAX][ROUNDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 0, calls = argc > 2 ? atoi(argv[2]) : 0, count = argc - 1;
	struct worker workers[WORKERS_MAX];
	struct place place;

	if (argc < 4 || rounds < 1 || rounds > ROUNDS_MAX || calls < 1 || calls > ACTS_COUNT || count > WORKERS_MAX) {
		fprintf(stderr, "usage: filter ROUNDS CALLS [HOW@]FILTER...\n");
		return 2;
	}
	place = place_make();
	/* The first one is under none, the second has the other hook. */
	for (int i = 0; i < count; i++)
		workers[i] = worker_start(i < 2 ? NULL : argv[i + 1], i == 1, place);
	for (int act = 0; act < calls; act++) {
		bool refused[WORKERS_MAX];

		for (int i = 0; i < count; i++)
			refused[i] = worker_turn(&workers[i], act) < 0;
		/* Each is first, and each is last, as often as the others. */
		for (int round = 0; round < rounds; round++)
			for (int turn = 0; turn < count; turn++) {
				int i = (round + turn) % count;

				times[i][round] = refused[i] ? 0 : worker_turn(&workers[i], act);
			}
		for (int i = count - 1; i >= 0; i--)
			for (int round = 0; round < rounds; round++)
				ratios[i][round] = times[i][round] / times[0][round];
		printf("%s", ACTS[act].name);
		for (int i = 0; i < count; i++) {
			if (refused[i]) {
				printf("\t-\t-\t-\t-");
				continue;
			}
			qsort(times[i], (size_t)rounds, sizeof(double), compare);
			qsort(ratios[i], (size_t)rounds, sizeof(double), compare);
			printf("\t%.2f\t%.2f\t%.4f\t%.4f", times[i][rounds / 2], times[i][0], ratios[i][rounds / 2],
			       times[i][0] / times[0][0]);
		}
		printf("\n");
	}
	/* A later worker holds the earlier ones' ends too: the last one goes first. */
	for (int i = 0; i < count; i++)
		close(workers[i].go);
	for (int i = 0; i < count; i++)
		waitpid(workers[i].pid, NULL, 0);
	unlink(place.name);
	return 0;
}
