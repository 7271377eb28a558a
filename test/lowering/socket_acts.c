/*
 * Attaches rules on addresses to a cgroup of its own and tries what they speak of, from inside it and in a network of its own, of which
 * loopback alone is up: acts on standard input, one a line, a letter for each on standard output. Reads rules up to a line ".", then acts up
 * to the next, and so on. usage: socket_acts CGROUP-FOLDER
 *
 *     WAY tcp|udp ADDRESS PORT
 *
 * r: refused with EACCES. a: not refused; what else became of it is no matter. s: the way does not exist here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "socket_rules.h"

static char verdict(long result)
{
	return result < 0 && errno == EACCES ? 'r' : 'a';
}

/* Submits one entry and gives its result as a call does. */
static long ring_call(struct io_uring_sqe entry)
{
	struct io_uring_params params = {0};
	cleanup_fd int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned int);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
	char *sq, *cq;
	long result = -1, entered;

	if (ring < 0)
		return -2;
	sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entries = mmap(NULL, params.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
		return -2;
	entries[0] = entry;
	((unsigned int *)(void *)(sq + params.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned int *)(void *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	/* A kernel that is short of memory for a moment has neither refused nor let through. */
	do {
		entered = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	} while (entered < 0 && (errno == EINTR || errno == EAGAIN || errno == EBUSY));
	if (entered != 1) {
		result = -3;
	} else {
		done = (struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes);
		result = done->res;
		if (result < 0) {
			errno = (int)-result;
			result = -1;
		}
	}
	munmap(sq, sq_size);
	munmap(cq, cq_size);
	munmap(entries, params.sq_entries * sizeof(*entries));
	return result;
}

struct target {
	struct sockaddr_storage address;
	socklen_t size;
};

static char act(const char *way, int fd, struct target *to)
{
	struct sockaddr *address = (struct sockaddr *)&to->address;
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct iovec data = {.iov_base = (char[]){'x'}, .iov_len = 1};
	struct msghdr message = {.msg_name = address, .msg_namelen = to->size, .msg_iov = &data, .msg_iovlen = 1};
	struct mmsghdr messages = {.msg_hdr = message};
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	long result;

	if (!strncmp(way, "fast-", 5)) {
		flags |= MSG_FASTOPEN;
		way += 5;
	}
	if (!strcmp(way, "bind"))
		return verdict(bind(fd, address, to->size));
	/* A datagram socket's peer is taken away first. */
	if (!strcmp(way, "connect-again") || !strcmp(way, "sendto-again")) {
		(void)connect(fd, &none, sizeof(none));
		way = way[0] == 'c' ? "connect" : "sendto";
	}
	if (!strcmp(way, "connect"))
		return verdict(connect(fd, address, to->size));
	if (!strcmp(way, "sendto"))
		return verdict(sendto(fd, "x", 1, flags, address, to->size));
	if (!strcmp(way, "sendmsg"))
		return verdict(sendmsg(fd, &message, flags));
	if (!strcmp(way, "sendmmsg"))
		return verdict(sendmmsg(fd, &messages, 1, flags));
	if (!strcmp(way, "ring-connect"))
		result = ring_call((struct io_uring_sqe){
			.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uint64_t)(uintptr_t)address, .off = to->size});
	else if (!strcmp(way, "ring-sendmsg"))
		result = ring_call((struct io_uring_sqe){.opcode = IORING_OP_SENDMSG,
							 .fd = fd,
							 .addr = (uint64_t)(uintptr_t)&message,
							 .len = 1,
							 .msg_flags = (uint32_t)flags});
	else
		return '?';
	if (result == -3)
		return '?';
	return result == -2 ? 's' : verdict(result);
}

static char line_act(const char *line)
{
	char way[32], protocol[8], text[64];
	struct target to = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to.address;
	unsigned int port;
	cleanup_fd int fd = -1;
	int one = 1;

	if (sscanf(line, "%31s %7s %63s %u", way, protocol, text, &port) != 4)
		return '?';
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		to.size = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		to.size = sizeof(*v6);
	} else {
		return '?';
	}
	fd = socket(to.address.ss_family, (protocol[0] == 't' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return '?';
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return act(way, fd, &to);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void loopback_up(void)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die("loopback");
}

/* Born in the cgroup's programs: writes itself into it, and then does the acts up to the next ".". */
static void acts(int cgroup)
{
	cleanup_fd int procs = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	char *line = NULL;
	size_t size = 0;

	if (procs < 0 || write(procs, "0", 1) != 1)
		die("entering the cgroup");
	while (getline(&line, &size, stdin) > 0 && strcmp(line, ".\n") != 0)
		putchar(line_act(line));
	free(line);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char *rules = NULL, *line = NULL;
	size_t used = 0, size = 0;

	if (argc != 2)
		return 2;
	setvbuf(stdin, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (unshare(CLONE_NEWNET) < 0)
		die("a network of its own");
	loopback_up();
	for (;;) {
		struct vxe_socket_rules read;
		struct vxe_error *err = NULL;
		cleanup_fd int cgroup = -1;
		int status = 0, failed;
		ssize_t got;
		pid_t pid;

		used = 0;
		while ((got = getline(&line, &size, stdin)) > 0 && strcmp(line, ".\n") != 0) {
			rules = realloc(rules, used + (size_t)got + 1);
			if (!rules)
				die("rules");
			memcpy(rules + used, line, (size_t)got + 1);
			used += (size_t)got;
		}
		if (got <= 0)
			break;
		if (used)
			rules[used - 1] = '\0';
		if (mkdir(argv[1], 0700) < 0 || (cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
			die(argv[1]);
		failed = vxe_socket_rules_parse(used ? rules : NULL, NULL, &read, &err) < 0 ||
			 vxe_cgroup_sockets(cgroup, &read, &err) < 0;
		if (failed)
			fprintf(stderr, "%s\n", err->message);
		pid = failed ? -1 : fork();
		if (pid == 0) {
			acts(cgroup);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, &status, 0);
		vxe_socket_rules_free(&read);
		while (rmdir(argv[1]) < 0 && errno == EBUSY)
			usleep(1000);
		if (failed || status != 0)
			return 1;
		putchar('\n');
		fflush(stdout);
	}
	free(rules);
	free(line);
	return 0;
}
