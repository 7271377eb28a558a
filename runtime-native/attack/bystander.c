#include "bystander.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_SOCKETS 8
#define ANSWER_MS 200 /* an attempt that only connects closes at once */

/* At a fixed address in this program, so that the shared page can tell it. */
static char secret[64] = VXE_ATTACK_SECRET;
static char scratch[64];
static struct vxe_attack_shared *shared_page;

enum kind { TCP, UDP, UNIX_STREAM, UNIX_DATAGRAM };

struct ear {
	int fd;
	enum kind kind;
};

static void count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&shared_page->signals_seen, 1);
}

static int listen_inet(int family, int type, uint16_t *port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* Before listen: a listener takes the protocol and the fast-open queue over. */
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, &(int){8}, sizeof(int));
	if (bind(fd, address, size) < 0 || (type == SOCK_STREAM && listen(fd, 64) < 0) || getsockname(fd, address, &size) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}

static int listen_unix(const char *name, bool abstract, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name), offset = abstract ? 1 : 0;

	if (length + offset >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path + offset, name, length);
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + offset + length)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 64) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Passes the secret's descriptor on to whoever comes, and takes what is passed. */
static void exchange(int fd, struct vxe_attack_shared *shared)
{
	char byte = 'x';
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	struct pollfd answer = {.fd = fd, .events = POLLIN};

	memcpy(CMSG_DATA(&control.header), &shared->secret_fd, sizeof(int));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0 || poll(&answer, 1, ANSWER_MS) <= 0)
		return;
	message.msg_controllen = sizeof(control.room);
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0 || !CMSG_FIRSTHDR(&message))
		return;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	close(fd);
	atomic_fetch_add(&shared->descriptors_seen, 1);
}

static void hear(struct ear *ear, struct vxe_attack_shared *shared)
{
	char buffer[256];

	if (ear->kind == TCP || ear->kind == UNIX_STREAM) {
		int fd = accept4(ear->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (ear->kind == UNIX_STREAM)
			exchange(fd, shared);
		atomic_fetch_add(ear->kind == TCP ? &shared->tcp_seen : &shared->unix_seen, 1);
		close(fd);
	} else if (recv(ear->fd, buffer, sizeof(buffer), 0) >= 0) {
		atomic_fetch_add(ear->kind == UDP ? &shared->udp_seen : &shared->datagrams_seen, 1);
	}
}

static int make_secret_fd(void)
{
	int fd = memfd_create("vxe-attack-secret", 0);

	if (fd >= 0 && write(fd, VXE_ATTACK_SECRET, sizeof(VXE_ATTACK_SECRET)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int make_shm(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	if (id < 0)
		return -1;
	char *memory = shmat(id, NULL, 0);
	if (memory == (void *)-1) {
		shmctl(id, IPC_RMID, NULL);
		return -1;
	}
	memcpy(memory, VXE_ATTACK_SECRET, sizeof(VXE_ATTACK_SECRET));
	shmdt(memory);
	return id;
}

static void add_ear(struct ear *ears, size_t *count, int fd, enum kind kind)
{
	if (fd >= 0)
		ears[(*count)++] = (struct ear){.fd = fd, .kind = kind};
}

static void forget_outside(struct vxe_attack_shared *shared)
{
	if (shared->shm_id >= 0)
		shmctl(shared->shm_id, IPC_RMID, NULL);
	if (shared->mqueue[0] != '\0')
		mq_unlink(shared->mqueue);
	shared->shm_id = -1;
	shared->mqueue[0] = '\0';
}

_Noreturn static void serve(struct vxe_attack_shared *shared, const char *socket_path, pid_t parent)
{
	struct ear ears[MAX_SOCKETS];
	struct pollfd polls[MAX_SOCKETS];
	size_t count = 0;
	char datagram_name[64];

	shared_page = shared;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGUSR1, count_signal);
	add_ear(ears, &count, listen_inet(AF_INET, SOCK_STREAM, &shared->tcp4), TCP);
	add_ear(ears, &count, listen_inet(AF_INET6, SOCK_STREAM, &shared->tcp6), TCP);
	add_ear(ears, &count, listen_inet(AF_INET, SOCK_DGRAM, &shared->udp4), UDP);
	add_ear(ears, &count, listen_inet(AF_INET6, SOCK_DGRAM, &shared->udp6), UDP);
	snprintf(shared->abstract_name, sizeof(shared->abstract_name), "vxe-attack-%d", (int)getpid());
	add_ear(ears, &count, listen_unix(shared->abstract_name, true, SOCK_STREAM), UNIX_STREAM);
	snprintf(datagram_name, sizeof(datagram_name), "%s-dgram", shared->abstract_name);
	add_ear(ears, &count, listen_unix(datagram_name, true, SOCK_DGRAM), UNIX_DATAGRAM);
	if (socket_path)
		add_ear(ears, &count, listen_unix(socket_path, false, SOCK_STREAM), UNIX_STREAM);
	shared->secret_fd = make_secret_fd();
	shared->secret_address = (uint64_t)(uintptr_t)secret;
	shared->scratch_address = (uint64_t)(uintptr_t)scratch;
	atomic_store(&shared->ready, 1);

	for (size_t i = 0; i < count; i++)
		polls[i] = (struct pollfd){.fd = ears[i].fd, .events = POLLIN};
	for (;;) {
		if (poll(polls, count, -1) < 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (polls[i].revents)
				hear(&ears[i], shared);
	}
}

pid_t vxe_bystander_start(struct vxe_attack_shared *shared, const char *socket_path)
{
	pid_t parent = getpid();

	memset(shared, 0, sizeof(*shared));
	shared->shm_id = make_shm();
	snprintf(shared->mqueue, sizeof(shared->mqueue), "/vxe-attack-%d", (int)parent);
	mqd_t queue = mq_open(shared->mqueue, O_CREAT | O_EXCL | O_RDWR, 0666, NULL);
	if (queue == (mqd_t)-1)
		shared->mqueue[0] = '\0';
	else
		mq_close(queue);
	pid_t pid = fork();
	if (pid == 0)
		serve(shared, socket_path, parent);
	if (pid < 0) {
		forget_outside(shared);
		return -1;
	}
	shared->pid = pid;
	while (!atomic_load(&shared->ready)) {
		if (waitpid(pid, NULL, WNOHANG) != 0) {
			forget_outside(shared);
			errno = ECHILD;
			return -1;
		}
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	return pid;
}

void vxe_bystander_stop(struct vxe_attack_shared *shared, pid_t pid)
{
	forget_outside(shared);
	kill(pid, SIGKILL);
	/* An attempt may have left it stopped or traced. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
