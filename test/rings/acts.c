/*
 * Does the same by a system call and by a ring, and prints what came of each: WORD, what was tried, and the errno (0: done) by the call, by
 * the ring, by a worker of the ring (IOSQE_ASYNC), behind a link, and by a child on the ring of its parent. Works in the current folder, which
 * has open/ and closed/ and secret/ with a file in each. With an argument, another user's number, it does all that as that user, with a ring made before; with `wait` it
 * does nothing until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring.h"

/* Descriptors are where the table says; what an act opens comes to lie elsewhere. */
enum {
	FILE_FD = 100,
	PAIR,
	PAIR_OTHER,
	STREAM,
	DATAGRAM,
	LISTENER,
	EPOLL,
	EVENT,
	PIPE_READ,
	PIPE_WRITE,
	PIPE2_READ,
	PIPE2_WRITE,
	SPARE,
	RING,
};
#define PLACES (RING - FILE_FD + 1)
/* Newer than Debian's headers. */
enum {
	OP_READ_MULTISHOT = 49,
	OP_WAITID,
	OP_FUTEX_WAIT,
	OP_FUTEX_WAKE,
	OP_FUTEX_WAITV,
	OP_FIXED_FD_INSTALL,
	OP_FTRUNCATE,
	OP_BIND,
	OP_LISTEN,
	OP_RECV_ZC,
	OP_EPOLL_WAIT,
	OP_READV_FIXED,
	OP_WRITEV_FIXED,
	OP_PIPE,
};
#define CALL_FUTEX_WAKE 454
#define CALL_FUTEX_WAIT 455
#define CALL_FUTEX_WAITV 449
#define FUTEX_U32 2
#define ACCEPT_DONTWAIT 2
#define NO_CALL (-1)

static char buffer[4096] __attribute__((aligned(4096)));
static uint32_t futex;
static int pipes[2];
static siginfo_t info;
static char statx_room[256] __attribute__((aligned(8)));
static struct epoll_event events[1], ready = {.events = EPOLLIN};
static struct iovec vec = {buffer, 8};
static struct pollfd polled = {.fd = PIPE_READ, .events = POLLIN};
static struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
static struct __kernel_timespec soon = {.tv_nsec = 1000000};
static struct {
	uint64_t value, at;
	uint32_t flags, reserved;
} waits = {.value = 1, .at = (uintptr_t)&futex, .flags = FUTEX_U32};

#define LOOPBACK(number, net)                                                                                                  \
	{                                                                                                                      \
		.sin_family = AF_INET, .sin_port = __builtin_bswap16(number), .sin_addr = { 0x7f | (net) << 24 }               \
	}
static struct sockaddr_in granted = LOOPBACK(9, 1), port = LOOPBACK(11, 1), address = LOOPBACK(9, 2),
			  free_port = LOOPBACK(20012, 1), other_port = LOOPBACK(20011, 1), listening = LOOPBACK(20010, 1);
static struct sockaddr_un path_socket = {.sun_family = AF_UNIX, .sun_path = "closed/socket"};
#define MESSAGE(to)                                                                                                            \
	{                                                                                                                      \
		.msg_name = &(to), .msg_namelen = sizeof(to), .msg_iov = &vec, .msg_iovlen = 1                                 \
	}
static struct msghdr plain = {.msg_iov = &vec, .msg_iovlen = 1}, to_granted = MESSAGE(granted), to_address = MESSAGE(address);

#define P(at) ((uintptr_t)(at))

static const struct act {
	const char *word, *what;
	long nr, args[6];
	struct io_uring_sqe sqe;
} acts[] = {
#define OPEN(what, name, how_)                                                                                                 \
	{                                                                                                                      \
		"OPENAT", what, SYS_openat, {AT_FDCWD, P(name), (how_) | O_CLOEXEC, 0600},                                     \
		{                                                                                                              \
			.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = P(name), .open_flags = (how_) | O_CLOEXEC,         \
			.len = 0600                                                                                            \
		}                                                                                                              \
	}
	OPEN("read what may be read", "closed/file", O_RDONLY),
	OPEN("write what may be written", "open/file", O_WRONLY),
	OPEN("write what may be read", "closed/file", O_WRONLY),
	OPEN("empty what may be read", "closed/file", O_RDONLY | O_TRUNC),
	OPEN("read what none may", "secret/file", O_RDONLY),
	OPEN("read that by a link", "open/link", O_RDONLY),
	OPEN("read that by dots", "open/../secret/file", O_RDONLY),
	OPEN("read that through proc", "/proc/self/cwd/secret/file", O_RDONLY),
	OPEN("list what none may", "secret", O_RDONLY | O_DIRECTORY),
	OPEN("make a file", "open/made", O_WRONLY | O_CREAT),
	OPEN("make a file elsewhere", "closed/made", O_WRONLY | O_CREAT),
	OPEN("make a nameless file elsewhere", "closed", O_WRONLY | O_TMPFILE),
#define OPEN2(what, name)                                                                                                      \
	{                                                                                                                      \
		"OPENAT2", what, SYS_openat2, {AT_FDCWD, P(name), P(&how), sizeof(how)},                                       \
		{                                                                                                              \
			.opcode = IORING_OP_OPENAT2, .fd = AT_FDCWD, .addr = P(name), .len = sizeof(how), .off = P(&how)       \
		}                                                                                                              \
	}
	OPEN2("read what may be read", "closed/file"),
	OPEN2("read what none may", "secret/file"),
#define ON_PATH(word, opcode_, call, what, name, ...)                                                                          \
	{                                                                                                                      \
		word, what, call, {AT_FDCWD, P(name), __VA_ARGS__},                                                            \
		{                                                                                                              \
			.opcode = opcode_, .fd = AT_FDCWD, .addr = P(name), .len = (__VA_ARGS__)                               \
		}                                                                                                              \
	}
	ON_PATH("MKDIRAT", IORING_OP_MKDIRAT, SYS_mkdirat, "make a folder", "open/made", 0700),
	ON_PATH("MKDIRAT", IORING_OP_MKDIRAT, SYS_mkdirat, "make a folder elsewhere", "closed/made", 0700),
	ON_PATH("UNLINKAT", IORING_OP_UNLINKAT, SYS_unlinkat, "remove a file", "open/file", 0),
	ON_PATH("UNLINKAT", IORING_OP_UNLINKAT, SYS_unlinkat, "remove a file elsewhere", "closed/file", 0),
	ON_PATH("UNLINKAT", IORING_OP_UNLINKAT, SYS_unlinkat, "remove what none may", "secret/file", 0),
#define TWO_PATHS(word, opcode_, what, from, to, call, ...)                                                                    \
	{                                                                                                                      \
		word, what, call, {__VA_ARGS__},                                                                               \
		{                                                                                                              \
			.opcode = opcode_, .fd = AT_FDCWD, .addr = P(from), .len = (uint32_t)AT_FDCWD, .addr2 = P(to)          \
		}                                                                                                              \
	}
#define RENAME(what, from, to)                                                                                                 \
	TWO_PATHS("RENAMEAT", IORING_OP_RENAMEAT, what, from, to, SYS_renameat2, AT_FDCWD, P(from), AT_FDCWD, P(to), 0)
	RENAME("rename a file", "open/file", "open/made"),
	RENAME("move a file elsewhere", "open/file", "closed/made"),
	RENAME("move a file from elsewhere", "closed/file", "open/made"),
	RENAME("move what none may read", "secret/file", "open/made"),
#define LINK(what, from, to)                                                                                                   \
	TWO_PATHS("LINKAT", IORING_OP_LINKAT, what, from, to, SYS_linkat, AT_FDCWD, P(from), AT_FDCWD, P(to), 0)
	LINK("link a file", "open/file", "open/made"),
	LINK("link what may be read", "closed/file", "open/made"),
	LINK("link what none may", "secret/file", "open/made"),
#define SYMLINK(what, to)                                                                                                      \
	{                                                                                                                      \
		"SYMLINKAT", what, SYS_symlinkat, {P("file"), AT_FDCWD, P(to)},                                                \
		{                                                                                                              \
			.opcode = IORING_OP_SYMLINKAT, .fd = AT_FDCWD, .addr = P("file"), .addr2 = P(to)                       \
		}                                                                                                              \
	}
	SYMLINK("make a symbolic link", "open/made"),
	SYMLINK("make a symbolic link elsewhere", "closed/made"),
#define STATX(what, name)                                                                                                      \
	{                                                                                                                      \
		"STATX", what, SYS_statx, {AT_FDCWD, P(name), 0, 0x7ff, P(statx_room)},                                        \
		{                                                                                                              \
			.opcode = IORING_OP_STATX, .fd = AT_FDCWD, .addr = P(name), .len = 0x7ff, .off = P(statx_room)         \
		}                                                                                                              \
	}
	STATX("look at a file", "closed/file"),
	STATX("look at what none may read", "secret/file"),
	{"SETXATTR",
	 "set an attribute",
	 SYS_setxattr,
	 {P("open/file"), P("user.vxe"), P("x"), 1, 0},
	 {.opcode = IORING_OP_SETXATTR, .addr = P("user.vxe"), .addr2 = P("x"), .addr3 = P("open/file"), .len = 1}},
	{"GETXATTR",
	 "read an attribute",
	 SYS_getxattr,
	 {P("open/file"), P("user.none"), P(buffer), 8},
	 {.opcode = IORING_OP_GETXATTR, .addr = P("user.none"), .addr2 = P(buffer), .addr3 = P("open/file"), .len = 8}},
	{"FSETXATTR",
	 "set an attribute",
	 SYS_fsetxattr,
	 {FILE_FD, P("user.vxe"), P("x"), 1, 0},
	 {.opcode = IORING_OP_FSETXATTR, .fd = FILE_FD, .addr = P("user.vxe"), .addr2 = P("x"), .len = 1}},
	{"FGETXATTR",
	 "read an attribute",
	 SYS_fgetxattr,
	 {FILE_FD, P("user.none"), P(buffer), 8},
	 {.opcode = IORING_OP_FGETXATTR, .fd = FILE_FD, .addr = P("user.none"), .addr2 = P(buffer), .len = 8}},

#define DATA(word, opcode_, call, ...)                                                                                         \
	{                                                                                                                      \
		word, "bytes of a file", call, {FILE_FD, P(buffer), 8, 0},                                                     \
		{                                                                                                              \
			.opcode = opcode_, .fd = FILE_FD, .addr = P(buffer), .len = 8                                          \
		}                                                                                                              \
	}
	DATA("READ", IORING_OP_READ, SYS_pread64),
	DATA("WRITE", IORING_OP_WRITE, SYS_pwrite64),
	DATA("READ_FIXED", IORING_OP_READ_FIXED, SYS_pread64),
	DATA("WRITE_FIXED", IORING_OP_WRITE_FIXED, SYS_pwrite64),
#define DATA_LIST(word, opcode_, call)                                                                                         \
	{                                                                                                                      \
		word, "bytes of a file", call, {FILE_FD, P(&vec), 1, 0},                                                       \
		{                                                                                                              \
			.opcode = opcode_, .fd = FILE_FD, .addr = P(&vec), .len = 1                                            \
		}                                                                                                              \
	}
	DATA_LIST("READV", IORING_OP_READV, SYS_preadv2),
	DATA_LIST("WRITEV", IORING_OP_WRITEV, SYS_pwritev2),
	DATA_LIST("READV_FIXED", OP_READV_FIXED, SYS_preadv2),
	DATA_LIST("WRITEV_FIXED", OP_WRITEV_FIXED, SYS_pwritev2),
	{"FSYNC", "a file", SYS_fsync, {FILE_FD}, {.opcode = IORING_OP_FSYNC, .fd = FILE_FD}},
	{"SYNC_FILE_RANGE", "a file", SYS_sync_file_range, {FILE_FD}, {.opcode = IORING_OP_SYNC_FILE_RANGE, .fd = FILE_FD}},
	{"FALLOCATE", "a file", SYS_fallocate, {FILE_FD, 0, 0, 16}, {.opcode = IORING_OP_FALLOCATE, .fd = FILE_FD, .addr = 16}},
	{"FTRUNCATE", "a file", SYS_ftruncate, {FILE_FD, 64}, {.opcode = OP_FTRUNCATE, .fd = FILE_FD, .off = 64}},
	{"FADVISE", "a file", SYS_fadvise64, {FILE_FD}, {.opcode = IORING_OP_FADVISE, .fd = FILE_FD}},
	{"MADVISE", "memory", SYS_madvise, {P(buffer), 4096}, {.opcode = IORING_OP_MADVISE, .addr = P(buffer), .len = 4096}},
	{"CLOSE", "a descriptor", SYS_close, {SPARE}, {.opcode = IORING_OP_CLOSE, .fd = SPARE}},
	{"FIXED_FD_INSTALL",
	 "a registered file",
	 SYS_dup,
	 {FILE_FD},
	 {.opcode = OP_FIXED_FD_INSTALL, .fd = 0, .flags = IOSQE_FIXED_FILE}},
	{"PIPE", "a pipe", SYS_pipe2, {P(pipes), O_CLOEXEC}, {.opcode = OP_PIPE, .addr = P(pipes), .rw_flags = O_CLOEXEC}},
	{"POLL_ADD",
	 "a pipe",
	 SYS_poll,
	 {P(&polled), 1, 0},
	 {.opcode = IORING_OP_POLL_ADD, .fd = PIPE_READ, .poll32_events = POLLIN}},
	{"EPOLL_CTL",
	 "an event",
	 SYS_epoll_ctl,
	 {EPOLL, EPOLL_CTL_ADD, EVENT, P(&ready)},
	 {.opcode = IORING_OP_EPOLL_CTL, .fd = EPOLL, .len = EPOLL_CTL_ADD, .off = EVENT, .addr = P(&ready)}},
	{"EPOLL_WAIT",
	 "a pipe",
	 SYS_epoll_wait,
	 {EPOLL, P(events), 1, 0},
	 {.opcode = OP_EPOLL_WAIT, .fd = EPOLL, .addr = P(events), .len = 1}},
	{"SPLICE",
	 "a pipe to a pipe",
	 SYS_splice,
	 {PIPE_READ, 0, PIPE2_WRITE, 0, 1, 0},
	 {.opcode = IORING_OP_SPLICE,
	  .splice_fd_in = PIPE_READ,
	  .splice_off_in = UINT64_MAX,
	  .fd = PIPE2_WRITE,
	  .off = UINT64_MAX,
	  .len = 1}},
	{"TEE",
	 "a pipe to a pipe",
	 SYS_tee,
	 {PIPE_READ, PIPE2_WRITE, 1, 0},
	 {.opcode = IORING_OP_TEE, .splice_fd_in = PIPE_READ, .fd = PIPE2_WRITE, .len = 1}},

	{"SOCKET",
	 "of the internet",
	 SYS_socket,
	 {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0},
	 {.opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM | SOCK_CLOEXEC}},
	{"SOCKET",
	 "of packets",
	 SYS_socket,
	 {AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0},
	 {.opcode = IORING_OP_SOCKET, .fd = AF_PACKET, .off = SOCK_RAW | SOCK_CLOEXEC}},
#define CONNECT(what, from, to)                                                                                                \
	{                                                                                                                      \
		"CONNECT", what, SYS_connect, {from, P(&to), sizeof(to)},                                                      \
		{                                                                                                              \
			.opcode = IORING_OP_CONNECT, .fd = from, .addr = P(&to), .off = sizeof(to)                             \
		}                                                                                                              \
	}
	CONNECT("to a granted port", STREAM, granted),
	CONNECT("to another port", STREAM, port),
	CONNECT("to another address", STREAM, address),
	CONNECT("of datagrams to another address", DATAGRAM, address),
	CONNECT("to a socket that has a name", PAIR, path_socket),
#define BIND(what, to)                                                                                                         \
	{                                                                                                                      \
		"BIND", what, SYS_bind, {STREAM, P(&to), sizeof(to)},                                                          \
		{                                                                                                              \
			.opcode = OP_BIND, .fd = STREAM, .addr = P(&to), .off = sizeof(to)                                     \
		}                                                                                                              \
	}
	BIND("to a granted port", free_port),
	BIND("to another port", other_port),
	{"LISTEN", "on any port", SYS_listen, {STREAM, 1}, {.opcode = OP_LISTEN, .fd = STREAM, .len = 1}},
	{"ACCEPT",
	 "where nobody comes",
	 SYS_accept4,
	 {LISTENER, 0, 0, 0},
	 {.opcode = IORING_OP_ACCEPT, .fd = LISTENER, .ioprio = ACCEPT_DONTWAIT}},
	{"SHUTDOWN", "a connection", SYS_shutdown, {PAIR, SHUT_WR}, {.opcode = IORING_OP_SHUTDOWN, .fd = PAIR, .len = SHUT_WR}},
	{"SEND",
	 "to a peer",
	 SYS_sendto,
	 {PAIR, P(buffer), 1, MSG_DONTWAIT, 0, 0},
	 {.opcode = IORING_OP_SEND, .fd = PAIR, .addr = P(buffer), .len = 1, .msg_flags = MSG_DONTWAIT}},
	{"RECV",
	 "nothing",
	 SYS_recvfrom,
	 {PAIR, P(buffer), 1, MSG_DONTWAIT, 0, 0},
	 {.opcode = IORING_OP_RECV, .fd = PAIR, .addr = P(buffer), .len = 1, .msg_flags = MSG_DONTWAIT}},
#define SEND_TO(word, opcode_, what, to)                                                                                       \
	{                                                                                                                      \
		word, what, SYS_sendto, {DATAGRAM, P(buffer), 1, 0, P(&to), sizeof(to)},                                       \
		{                                                                                                              \
			.opcode = opcode_, .fd = DATAGRAM, .addr = P(buffer), .len = 1, .addr2 = P(&to),                       \
			.addr_len = sizeof(to)                                                                                 \
		}                                                                                                              \
	}
	SEND_TO("SEND", IORING_OP_SEND, "to a granted address", granted),
	SEND_TO("SEND", IORING_OP_SEND, "to another address", address),
	SEND_TO("SEND_ZC", IORING_OP_SEND_ZC, "to a granted address", granted),
	SEND_TO("SEND_ZC", IORING_OP_SEND_ZC, "to another address", address),
#define MESSAGE_BY(word, opcode_, what, from, message, call)                                                                   \
	{                                                                                                                      \
		word, what, call, {from, P(&message), MSG_DONTWAIT},                                                           \
		{                                                                                                              \
			.opcode = opcode_, .fd = from, .addr = P(&message), .len = 1, .msg_flags = MSG_DONTWAIT                \
		}                                                                                                              \
	}
	MESSAGE_BY("SENDMSG", IORING_OP_SENDMSG, "to a peer", PAIR, plain, SYS_sendmsg),
	MESSAGE_BY("SENDMSG", IORING_OP_SENDMSG, "to a granted address", DATAGRAM, to_granted, SYS_sendmsg),
	MESSAGE_BY("SENDMSG", IORING_OP_SENDMSG, "to another address", DATAGRAM, to_address, SYS_sendmsg),
	MESSAGE_BY("SENDMSG_ZC", IORING_OP_SENDMSG_ZC, "to a granted address", DATAGRAM, to_granted, SYS_sendmsg),
	MESSAGE_BY("SENDMSG_ZC", IORING_OP_SENDMSG_ZC, "to another address", DATAGRAM, to_address, SYS_sendmsg),
	MESSAGE_BY("RECVMSG", IORING_OP_RECVMSG, "nothing", PAIR, plain, SYS_recvmsg),

	{"WAITID",
	 "for no child",
	 SYS_waitid,
	 {P_PID, 1, P(&info), WEXITED | WNOHANG, 0},
	 {.opcode = OP_WAITID, .fd = 1, .len = P_PID, .addr2 = P(&info), .file_index = WEXITED | WNOHANG}},
	{"FUTEX_WAKE",
	 "nobody",
	 CALL_FUTEX_WAKE,
	 {P(&futex), UINT32_MAX, 1, FUTEX_U32},
	 {.opcode = OP_FUTEX_WAKE, .fd = FUTEX_U32, .addr = P(&futex), .off = 1, .addr3 = UINT32_MAX}},
	{"FUTEX_WAIT",
	 "for what has changed",
	 CALL_FUTEX_WAIT,
	 {P(&futex), 1, UINT32_MAX, FUTEX_U32, 0, 0},
	 {.opcode = OP_FUTEX_WAIT, .fd = FUTEX_U32, .addr = P(&futex), .off = 1, .addr3 = UINT32_MAX}},
	{"FUTEX_WAITV",
	 "for what has changed",
	 CALL_FUTEX_WAITV,
	 {P(&waits), 1, 0, 0, 0},
	 {.opcode = OP_FUTEX_WAITV, .addr = P(&waits), .len = 1}},

	/* What is about the ring, and what is no call. */
	{"NOP", "", NO_CALL, {0}, {.opcode = IORING_OP_NOP}},
	{"TIMEOUT", "", NO_CALL, {0}, {.opcode = IORING_OP_TIMEOUT, .addr = P(&soon), .len = 1}},
	{"TIMEOUT_REMOVE", "", NO_CALL, {0}, {.opcode = IORING_OP_TIMEOUT_REMOVE, .addr = 77}},
	{"POLL_REMOVE", "", NO_CALL, {0}, {.opcode = IORING_OP_POLL_REMOVE, .addr = 77}},
	{"ASYNC_CANCEL", "", NO_CALL, {0}, {.opcode = IORING_OP_ASYNC_CANCEL, .addr = 77}},
	{"LINK_TIMEOUT", "", NO_CALL, {0}, {.opcode = IORING_OP_LINK_TIMEOUT, .addr = P(&soon), .len = 1}},
	{"FILES_UPDATE", "", NO_CALL, {0}, {.opcode = IORING_OP_FILES_UPDATE, .addr = P(pipes), .len = 1, .off = 1}},
	{"PROVIDE_BUFFERS",
	 "",
	 NO_CALL,
	 {0},
	 {.opcode = IORING_OP_PROVIDE_BUFFERS, .fd = 1, .addr = P(buffer), .len = 8, .buf_group = 7}},
	{"REMOVE_BUFFERS", "", NO_CALL, {0}, {.opcode = IORING_OP_REMOVE_BUFFERS, .fd = 1, .buf_group = 7}},
	{"READ_MULTISHOT",
	 "",
	 NO_CALL,
	 {0},
	 {.opcode = OP_READ_MULTISHOT, .fd = PIPE_READ, .flags = IOSQE_BUFFER_SELECT, .buf_group = 9}},
	{"URING_CMD", "", NO_CALL, {0}, {.opcode = IORING_OP_URING_CMD, .fd = STREAM}},
	{"MSG_RING", "", NO_CALL, {0}, {.opcode = IORING_OP_MSG_RING, .fd = RING}},
	{"RECV_ZC", "", NO_CALL, {0}, {.opcode = OP_RECV_ZC, .fd = STREAM}},
};

static struct ring ring;

static void place(int fd, int at)
{
	if (fd < 0)
		return;
	dup3(fd, at, O_CLOEXEC);
	close(fd);
}

static void place_two(const int fds[2], int at)
{
	place(fds[0], at);
	place(fds[1], at + 1);
}

/* Nothing of an act is left for the next. What is refused here is left as it was made outside. */
static void reset(void)
{
	int fds[2];

	close_range(3, FILE_FD - 1, 0);
	close_range(STREAM, RING - 1, 0);
	unlinkat(AT_FDCWD, "open/made", 0);
	unlinkat(AT_FDCWD, "open/made", AT_REMOVEDIR);
	unlinkat(AT_FDCWD, "closed/made", 0);
	unlinkat(AT_FDCWD, "closed/made", AT_REMOVEDIR);
	place(openat(AT_FDCWD, "open/file", O_RDWR | O_CREAT, 0600), SPARE);
	place(openat(AT_FDCWD, "closed/file", O_WRONLY | O_CREAT, 0600), SPARE);
	place(openat(AT_FDCWD, "secret/file", O_WRONLY | O_CREAT, 0600), SPARE);
	place(socket(AF_INET, SOCK_STREAM, 0), STREAM);
	place(socket(AF_INET, SOCK_DGRAM, 0), DATAGRAM);
	place(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), LISTENER);
	setsockopt(LISTENER, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	bind(LISTENER, (const void *)&listening, sizeof(listening));
	listen(LISTENER, 1);
	place(epoll_create1(0), EPOLL);
	place(eventfd(0, 0), EVENT);
	if (pipe2(fds, O_NONBLOCK) == 0)
		place_two(fds, PIPE_READ);
	if (pipe2(fds, O_NONBLOCK) == 0)
		place_two(fds, PIPE2_READ);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0)
		place_two(fds, PAIR);
	(void)!write(PIPE_WRITE, "xyz", 3);
	epoll_ctl(EPOLL, EPOLL_CTL_ADD, PIPE_READ, &ready);
	pipes[0] = pipes[1] = -1;
}

static int plainly(long result)
{
	return result < 0 ? (int)-result : 0;
}

static int by_call(const struct act *act)
{
	const long *a = act->args;

	reset();
	return syscall(act->nr, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno : 0;
}

static int by_ring(const struct act *act, unsigned char flags)
{
	struct io_uring_sqe sqe = act->sqe;

	reset();
	sqe.flags |= flags;
	return plainly(ring_do(&ring, sqe));
}

static int behind_link(const struct act *act)
{
	struct io_uring_sqe both[2] = {{.opcode = IORING_OP_NOP, .flags = IOSQE_IO_LINK}, act->sqe};
	int results[2], failed;

	reset();
	failed = ring_submit(&ring, both, 2, results);
	return plainly(failed < 0 ? failed : results[1]);
}

static int by_child(const struct act *act)
{
	int status;
	pid_t pid;

	/* Its ports are the child's now. */
	close_range(STREAM, RING - 1, 0);
	pid = fork();
	if (pid == 0)
		_exit(by_ring(act, 0));
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* What there is no act for: the answer to it, by name. */
static void tell(const char *what, long result)
{
	printf("-\t%s\t%d\n", what, result < 0 ? errno : 0);
}

static void ask(const char *what, unsigned int entries, unsigned int flags, unsigned int completions)
{
	struct io_uring_params params = {.flags = flags, .cq_entries = completions};
	long fd = ring_setup(entries, &params);

	tell(what, fd);
	if (fd >= 0)
		close((int)fd);
}

static void ways_round(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr passing = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&passing);
	struct rlimit few = {.rlim_cur = 3, .rlim_max = 3}, was;
	void *memory;

	ask("a ring", 8, 0, 0);
	ask("COOP_TASKRUN", 8, 1 << 8, 0);
	ask("CQSIZE", 8, IORING_SETUP_CQSIZE, 64);
	ask("no entries", 0, 0, 0);
	ask("SQPOLL", 8, IORING_SETUP_SQPOLL, 0);
	ask("ATTACH_WQ", 8, IORING_SETUP_ATTACH_WQ, 0);
	ask("R_DISABLED", 8, IORING_SETUP_R_DISABLED, 0);
	ask("SINGLE_ISSUER", 8, 1 << 12, 0);
	ask("DEFER_TASKRUN", 8, 1 << 12 | 1 << 13, 0);
	ask("NO_MMAP", 8, 1 << 14, 0);
	ask("too many entries", 4097, 0, 0);
	ask("too many entries, clamped", 1 << 20, IORING_SETUP_CLAMP, 0);
	ask("too many completions", 8, IORING_SETUP_CQSIZE, 32769);
	tell("parameters nowhere", syscall(SYS_io_uring_setup, 8, NULL));
	tell("parameters that are not to be written",
	     syscall(SYS_io_uring_setup, 8, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	tell("close-on-exec", fcntl(RING, F_GETFD) == FD_CLOEXEC ? 0 : (errno = EINVAL, -1));
	tell("a personality", syscall(SYS_io_uring_register, RING, IORING_REGISTER_PERSONALITY, NULL, 0));
	tell("other restrictions",
	     syscall(SYS_io_uring_register, RING, IORING_REGISTER_RESTRICTIONS, &(struct io_uring_restriction){0}, 1));
	tell("enabling", syscall(SYS_io_uring_register, RING, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	tell("a message without a ring", syscall(SYS_io_uring_register, -1, 31, &acts[0].sqe, 1));
	tell("that with garbage above", syscall(SYS_io_uring_register, 0xabcdffffffffUL, 31, &acts[0].sqe, 1));
	memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, RING, IORING_OFF_SQES);
	tell("code in a ring", memory == MAP_FAILED ? -1 : 0);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, RING, IORING_OFF_SQES);
	tell("code in a ring later", memory == MAP_FAILED ? -1 : mprotect(memory, 4096, PROT_READ | PROT_EXEC));
	*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(header), &(int){RING}, sizeof(int));
	tell("passing it on", sendmsg(PAIR, &passing, 0));
	getrlimit(RLIMIT_NOFILE, &was);
	few.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	close_range(3, FILE_FD - 1, 0);
	ask("one more than there may be descriptors", 8, 0, 0);
	setrlimit(RLIMIT_NOFILE, &was);
}

int main(int argc, char **argv)
{
	struct io_uring_params params = {0};
	struct iovec whole = {buffer, sizeof(buffer)};
	int fd, file;

	if (argc > 1 && !strcmp(argv[1], "wait"))
		return pause();
	fd = ring_setup(32, &params);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (fd < 0) {
		tell("a ring", -1);
		return 1;
	}
	place(fd, RING);
	if (ring_map(RING, &params, &ring) < 0)
		return 2;
	file = openat(AT_FDCWD, "open/file", O_RDWR | O_CREAT, 0600);
	place(file, FILE_FD);
	ring_register(RING, IORING_REGISTER_BUFFERS, &whole, 1);
	ring_register(RING, IORING_REGISTER_FILES, &(int){FILE_FD}, 1);
	if (argc > 1 && (setresgid((gid_t)atoi(argv[1]), (gid_t)atoi(argv[1]), (gid_t)atoi(argv[1])) < 0 ||
			 setresuid((uid_t)atoi(argv[1]), (uid_t)atoi(argv[1]), (uid_t)atoi(argv[1])) < 0))
		return 3;
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		const struct act *act = &acts[i];

		/* What is about the ring has no call to be like. */
		if (act->nr == NO_CALL)
			printf("%s\t\t-\t%d\n", act->word, by_ring(act, 0));
		else
			printf("%s\t%s\t%d\t%d\t%d\t%d\t%d\n", act->word, act->what, by_call(act), by_ring(act, 0),
			       by_ring(act, IOSQE_ASYNC), behind_link(act), by_child(act));
		fflush(stdout);
	}
	reset();
	ways_round();
	return 0;
}
