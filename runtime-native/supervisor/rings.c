#include "rings.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "caller.h"
#include "caps.h"
#include "cleanup.h"
#include "kernel.h"
#include "memory.h"

/* A ring takes 64 bytes for each entry and 16 for each completion: 768 KiB at most, of the instance's memory. */
#define ENTRIES_MAX 4096U
#define COMPLETIONS_MAX 32768U
/* The process that makes a ring is stopped with its instance's cgroup; the instance's signals do not wait for it. */
#define MAKER_MS 2000
#define GROUPS_MAX 256

/* Newer than the headers that this may be built with. */
#define SETUP_SUBMIT_ALL (1U << 7)
#define SETUP_COOP_TASKRUN (1U << 8)
#define SETUP_TASKRUN_FLAG (1U << 9)
#define SETUP_NO_SQARRAY (1U << 16)

/*
 * Others get EINVAL, which libraries know from older kernels. SQPOLL and ATTACH_WQ would work with the supervisor's rights, a single issuer (and
 * DEFER_TASKRUN with it) would be the maker, R_DISABLED and NO_MMAP leave to the caller what is ours to decide.
 */
#define WISHES                                                                                                                 \
	(IORING_SETUP_IOPOLL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | SETUP_SUBMIT_ALL | SETUP_COOP_TASKRUN |              \
	 SETUP_TASKRUN_FLAG | SETUP_NO_SQARRAY)

#define SETUP_NO_MMAP (1U << 14)

/* Of the others, those that would give the ring more than the profile does: they are told of, as refusals are. */
static const struct {
	unsigned int flag;
	const char *name;
} beyond[] = {
	{IORING_SETUP_SQPOLL, "IORING_SETUP_SQPOLL"},
	{IORING_SETUP_ATTACH_WQ, "IORING_SETUP_ATTACH_WQ"},
	{IORING_SETUP_R_DISABLED, "IORING_SETUP_R_DISABLED"},
	{SETUP_NO_MMAP, "IORING_SETUP_NO_MMAP"},
};

/* FIXED_FILE to CQE_SKIP_SUCCESS: how an operation is performed, and none of them what. */
#define SQE_FLAGS 0x7f

/* Whose ring it is: who its memory is counted against, and who may have one at all (kernel.io_uring_disabled). */
struct owner {
	pid_t pid; /* 0: the supervisor's own */
	uid_t uids[3];
	gid_t gids[3], groups[GROUPS_MAX];
	size_t n_groups;
};

struct vxe_ring_wish {
	struct owner owner;
	unsigned int entries;
	struct io_uring_params params; /* in: the caller's; out: the kernel's */
	/* out: what came of it, once it has ended */
	bool ended;
	int ring, errnum;
};

static int number_of(const char *const *table, const char *word, size_t length)
{
	for (int i = 0; table[i]; i++)
		if (strlen(table[i]) == length && !strncmp(table[i], word, length))
			return i;
	return -1;
}

static int word_take(struct vxe_rings *rings, const char *word, size_t length)
{
	int number = number_of(vxe_ring_operations, word, length);

	if (number >= 0 && rings->n_operations < sizeof(rings->operations)) {
		rings->operations[rings->n_operations++] = (unsigned char)number;
		return 0;
	}
	number = number_of(vxe_ring_registrations, word, length);
	if (number < 0 || rings->n_registrations == sizeof(rings->registrations))
		return -1;
	rings->registrations[rings->n_registrations++] = (unsigned char)number;
	return 0;
}

int vxe_rings_read(struct vxe_rings *rings, const char *words, struct vxe_error **err)
{
	memset(rings, 0, sizeof(*rings));
	for (const char *word = words; *word;) {
		size_t length = strcspn(word, " ");

		if (length && word_take(rings, word, length) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					     "config.json: org.vxe.rings: %.*s is no operation of a ring",
					     (int)(length > 64 ? 64 : length), word);
		word += length;
		word += strspn(word, " ");
	}
	return 0;
}

int vxe_rings_open(struct vxe_rings *rings, const char *words, struct vxe_error **err)
{
	if (vxe_rings_read(rings, words, err) < 0)
		return -1;
	rings->wish = mmap(NULL, sizeof(*rings->wish), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rings->wish == MAP_FAILED) {
		rings->wish = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "preparing rings");
	}
	return 0;
}

void vxe_rings_close(struct vxe_rings *rings)
{
	if (rings->wish)
		munmap(rings->wish, sizeof(*rings->wish));
	rings->wish = NULL;
}

/* --- the process that makes the ring --- */

static int owner_become(const struct owner *owner)
{
	struct rlimit limit;
	bool whole = geteuid() == 0;

	/* Of its own user, the supervisor without root has no more rights than the caller. */
	if (owner->pid && whole &&
	    (setgroups(owner->n_groups, owner->groups) < 0 || setresgid(owner->gids[0], owner->gids[1], owner->gids[2]) < 0 ||
	     setresuid(owner->uids[0], owner->uids[1], owner->uids[2]) < 0))
		return -1;
	if (vxe_caps_none() < 0)
		return -1;
	if (owner->pid && prlimit(owner->pid, RLIMIT_MEMLOCK, NULL, &limit) == 0)
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	return 0;
}

/* How many operations this kernel has. */
static int operations_count(int fd)
{
	char room[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)] __attribute__((aligned(8))) = {0};
	const struct io_uring_probe *probe = (const void *)room;

	if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_PROBE, room, 256) < 0)
		return -1;
	return probe->last_op + 1;
}

/* What the kernel does not have it refuses by itself, and does not take into the list. */
static int ring_restrict(const struct vxe_rings *rings, int fd)
{
	struct io_uring_restriction list[1 + sizeof(rings->operations) + sizeof(rings->registrations)] = {0};
	int count = operations_count(fd);
	unsigned int n = 0;

	if (count < 0)
		return -1;
	list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = SQE_FLAGS};
	for (size_t i = 0; i < rings->n_operations; i++)
		if (rings->operations[i] < count)
			list[n++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP,
								  .sqe_op = rings->operations[i]};
	/* Registrations are not told by the kernel: the newest of the list are left out until it knows all. */
	for (size_t left = rings->n_registrations;; left--) {
		for (size_t i = 0; i < left; i++)
			list[n + i] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_REGISTER_OP,
								    .register_op = rings->registrations[i]};
		if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS, list, n + left) == 0)
			return 0;
		if (errno != EINVAL || left == 0)
			return -1;
	}
}

/* Memory that the program writes must not become code: kernels before 6.16 let a ring be mapped so. */
static bool may_be_executed(int fd, const struct io_uring_params *params)
{
	size_t size = params->sq_entries * sizeof(struct io_uring_sqe);
	void *memory = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, IORING_OFF_SQES);

	if (memory == MAP_FAILED)
		return errno != EPERM;
	munmap(memory, size);
	return true;
}

static int ring_make(const struct vxe_rings *rings, struct vxe_ring_wish *wish)
{
	cleanup_fd int fd = -1;

	wish->params.flags |= IORING_SETUP_R_DISABLED;
	fd = (int)syscall(SYS_io_uring_setup, wish->entries, &wish->params);
	if (fd < 0)
		return errno;
	if (ring_restrict(rings, fd) < 0 || may_be_executed(fd, &wish->params) ||
	    syscall(SYS_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
		return ENOSYS;
	wish->params.flags &= ~IORING_SETUP_R_DISABLED;
	wish->ring = steal_fd(&fd);
	return 0;
}

__attribute__((noreturn)) static void maker_main(const struct vxe_rings *rings)
{
	struct vxe_ring_wish *wish = rings->wish;

	/* With the caller's identity and the supervisor's memory: nobody is to look in. A change of user sets it anew, by fs.suid_dumpable. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || owner_become(&wish->owner) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		wish->errnum = errno;
	else
		wish->errnum = ring_make(rings, wish);
	wish->ended = true;
	_exit(0);
}

/* --- the supervisor --- */

static void maker_wait(int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	siginfo_t info = {0};

	if (poll(&ended, 1, MAKER_MS) != 1)
		sys_pidfd_send_signal(pidfd, SIGKILL);
	while (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		;
}

/* Where the next descriptor but one comes to lie; there is one thread. */
static int second_free(void)
{
	cleanup_fd int first = open("/", O_PATH | O_CLOEXEC);
	cleanup_fd int second = first < 0 ? -1 : open("/", O_PATH | O_CLOEXEC);

	return second;
}

/*
 * Has a process of the instance's cgroup make the ring, since the kernel counts memory against the cgroup of who asks for it. It shares the table of
 * descriptors and nothing else. The ring, or -1 with *errnum.
 */
static int ring_take(const struct vxe_rings *rings, int cgroup_fd, int *errnum)
{
	struct vxe_ring_wish *wish = rings->wish;
	struct vxe_clone_args args = {.flags = CLONE_FILES | CLONE_PIDFD};
	cleanup_fd int pidfd = -1;
	int place = second_free();
	pid_t pid;

	*errnum = ENOMEM;
	if (place < 0)
		return -1;
	args.pidfd = (uintptr_t)&pidfd;
	if (cgroup_fd >= 0) {
		args.flags |= 0x200000000ULL; /* CLONE_INTO_CGROUP */
		args.cgroup = (uint64_t)cgroup_fd;
	}
	wish->ended = false;
	wish->ring = -1;
	pid = sys_clone3(&args);
	if (pid == 0)
		maker_main(rings);
	if (pid < 0)
		return -1;
	maker_wait(pidfd);
	/* Killed at any step, such as by the limit of the instance's memory: what it had made lies there. */
	if (!wish->ended) {
		close(place);
		return -1;
	}
	*errnum = wish->errnum;
	return wish->ring;
}

#define LEAVE_OUT "or leave the call out of the profile, since programs fall back to others"

static bool switched_off(void)
{
	cleanup_fd int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
	char value;

	return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}

int vxe_rings_try(const struct vxe_rings *rings, struct vxe_error **err)
{
	cleanup_fd int ring = -1;
	int errnum;

	memset(rings->wish, 0, sizeof(*rings->wish));
	rings->wish->entries = 4;
	ring = ring_take(rings, -1, &errnum);
	if (ring >= 0)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, errnum,
		      "calls:io_uring_setup cannot be held here: making a ring that does only what the profile permits");
	if (errnum == EPERM && switched_off())
		return vxe_error_hint(err, "kernel.io_uring_disabled forbids it, and VXE makes rings without capabilities: set "
					   "it to 0, " LEAVE_OUT);
	if (errnum == EPERM)
		return vxe_error_hint(err,
				      "what VXE runs in refuses it, such as a container's filter: permit it there, " LEAVE_OUT);
	return vxe_error_hint(err, "it needs io_uring and Linux 6.16: get a newer kernel, " LEAVE_OUT);
}

static bool numbers_read(const char *text, unsigned int *out, size_t wanted)
{
	char *end;

	for (size_t i = 0; i < wanted; i++, text = end) {
		out[i] = (unsigned int)strtoul(text, &end, 10);
		if (end == text)
			return false;
	}
	return true;
}

/* From /proc, as of the supervisor's own user namespace. */
static int owner_read(struct owner *owner, pid_t pid)
{
	char path[64];
	cleanup_free char *line = NULL;
	cleanup_file FILE *file = NULL;
	size_t size = 0;
	bool uids = false, gids = false;

	memset(owner, 0, sizeof(*owner));
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0) {
		if (!strncmp(line, "Uid:", 4))
			uids = numbers_read(line + 4, owner->uids, 3);
		else if (!strncmp(line, "Gid:", 4))
			gids = numbers_read(line + 4, owner->gids, 3);
		else if (!strncmp(line, "Groups:", 7))
			for (const char *at = line + 7;
			     owner->n_groups < GROUPS_MAX && numbers_read(at, &owner->groups[owner->n_groups], 1);
			     owner->n_groups++)
				at += strspn(at, " \t"), at += strcspn(at, " \t\n");
	}
	owner->pid = pid;
	return uids && gids ? 0 : -1;
}

static int size_bound(unsigned int *size, unsigned int most, bool clamp)
{
	if (*size <= most)
		return 0;
	if (!clamp)
		return -1;
	*size = most;
	return 0;
}

/* What is to be told of a wish that is not granted: nothing where it asks for no more than an older kernel lacks. */
static void refusal_tell(const struct io_uring_params *asked, unsigned int entries, char text[VXE_RING_REFUSAL])
{
	char flags[VXE_RING_REFUSAL / 2] = "";

	for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++)
		if (asked->flags & beyond[i].flag)
			snprintf(flags + strlen(flags), sizeof(flags) - strlen(flags), "%s%s",
				 flags[0] ? "|" : "flags=", beyond[i].name);
	if (flags[0])
		snprintf(text, VXE_RING_REFUSAL, "io_uring_setup(%u, {%s})", entries, flags);
	else if (!(asked->flags & ~WISHES))
		snprintf(text, VXE_RING_REFUSAL, "io_uring_setup(%u, {cq_entries=%u})", entries, asked->cq_entries);
}

int vxe_rings_grant(const struct io_uring_params *asked, unsigned int entries, struct io_uring_params *params,
		    unsigned int *granted, char refusal[VXE_RING_REFUSAL])
{
	bool clamp = asked->flags & IORING_SETUP_CLAMP;

	*granted = entries;
	*params = (struct io_uring_params){.flags = asked->flags, .cq_entries = asked->cq_entries};
	memcpy(params->resv, asked->resv, sizeof(params->resv));
	if (!(asked->flags & ~WISHES) && size_bound(granted, ENTRIES_MAX, clamp) == 0 &&
	    (!(asked->flags & IORING_SETUP_CQSIZE) || size_bound(&params->cq_entries, COMPLETIONS_MAX, clamp) == 0))
		return 0;
	refusal_tell(asked, entries, refusal);
	return EINVAL;
}

/* The ring comes into being in the caller's table, and the call returns it, in one step. */
static int ring_give(int listener_fd, uint64_t id, int ring)
{
	struct seccomp_notif_addfd add = {
		.id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)ring, .newfd_flags = O_CLOEXEC};

	while (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0) {
		if (errno == EINTR)
			continue;
		return errno == ENOENT || errno == EINPROGRESS ? 0 : errno;
	}
	return 0;
}

int vxe_rings_serve(const struct vxe_rings *rings, int listener_fd, int cgroup_fd, const struct seccomp_notif *request,
		    char refusal[VXE_RING_REFUSAL])
{
	struct vxe_ring_wish *wish = rings->wish;
	struct io_uring_params asked;
	uint64_t at = request->data.args[1];
	unsigned int entries = (unsigned int)request->data.args[0];
	pid_t pid = (pid_t)request->pid;
	cleanup_fd int ring = -1;
	int errnum;

	if (vxe_memory_read(pid, at, &asked, sizeof(asked)) < 0)
		return EFAULT;
	if (owner_read(&wish->owner, pid) < 0)
		return EPERM;
	/* All of that was the caller's. */
	if (!vxe_caller_waits(listener_fd, request->id))
		return 0;
	errnum = vxe_rings_grant(&asked, entries, &wish->params, &wish->entries, refusal);
	if (errnum)
		return errnum;
	ring = ring_take(rings, cgroup_fd, &errnum);
	if (ring < 0) {
		/* It could be had when the instance was started. */
		if (errnum == EPERM || errnum == ENOSYS)
			snprintf(refusal, VXE_RING_REFUSAL, "io_uring_setup(%u)", entries);
		return errnum;
	}
	/* What the kernel leaves as it was. */
	wish->params.sq_thread_cpu = asked.sq_thread_cpu;
	wish->params.sq_thread_idle = asked.sq_thread_idle;
	wish->params.wq_fd = asked.wq_fd;
	if (!vxe_caller_waits(listener_fd, request->id))
		return 0;
	if (vxe_memory_write(pid, at, &wish->params, sizeof(wish->params)) < 0)
		return EFAULT;
	return ring_give(listener_fd, request->id, ring);
}
