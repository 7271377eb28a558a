/*
 * The recorder for everybody: each call of the program is raised to us (seccomp_unotify(2)), recorded, and goes on. The calls'
 * results are not known here. What the caller's memory says is for the record; nothing is decided by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "absent.h"
#include "address.h"
#include "cleanup.h"
#include "fold.h"
#include "kernel.h"
#include "memory.h"
#include "recorder.h"

#define TEXT_SIZE 4096
#define BATCH 256

struct notify_source {
	struct vxe_source source;
	struct vxe_recorder *recorder;
	int listener_fd;
	pid_t program;
	struct vxe_fold fold;
	uint64_t calls, ended, told;
	/* Of the call that is being recorded. */
	char texts[6][TEXT_SIZE], bases[6][PATH_MAX], exe[PATH_MAX], comm[32], local[128];
};

/* The status file's lines that a record needs. */
struct task_facts {
	pid_t tgid, ppid;
};

static void task_read(struct notify_source *s, pid_t tid, struct task_facts *out)
{
	char path[64], text[1024];
	cleanup_fd int fd = -1;
	ssize_t got;
	const char *at;

	memset(out, 0, sizeof(*out));
	out->tgid = tid;
	s->comm[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return;
	text[got] = '\0';
	if (!strncmp(text, "Name:\t", 6))
		snprintf(s->comm, sizeof(s->comm), "%.*s", (int)strcspn(text + 6, "\n"), text + 6);
	if ((at = strstr(text, "\nTgid:")))
		out->tgid = atoi(at + 6);
	if ((at = strstr(text, "\nPPid:")))
		out->ppid = atoi(at + 6);
}

static void link_read(const char *path, char *out, size_t size)
{
	ssize_t got = readlink(path, out, size - 1);

	out[got > 0 ? got : 0] = '\0';
}

/* A path that /proc shows, as the program's root has it; false: not known. */
static bool link_strip(const struct notify_source *s, const char *path, char *out, size_t size)
{
	char seen[PATH_MAX];

	link_read(path, seen, sizeof(seen));
	return seen[0] == '/' && vxe_walk_strip(&s->recorder->walk, seen, out, size);
}

/* The folder that a path begins at, where it is not the root of all. NULL: not known. */
static const char *base_find(struct notify_source *s, pid_t tid, int argument, bool absolute, bool at, uint64_t dirfd)
{
	char path[64];
	struct stat st;

	if (absolute) {
		snprintf(path, sizeof(path), "/proc/%d/root", tid);
		if (stat(path, &st) < 0)
			return NULL;
		if (st.st_dev == s->recorder->walk.device && st.st_ino == s->recorder->walk.inode)
			return "";
	} else if (at && (int32_t)dirfd != AT_FDCWD) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, (int32_t)dirfd);
	} else {
		snprintf(path, sizeof(path), "/proc/%d/cwd", tid);
	}
	return link_strip(s, path, s->bases[argument], sizeof(s->bases[argument])) ? s->bases[argument] : NULL;
}

static int socket_type(pid_t tgid, uint64_t fd)
{
	cleanup_fd int pidfd = sys_pidfd_open(tgid, 0);
	cleanup_fd int sock = pidfd < 0 ? -1 : sys_pidfd_getfd(pidfd, (int)fd);
	socklen_t size = sizeof(int);
	int type;

	return sock >= 0 && getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? type : -1;
}

static bool is_message(const struct vxe_call_shape *shape, int i)
{
	return i == 1 && (!strcmp(shape->name, "sendmsg") || !strcmp(shape->name, "sendmmsg"));
}

static void address_take(struct notify_source *s, pid_t tid, uint64_t pointer, uint64_t size, int argument,
			 struct sockaddr_storage *storage, struct vxe_call_facts *facts)
{
	const struct sockaddr_un *un = (const void *)storage;
	size_t length;

	if (!pointer || vxe_address_read(tid, pointer, (uint32_t)size, storage, &length) < 0)
		return;
	facts->event.address = storage;
	facts->event.address_size = length;
	facts->event.socket_type = socket_type(facts->event.pid, facts->event.args[0]);
	if (storage->ss_family != AF_UNIX || length <= sizeof(sa_family_t) || !un->sun_path[0] || argument < 0)
		return;
	snprintf(s->local, sizeof(s->local), "%.*s", (int)(length - sizeof(sa_family_t)), un->sun_path);
	facts->paths[facts->n_paths++] = (struct vxe_path_facts){
		.argument = argument, .given = s->local, .base = base_find(s, tid, argument, s->local[0] == '/', false, 0)};
}

/* What the descriptor of a call like fchmod or ioctl is. */
static void descriptor_take(struct notify_source *s, pid_t tid, const struct vxe_call_shape *shape,
			    struct vxe_call_facts *facts)
{
	static const char *const calls[] = {"ioctl",	    "fchmod", "fchown",	    "ftruncate", "fallocate", "fsetxattr",
					    "fremovexattr", "fchdir", "getdents64", "getdents",	 "fstatfs",   NULL};
	struct vxe_path_facts *path = &facts->paths[facts->n_paths];
	char link[64];
	struct stat st;

	for (const char *const *each = calls;; each++) {
		if (!*each)
			return;
		if (!strcmp(*each, shape->name))
			break;
	}
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", tid, (int)facts->event.args[0]);
	if (stat(link, &st) < 0 || !link_strip(s, link, s->bases[0], sizeof(s->bases[0])))
		return;
	*path = (struct vxe_path_facts){.argument = 0, .object = s->bases[0], .kind = vxe_kind_of_mode(st.st_mode)};
	facts->n_paths++;
}

static void arguments_take(struct notify_source *s, pid_t tid, const struct vxe_call_shape *shape,
			   struct sockaddr_storage *storage, struct vxe_call_facts *facts)
{
	const uint64_t *args = facts->event.args;

	for (int i = 0; i < shape->n_args; i++) {
		const struct vxe_argument *argument = &shape->args[i];
		int whole;

		if (is_message(shape, i)) {
			struct msghdr header;

			if (vxe_memory_read(tid, args[i], &header, sizeof(header)) == 0)
				address_take(s, tid, (uint64_t)(uintptr_t)header.msg_name, header.msg_namelen, -1, storage,
					     facts);
			continue;
		}
		if (argument->type == VXE_ARG_SOCKADDR && i + 1 < shape->n_args)
			address_take(s, tid, args[i], args[i + 1], i, storage, facts);
		if (argument->type != VXE_ARG_PATH && argument->type != VXE_ARG_TEXT)
			continue;
		whole = args[i] ? vxe_memory_string(tid, args[i], s->texts[i], sizeof(s->texts[i])) : -1;
		if (whole < 0)
			continue;
		facts->event.strings[i] = s->texts[i];
		if (argument->type == VXE_ARG_TEXT || facts->n_paths == VXE_EVENT_PATHS)
			continue;
		facts->paths[facts->n_paths++] = (struct vxe_path_facts){
			.argument = i,
			.given = s->texts[i],
			.truncated = !whole,
			.base = base_find(s, tid, i, s->texts[i][0] == '/', i && shape->args[i - 1].type == VXE_ARG_DIRFD,
					  i ? args[i - 1] : 0)};
	}
	if (shape->n_args && shape->args[0].type == VXE_ARG_FD && facts->n_paths < VXE_EVENT_PATHS)
		descriptor_take(s, tid, shape, facts);
}

static struct vxe_fold_hash fold_hash(const struct notify_source *s, const struct vxe_call_shape *shape,
				      const struct vxe_call_facts *facts)
{
	const struct vxe_event *event = &facts->event;
	struct vxe_fold_hash hash = vxe_fold_begin(&s->fold);

	const struct vxe_recorded_process *process = vxe_process_find(&s->recorder->processes, event->tid);

	vxe_fold_word(&s->fold, &hash, (uint64_t)event->tid << 32 | (uint32_t)event->nr);
	vxe_fold_word(&s->fold, &hash, (uint64_t)event->arch << 32 | (process ? process->generation : 0));
	for (int i = 0; i < 6; i++) {
		/* Nothing is known about it: every register counts. */
		if (!shape || shape->n_args < 0)
			vxe_fold_word(&s->fold, &hash, event->args[i]);
		else if (i < shape->n_args && vxe_value_set_find(&shape->args[i], event->args))
			vxe_fold_word(&s->fold, &hash, vxe_argument_value(&shape->args[i], event->args[i]));
		if (event->strings[i])
			vxe_fold_bytes(&s->fold, &hash, event->strings[i], strlen(event->strings[i]));
	}
	if (event->address)
		vxe_fold_bytes(&s->fold, &hash, event->address, event->address_size);
	vxe_fold_word(&s->fold, &hash, (uint64_t)(uint32_t)event->socket_type);
	for (size_t i = 0; i < facts->n_paths; i++) {
		const char *base = facts->paths[i].object ? facts->paths[i].object : facts->paths[i].base;

		if (base)
			vxe_fold_bytes(&s->fold, &hash, base, strlen(base));
	}
	return hash;
}

/* Is there nothing in the call that is to be read or looked up? Most calls are such. */
static bool is_plain(const struct vxe_call_shape *shape)
{
	for (int i = 0; shape && i < shape->n_args; i++) {
		enum vxe_argument_type type = shape->args[i].type;

		if (type == VXE_ARG_PATH || type == VXE_ARG_TEXT || type == VXE_ARG_SOCKADDR || is_message(shape, i) ||
		    (i == 0 && type == VXE_ARG_FD && shape->n_args > 1 && !strcmp(shape->name, "ioctl")) ||
		    (i == 0 && type == VXE_ARG_FD && shape->name[0] == 'f'))
			return false;
	}
	return true;
}

static bool is_named(const struct vxe_call_shape *shape, const char *a, const char *b)
{
	return shape && (!strcmp(shape->name, a) || !strcmp(shape->name, b));
}

/* What comes after the call is another program's, perhaps: it must not be counted with this one's calls. */
static void generation_end(struct notify_source *s, pid_t tid)
{
	struct vxe_recorded_process *process = vxe_process_get(&s->recorder->processes, tid);

	if (process)
		process->generation++;
}

static void call_record(struct notify_source *s, const struct seccomp_notif *request)
{
	static struct vxe_call_facts facts;
	static struct sockaddr_storage storage;
	const struct seccomp_data *data = &request->data;
	const struct vxe_call_shape *shape = vxe_call_shape_find(data->arch, data->nr);
	pid_t tid = (pid_t)request->pid;
	struct vxe_fold_hash hash;
	struct task_facts task;
	struct timespec now;
	char path[64];

	memset(&facts, 0, sizeof(facts));
	clock_gettime(CLOCK_REALTIME, &now);
	facts.event =
		(struct vxe_event){.time = now, .pid = tid, .tid = tid, .arch = data->arch, .nr = data->nr, .socket_type = -1};
	memcpy(facts.event.args, data->args, sizeof(facts.event.args));
	/* Threads are folded by themselves: whose they are takes a look into /proc, which only a line is worth. */
	if (shape && !is_plain(shape))
		arguments_take(s, tid, shape, &storage, &facts);
	hash = fold_hash(s, shape, &facts);
	if (!s->recorder->every && vxe_fold_seen(&s->fold, &hash, s->told + 1, &now))
		return;
	task_read(s, tid, &task);
	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	if (!link_strip(s, path, s->exe, sizeof(s->exe)))
		s->exe[0] = '\0';
	facts.event.seq = ++s->told;
	facts.event.pid = task.tgid;
	facts.event.ppid = task.ppid;
	facts.event.comm = s->comm;
	facts.event.exe = s->exe;
	vxe_recorder_call(s->recorder, &facts);
	if (is_named(shape, "execve", "execveat")) {
		generation_end(s, tid);
		if (task.tgid != tid)
			generation_end(s, task.tgid);
	} else if (is_named(shape, "exit", "exit_group")) {
		generation_end(s, tid);
	}
}

/* 1: one call was served, 0: none waits, -1: nobody is left. */
static int serve_one(struct notify_source *s)
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

	if (ioctl(s->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &in.request) < 0)
		return errno == EINTR || errno == ENOENT ? 0 : -1;
	s->calls++;
	call_record(s, &in.request);
	out.response.id = in.request.id;
	if (vxe_recorder_absent(in.request.data.nr))
		out.response.error = -ENOSYS;
	else
		out.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (ioctl(s->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &out.response) < 0 && errno != ENOENT)
		return -1;
	return 1;
}

static int serve(struct vxe_source *source)
{
	struct notify_source *s = source->data;

	return serve_one(s) < 0 ? -1 : 0;
}

/* The program's process may be looked at from when it has loaded the filter: without root not before that. */
static int adopt(struct vxe_source *source, pid_t pid, struct vxe_error **err)
{
	struct notify_source *s = source->data;

	(void)err;
	s->program = pid;
	return 0;
}

static int listen_on(struct vxe_source *source, int listener_fd, struct vxe_error **err)
{
	struct notify_source *s = source->data;
	uint64_t flags = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;

	s->listener_fd = fcntl(listener_fd, F_DUPFD_CLOEXEC, 3);
	if (s->listener_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "taking the listener of the recorder's filter");
	/* Caller and recorder take turns, so the waker's CPU is the right one. Since Linux 6.6. */
	ioctl(s->listener_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags);
	return vxe_walk_root(&s->recorder->walk, s->program, err);
}

static int poll_fd(const struct vxe_source *source)
{
	return ((const struct notify_source *)source->data)->listener_fd;
}

static void finish(struct vxe_source *source, struct vxe_trailer *trailer)
{
	static struct vxe_loss loss;
	struct notify_source *s = source->data;

	for (size_t i = 0; i < s->fold.size; i++)
		if (s->fold.places[i].count)
			vxe_stream_repeat(&s->recorder->stream, s->fold.places[i].seq, s->fold.places[i].count,
					  &s->fold.places[i].last);
	trailer->calls = s->calls;
	loss = (struct vxe_loss){"unexplained", s->calls - s->recorder->stream.recorded};
	trailer->losses = &loss;
	trailer->n_losses = 1;
}

static void source_close(struct vxe_source *source)
{
	struct notify_source *s = source->data;

	if (s->listener_fd >= 0)
		close(s->listener_fd);
	vxe_fold_free(&s->fold);
	free(s);
}

struct vxe_source *vxe_notify_source(struct vxe_recorder *recorder, struct vxe_error **err)
{
	struct notify_source *s = calloc(1, sizeof(*s));

	if (!s || vxe_fold_init(&s->fold) < 0) {
		free(s);
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "watching the program");
		return NULL;
	}
	s->source = (struct vxe_source){.name = "notify",
					.data = s,
					.adopt = adopt,
					.listen = listen_on,
					.poll_fd = poll_fd,
					.timeout = -1,
					.serve = serve,
					.finish = finish,
					.close = source_close,
					.needs_filter = true};
	s->recorder = recorder;
	s->listener_fd = -1;
	return &s->source;
}
