#include "audit_source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "cleanup.h"
#include "ruleset.h"
#include "words.h"

/* Namespaces that are there from the start have these numbers (include/linux/proc_ns.h). */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCUL
#define ANSWER_WITHIN_MS 100
#define TELLS_SINCE_ABI 7
#define MESSAGES_AT_ONCE 256
#define MESSAGE_MAX 8970 /* AUDIT_MESSAGE_TEXT_MAX and what stands before it */

/* The stream speaks of processes by their numbers in the first pid namespace, and goes to the first network namespace alone. */
static bool in_first_namespaces(void)
{
	struct stat pid, own, first;

	/* The kernel's own threads are in it; process 2 is one of them. */
	return stat("/proc/self/ns/pid", &pid) == 0 && pid.st_ino == FIRST_PID_NAMESPACE &&
	       stat("/proc/self/ns/net", &own) == 0 && stat("/proc/2/ns/net", &first) == 0 && own.st_ino == first.st_ino;
}

/* Whether the administrator has turned it on. */
static bool is_on(void)
{
	struct {
		struct nlmsghdr header;
		struct audit_status status;
		char more[256];
	} message = {.header = {.nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = AUDIT_GET, .nlmsg_flags = NLM_F_REQUEST}};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	struct pollfd answer = {.fd = fd, .events = POLLIN};

	if (fd < 0 || sendto(fd, &message, message.header.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0 ||
	    poll(&answer, 1, ANSWER_WITHIN_MS) != 1 ||
	    recv(fd, &message, sizeof(message), MSG_DONTWAIT) < (ssize_t)NLMSG_LENGTH(8))
		return false;
	return message.header.nlmsg_type == AUDIT_GET && message.status.enabled;
}

/* Of all that is audited on a host, what is of no use here is not even queued. */
static int only_landlock(int fd)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(VXE_AUDIT_LANDLOCK_ACCESS), 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(VXE_AUDIT_LANDLOCK_DOMAIN), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(VXE_AUDIT_SYSCALL), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(VXE_AUDIT_END), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = {.len = sizeof(program) / sizeof(*program), .filter = program};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

void vxe_audit_source_open(struct vxe_audit_source *source)
{
	const struct sockaddr_nl listeners = {.nl_family = AF_NETLINK, .nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1)};
	cleanup_fd int fd = -1;
	ssize_t got;

	source->fd = -1;
	if (vxe_landlock_abi() < TELLS_SINCE_ABI || !in_first_namespaces() || !is_on())
		return;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
	if (fd < 0 || only_landlock(fd) < 0 || bind(fd, (const struct sockaddr *)&listeners, sizeof(listeners)) < 0)
		return;
	got = readlink("/proc/self/exe", source->exe, sizeof(source->exe) - 1);
	source->exe[got > 0 ? got : 0] = '\0';
	source->audit = (struct vxe_audit){.exe = got > 0 ? source->exe : NULL};
	source->fd = steal_fd(&fd);
}

static ino_t number_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int pid_namespace(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* In the instance's pid namespace, or in one below it. */
static int is_inside(void *data, pid_t pid)
{
	const struct vxe_audit_source *source = data;
	cleanup_fd int fd = source->home ? pid_namespace(pid) : -1;

	if (fd < 0)
		return -1;
	/* As deep as they may be. */
	for (int depth = 0; depth < 33; depth++) {
		int above;

		if (number_of(fd) == source->home)
			return 1;
		above = ioctl(fd, NS_GET_PARENT);
		if (above < 0)
			return 0;
		close(fd);
		fd = above;
	}
	return 0;
}

void vxe_audit_source_follow(struct vxe_audit_source *source, pid_t maker)
{
	cleanup_fd int theirs = source->fd < 0 ? -1 : pid_namespace(maker);
	cleanup_fd int own = source->fd < 0 ? -1 : pid_namespace(getpid());

	source->audit.maker = maker;
	source->audit.is_inside = is_inside;
	source->audit.data = source;
	source->home = number_of(theirs) == number_of(own) ? 0 : number_of(theirs);
}

/* Whose they were, or what they were about, the stream did not say. */
static void unattributed_count(struct vxe_audit_source *source)
{
	source->log->lost += source->audit.unattributed;
	source->audit.unattributed = 0;
}

void vxe_audit_source_end(struct vxe_audit_source *source)
{
	if (source->fd < 0)
		return;
	vxe_audit_end(&source->audit);
	unattributed_count(source);
}

void vxe_audit_source_close(struct vxe_audit_source *source)
{
	vxe_audit_end(&source->audit);
	if (source->fd >= 0)
		close(steal_fd(&source->fd));
}

static const struct {
	const char *word;
	unsigned int needs;
	bool names; /* asked of the folder that a name is in */
} blockers[] = {
	{"fs.execute", VXE_EXECUTE, false},    {"fs.write_file", VXE_WRITE, false},
	{"fs.read_file", VXE_READ, false},     {"fs.read_dir", VXE_READ, false},
	{"fs.truncate", VXE_WRITE, false},     {"fs.ioctl_dev", VXE_IOCTL, false},
	{"fs.remove_dir", VXE_REMOVE, true},   {"fs.remove_file", VXE_REMOVE, true},
	{"fs.make_char", VXE_CREATE, true},    {"fs.make_dir", VXE_CREATE, true},
	{"fs.make_reg", VXE_CREATE, true},     {"fs.make_sock", VXE_CREATE, true},
	{"fs.make_fifo", VXE_CREATE, true},    {"fs.make_block", VXE_CREATE, true},
	{"fs.make_sym", VXE_CREATE, true},     {"fs.refer", VXE_CREATE | VXE_REMOVE, true},
	{"fs.resolve_unix", VXE_WRITE, false},
};

static unsigned int needs_of(const char *list, bool *names)
{
	unsigned int needs = 0;

	for (const char *word = list; *word; word += strcspn(word, ","), word += *word == ',') {
		size_t length = strcspn(word, ",");

		for (size_t i = 0; i < sizeof(blockers) / sizeof(*blockers); i++) {
			if (strlen(blockers[i].word) != length || memcmp(blockers[i].word, word, length))
				continue;
			needs |= blockers[i].needs;
			*names |= blockers[i].names;
		}
	}
	return needs;
}

static void file_name(const struct vxe_judge *judge, const struct vxe_audit_refusal *refusal, struct vxe_violation *out)
{
	const struct vxe_judged_file *file = judge ? vxe_judge_file(judge, refusal->path) : NULL;

	out->needs = needs_of(refusal->blockers, &out->folder);
	out->narrowed = file && !(out->needs & ~file->access);
	out->rule = file ? file->name.rule : "files:default";
	out->at = file ? file->name.at : "";
	vxe_text_copy(out->path, sizeof(out->path), refusal->path);
}

static void port_name(const struct vxe_judge *judge, const struct vxe_audit_refusal *refusal, struct vxe_violation *out)
{
	bool accept = !strcmp(refusal->blockers, "net.bind_tcp"), v6 = strchr(refusal->address, ':') != NULL;
	const struct vxe_judged_socket *rule;
	uint32_t words[4] = {0};

	/* Any address is not told. */
	if (inet_pton(v6 ? AF_INET6 : AF_INET, refusal->address, words) == 1)
		for (size_t i = 0; i < 4; i++)
			words[i] = ntohl(words[i]);
	rule = judge ? vxe_judge_socket(judge, IPPROTO_TCP, v6 ? AF_INET6 : AF_INET, words, (uint16_t)refusal->port) : NULL;
	out->rule = rule ? rule->name.rule : accept ? "network:accept" : "network:connect";
	out->at = rule ? rule->name.at : "";
	snprintf(out->address, sizeof(out->address), "tcp/%s%s%s:%d", v6 ? "[" : "",
		 refusal->address[0] ? refusal->address : "0.0.0.0", v6 ? "]" : "", refusal->port);
}

void vxe_audit_violation(const struct vxe_judge *judge, const struct vxe_audit_event *event,
			 const struct vxe_audit_refusal *refusal, struct vxe_violation *out)
{
	const char *arch;
	cleanup_free char *call = vxe_call_name(event->arch, event->nr, &arch);
	const struct vxe_judged_call *rule = judge && call ? vxe_judge_call(judge, call) : NULL;

	memset(out, 0, sizeof(*out));
	out->pid = event->pid;
	out->arch = event->arch;
	out->nr = event->nr;
	memcpy(out->args, event->args, sizeof(event->args));
	out->errnum = event->errnum;
	out->mechanism = "landlock";
	vxe_text_copy(out->comm, sizeof(out->comm), event->comm);
	vxe_text_copy(out->exe, sizeof(out->exe), event->exe);
	out->at = "";
	if (!strncmp(refusal->blockers, "net.", 4) && refusal->port >= 0) {
		port_name(judge, refusal, out);
	} else if (!strcmp(refusal->blockers, "scope.signal")) {
		out->rule = "scope:signal";
	} else if (!strcmp(refusal->blockers, "scope.abstract_unix_socket")) {
		out->rule = "scope:abstract-unix";
	} else if (!strcmp(refusal->blockers, "ptrace")) {
		out->rule = "scope:trace";
	} else if (refusal->path[0] == '/' && needs_of(refusal->blockers, &out->folder)) {
		file_name(judge, refusal, out);
	} else {
		/* Such as fs.change_topology: no rule of files or ports is about it. */
		out->rule = rule ? rule->name.rule : "calls:default";
		out->at = rule ? rule->name.at : "";
		out->narrowed = true;
	}
	snprintf(out->detail, sizeof(out->detail), "%s(%.400s): %s", call ? call : "?", out->path[0] ? out->path : out->address,
		 refusal->blockers);
}

static void event_record(struct vxe_audit_source *source)
{
	const struct vxe_audit_event *event = &source->audit.event;
	const struct vxe_judge *judge = vxe_judge_get(source->judge);

	for (size_t i = 0; i < event->n_refusals; i++) {
		struct vxe_violation violation;

		vxe_audit_violation(judge, event, &event->refusals[i], &violation);
		vxe_record_write(source->log, &violation);
	}
}

void vxe_audit_source_drain(struct vxe_audit_source *source)
{
	union {
		struct nlmsghdr header;
		char space[NLMSG_HDRLEN + MESSAGE_MAX];
	} in;

	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_size = sizeof(from);
		ssize_t got = recvfrom(source->fd, &in, sizeof(in), 0, (struct sockaddr *)&from, &from_size);

		if (got < 0 && errno == ENOBUFS) {
			/* The kernel dropped lines, it does not say how many: one refusal at least may be among them. */
			source->log->lost++;
			continue;
		}
		if (got < 0)
			break;
		/* The length in the header is not that of the message for some kernels; that of the datagram is. */
		if (got < NLMSG_HDRLEN || from.nl_pid)
			continue;
		if (vxe_audit_line(&source->audit, in.header.nlmsg_type, in.space + NLMSG_HDRLEN, (size_t)got - NLMSG_HDRLEN))
			event_record(source);
	}
	unattributed_count(source);
}
