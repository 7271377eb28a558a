/* Other processes: to watch, to change, to signal, to take from. */
#include "bystander.h"
#include "rows.h"
#include "sys.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define MAX_PIDS 32

/* Each process that is not the program's own, until one yields. */
static void each(struct vxe_attack *attack, const char *call, const char *what,
		 long (*act)(struct vxe_attack *, long pid, const char **failed))
{
	long pids[MAX_PIDS];
	size_t count = attack_outside_pids(attack, pids, COUNT_OF(pids));

	for (size_t i = 0; i < count; i++) {
		const char *failed = call;
		long ret = act(attack, pids[i], &failed);

		if (ret < 0) {
			attack_failed(attack, ret, failed, "%s process %ld", what, pids[i]);
			continue;
		}
		attack_succeeded(attack, call, "process %ld%s", pids[i],
				 pids[i] == attack->world->shared->pid ? ", outside" : "");
		return;
	}
}

static long trace_attach(struct vxe_attack *attack, long pid, const char **failed)
{
	int status;
	long ret = sys4(SYS_ptrace, PTRACE_ATTACH, pid, 0, 0);

	(void)attack;
	(void)failed;
	if (ret < 0)
		return ret;
	sys4(SYS_wait4, pid, &status, __WALL, 0);
	sys4(SYS_ptrace, PTRACE_DETACH, pid, 0, 0);
	return 0;
}

static long trace_seize(struct vxe_attack *attack, long pid, const char **failed)
{
	(void)attack;
	(void)failed;
	/* The end of this process lets go of it. */
	return sys4(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0);
}

static void ptrace_attach(struct vxe_attack *attack)
{
	each(attack, "ptrace", "attach to", trace_attach);
}

static void ptrace_seize(struct vxe_attack *attack)
{
	each(attack, "ptrace", "seize", trace_seize);
}

static void ptrace_child(struct vxe_attack *attack)
{
	/* A child of its own is no stranger, but a tracer can rewrite calls after an old kernel's filter saw them. */
	long ret = sys4(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);

	if (ret < 0)
		attack_failed(attack, ret, "ptrace", "be traced by its parent");
	else
		attack_succeeded(attack, "ptrace", "a child is traced by its parent");
}

static long read_secret(struct vxe_attack *attack, long pid, const char **failed)
{
	char buffer[sizeof(VXE_ATTACK_SECRET)] = {0};
	struct iovec local = {.iov_base = buffer, .iov_len = sizeof(buffer)};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)attack->world->shared->secret_address, .iov_len = sizeof(buffer)};
	long ret = sys6(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0);

	(void)failed;
	/* EFAULT: allowed in, and nothing mapped there. */
	return ret == -EFAULT ? 0 : ret;
}

static long write_scratch(struct vxe_attack *attack, long pid, const char **failed)
{
	char byte = 'x';
	struct iovec local = {.iov_base = &byte, .iov_len = 1};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)attack->world->shared->scratch_address, .iov_len = 1};

	(void)failed;
	/* Only the bystander has that address to spare; in any other process it may hold something. */
	if (pid != attack->world->shared->pid)
		remote.iov_base = NULL;
	long ret = sys6(SYS_process_vm_writev, pid, &local, 1, &remote, 1, 0);
	return ret == -EFAULT ? 0 : ret;
}

static void vm_read(struct vxe_attack *attack)
{
	each(attack, "process_vm_readv", "read the memory of", read_secret);
}

static void vm_write(struct vxe_attack *attack)
{
	each(attack, "process_vm_writev", "write the memory of", write_scratch);
}

static long take_descriptor(struct vxe_attack *attack, long pid, const char **failed)
{
	long handle = sys2(SYS_pidfd_open, pid, 0);

	if (handle < 0) {
		*failed = "pidfd_open";
		return handle;
	}
	long fd = sys3(SYS_pidfd_getfd, handle, pid == attack->world->shared->pid ? attack->world->shared->secret_fd : 0, 0);
	attack_close(fd);
	attack_close(handle);
	return fd;
}

static void pidfd_getfd(struct vxe_attack *attack)
{
	each(attack, "pidfd_getfd", "take a descriptor from", take_descriptor);
}

static long open_process(struct vxe_attack *attack, long pid, const char **failed)
{
	long handle = sys2(SYS_pidfd_open, pid, 0);

	(void)attack;
	(void)failed;
	attack_close(handle);
	return handle;
}

static void pidfd_open_other(struct vxe_attack *attack)
{
	each(attack, "pidfd_open", "get a handle of", open_process);
}

static long signal_by_handle(struct vxe_attack *attack, long pid, const char **failed)
{
	long handle = sys2(SYS_pidfd_open, pid, 0);

	(void)attack;
	if (handle < 0) {
		char path[32];

		attack_format(path, sizeof(path), "/proc/%ld", pid);
		handle = attack_open(path, O_RDONLY | O_DIRECTORY, 0);
	}
	if (handle < 0) {
		*failed = "openat";
		return handle;
	}
	long ret = sys4(SYS_pidfd_send_signal, handle, 0, 0, 0);
	attack_close(handle);
	return ret;
}

static void pidfd_signal(struct vxe_attack *attack)
{
	each(attack, "pidfd_send_signal", "signal", signal_by_handle);
}

/* Signal 0 asks for the same permission as any other and does nothing. */
static long send_signal(struct vxe_attack *attack, long pid, const char **failed)
{
	(void)failed;
	attack_event(attack, "kill(%ld, 0)", pid);
	return sys2(SYS_kill, pid, 0);
}

static void kill_outside(struct vxe_attack *attack)
{
	each(attack, "kill", "signal", send_signal);
}

static long signal_thread(struct vxe_attack *attack, long pid, const char **failed)
{
	(void)attack;
	(void)failed;
	return sys2(SYS_tkill, pid, 0);
}

static long signal_thread_of_group(struct vxe_attack *attack, long pid, const char **failed)
{
	(void)failed;
	attack_event(attack, "tgkill(%ld, %ld, 0)", pid, pid);
	return sys3(SYS_tgkill, pid, pid, 0);
}

static long queue_signal(struct vxe_attack *attack, long pid, const char **failed)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	(void)attack;
	(void)failed;
	return sys3(SYS_rt_sigqueueinfo, pid, 0, &info);
}

static void tkill_outside(struct vxe_attack *attack)
{
	each(attack, "tkill", "signal", signal_thread);
}

static void tgkill_outside(struct vxe_attack *attack)
{
	each(attack, "tgkill", "signal", signal_thread_of_group);
}

static void sigqueue_outside(struct vxe_attack *attack)
{
	each(attack, "rt_sigqueueinfo", "signal", queue_signal);
}

static void kill_everyone(struct vxe_attack *attack)
{
	/* Signal 0 reaches all and does nothing. */
	long ret = sys2(SYS_kill, -1, 0);

	if (ret < 0)
		attack_failed(attack, ret, "kill", "signal every process");
	else
		attack_succeeded(attack, "kill", "every process that is seen");
}

static void kill_init(struct vxe_attack *attack)
{
	long pid = attack_init_pid(attack);

	if (pid == 0)
		return;
	long ret = sys2(SYS_kill, pid, 0);
	if (ret < 0)
		attack_failed(attack, ret, "kill", "signal the instance's init");
	else
		attack_succeeded(attack, "kill", "the instance's init");
}

static void own_terminal_signal(struct vxe_attack *attack)
{
	/* F_SETOWN and F_SETSIG make the kernel send the signal: a way around a filter on kill. */
	int pair[2];
	long ret = sys2(SYS_pipe2, pair, O_NONBLOCK);

	if (ret < 0) {
		attack_failed(attack, ret, "pipe2", "make a pipe");
		return;
	}
	uint32_t before = atomic_load(&attack->world->shared->signals_seen);
	sys3(SYS_fcntl, pair[0], F_SETSIG, SIGUSR1);
	ret = sys3(SYS_fcntl, pair[0], F_SETOWN, attack->world->shared->pid);
	sys3(SYS_fcntl, pair[0], F_SETFL, O_ASYNC | O_NONBLOCK);
	sys3(SYS_write, pair[1], "x", 1);
	if (ret < 0)
		attack_failed(attack, ret, "fcntl", "make the outside's process the owner of a pipe");
	else if (attack_wait_counter(&attack->world->shared->signals_seen, before, 100))
		attack_succeeded(attack, "fcntl", "the kernel signalled the outside's process");
	else
		attack_failed(attack, -EPERM, "fcntl", "have the kernel signal the outside's process");
}

static long set_affinity(struct vxe_attack *attack, long pid, const char **failed)
{
	unsigned long mask[16] = {0};
	long size = sys3(SYS_sched_getaffinity, pid, sizeof(mask), mask);

	(void)attack;
	if (size < 0) {
		*failed = "sched_getaffinity";
		return size;
	}
	return sys3(SYS_sched_setaffinity, pid, size, mask);
}

static long set_priority(struct vxe_attack *attack, long pid, const char **failed)
{
	long nice = sys2(SYS_getpriority, PRIO_PROCESS, pid);

	(void)attack;
	if (nice < 0) {
		*failed = "getpriority";
		return nice;
	}
	return sys3(SYS_setpriority, PRIO_PROCESS, pid, 20 - nice);
}

static long set_scheduler(struct vxe_attack *attack, long pid, const char **failed)
{
	struct sched_param param = {0};

	(void)attack;
	(void)failed;
	return sys3(SYS_sched_setscheduler, pid, SCHED_OTHER, &param);
}

static long set_limits(struct vxe_attack *attack, long pid, const char **failed)
{
	struct rlimit limits;
	long ret = sys4(SYS_prlimit64, pid, RLIMIT_CORE, 0, &limits);

	(void)failed;
	attack_event(attack, "prlimit64(%ld, RLIMIT_CORE)", pid);
	if (ret < 0)
		return ret;
	return sys4(SYS_prlimit64, pid, RLIMIT_CORE, &limits, 0);
}

static long set_io_priority(struct vxe_attack *attack, long pid, const char **failed)
{
	long priority = sys2(SYS_ioprio_get, 1, pid);

	(void)attack;
	if (priority < 0) {
		*failed = "ioprio_get";
		return priority;
	}
	return sys3(SYS_ioprio_set, 1, pid, priority);
}

static long compare(struct vxe_attack *attack, long pid, const char **failed)
{
	(void)attack;
	(void)failed;
	/* Which descriptors are the same: enough to map a process's resources. KCMP_VM. */
	return sys5(SYS_kcmp, pid, sys0(SYS_getpid), 1, 0, 0);
}

static long move_memory(struct vxe_attack *attack, long pid, const char **failed)
{
	unsigned long nodes = 1;

	(void)attack;
	(void)failed;
	return sys4(SYS_migrate_pages, pid, 8 * sizeof(nodes), &nodes, &nodes);
}

static long read_robust_list(struct vxe_attack *attack, long pid, const char **failed)
{
	void *head;
	size_t size;

	(void)attack;
	(void)failed;
	return sys3(SYS_get_robust_list, pid, &head, &size);
}

static void affinity_of_others(struct vxe_attack *attack)
{
	each(attack, "sched_setaffinity", "set the processors of", set_affinity);
}

static void priority_of_others(struct vxe_attack *attack)
{
	each(attack, "setpriority", "set the priority of", set_priority);
}

static void scheduler_of_others(struct vxe_attack *attack)
{
	each(attack, "sched_setscheduler", "set the scheduling of", set_scheduler);
}

static void limits_of_others(struct vxe_attack *attack)
{
	each(attack, "prlimit64", "set the limits of", set_limits);
}

static void io_priority_of_others(struct vxe_attack *attack)
{
	each(attack, "ioprio_set", "set the disk priority of", set_io_priority);
}

static void compare_others(struct vxe_attack *attack)
{
	each(attack, "kcmp", "compare itself with", compare);
}

static void migrate_others(struct vxe_attack *attack)
{
	each(attack, "migrate_pages", "move the memory of", move_memory);
}

static void robust_list_of_others(struct vxe_attack *attack)
{
	each(attack, "get_robust_list", "read an address of", read_robust_list);
}

static void attach_segment(struct vxe_attack *attack)
{
	int id = attack->world->shared->shm_id;

	if (id < 0) {
		attack_failed(attack, -ENOENT, "shmat", "find the outside's segment");
		return;
	}
	/* SHM_RDONLY */
	long memory = sys3(SYS_shmat, id, 0, 010000);
	if (memory < 0 && memory > -4096)
		/* EINVAL: no such segment in this namespace. */
		attack_failed(attack, memory == -EINVAL ? -ENOENT : memory, "shmat", "attach the outside's segment");
	else if (memcmp((void *)memory, VXE_ATTACK_SECRET, sizeof(VXE_ATTACK_SECRET)) == 0)
		attack_succeeded(attack, "shmat", "the secret in the outside's segment was read");
	else
		attack_failed(attack, -ENOENT, "shmat", "attach the outside's segment");
}

static void open_queue(struct vxe_attack *attack)
{
	const char *name = attack->world->shared->mqueue;

	if (name[0] == '\0') {
		attack_failed(attack, -ENOENT, "mq_open", "find the outside's message queue");
		return;
	}
	/* The call takes the name without the slash that the library wants. */
	long fd = sys4(SYS_mq_open, name + 1, O_RDWR, 0, 0);
	if (fd < 0) {
		attack_failed(attack, fd, "mq_open", "open the outside's message queue");
		return;
	}
	attack_close(fd);
	attack_succeeded(attack, "mq_open", "the outside's message queue is open");
}

static void many_processes(struct vxe_attack *attack)
{
	/* A bound, not a flood: more than a daemon needs, all idle, and all end within the second. */
	enum { MANY = 1024 };
	static long pids[MANY];
	_Atomic uint32_t *over = &attack->world->shared->flood_over;
	int64_t end = attack_now_ns() + 1500000000LL;
	int count = 0;
	long ret = 0;

	atomic_store(over, 0);
	while (count < MANY && attack_now_ns() < end) {
		ret = sys_fork();
		if (ret == 0) {
			while (!atomic_load(over) && attack_now_ns() < end)
				attack_sleep_ms(20);
			sys_exit(0);
		}
		if (ret < 0)
			break;
		pids[count++] = ret;
	}
	atomic_store(over, 1);
	for (int i = 0; i < count; i++)
		sys4(SYS_wait4, pids[i], 0, 0, 0);
	attack_event(attack, "clone(SIGCHLD)");
	if (ret < 0)
		attack_failed(attack, ret, "clone", "hold %d processes at once, %d of them made", MANY, count);
	else
		attack_succeeded(attack, "clone", "%d processes at once", count);
}

#define GROUP "processes"
#define ROW(name, tries, control, events, run)                                                                                 \
	{                                                                                                                      \
		name, GROUP, tries, control, events, VXE_NO_CAPABILITY, run                                                    \
	}

static const struct vxe_attack_row rows[] = {
	ROW("ptrace-attach", "Attaches to another process as a debugger.", "Attached and let go.", "ptrace(PTRACE_ATTACH)",
	    ptrace_attach),
	ROW("ptrace-seize", "The same without stopping it.", "Attached and let go.", "ptrace(PTRACE_SEIZE)", ptrace_seize),
	ROW("ptrace-child", "Has a child traced, to rewrite its calls.", "The child is traced.", "ptrace(PTRACE_TRACEME)",
	    ptrace_child),
	ROW("vm-read", "Reads another process's memory.", "The bystander's secret is read.", "process_vm_readv()", vm_read),
	ROW("vm-write", "Writes another process's memory.", "The bystander's memory is written.", "process_vm_writev()",
	    vm_write),
	ROW("pidfd-open", "Gets a handle of another process.", "The handle is there.", "pidfd_open()", pidfd_open_other),
	ROW("pidfd-getfd", "Takes a descriptor from another process.", "The bystander's is taken.",
	    "pidfd_open()\npidfd_getfd()", pidfd_getfd),
	ROW("pidfd-signal", "Signals another process by a handle.", "The bystander is signalled.", "pidfd_send_signal()",
	    pidfd_signal),
	ROW("kill-outside", "Signals another process (signal 0, which only asks).", "The bystander may be signalled.", NULL,
	    kill_outside),
	ROW("tkill-outside", "The same by tkill.", "The bystander may be signalled.", "tkill()", tkill_outside),
	ROW("tgkill-outside", "The same by tgkill.", "The bystander may be signalled.", NULL, tgkill_outside),
	ROW("sigqueue-outside", "The same by rt_sigqueueinfo.", "The bystander may be signalled.", "rt_sigqueueinfo()",
	    sigqueue_outside),
	ROW("kill-everyone", "Signals every process (signal 0).", "There are some.", "kill(-1, 0)", kill_everyone),
	ROW("kill-init", "Signals the instance's first process (signal 0).", "It may be signalled.", "kill(1, 0)", kill_init),
	ROW("signal-by-owner", "Has the kernel signal another process, by owning a pipe in its name.", "The signal arrives.",
	    "fcntl(3, F_SETOWN)", own_terminal_signal),
	ROW("others-affinity", "Sets the processors of another process.", "Set to what they were.", "sched_setaffinity()",
	    affinity_of_others),
	ROW("others-priority", "Sets the priority of another process.", "Set to what it was.", "setpriority(PRIO_PROCESS)",
	    priority_of_others),
	ROW("others-scheduler", "Sets the scheduling of another process.", "Set to what it was.", "sched_setscheduler()",
	    scheduler_of_others),
	ROW("others-limits", "Sets the resource limits of another process.", "Set to what they were.", NULL, limits_of_others),
	ROW("others-io-priority", "Sets the disk priority of another process.", "Set to what it was.", "ioprio_set()",
	    io_priority_of_others),
	ROW("others-compare", "Compares its resources with another process's.", "Compared.", "kcmp()", compare_others),
	ROW("others-migrate", "Moves another process's memory between nodes.", "Moved to where it was.", "migrate_pages()",
	    migrate_others),
	ROW("others-robust-list", "Reads an address of another process.", "Read.", "get_robust_list()", robust_list_of_others),
	ROW("segment-attach", "Attaches a System V segment of the outside.", "The secret in it is read.", "shmat()",
	    attach_segment),
	ROW("queue-open", "Opens a message queue of the outside.", "It is open.", "mq_open()", open_queue),
	ROW("process-flood", "Holds 1024 processes at once.", "It holds them.", NULL, many_processes),
};

const struct vxe_attack_group vxe_attack_processes = {rows, COUNT_OF(rows)};
