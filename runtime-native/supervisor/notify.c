#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "calls.h"
#include "cleanup.h"
#include "kernel.h"
#include "memory.h"
#include "words.h"

/* What the caller named, for the record: the first string, or the address. */
static void violation_decode(struct vxe_violation *v)
{
	const struct vxe_call_shape *shape = vxe_call_shape_find(v->arch, v->nr);

	for (int i = 0; shape && i < shape->n_args; i++) {
		struct sockaddr_storage storage;
		struct vxe_address address;
		size_t size;

		if (shape->args[i].type == VXE_ARG_PATH || shape->args[i].type == VXE_ARG_TEXT) {
			vxe_memory_string(v->pid, v->args[i], v->path, sizeof(v->path));
			snprintf(v->detail, sizeof(v->detail), "%s(\"%s\")", shape->name, v->path);
			return;
		}
		if (shape->args[i].type == VXE_ARG_SOCKADDR && i + 1 < shape->n_args &&
		    vxe_address_read(v->pid, v->args[i], v->args[i + 1], &storage, &size) == 0) {
			vxe_address_describe(&storage, size, -1, &address);
			snprintf(v->detail, sizeof(v->detail), "%s(%d, %.300s)", shape->name, (int)v->args[0], address.text);
			return;
		}
	}
}

int vxe_notify_errno(const char *words, const char *call)
{
	size_t length = strlen(call);

	while (words && *words) {
		if (!strncmp(words, call, length) && words[length] == '=') {
			const char *name = words + length + 1;
			size_t size = strcspn(name, " ");

			for (int errnum = 1; errnum < 134; errnum++) {
				const char *known = strerrorname_np(errnum);

				if (known && strlen(known) == size && !strncmp(known, name, size))
					return errnum;
			}
		}
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return EPERM;
}

/* The process that a thread belongs to; pidfd_open wants its number. */
static pid_t thread_group(pid_t tid)
{
	char path[64], line[128];
	cleanup_file FILE *file = NULL;
	int tgid;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			return tgid;
	return -1;
}

static bool still_waiting(const struct vxe_notify *notify, uint64_t id)
{
	return ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* A duplicate of the caller's descriptor, taken while the caller waits; -1: it has none such. */
static int descriptor_take(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	cleanup_fd int pidfd = sys_pidfd_open(thread_group((pid_t)request->pid), 0);
	cleanup_fd int fd = pidfd < 0 ? -1 : sys_pidfd_getfd(pidfd, (int)request->data.args[0]);

	return fd >= 0 && still_waiting(notify, request->id) ? steal_fd(&fd) : -1;
}

static bool socket_is(int fd, int option, int *value)
{
	socklen_t size = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, option, value, &size) == 0;
}

/*
 * connect(2) of a datagram socket to /dev/log, performed here on a duplicate of the caller's socket: the caller's memory is
 * read once, and nothing it writes there afterwards matters. Gives the errno for the caller, or -1: not such a call.
 */
static int syslog_connect(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	struct sockaddr_un target = {.sun_family = AF_UNIX};
	struct sockaddr_storage address;
	const struct sockaddr_un *un = (const void *)&address;
	cleanup_fd int sock = -1;
	int domain, type;
	size_t size;

	if (!notify->syslog_path ||
	    vxe_address_read((pid_t)request->pid, request->data.args[1], request->data.args[2], &address, &size) < 0)
		return -1;
	if (address.ss_family != AF_UNIX || strcmp(un->sun_path, "/dev/log"))
		return -1;
	sock = descriptor_take(notify, request);
	if (sock < 0)
		return EBADF;
	if (!socket_is(sock, SO_DOMAIN, &domain) || domain != AF_UNIX || !socket_is(sock, SO_TYPE, &type))
		return -1;
	if (type != SOCK_DGRAM)
		return EPROTOTYPE;
	snprintf(target.sun_path, sizeof(target.sun_path), "%s", notify->syslog_path);
	return connect(sock, (const struct sockaddr *)&target, sizeof(target)) < 0 ? errno : 0;
}

bool vxe_notify_port_listed(const char *words, unsigned int port)
{
	char word[32];

	snprintf(word, sizeof(word), "tcp/%u", port);
	return vxe_words_have(words, word);
}

/*
 * listen(2) on a socket that was never bound takes a port of the kernel's choice, and no Landlock ABI so far looks there. So it
 * is performed here, on a duplicate: a bound socket keeps its port, and an unbound one is refused. -1: refuse and record.
 */
static int listen_perform(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	cleanup_fd int sock = -1;
	unsigned int port = 0;

	if (!notify->performs_listen)
		return -1;
	sock = descriptor_take(notify, request);
	if (sock < 0)
		return EBADF;
	if (getsockname(sock, (struct sockaddr *)&address, &size) < 0)
		return errno;
	if (address.ss_family == AF_INET)
		port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
	else if (address.ss_family == AF_INET6)
		port = ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
	else if (address.ss_family != AF_UNIX)
		return -1;
	if (address.ss_family != AF_UNIX && !vxe_notify_port_listed(notify->listen_words, port))
		return -1;
	return listen(sock, (int)request->data.args[1]) < 0 ? errno : 0;
}

/* The calls that the supervisor makes in the caller's place: the errno for it, or -1: none of them. */
static int call_perform(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	if (request->data.nr == SYS_connect)
		return syslog_connect(notify, request);
	if (request->data.nr == SYS_listen)
		return listen_perform(notify, request);
	return -1;
}

static bool is_native(const struct seccomp_data *data)
{
#if defined(__x86_64__)
	return data->arch == AUDIT_ARCH_X86_64 && !(data->nr & 0x40000000);
#else
	return data->arch == AUDIT_ARCH_AARCH64;
#endif
}

int vxe_notify_serve(struct vxe_notify *notify)
{
	/* Larger than any kernel's struct so far; it must be zero when the kernel takes it. */
	union {
		struct seccomp_notif request;
		char space[256];
	} in = {0};
	union {
		struct seccomp_notif_resp response;
		char space[128];
	} out = {0};
	const struct seccomp_data *data = &in.request.data;
	struct vxe_violation violation = {0};
	cleanup_free char *call = NULL;
	const char *arch;
	int answer;

	if (ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &in.request) < 0)
		return errno == EINTR || errno == ENOENT ? 1 : -1;
	out.response.id = in.request.id;
	if (notify->execs_left && is_native(data) && data->nr == SYS_execve) {
		/* Only the launch has run in that process so far: what it passes cannot be another's. */
		notify->execs_left--;
		out.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		return ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &out.response) < 0 && errno != ENOENT ? -1 : 1;
	}
	answer = is_native(data) ? call_perform(notify, &in.request) : -1;
	if (answer >= 0) {
		out.response.error = -answer;
		return ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &out.response) < 0 && errno != ENOENT ? -1 : 1;
	}
	call = vxe_call_name(data->arch, data->nr, &arch);
	violation.pid = (pid_t)in.request.pid;
	violation.arch = data->arch;
	violation.nr = data->nr;
	for (int i = 0; i < 6; i++)
		violation.args[i] = data->args[i];
	if (is_native(data))
		violation_decode(&violation);
	if (!still_waiting(notify, in.request.id))
		violation.detail[0] = violation.path[0] = '\0';
	answer = vxe_notify_errno(notify->errno_words, call ? call : "");
	violation.errnum = answer;
	if (notify->exec_once && is_native(data) && (data->nr == SYS_execve || data->nr == SYS_execveat))
		violation.rule = "exec:once";
	if (notify->log)
		vxe_record_write(notify->log, &violation);
	out.response.error = -answer;
	return ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &out.response) < 0 && errno != ENOENT ? -1 : 1;
}
