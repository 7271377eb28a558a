/*
 * What a container looks like from inside. Every argument is one question, NAME or NAME:ARGUMENT; the answers are lines of
 * JSON, {"ask":...,"ok":true,"value":...} or {"ask":...,"ok":false,"errno":...}. It judges nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void string_print(const char *text)
{
	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (*p < 0x20 || *p > 0x7e)
			printf("\\u%04x", *p);
		else
			putchar(*p);
	}
	putchar('"');
}

static void answer(const char *ask, bool good, const char *value)
{
	int saved = errno;

	printf("{\"ask\":");
	string_print(ask);
	if (good) {
		printf(",\"ok\":true,\"value\":");
		string_print(value);
	} else {
		printf(",\"ok\":false,\"errno\":");
		string_print(strerrorname_np(saved) ? strerrorname_np(saved) : "?");
	}
	puts("}");
	fflush(stdout);
}

static char text[1 << 18];

static bool ask_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = -1;

	while (fd >= 0 && used < sizeof(text) - 1 && (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	/* Lists that are NUL-separated (environ, cmdline) come as lines. */
	for (size_t i = 0; i < used; i++)
		if (!text[i])
			text[i] = '\n';
	text[used] = '\0';
	return fd >= 0 && got >= 0;
}

static bool ask_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	snprintf(text, sizeof(text), "%s %o %u:%u %u:%u",
		 S_ISCHR(st.st_mode)	? "char"
		 : S_ISBLK(st.st_mode)	? "block"
		 : S_ISDIR(st.st_mode)	? "folder"
		 : S_ISLNK(st.st_mode)	? "link"
		 : S_ISFIFO(st.st_mode) ? "fifo"
					: "file",
		 st.st_mode & 07777, major(st.st_rdev), minor(st.st_rdev), st.st_uid, st.st_gid);
	return true;
}

static bool ask_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool ask_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	bool good = fd >= 0 && write(fd, "x", 1) == 1;

	if (fd >= 0)
		close(fd);
	return good;
}

/* For a hook, which has nobody to answer: a line for each variable. */
static bool ask_environ(const char *path)
{
	FILE *file = fopen(path, "we");

	for (char **variable = environ; file && *variable; variable++)
		fprintf(file, "%s\n", *variable);
	return file && fclose(file) == 0;
}

static bool ask_list(const char *path)
{
	DIR *dir = opendir(path);
	size_t used = 0;

	text[0] = '\0';
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.' && used < sizeof(text) - 300)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", entry->d_name);
	return dir != NULL;
}

static bool ask_rlimit(const char *name)
{
	static const struct {
		const char *name;
		__rlimit_resource_t resource;
	} limits[] = {{"NOFILE", RLIMIT_NOFILE}, {"CORE", RLIMIT_CORE}, {"STACK", RLIMIT_STACK}, {"FSIZE", RLIMIT_FSIZE}};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (!strcmp(limits[i].name, name) && getrlimit(limits[i].resource, &limit) == 0) {
			snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)limit.rlim_cur,
				 (unsigned long long)limit.rlim_max);
			return true;
		}
	errno = EINVAL;
	return false;
}

static bool ask_ids(void)
{
	gid_t groups[64];
	uid_t r, e, s, gr, ge, gs;
	int count = getgroups(64, groups);
	size_t used;

	if (getresuid(&r, &e, &s) < 0 || getresgid(&gr, &ge, &gs) < 0 || count < 0)
		return false;
	used = (size_t)snprintf(text, sizeof(text), "%u %u %u %u %u %u", r, e, s, gr, ge, gs);
	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %u", groups[i]);
	return true;
}

static bool ask_fds(void)
{
	size_t used = 0;

	text[0] = '\0';
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", used ? " " : "", fd);
	return true;
}

static bool ask_input(void)
{
	size_t used = 0;
	ssize_t got;

	while (used < sizeof(text) - 1 && (got = read(0, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	return used > 0;
}

static bool ask_terminal(void)
{
	struct winsize size;

	if (!isatty(0) || !isatty(1) || !isatty(2) || ioctl(0, TIOCGWINSZ, &size) < 0)
		return false;
	snprintf(text, sizeof(text), "%u %u", size.ws_row, size.ws_col);
	return true;
}

/* The size that the terminal has once it has got another one. */
static bool ask_resized(void)
{
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	puts("waits");
	fflush(stdout);
	return sigwait(&signals, &number) == 0 && ask_terminal();
}

static bool ask_number(long value)
{
	snprintf(text, sizeof(text), "%ld", value);
	return value >= 0;
}

/* sched_getattr(2)'s answer, version 0; linux/sched/types.h clashes with sched.h. */
static bool ask_scheduler(void)
{
	struct {
		unsigned int size, policy;
		unsigned long long flags;
		int nice;
		unsigned int priority;
		unsigned long long runtime, deadline, period;
	} s = {0};

	if (syscall(SYS_sched_getattr, 0, &s, 48, 0) < 0)
		return false;
	snprintf(text, sizeof(text), "%u %llu %d %u %llu %llu %llu", s.policy, s.flags, s.nice, s.priority, s.runtime,
		 s.deadline, s.period);
	return true;
}

/* Class and level of ioprio_get(2), for this process. */
static bool ask_io_priority(void)
{
	long value = syscall(SYS_ioprio_get, 1, 0);

	snprintf(text, sizeof(text), "%ld %ld", value >> 13, value & 0x1fff);
	return value >= 0;
}

static bool ask_cpus(void)
{
	cpu_set_t set;
	size_t used = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", used ? " " : "", cpu);
	return true;
}

static bool ask_clock(const char *name)
{
	struct timespec now;

	if (clock_gettime(!strcmp(name, "monotonic") ? CLOCK_MONOTONIC : CLOCK_BOOTTIME, &now) < 0)
		return false;
	snprintf(text, sizeof(text), "%lld", (long long)now.tv_sec);
	return true;
}

/* As many processes as are asked for, all at once; the number that there were. */
static bool ask_forks(long wanted)
{
	long made = 0;
	int saved = 0;

	for (; made < wanted; made++) {
		pid_t child = fork();

		if (child < 0) {
			saved = errno;
			break;
		}
		if (child == 0) {
			pause();
			_exit(0);
		}
	}
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	signal(SIGTERM, SIG_DFL);
	snprintf(text, sizeof(text), "%ld %s", made, saved ? strerrorname_np(saved) : "");
	return true;
}

/* Touches that many MiB. Where a limit kills, it kills a child. */
static bool ask_memory(long mebibytes)
{
	size_t size = (size_t)mebibytes << 20;
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		char *memory = malloc(size);

		for (size_t at = 0; memory && at < size; at += 4096)
			((volatile char *)memory)[at] = 1;
		_exit(memory ? 0 : 1);
	}
	waitpid(child, &status, 0);
	snprintf(text, sizeof(text), "%s %d", WIFSIGNALED(status) ? "signal" : "exit",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return true;
}

/* As many descriptors as are asked for; the number that there were. */
static bool ask_opens(long wanted)
{
	long made = 0;

	while (made < wanted && dup(0) >= 0)
		made++;
	snprintf(text, sizeof(text), "%ld %s", made, made < wanted ? strerrorname_np(errno) : "");
	closefrom(3);
	return true;
}

static long clock_ms(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Computes for so long; how many milliseconds of that it had a processor. */
static bool ask_spin(long ms)
{
	long begun = clock_ms(CLOCK_MONOTONIC), used = clock_ms(CLOCK_PROCESS_CPUTIME_ID);

	while (clock_ms(CLOCK_MONOTONIC) < begun + ms)
		;
	return ask_number(clock_ms(CLOCK_PROCESS_CPUTIME_ID) - used);
}

/* Reads a disk for so many milliseconds, past all caches, and over and over where it ends; how many KiB came. */
static bool ask_disk(const char *argument)
{
	char path[256];
	long ms, begun, kibibytes = 0;
	void *buffer;
	int fd;

	if (sscanf(argument, "%ld:%255s", &ms, path) != 2 || posix_memalign(&buffer, 4096, 65536) != 0)
		return false;
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	for (begun = clock_ms(CLOCK_MONOTONIC); fd >= 0 && clock_ms(CLOCK_MONOTONIC) < begun + ms;) {
		ssize_t got = read(fd, buffer, 65536);

		if (got < 0 || (got == 0 && lseek(fd, 0, SEEK_SET) < 0))
			break;
		kibibytes += got / 1024;
	}
	free(buffer);
	if (fd < 0 || errno)
		return false;
	close(fd);
	return ask_number(kibibytes);
}

/* A notification; its lines are parted by bars. */
static bool ask_notify(const char *argument)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = path ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	ssize_t sent = -1;

	if (!path)
		errno = ENOENT;
	snprintf(text, sizeof(text), "%s", argument);
	for (char *p = text; *p; p++)
		if (*p == '|')
			*p = '\n';
	if (fd >= 0) {
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
		sent = sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&address, sizeof(address));
		close(fd);
	}
	text[0] = '\0';
	return sent >= 0;
}

static bool ask_listens(int fd)
{
	int is = 0;
	socklen_t size = sizeof(is);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) == 0 && ask_number(is);
}

/* --- all that confines, in a form that is the same each time --- */

static size_t used;

__attribute__((format(printf, 1, 2))) static void text_add(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	used += (size_t)vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	if (used >= sizeof(text))
		used = sizeof(text) - 1;
}

static void status_add(void)
{
	static const char *const fields[] = {"Umask:",	      "Uid:",	      "Gid:",	     "Groups:", "SigBlk:",
					     "SigIgn:",	      "SigCgt:",      "CapInh:",     "CapPrm:", "CapEff:",
					     "CapBnd:",	      "CapAmb:",      "NoNewPrivs:", "Seccomp", "Speculation",
					     "Cpus_allowed:", "Mems_allowed:"};
	char line[4096];
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			if (!strncmp(line, fields[i], strlen(fields[i])))
				text_add("%s", line);
	if (file)
		fclose(file);
}

/* Without the numbers of mounts, devices and peers. */
static void mounts_add(void)
{
	char line[4096];
	FILE *file = fopen("/proc/self/mountinfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		int field = 0;

		for (char *rest = line, *word; (word = strsep(&rest, " ")); field++)
			if (field > 2)
				text_add("%.*s ", (int)strcspn(word, ":\n"), word);
		text_add("\n");
	}
	if (file)
		fclose(file);
}

static void namespaces_add(const char *outside)
{
	static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		if (readlink(path, target, sizeof(target) - 1) < 0)
			snprintf(target, sizeof(target), "%s", strerrorname_np(errno));
		text_add("%s: %s\n", kinds[i],
			 *target != *kinds[i]	   ? target
			 : strstr(outside, target) ? "outside's"
						   : "its own");
	}
}

static void descriptors_add(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		char path[64], target[256] = "";

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		(void)!readlink(path, target, sizeof(target) - 1);
		text_add("descriptor %d: %.*s\n", fd, (int)strcspn(target, "0123456789"), target);
	}
}

static void file_add(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text + used, sizeof(text) - 1 - used);

	if (got > 0)
		used += (size_t)got;
	text[used] = '\0';
	if (got < 0)
		text_add("%s: %s\n", path, strerrorname_np(errno));
	if (fd >= 0)
		close(fd);
}

static void devices_add(void)
{
	struct dirent **entries = NULL;
	int count = scandir("/dev", &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		struct stat st;
		char path[512];

		snprintf(path, sizeof(path), "/dev/%s", entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && lstat(path, &st) == 0)
			text_add("%s: %o %u %u %lx\n", path, st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_rdev);
		free(entries[i]);
	}
	free(entries);
}

/* `outside` are the namespaces that should not be its own. */
static bool ask_standing(const char *outside)
{
	struct utsname uts;
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), signal = 0;

	used = 0;
	status_add();
	namespaces_add(outside);
	mounts_add();
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)i, &limit) == 0)
			text_add("limit %d: %lu %lu\n", i, (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
	}
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		text_add("lo: %s\n", strerrorname_np(errno));
	else
		text_add("lo: %x\n", (unsigned int)request.ifr_flags);
	if (fd >= 0)
		close(fd);
	descriptors_add();
	devices_add();
	file_add("/proc/self/oom_score_adj");
	file_add("/proc/self/cgroup");
	file_add("/proc/self/timens_offsets");
	file_add("/sys/fs/cgroup/pids.max");
	file_add("/sys/fs/cgroup/memory.max");
	for (char **env = environ; *env; env++)
		text_add("%s\n", *env);
	prctl(PR_GET_PDEATHSIG, &signal);
	text_add("session %d, personality %d, nice %d, dumpable %d, bits %d, dies by %d\n", getsid(0) == getpid(),
		 personality(0xffffffff), getpriority(PRIO_PROCESS, 0), prctl(PR_GET_DUMPABLE), prctl(PR_GET_SECUREBITS),
		 signal);
	if (uname(&uts) == 0)
		text_add("%s %s\n", uts.nodename, uts.domainname);
	return true;
}

static bool ask(const char *name, const char *argument)
{
	struct utsname uts;
	struct statfs fs;
	ssize_t length;
	mode_t mask;

	text[0] = '\0';
	if (!strcmp(name, "read"))
		return ask_read(argument);
	if (!strcmp(name, "stat"))
		return ask_stat(argument);
	if (!strcmp(name, "open"))
		return ask_open(argument, O_RDWR);
	if (!strcmp(name, "openread"))
		return ask_open(argument, O_RDONLY);
	if (!strcmp(name, "write"))
		return ask_write(argument);
	if (!strcmp(name, "call"))
		return syscall(strtol(argument, NULL, 10), -1, -1, -1, -1, -1, -1) >= 0;
	if (!strcmp(name, "environ"))
		return ask_environ(argument);
	if (!strcmp(name, "list"))
		return ask_list(argument);
	if (!strcmp(name, "link")) {
		length = readlink(argument, text, sizeof(text) - 1);
		text[length < 0 ? 0 : length] = '\0';
		return length >= 0;
	}
	if (!strcmp(name, "fs"))
		return statfs(argument, &fs) == 0 && ask_number((long)fs.f_type);
	if (!strcmp(name, "mkdir"))
		return mkdir(argument, 0777) == 0;
	if (!strcmp(name, "mknod"))
		return mknod(argument, S_IFCHR | 0666, makedev(1, 3)) == 0;
	if (!strcmp(name, "remount"))
		return mount(NULL, argument, NULL, MS_REMOUNT | MS_BIND, NULL) == 0;
	if (!strcmp(name, "execute")) {
		char *const args[] = {(char *)argument, (char *)"exit:0", NULL};
		pid_t child = fork();
		int status = 0;

		if (child == 0) {
			execv(argument, args);
			_exit(errno & 0x7f);
		}
		waitpid(child, &status, 0);
		errno = WEXITSTATUS(status);
		return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	if (!strcmp(name, "rlimit"))
		return ask_rlimit(argument);
	if (!strcmp(name, "standing"))
		return ask_standing(argument);
	if (!strcmp(name, "ids"))
		return ask_ids();
	if (!strcmp(name, "fds"))
		return ask_fds();
	if (!strcmp(name, "input"))
		return ask_input();
	if (!strcmp(name, "complain")) {
		text[0] = '\0';
		return dprintf(2, "%s\n", argument) > 0;
	}
	if (!strcmp(name, "notify"))
		return ask_notify(argument);
	if (!strcmp(name, "listens"))
		return ask_listens(atoi(argument));
	if (!strcmp(name, "terminal"))
		return ask_terminal();
	if (!strcmp(name, "resized"))
		return ask_resized();
	if (!strcmp(name, "pid"))
		return ask_number(getpid());
	if (!strcmp(name, "session"))
		return ask_number(getsid(0));
	if (!strcmp(name, "personality"))
		return ask_number(personality(0xffffffff));
	if (!strcmp(name, "nice"))
		return ask_number(20 + getpriority(PRIO_PROCESS, 0));
	if (!strcmp(name, "scheduler"))
		return ask_scheduler();
	if (!strcmp(name, "ioprio"))
		return ask_io_priority();
	if (!strcmp(name, "cpus"))
		return ask_cpus();
	if (!strcmp(name, "clock"))
		return ask_clock(argument);
	if (!strcmp(name, "forks"))
		return ask_forks(atol(argument));
	if (!strcmp(name, "memory"))
		return ask_memory(atol(argument));
	if (!strcmp(name, "opens"))
		return ask_opens(atol(argument));
	if (!strcmp(name, "spin"))
		return ask_spin(atol(argument));
	if (!strcmp(name, "disk"))
		return ask_disk(argument);
	if (!strcmp(name, "umask")) {
		mask = umask(0);
		umask(mask);
		return ask_number(mask);
	}
	if (!strcmp(name, "cwd"))
		return getcwd(text, sizeof(text)) != NULL;
	if (!strcmp(name, "getpriority"))
		return getpriority(PRIO_PROCESS, 0) != -1 || errno == 0;
	if (!strcmp(name, "hostname") || !strcmp(name, "domainname")) {
		if (uname(&uts) < 0)
			return false;
		snprintf(text, sizeof(text), "%s", *name == 'h' ? uts.nodename : uts.domainname);
		return true;
	}
	errno = ENOSYS;
	return false;
}

/* On the host's side: takes a terminal over a socket, as engines do, and prints what comes from it. */
static int console_serve(const char *path, bool resizes)
{
	struct winsize size = {.ws_row = 44, .ws_col = 55};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char byte[256], space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = byte, .iov_len = sizeof(byte)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer, master;
	ssize_t got;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	peer = accept(listener, NULL, NULL);
	if (peer < 0 || recvmsg(peer, &header, 0) <= 0 || !CMSG_FIRSTHDR(&header))
		return 1;
	memcpy(&master, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(master));
	while ((got = read(master, text, sizeof(text))) > 0) {
		if (write(1, text, (size_t)got) != got)
			return 1;
		if (resizes && memmem(text, (size_t)got, "waits", 5) && ioctl(master, TIOCSWINSZ, &size) < 0)
			return 1;
	}
	return 0;
}

/* On the host's side: a seccomp agent. Takes one container process state and its descriptors, prints both, and answers every call that is
   raised by EACCES until the container is gone. */
static int agent_serve(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char space[CMSG_SPACE(8 * sizeof(int))];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer, seccomp_fd;
	struct seccomp_notif call;
	ssize_t got, more;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	peer = accept(listener, NULL, NULL);
	got = peer < 0 ? -1 : recvmsg(peer, &header, 0);
	if (got <= 0 || !CMSG_FIRSTHDR(&header))
		return 1;
	memcpy(&seccomp_fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(seccomp_fd));
	/* The runtime has to close the connection after one state; who does not is told so and served all the same. */
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 500000}, sizeof(struct timeval));
	while ((more = read(peer, text + got, sizeof(text) - 1 - (size_t)got)) > 0)
		got += more;
	puts(more == 0 ? "closed" : "left open");
	text[got] = '\0';
	printf("%s\n", text);
	printf("descriptors %zu\n", (CMSG_FIRSTHDR(&header)->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	fflush(stdout);
	for (;;) {
		struct seccomp_notif_resp answer_ = {.error = -EACCES};

		memset(&call, 0, sizeof(call));
		if (ioctl(seccomp_fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			return errno == ENOENT ? 0 : 1;
		printf("call %d\n", call.data.nr);
		fflush(stdout);
		answer_.id = call.id;
		ioctl(seccomp_fd, SECCOMP_IOCTL_NOTIF_SEND, &answer_);
	}
}

/* On the host's side: a service manager. Prints each notification, its lines parted by bars. */
static int manager_serve(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t got;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	/* Descriptors that come with a message are closed by this, as is waited for after BARRIER=1. */
	while ((got = recv(fd, text, sizeof(text), 0)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			if (text[i] == '\n')
				text[i] = '|';
		printf("heard |%.*s|\n", (int)got, text);
		fflush(stdout);
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "manager"))
		return manager_serve(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "agent"))
		return agent_serve(argv[2]);
	if (argc == 3 && (!strcmp(argv[1], "console") || !strcmp(argv[1], "resizes")))
		return console_serve(argv[2], argv[1][0] == 'r');
	for (int i = 1; i < argc; i++) {
		char *name = strdup(argv[i]), *argument = name ? strchr(name, ':') : NULL;

		if (!name)
			return 125;
		if (argument)
			*argument++ = '\0';
		if (!strcmp(name, "exit"))
			return atoi(argument ? argument : "0");
		if (!strcmp(name, "signal")) {
			raise(atoi(argument ? argument : "9"));
		} else if (!strcmp(name, "sleep")) {
			long ms = atol(argument ? argument : "0");

			nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
		} else if (!strcmp(name, "ignore")) {
			signal(atoi(argument ? argument : "15"), SIG_IGN);
		} else if (!strcmp(name, "child")) {
			if (fork() == 0) {
				pause();
				_exit(0);
			}
		} else {
			bool good;

			errno = 0;
			good = ask(name, argument ? argument : "");
			answer(argv[i], good, text);
		}
		free(name);
	}
	return 0;
}
