/*
 * The supervisor's own part in rings: whose cgroup and whose account they are on, what is left when they cannot be had, and that no call of
 * io_uring is let through in soft mode. What rings do is tried by test/e2e/rings.test.sh and test_rings.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "cleanup.h"
#include "filter.h"
#include "kernel.h"
#include "notify.h"
#include "ring.h"
#include "rings.h"
#include "tap.h"

#define WORDS "NOP OPENAT READ register/FILES register/PROBE register/QUERY"
#define NOBODY 65534
/* Less than the ring of so many entries takes. */
#define LOCKED (64UL << 10)
#define MANY 4096

static struct {
	atomic_int listener, step, done;
	int results[16];
} * shared;

static int setup(unsigned int entries)
{
	struct io_uring_params params = {0};
	int fd = ring_setup(entries, &params);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int nobody_becomes(void)
{
	struct rlimit limit = {.rlim_cur = LOCKED, .rlim_max = LOCKED};

	return setrlimit(RLIMIT_MEMLOCK, &limit) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) < 0
		       ? -1
		       : 0;
}

/* The kernel's own answer. */
static int plain(unsigned int entries, bool nobody)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(nobody && nobody_becomes() < 0 ? 255 : -setup(entries));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -255;
}

#ifdef __x86_64__
/* By 32-bit entry. */
static int foreign(int nr)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(8), "c"(0) : "memory", "cc", "r8", "r9", "r10", "r11");
	return result;
}
#endif

/* Every number that the list does not have, those among them that no table has yet: how many of them get which answer. */
static void unlisted(int *refused, int *unknown, int *other, int *operations)
{
	char room[sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)] __attribute__((aligned(8))) = {0};
	struct io_uring_params params = {0};
	struct ring ring;
	int fd = ring_setup(8, &params);

	if (fd < 0 || ring_map(fd, &params, &ring) < 0 || ring_register(fd, IORING_REGISTER_PROBE, room, 256) < 0)
		return;
	*operations = ((const struct io_uring_probe *)(const void *)room)->last_op + 1;
	for (int op = 0; op < 256; op++) {
		int result;

		if (op == IORING_OP_NOP || op == IORING_OP_OPENAT || op == IORING_OP_READ)
			continue;
		result = ring_do(&ring, (struct io_uring_sqe){.opcode = (uint8_t)op, .fd = -1});
		(*(result == -EACCES ? refused : result == -EINVAL ? unknown : other))++;
	}
	close(fd);
}

static void step_wait(int step)
{
	while (atomic_load(&shared->step) < step)
		usleep(1000);
}

__attribute__((noreturn)) static void child_main(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VXE_NATIVE_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct vxe_filter filter = {.program = program, .length = sizeof(program) / sizeof(*program), .notifies = true};
	int n = 0, listener;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	listener = vxe_filter_install(&filter);
	/* The table of descriptors is the supervisor's until here. */
	atomic_store(&shared->listener, listener < 0 ? -2 : listener);
	if (listener < 0 || unshare(CLONE_FILES) < 0)
		_exit(1);
	close(listener);
	for (int step = 1; step <= 3; step++) {
		step_wait(step);
		shared->results[n++] = setup(8);
		atomic_store(&shared->done, step);
	}
	step_wait(4);
	unlisted(&shared->results[9], &shared->results[10], &shared->results[11], &shared->results[12]);
#ifdef __x86_64__
	shared->results[3] = foreign(20 /* getpid */);
	shared->results[4] = foreign(SYS_io_uring_setup);
	shared->results[5] = foreign(SYS_io_uring_enter);
#endif
	shared->results[6] = setup(MANY);
	shared->results[7] = nobody_becomes() < 0 ? -255 : setup(MANY);
	shared->results[8] = setup(8);
	atomic_store(&shared->done, 4);
	step_wait(5);
	shared->results[13] = setup(8);
	atomic_store(&shared->done, 5);
	_exit(0);
}

/* A cgroup of its own; -1: not to be had here. */
static int cgroup_make(char *path, size_t size)
{
	static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		char control[160];

		snprintf(control, sizeof(control), "%s/cgroup.subtree_control", roots[i]);
		snprintf(path, size, "%s/vxe-ring-maker-%d", roots[i], (int)getpid());
		if (access(control, F_OK) == 0 && mkdir(path, 0755) == 0)
			return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	path[0] = '\0';
	return -1;
}

static void freeze(int cgroup_fd, bool frozen)
{
	cleanup_fd int fd = cgroup_fd < 0 ? -1 : openat(cgroup_fd, "cgroup.freeze", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, frozen ? "1" : "0", 1) != 1)
		printf("# cgroup.freeze: %s\n", strerror(errno));
}

static void serve_until(struct vxe_notify *notify, int step)
{
	atomic_store(&shared->step, step);
	while (atomic_load(&shared->done) < step) {
		struct pollfd waiting = {.fd = notify->listener_fd, .events = POLLIN};

		if (poll(&waiting, 1, 20) > 0 && (!(waiting.revents & POLLIN) || vxe_notify_serve(notify) < 0))
			return;
	}
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void words(void)
{
	static char all[4096];
	struct vxe_rings rings;
	cleanup_error struct vxe_error *err = NULL;
	size_t length = 0, count = 0;

	ok(vxe_rings_open(&rings, WORDS, NULL) == 0 && rings.n_operations == 3 && rings.operations[1] == IORING_OP_OPENAT &&
		   rings.n_registrations == 3 && rings.registrations[0] == IORING_REGISTER_FILES,
	   "operations and registrations by the kernel's names");
	vxe_rings_close(&rings);
	for (size_t i = 0; i < 5; i++) {
		static const char *const wrong[] = {"NOP TELEPORT", "nop", "FILES", "register/OPENAT", "NOP\nREAD"};

		ok(vxe_rings_open(&rings, wrong[i], NULL) < 0, "words that are none: %zu", i);
		vxe_rings_close(&rings);
	}
	for (int i = 0; vxe_ring_operations[i]; i++, count++)
		length += (size_t)snprintf(all + length, sizeof(all) - length, "%s ", vxe_ring_operations[i]);
	for (int i = 0; vxe_ring_registrations[i]; i++, count++)
		length += (size_t)snprintf(all + length, sizeof(all) - length, "%s ", vxe_ring_registrations[i]);
	ok(vxe_rings_read(&rings, all, &err) == 0 && rings.n_operations + rings.n_registrations == count, "all that there are");
	ok(vxe_rings_open(&rings, "OPENAT2", &err) == 0, "a name that begins like another");
	ok(rings.n_operations == 1 && rings.operations[0] == IORING_OP_OPENAT2, "is its own");
	vxe_rings_close(&rings);
}

/* From here on the kernel makes no ring, for this process and for those that it has make rings: as where kernel.io_uring_disabled was set meanwhile. */
static int rings_end(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(*program), .filter = program};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 ? -1 : 0;
}

static void served(const struct vxe_rings *rings)
{
	char path[128], logs[] = "/tmp/vxe-ring-maker-XXXXXX";
	cleanup_fd int log_dir = mkdtemp(logs) ? open(logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct vxe_record_log log = {.fd = -1, .journal_fd = -1, .dir_fd = -1};
	cleanup_fd int cgroup = cgroup_make(path, sizeof(path));
	struct vxe_notify notify = {.rings = rings,
				    .performs_rings = true,
				    .perform = true,
				    .landlock = true,
				    .cgroup_fd = cgroup,
				    .log = &log,
				    .listener_fd = -1};
	const int *results = shared->results;
	int had, many = plain(MANY, false), nobody = plain(MANY, true), few = plain(8, true), status, wide;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		child_main();
	while (atomic_load(&shared->listener) == -1)
		usleep(1000);
	notify.listener_fd = atomic_load(&shared->listener);
	if (!ok(notify.listener_fd >= 0, "a filter that raises io_uring_setup and foreign entry")) {
		waitpid(pid, &status, 0);
		return;
	}
	if (!ok(vxe_record_open(&log, log_dir, "p", "i", NULL) == 0, "a log"))
		return;
	had = descriptors();
	serve_until(&notify, 1);
	ok(results[0] == 0, "a ring is given (%d)", results[0]);
	if (cgroup < 0) {
		skip("no cgroup v2", "a ring is made in the instance's cgroup");
		serve_until(&notify, 2);
	} else {
		freeze(cgroup, true);
		serve_until(&notify, 2);
		freeze(cgroup, false);
		ok(results[1] == -ENOMEM,
		   "made in the instance's cgroup: where that stands still there is none, and the supervisor goes on (%d)",
		   results[1]);
	}
	serve_until(&notify, 3);
	ok(results[2] == 0, "control: when it goes on, there is one (%d)", results[2]);
	serve_until(&notify, 4);
#ifdef __x86_64__
	if (results[3] == -ENOSYS)
		skip("no 32-bit entry", "rings by foreign entry in soft mode");
	else
		ok(results[3] > 0 && results[4] == -EPERM && results[5] == -EPERM,
		   "soft mode performs a foreign call, and no ring's (%d, %d, %d)", results[3], results[4], results[5]);
#endif
	/* NOP128 and URING_CMD128 (63, 64) are for entries of 128 bytes: in another ring they are EINVAL before the list is looked at. */
	wide = results[12] > 64 ? 2 : results[12] > 63 ? 1 : 0;
	ok(results[12] >= 48 && results[9] + wide == results[12] - 3 && results[9] + results[10] == 253 && results[11] == 0,
	   "of 256 numbers those that are not in the list are refused, and those that the kernel does not have (%d, %d, %d of "
	   "%d)",
	   results[9], results[10], results[11], results[12]);
	ok(results[6] == many, "a large ring of root's is as the kernel has it (%d, %d)", results[6], many);
	ok(results[7] == nobody && results[8] == few,
	   "another user's is on that user's account, with the caller's limit: as the kernel has it (%d and %d, %d and %d)",
	   results[7], nobody, results[8], few);
	ok(rings_end() == 0, "a kernel that makes no rings any more");
	serve_until(&notify, 5);
	ok(results[13] == -EPERM, "is the program's answer (%d)", results[13]);
	ok(log.last.errnum == EPERM && !strcmp(log.last.mechanism, "kernel") && !strcmp(log.last.detail, "io_uring_setup(8)"),
	   "and told in the log (%s, %s)", log.last.detail, log.last.mechanism ? log.last.mechanism : "-");
	ok(descriptors() == had, "the supervisor keeps no descriptor (%d, %d)", descriptors(), had);
	close(notify.listener_fd);
	waitpid(pid, &status, 0);
	vxe_record_close(&log);
	(void)unlinkat(log_dir, "violations.ndjson", 0);
	rmdir(logs);
	if (path[0])
		rmdir(path);
}

int main(void)
{
	struct vxe_rings rings;
	cleanup_error struct vxe_error *err = NULL;
	int before;

	words();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!ok(shared != MAP_FAILED, "memory to tell results in") || geteuid() != 0 ||
	    !ok(vxe_rings_open(&rings, WORDS, NULL) == 0, "a list"))
		return tap_done();
	atomic_store(&shared->listener, -1);
	before = descriptors();
	if (vxe_rings_try(&rings, &err) < 0) {
		ok(strstr(err->message, "calls:io_uring_setup cannot be held here") != NULL, "what cannot be held is named");
		printf("# %s: %s; %s\n", err->message, strerror(err->errnum), err->hint);
		skip(err->message, "rings");
	} else {
		ok(descriptors() == before, "a trial leaves nothing");
		served(&rings);
	}
	vxe_rings_close(&rings);
	return tap_done();
}
