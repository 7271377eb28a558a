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
#include "caller.h"
#include "calls.h"
#include "cleanup.h"
#include "kernel.h"
#include "memory.h"
#include "names.h"
#include "objects.h"
#include "roots.h"
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
				const char *known = vxe_errno_name(errnum);

				if (known && strlen(known) == size && !strncmp(known, name, size))
					return errnum;
			}
		}
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return EPERM;
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
	sock = vxe_caller_descriptor(notify->listener_fd, request);
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
	for (const char *word = words; word && *word; word += strcspn(word, " "), word += strspn(word, " ")) {
		unsigned int from, to;
		char after[2] = "";
		int found = sscanf(word, "tcp/%5u-%5u%1[^ ]", &from, &to, after);

		if (found == 1 && (sscanf(word, "tcp/%5u%1[^ ]", &from, after) == 2))
			continue;
		if (found < 1 || found > 2)
			continue;
		if (from <= port && port <= (found == 2 ? to : from))
			return true;
	}
	return false;
}

/* May the socket listen where it is bound now? The errno for its owner, 0: yes, -1: no. */
static int listen_asked(const struct vxe_notify *notify, int sock)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	unsigned int port = 0;

	if (getsockname(sock, (struct sockaddr *)&address, &size) < 0)
		return errno;
	if (address.ss_family == AF_UNIX)
		return 0;
	if (address.ss_family == AF_INET)
		port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
	else if (address.ss_family == AF_INET6)
		port = ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
	else
		return -1;
	return vxe_notify_port_listed(notify->listen_words, port) ? 0 : -1;
}

/*
 * listen(2) on a socket that was never bound takes a port of the kernel's choice, and no Landlock ABI so far looks there. So it
 * is performed here, on a duplicate: a bound socket keeps its port, and an unbound one is refused. -1: refuse and record.
 * A port that a connection took is not kept: another thread that ends the connection meanwhile makes listen choose anew. So it is asked for
 * again, and a socket that listens elsewhere stops.
 */
static int listen_perform(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	cleanup_fd int sock = -1;
	int answer;

	if (!notify->performs_listen)
		return -1;
	sock = vxe_caller_descriptor(notify->listener_fd, request);
	if (sock < 0)
		return EBADF;
	answer = listen_asked(notify, sock);
	if (answer)
		return answer;
	if (listen(sock, (int)request->data.args[1]) < 0)
		return errno;
	answer = listen_asked(notify, sock);
	if (answer)
		shutdown(sock, SHUT_RDWR);
	return answer;
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
	/* x32 calls come as those of x86_64, with this bit in the number. */
	if (VXE_NATIVE_ARCH == AUDIT_ARCH_X86_64 && (data->nr & 0x40000000))
		return false;
	return data->arch == VXE_NATIVE_ARCH;
}

/* What the production filter says of the call: bundles without a judge raise nothing but what is refused. */
static bool permitted_as_call(const struct vxe_notify *notify, const struct seccomp_data *data)
{
	/* Raised for what it names alone: with refused arguments it would be answered by the filter. */
	if (is_native(data) && vxe_own_raised(&notify->own, data->nr))
		return true;
	if (!notify->objects)
		return false;
	return (vxe_filter_run(&notify->judge->judge->filter, data) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}

/* An upgrade since the launch permits it: by the registers, which the caller cannot change any more. */
static bool permitted_since(const struct vxe_notify *notify, const struct seccomp_data *data)
{
	return notify->since && notify->since->length &&
	       (vxe_filter_run(notify->since, data) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}

/*
 * A call of io_uring by any way into the kernel; later calls have one number in every table. Performed where the profile refuses it, in soft
 * mode, it would give a ring that nothing holds, and that stays when the mode is production again.
 */
static bool is_ring_call(const struct seccomp_data *data)
{
	int nr = data->nr & ~0x40000000;

	return nr >= SYS_io_uring_setup && nr <= SYS_io_uring_register;
}

/*
 * A file by its handle, by any way into the kernel. A handle has no path to judge by, may be another one by the time that the kernel reads it, and
 * opens what no mount of the instance shows: where no Landlock looks at what it opens, nobody would.
 */
static bool is_unheld_handle(const struct vxe_notify *notify, const struct seccomp_data *data)
{
	static const struct {
		uint32_t arch;
		int nr;
	} entries[] = {{AUDIT_ARCH_X86_64, 304}, {AUDIT_ARCH_I386, 342}, {AUDIT_ARCH_AARCH64, 265}, {AUDIT_ARCH_ARM, 371}};

	for (size_t i = 0; !notify->landlock && i < sizeof(entries) / sizeof(*entries); i++)
		if (data->arch == entries[i].arch && (data->nr & ~0x40000000) == entries[i].nr)
			return true;
	return false;
}

/* What soft mode refuses all the same. */
static bool is_refused_always(const struct vxe_notify *notify, const struct seccomp_data *data)
{
	return is_ring_call(data) || is_unheld_handle(notify, data);
}

static void violation_begin(struct vxe_violation *violation, const struct seccomp_notif *request)
{
	memset(violation, 0, sizeof(*violation));
	violation->pid = (pid_t)request->pid;
	violation->arch = request->data.arch;
	violation->nr = request->data.nr;
	for (int i = 0; i < 6; i++)
		violation->args[i] = request->data.args[i];
}

/* 0: the caller has its ring, or is gone; otherwise the errno. */
static int ring_perform(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	char refusal[VXE_RING_REFUSAL] = "";
	struct vxe_violation violation;
	int errnum;

	if (!notify->rings)
		return ENOSYS;
	errnum = vxe_rings_serve(notify->rings, notify->listener_fd, notify->cgroup_fd, request, refusal);
	if (refusal[0] && notify->log) {
		violation_begin(&violation, request);
		violation.errnum = errnum;
		violation.mechanism = errnum == EINVAL ? "supervisor" : "kernel";
		vxe_text_copy(violation.detail, sizeof(violation.detail), refusal);
		vxe_record_write(notify->log, &violation);
	}
	return errnum;
}

/* The call itself, by its number and registers: these no caller can change any more. */
static int call_record(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	const struct seccomp_data *data = &request->data;
	const struct vxe_judged_call *rule;
	const struct vxe_judge *judge;
	struct vxe_violation violation;
	const char *arch;
	cleanup_free char *call = vxe_call_name(data->arch, data->nr, &arch);

	violation_begin(&violation, request);
	if (is_native(data))
		violation_decode(&violation);
	if (!vxe_caller_waits(notify->listener_fd, request->id))
		violation.detail[0] = violation.path[0] = '\0';
	violation.errnum = vxe_notify_errno(notify->errno_words, call ? call : "");
	violation.verdict = notify->perform && !is_refused_always(notify, data) ? VXE_PERFORMED : VXE_REFUSED;
	if (is_unheld_handle(notify, data)) {
		violation.mechanism = "supervisor";
		snprintf(violation.detail, sizeof(violation.detail),
			 "open_by_handle_at(%d): in soft mode nothing holds what a handle opens", (int)data->args[0]);
	}
	judge = vxe_judge_get(notify->judge);
	rule = judge && call && is_native(data) ? vxe_judge_call(judge, call) : NULL;
	if (rule) {
		violation.rule = rule->name.rule;
		violation.at = rule->name.at;
	} else if (judge) {
		violation.rule = "calls:default";
	}
	if (notify->exec_once && is_native(data) && (data->nr == SYS_execve || data->nr == SYS_execveat))
		violation.rule = "exec:once";
	if (is_native(data) && data->nr == SYS_listen && notify->performs_listen)
		violation.rule = "network:accept";
	if (notify->log)
		vxe_record_write(notify->log, &violation);
	return violation.errnum;
}

/* What the call names, where Landlock is to refuse it, or would in production. */
static void objects_record(const struct vxe_notify *notify, const struct seccomp_notif *request)
{
	const struct vxe_objects_view view = {notify->judge->judge, notify->listener_fd, notify->reaper};
	struct vxe_object objects[VXE_OBJECTS_MAX];
	size_t count = vxe_objects_judge(&view, request, objects);
	const char *arch;

	for (size_t i = 0; i < count; i++) {
		cleanup_free char *call = NULL;
		struct vxe_violation violation;

		if (!objects[i].refused && !objects[i].unseen)
			continue;
		if (!vxe_caller_waits(notify->listener_fd, request->id))
			break;
		call = vxe_call_name(request->data.arch, request->data.nr, &arch);
		violation_begin(&violation, request);
		violation.errnum = objects[i].errnum;
		/* The kernel has the word on what was not seen, and it goes on as what is permitted does. */
		violation.verdict = !notify->landlock || objects[i].unseen ? VXE_PERFORMED : VXE_REFUSED;
		violation.rule = objects[i].rule;
		violation.at = objects[i].at;
		violation.mechanism = objects[i].unseen	  ? "supervisor"
				      : objects[i].mount  ? "mount"
				      : objects[i].cgroup ? "cgroup"
							  : "landlock";
		violation.needs = objects[i].needs;
		violation.narrowed = objects[i].narrowed;
		/* The caller's words are no path that a rule could have. */
		if (!objects[i].unseen)
			vxe_text_copy(violation.path, sizeof(violation.path), objects[i].path);
		vxe_text_copy(violation.address, sizeof(violation.address), objects[i].address);
		if (objects[i].path[0])
			snprintf(violation.detail, sizeof(violation.detail), "%s(\"%.500s\")", call ? call : "?",
				 objects[i].path);
		else
			snprintf(violation.detail, sizeof(violation.detail), "%s(%d%s%s)", call ? call : "?",
				 (int)request->data.args[0], violation.address[0] ? ", " : "", violation.address);
		if (notify->log)
			vxe_record_write(notify->log, &violation);
	}
}

static int answer_send(const struct vxe_notify *notify, const struct seccomp_notif *request, int errnum, bool go_on)
{
	/* Larger than any kernel's struct so far. */
	union {
		struct seccomp_notif_resp response;
		char space[128];
	} out = {0};

	out.response.id = request->id;
	out.response.error = go_on ? 0 : -errnum;
	out.response.flags = go_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	return ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &out.response) < 0 && errno != ENOENT ? -1 : 1;
}

static int request_serve(struct vxe_notify *notify)
{
	/* Larger than any kernel's struct so far; it must be zero when the kernel takes it. */
	union {
		struct seccomp_notif request;
		char space[256];
	} in = {0};
	const struct seccomp_data *data = &in.request.data;
	bool permitted, performed;
	int answer;

	if (ioctl(notify->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &in.request) < 0)
		return errno == EINTR || errno == ENOENT ? 1 : -1;
	if (notify->objects)
		vxe_judge_bind(notify->judge->judge, (pid_t)in.request.pid);
	if (notify->execs_left && is_native(data) && data->nr == SYS_execve) {
		/* Only the launch has run in that process so far: what it passes cannot be another's. */
		notify->execs_left--;
		return answer_send(notify, &in.request, 0, true);
	}
	if (notify->performs_rings && is_native(data) && data->nr == SYS_io_uring_setup) {
		answer = ring_perform(notify, &in.request);
		return answer ? answer_send(notify, &in.request, answer, false) : 1;
	}
	if (is_native(data) && vxe_own_raised(&notify->own, data->nr)) {
		answer = vxe_own_serve(&notify->own, notify->listener_fd, &in.request);
		if (answer)
			return answer > 0 ? 1 : answer_send(notify, &in.request, -answer, false);
	}
	answer = is_native(data) ? call_perform(notify, &in.request) : -1;
	if (answer >= 0)
		return answer_send(notify, &in.request, answer, false);
	permitted = (permitted_as_call(notify, data) || permitted_since(notify, data)) && !is_unheld_handle(notify, data);
	if (!permitted)
		answer = call_record(notify, &in.request);
	/* What is refused as a call comes to no object; what is performed is judged whole, so that one round shows all. */
	performed = permitted || (notify->perform && !is_refused_always(notify, data));
	if (notify->objects && performed && vxe_roots_change(data))
		vxe_judge_roots_differ(notify->judge->judge);
	if (notify->objects && is_native(data) && performed)
		objects_record(notify, &in.request);
	return answer_send(notify, &in.request, answer, performed);
}

int vxe_notify_serve(struct vxe_notify *notify)
{
	int status = request_serve(notify);

	/* The first is the launch's execve, which looks for the CPU that has least to do anyway, and would move away from ours. */
	if (!notify->takes_turns)
		sys_listener_take_turns(notify->listener_fd);
	notify->takes_turns = true;
	return status;
}
