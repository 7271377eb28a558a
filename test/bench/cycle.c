/*
 * Lives of containers under several OCI runtimes, in turns, so that each shares what the machine does meanwhile.
 *
 *   cycle life RUNS BUNDLE ENGINE...   create, start, the end of its program, delete
 *   cycle exec RUNS BUNDLE PROGRAM ENGINE...   exec of PROGRAM, in a container that waits
 *   cycle many COUNT BUNDLE ENGINE     so many at once: how fast they come and go, and what each holds
 *   cycle turns ROUNDS COMMAND WORD... [--- COMMAND WORD...]...   each command once a round, every round beginning with the next
 *
 * ENGINE is NAME=PROGRAM,STATE_FOLDER. Prints one JSON object a line. Times are of whole processes, in milliseconds. It is a subreaper, as
 * engines' shims are: containers become its children.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define ENGINES_MAX 8
#define COMMANDS_MAX 16
#define VERBS 3

struct engine {
	const char *name;
	char *program, *root;
	double *times[VERBS];
	long peak[VERBS]; /* kB */
};

static __attribute__((noreturn)) void fail(const char *what, const char *which)
{
	fprintf(stderr, "cycle: %s: %s\n", which, what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Runs a command to its end, without input and output; the time it took, and its peak memory in *peak. */
static double command_run(const char *const *argv, const char *what, const char *which, long *peak)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	double begun;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	begun = now_ms();
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0)
		fail("cannot be started", argv[0]);
	if (wait4(pid, &status, 0, &usage) < 0 || status != 0)
		fail(what, which);
	posix_spawn_file_actions_destroy(&actions);
	if (peak && usage.ru_maxrss > *peak)
		*peak = usage.ru_maxrss;
	return now_ms() - begun;
}

/* PROGRAM --root ROOT ARGUMENTS */
static double verb(const struct engine *engine, const char *const *arguments, long *peak)
{
	const char *argv[16] = {engine->program, "--root", engine->root};
	size_t n = 3;

	for (; *arguments; arguments++)
		argv[n++] = *arguments;
	return command_run(argv, argv[3], engine->name, peak);
}

static pid_t pid_read(const char *path)
{
	FILE *file = fopen(path, "re");
	int pid = 0;

	if (!file || fscanf(file, "%d", &pid) != 1)
		fail("no process number", path);
	fclose(file);
	return pid;
}

static void children_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* The container's process is a child of ours by now, or of its own supervisor. */
static void end_wait(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	if (fd >= 0) {
		if (poll(&end, 1, 60000) != 1)
			fail("does not end", "container");
		close(fd);
	}
	children_reap();
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double *values, long count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void life(const struct engine *engine, long round, const char *bundle, const char *pid_file, long peak[VERBS])
{
	double times[VERBS];
	pid_t pid;

	times[0] = verb(engine, (const char *const[]){"create", "--bundle", bundle, "--pid-file", pid_file, engine->name, NULL},
			&peak[0]);
	pid = pid_read(pid_file);
	times[1] = verb(engine, (const char *const[]){"start", engine->name, NULL}, &peak[1]);
	end_wait(pid);
	times[2] = verb(engine, (const char *const[]){"delete", engine->name, NULL}, &peak[2]);
	for (int i = 0; i < VERBS && round >= 0; i++)
		engine->times[i][round] = times[i];
}

static void lives(struct engine *engines, int count, long runs, const char *bundle, const char *pid_file)
{
	for (long round = -3; round < runs; round++)
		for (int i = 0; i < count; i++)
			life(&engines[i], round, bundle, pid_file, engines[i].peak);
	for (int i = 0; i < count; i++) {
		double create = median(engines[i].times[0], runs), start = median(engines[i].times[1], runs),
		       end = median(engines[i].times[2], runs);

		printf("{\"engine\":\"%s\",\"create\":%.3f,\"start\":%.3f,\"delete\":%.3f,\"all\":%.3f,\"peakKb\":%ld}\n",
		       engines[i].name, create, start, end, create + start + end, engines[i].peak[0]);
	}
}

static void execs(struct engine *engines, int count, long runs, const char *bundle, const char *program, const char *pid_file)
{
	for (int i = 0; i < count; i++) {
		verb(&engines[i],
		     (const char *const[]){"create", "--bundle", bundle, "--pid-file", pid_file, engines[i].name, NULL}, NULL);
		verb(&engines[i], (const char *const[]){"start", engines[i].name, NULL}, NULL);
	}
	for (long round = -3; round < runs; round++)
		for (int i = 0; i < count; i++) {
			double time = verb(&engines[i], (const char *const[]){"exec", engines[i].name, program, NULL},
					   &engines[i].peak[0]);

			if (round >= 0)
				engines[i].times[0][round] = time;
		}
	for (int i = 0; i < count; i++) {
		verb(&engines[i], (const char *const[]){"delete", "--force", engines[i].name, NULL}, NULL);
		printf("{\"engine\":\"%s\",\"exec\":%.3f,\"peakKb\":%ld}\n", engines[i].name, median(engines[i].times[0], runs),
		       engines[i].peak[0]);
	}
}

static long field_kb(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	char line[256];
	long value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ':')
			value = atol(line + length + 1);
	if (file)
		fclose(file);
	return value;
}

/*
 * What is held, in kB: by the processes below this one, each page counted by its share; and by the whole machine's kernel, without what it
 * would give back (MemAvailable counts its caches in part, so that differences of it tell nothing). VmallocUsed has stacks and filters,
 * Shmem the state folders.
 */
enum { PROCESSES, TABLES, SLAB, VMALLOC, PERCPU, SHMEM, KINDS };
struct memory {
	long kind[KINDS], own; /* own: what of PROCESSES runs the engine's program */
};

static pid_t parent_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return (pid_t)field_kb(path, "PPid");
}

static int is_below(pid_t pid, pid_t top)
{
	while (pid > 1 && pid != top)
		pid = parent_of(pid);
	return pid == top;
}

static void processes_count(struct memory *memory, const char *program)
{
	DIR *proc = opendir("/proc");
	char *wanted = realpath(program, NULL), path[64], target[4096];
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		ssize_t got;
		long pss;

		if (pid < 1 || pid == getpid() || !is_below(pid, getpid()))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		memory->kind[TABLES] += field_kb(path, "VmPTE");
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
		memory->kind[PROCESSES] += pss = field_kb(path, "Pss");
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		got = readlink(path, target, sizeof(target) - 1);
		target[got < 0 ? 0 : got] = '\0';
		/* A runtime that executes a copy of itself names it like itself. */
		if (wanted && !strcmp(target, wanted))
			memory->own += pss;
	}
	if (proc)
		closedir(proc);
	free(wanted);
}

static struct memory kernel_now(void)
{
	static const char *const names[KINDS] = {
		[SLAB] = "Slab", [VMALLOC] = "VmallocUsed", [PERCPU] = "Percpu", [SHMEM] = "Shmem"};
	struct memory now = {0};

	for (int i = 0; i < KINDS; i++)
		now.kind[i] = names[i] ? field_kb("/proc/meminfo", names[i]) : 0;
	return now;
}

/* Caches dropped, and what was removed before really gone: the kernel frees cgroups, namespaces and filters some time later. */
static struct memory memory_settled(const char *program)
{
	struct timespec pause = {.tv_nsec = 250000000};
	struct memory now = kernel_now();

	for (int quiet = 0, i = 0; i < 40 && quiet < 3; i++) {
		struct memory last = now;
		int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "3", 1) != 1)
			fail("cannot be written", "/proc/sys/vm/drop_caches");
		close(fd);
		nanosleep(&pause, NULL);
		now = kernel_now();
		quiet = labs(now.kind[SLAB] - last.kind[SLAB]) <= 256 ? quiet + 1 : 0;
	}
	processes_count(&now, program);
	return now;
}

static void many(const struct engine *engine, long count, const char *bundle)
{
	static const char *const names[KINDS] = {"processes", "tables", "slab", "vmalloc", "percpu", "shmem"};
	struct memory before = memory_settled(engine->program), after;
	double begun = now_ms(), up, down, total = 0;
	char id[32];

	for (long i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "many-%ld", i);
		verb(engine, (const char *const[]){"create", "--bundle", bundle, id, NULL}, NULL);
		verb(engine, (const char *const[]){"start", id, NULL}, NULL);
	}
	up = (now_ms() - begun) / 1e3;
	after = memory_settled(engine->program);
	begun = now_ms();
	for (long i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "many-%ld", i);
		verb(engine, (const char *const[]){"delete", "--force", id, NULL}, NULL);
		children_reap();
	}
	down = (now_ms() - begun) / 1e3;
	printf("{\"engine\":\"%s\",\"count\":%ld,\"up\":%.1f,\"down\":%.1f,\"kb\":{", engine->name, count, (double)count / up,
	       (double)count / down);
	for (int i = 0; i < KINDS; i++) {
		double each = (double)(after.kind[i] - before.kind[i]) / (double)count;

		printf("\"%s\":%.1f,", names[i], each);
		total += each;
	}
	printf("\"own\":%.1f,\"total\":%.1f}}\n", (double)(after.own - before.own) / (double)count, total);
}

/* One line a command: its times, round by round. */
static void turns(int argc, char **argv, long rounds)
{
	const char *const *commands[COMMANDS_MAX];
	double *times[COMMANDS_MAX];
	int count = 0;

	for (int i = 0, begun = 1; i < argc; i++) {
		if (begun && count < COMMANDS_MAX)
			commands[count++] = (const char *const *)&argv[i];
		begun = !strcmp(argv[i], "---");
		if (begun)
			argv[i] = NULL;
	}
	for (int i = 0; i < count; i++)
		times[i] = calloc((size_t)rounds, sizeof(double));
	for (long round = -3; round < rounds; round++)
		for (int i = 0; i < count; i++) {
			/* Who comes after whom changes, since what a launch leaves behind is cleared in the time of the next. */
			int turn = (int)(((round & 1 ? count - 1 - i : i) + round + 4 * count) % count);
			double time = command_run(commands[turn], "failed", commands[turn][0], NULL);

			if (round >= 0)
				times[turn][round] = time;
		}
	for (int i = 0; i < count; i++) {
		printf("[");
		for (long round = 0; round < rounds; round++)
			printf("%s%.4f", round ? "," : "", times[i][round]);
		puts("]");
	}
}

int main(int argc, char **argv)
{
	struct engine engines[ENGINES_MAX] = {0};
	char pid_file[] = "/tmp/vxe-bench-pid-XXXXXX";
	const char *mode = argc > 4 ? argv[1] : "";
	long runs = argc > 4 ? atol(argv[2]) : 0;
	int first = !strcmp(mode, "exec") ? 5 : 4, count = argc - first, fd;

	if (!strcmp(mode, "turns") && runs > 0) {
		turns(argc - 3, argv + 3, runs);
		return 0;
	}
	if (runs < 1 || count < 1 || count > ENGINES_MAX) {
		fprintf(stderr,
			"cycle: life RUNS BUNDLE ENGINE... | exec RUNS BUNDLE PROGRAM ENGINE... | many COUNT BUNDLE ENGINE | "
			"turns ROUNDS COMMAND WORD... [--- COMMAND WORD...]...\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fd = mkstemp(pid_file);
	if (fd < 0)
		fail(strerror(errno), pid_file);
	close(fd);
	for (int i = 0; i < count; i++) {
		engines[i].name = strsep(&argv[first + i], "=");
		engines[i].program = strsep(&argv[first + i], ",");
		engines[i].root = argv[first + i];
		if (!engines[i].program || !engines[i].root)
			fail("is not NAME=PROGRAM,STATE_FOLDER", engines[i].name);
		for (int k = 0; k < VERBS; k++)
			engines[i].times[k] = calloc((size_t)runs, sizeof(double));
	}
	if (!strcmp(mode, "life"))
		lives(engines, count, runs, argv[3], pid_file);
	else if (!strcmp(mode, "exec"))
		execs(engines, count, runs, argv[3], argv[4], pid_file);
	else if (!strcmp(mode, "many"))
		many(&engines[0], runs, argv[3]);
	unlink(pid_file);
	return 0;
}
