/*
 * Files of the calling process, when its /proc is not what it seems: the /proc of an outer pid namespace, in which its number is another process's of
 * its own namespace, and a file of another /proc mounted over its own. Each is asked for by a process under a filter, as the supervisor gets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "own.h"
#include "tap.h"

enum proc {
	OWN,	 /* control */
	OUTER,	 /* the number there is that of the first process of the namespace */
	FOREIGN, /* it is that of a process that is in no namespace but that one's */
	BOUND,	 /* a file of another /proc stands in the place of its own */
};

/* In the outer namespace the first process of the inner one has the number that the caller has in the inner one. */
#define NUMBER "3"
#define FILE_OF "/" NUMBER "/comm"

static int listener_make(void)
{
	static struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {.len = 4, .filter = program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

static int descriptor_pass(int sock, int *fd, bool sends)
{
	char byte = 'd';
	struct iovec data = {&byte, 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	if (!sends)
		return recvmsg(sock, &message, MSG_CMSG_CLOEXEC) == 1 && control.header.cmsg_type == SCM_RIGHTS
			       ? (memcpy(fd, CMSG_DATA(&control.header), sizeof(*fd)), 0)
			       : -1;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), fd, sizeof(*fd));
	return sendmsg(sock, &message, 0) == 1 ? 0 : -1;
}

static void caller(enum proc proc, int sock)
{
	int listener;

	if (getpid() != 3 || (proc == BOUND && mount("/mnt" FILE_OF, "/proc" FILE_OF, NULL, MS_BIND, NULL) < 0))
		_exit(11);
	listener = listener_make();
	if (listener < 0 || descriptor_pass(sock, &listener, true) < 0)
		_exit(12);
	/* Whatever comes of it, the supervisor has seen it. */
	_exit(syscall(SYS_openat, AT_FDCWD, "/proc" FILE_OF, O_RDONLY | O_CLOEXEC) < 0 ? 13 : 0);
}

static int waited(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* The first process of the inner namespace, then a second, then the caller. */
static void inner(enum proc proc, int sock)
{
	pid_t pid;

	if (getpid() != 1 || ((proc == OWN || proc == BOUND) && mount("proc", "/proc", "proc", 0, NULL) < 0))
		_exit(21);
	pid = fork();
	if (pid == 0)
		_exit(0);
	if (waited(pid))
		_exit(22);
	pid = fork();
	if (pid == 0)
		caller(proc, sock);
	_exit(waited(pid));
}

static void outer(enum proc proc, int sock)
{
	pid_t pid;

	if (getpid() != 1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0 || mount("proc", "/mnt", "proc", 0, NULL) < 0)
		_exit(31);
	/* Its numbers 2 and 3. */
	for (int i = 0; i < 2 && proc == FOREIGN; i++)
		if (fork() == 0) {
			pause();
			_exit(0);
		}
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(32);
		pid = fork();
		if (pid == 0)
			inner(proc, sock);
		_exit(waited(pid));
	}
	_exit(waited(pid));
}

static void started(enum proc proc, int sock)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		_exit(41);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		outer(proc, sock);
	}
	_exit(waited(pid));
}

/* What the supervisor makes of the call; -1000: it never came. */
static int served(int sock)
{
	static const struct vxe_own own = {.lines = "/proc/self/comm read", .openat = true};
	union {
		struct seccomp_notif request;
		char space[256];
	} in = {0};
	struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	cleanup_fd int listener = -1;
	struct pollfd waits = {.events = POLLIN};
	int result;

	if (descriptor_pass(sock, &listener, false) < 0)
		return -1000;
	waits.fd = listener;
	if (poll(&waits, 1, 60000) != 1 || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in.request) < 0)
		return -1000;
	result = vxe_own_serve(&own, listener, &in.request);
	response.id = in.request.id;
	if (!result)
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	return result;
}

static void tried(enum proc proc, int wanted, const char *what)
{
	int pair[2], result, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(2);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		started(proc, pair[1]);
	}
	close(pair[1]);
	result = served(pair[0]);
	close(pair[0]);
	status = waited(pid);
	ok(result == wanted && status == 0, "%s (%d, %d)", what, result, status);
}

int main(void)
{
	if (geteuid() != 0) {
		skip("not root", "files of the calling process");
		return tap_done();
	}
	tried(OWN, 1, "a file of the caller's own process is given to it");
	tried(OUTER, 0, "one of another process of its namespace is not, which has its number in an outer /proc");
	tried(FOREIGN, 0, "nor one of a process of another namespace, whose /proc it sees");
	tried(BOUND, 0, "nor one that another /proc's file is mounted over");
	return tap_done();
}
