/*
 * Makes one call as a confined program would, in namespaces of its own, and prints the call's result and error. What confines it comes on
 * standard input, one a line:
 *
 *     cgroup FOLDER            is made, ruled by the lines of `address` and removed again
 *     address ROW              org.vxe.addresses
 *     root FOLDER
 *     capability NUMBER        is kept; all others are gone
 *     handle FS NET            the ruleset: rights that it handles, in hex
 *     rule RIGHTS PATH
 *     port RIGHTS PORT
 *     filter BYTES             in hex
 *     socket DOMAIN TYPE       is made first, under all of that; where that is refused, its error is printed and no more
 *     call NUMBER ARGUMENT...  n:HEX, b:BYTES in the caller's memory, or fd, the socket
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "socket_rules.h"

#define LINES_MAX 4096

struct answer {
	bool socket_refused, made;
	long result;
	int errnum;
};

struct ruleset {
	uint64_t fs, net;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

static struct answer *answer;
static char *lines[LINES_MAX];
static size_t n_lines;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The rest of the first line that begins with the word; NULL: there is none. `from` is where the search goes on. */
static const char *line_next(const char *word, size_t *from)
{
	size_t length = strlen(word);

	for (; *from < n_lines; (*from)++)
		if (!strncmp(lines[*from], word, length) && lines[*from][length] == ' ')
			return lines[(*from)++] + length + 1;
	return NULL;
}

static const char *line_find(const char *word)
{
	size_t from = 0;

	return line_next(word, &from);
}

static size_t bytes_read(const char *hex, unsigned char **out)
{
	size_t length = strspn(hex, "0123456789abcdef") / 2;

	*out = malloc(length + 1);
	if (!*out)
		die("bytes");
	for (size_t i = 0; i < length; i++) {
		unsigned int byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		(*out)[i] = (unsigned char)byte;
	}
	return length;
}

static void loopback_up(void)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die("loopback");
}

static void capabilities_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	const char *rest;
	uint64_t kept = 0;

	for (size_t from = 0; (rest = line_next("capability", &from));)
		kept |= UINT64_C(1) << atoi(rest);
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(kept >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			die("bounding set");
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
	if (syscall(SYS_capset, &header, data) < 0)
		die("capset");
}

static void landlock_restrict(void)
{
	const char *rest = line_find("handle");
	struct ruleset handled = {0};
	cleanup_fd int ruleset = -1;

	if (!rest || sscanf(rest, "%lx %lx", &handled.fs, &handled.net) != 2)
		return;
	ruleset = (int)syscall(444, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		die("landlock_create_ruleset");
	for (size_t from = 0; (rest = line_next("rule", &from));) {
		struct path_rule rule = {0};
		char path[512];
		cleanup_fd int fd = -1;

		if (sscanf(rest, "%lx %511s", &rule.allowed, path) != 2)
			die(rest);
		fd = open(path, O_PATH | O_CLOEXEC);
		rule.parent = fd;
		if (fd < 0 || syscall(445, ruleset, 1, &rule, 0) < 0)
			die(path);
	}
	for (size_t from = 0; (rest = line_next("port", &from));) {
		struct port_rule rule = {0};

		if (sscanf(rest, "%lx %lu", &rule.allowed, &rule.port) != 2 || syscall(445, ruleset, 2, &rule, 0) < 0)
			die(rest);
	}
	if (syscall(446, ruleset, 0) < 0)
		die("landlock_restrict_self");
}

static int socket_made(void)
{
	const char *rest = line_find("socket");
	int domain, type;

	if (!rest || sscanf(rest, "%d %d", &domain, &type) != 2)
		return -1;
	/* As system call: nothing is asked about it before. */
	return (int)syscall(SYS_socket, domain, type, 0);
}

static void call_make(void)
{
	const char *rest = line_find("call"), *filter = line_find("filter");
	unsigned char *code = NULL, *memory[6] = {0};
	struct sock_fprog program;
	bool uses_socket[6] = {0};
	char words[6][2048] = {0};
	long nr, args[6] = {0};
	int fd = -1;

	if (!rest || !filter ||
	    sscanf(rest, "%ld %2047s %2047s %2047s %2047s %2047s %2047s", &nr, words[0], words[1], words[2], words[3], words[4],
		   words[5]) < 1)
		die("call");
	for (int i = 0; i < 6; i++) {
		uses_socket[i] = !strcmp(words[i], "fd");
		if (!strncmp(words[i], "b:", 2)) {
			size_t length = bytes_read(words[i] + 2, &memory[i]);

			memory[i][length] = '\0';
			args[i] = (long)(uintptr_t)memory[i];
		} else if (!strncmp(words[i], "n:", 2)) {
			args[i] = (long)strtoul(words[i] + 2, NULL, 16);
		}
	}
	program.len = (unsigned short)(bytes_read(filter, &code) / sizeof(struct sock_filter));
	program.filter = (void *)code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
	landlock_restrict();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		die("seccomp");
	if (line_find("socket")) {
		fd = socket_made();
		if (fd < 0) {
			answer->socket_refused = answer->made = true;
			answer->errnum = errno;
			syscall(SYS_exit_group, 0);
		}
	}
	for (int i = 0; i < 6; i++)
		if (uses_socket[i])
			args[i] = fd;
	long result = syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	int errnum = result < 0 ? errno : 0;
	/* A clone's other side has nothing to tell. */
	if (result != 0 || nr != SYS_clone) {
		answer->result = result;
		answer->errnum = errnum;
		answer->made = true;
	}
	syscall(SYS_exit_group, 0);
}

static void confined(const char *cgroup)
{
	const char *root = line_find("root");

	/* A signal to the own group reaches across namespaces. */
	if (setsid() < 0)
		die("setsid");
	loopback_up();
	if (cgroup) {
		cleanup_fd int folder = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cleanup_fd int procs = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);

		if (procs < 0 || write(procs, "0", 1) != 1)
			die("entering the cgroup");
	}
	/* Not chroot(2): who is in one gets no user namespace from the kernel. */
	if (!root || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount(root, root, NULL, MS_BIND, NULL) < 0 ||
	    chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("root");
	capabilities_drop();
	call_make();
}

static void cgroup_rule(const char *cgroup)
{
	char *rows = calloc(1, 1);
	struct vxe_socket_rules rules;
	struct vxe_error *err = NULL;
	cleanup_fd int folder = -1;
	const char *rest;

	for (size_t from = 0; (rest = line_next("address", &from));) {
		char *more = NULL;

		if (!rows || asprintf(&more, "%s%s%s", rows, *rows ? "\n" : "", rest) < 0)
			die("rows");
		free(rows);
		rows = more;
	}
	folder = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || vxe_socket_rules_parse(rows, NULL, &rules, &err) < 0 ||
	    vxe_cgroup_sockets(folder, &rules, &err) < 0) {
		fprintf(stderr, "%s: %s\n", cgroup, err ? err->message : strerror(errno));
		rmdir(cgroup);
		exit(1);
	}
	vxe_socket_rules_free(&rules);
	free(rows);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	cleanup_fd int cgroups = -1;
	const char *cgroup;
	int status = 0;
	ssize_t length;
	pid_t pid;

	while ((length = getline(&line, &size, stdin)) > 0 && n_lines < LINES_MAX) {
		line[strcspn(line, "\n")] = '\0';
		lines[n_lines++] = strdup(line);
	}
	free(line);
	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED)
		die("memory");
	cgroup = line_find("cgroup");
	if (cgroup) {
		char *parent = strdup(cgroup);

		if (!parent || mkdir(cgroup, 0700) < 0)
			die(cgroup);
		/* The confined one takes the root of this mount namespace away. */
		*strrchr(parent, '/') = '\0';
		cgroups = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		free(parent);
		cgroup_rule(cgroup);
	}
	/* What the call does, if it is let through, it does to nobody else. */
	pid = unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ? -1 : fork();
	if (pid == 0)
		confined(cgroup);
	if (pid > 0)
		waitpid(pid, &status, 0);
	while (cgroup && unlinkat(cgroups, strrchr(cgroup, '/') + 1, AT_REMOVEDIR) < 0 && errno == EBUSY)
		usleep(1000);
	if (pid < 0)
		die("namespaces");
	if (!answer->made) {
		fprintf(stderr, "the call was never made (status 0x%x)\n", status);
		return 1;
	}
	printf("%s %ld %d\n", answer->socket_refused ? "socket" : "call", answer->result, answer->errnum);
	return 0;
}
