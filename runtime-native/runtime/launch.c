#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "caps.h"
#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "hooks.h"
#include "kernel.h"
#include "mount_given.h"
#include "ruleset.h"
#include "streams.h"

const int vxe_passed_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT, 0};

void vxe_launch_init(struct vxe_launch *launch)
{
	memset(launch, 0, sizeof(*launch));
	launch->bundle_fd = launch->console_socket = launch->start_fifo = launch->tell_fd = launch->join_pidfd =
		launch->cgroup_fd = -1;
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		launch->namespace_fds[i] = -1;
	launch->stdio[0] = launch->stdio[1] = launch->stdio[2] = -1;
	launch->init_pidfd = launch->program_pidfd = launch->sync_fd = launch->listener_fd = -1;
	launch->network = (struct vxe_network)VXE_NETWORK_NONE;
}

int vxe_sync_send(int fd, char message, int pass_fd)
{
	return vxe_send_all(fd, &message, 1, pass_fd);
}

int vxe_sync_receive(int fd, int *passed)
{
	char message;
	struct iovec iov = {.iov_base = &message, .iov_len = 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	/* Room for one descriptor and not, by the alignment, for two: what is not expected is not even received. */
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};

	*passed = -1;
	for (;;) {
		ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			return -1;
		for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header); cmsg; cmsg = CMSG_NXTHDR(&header, cmsg))
			if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
			    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
				memcpy(passed, CMSG_DATA(cmsg), sizeof(int));
		return (unsigned char)message;
	}
}

int vxe_launch_failure(const struct vxe_launch *launch, struct vxe_error **err)
{
	const struct vxe_report *report = launch->report;

	if (!report || !atomic_load(&report->failed))
		return 0;
	vxe_error_set(err, (enum vxe_exit)report->exit, report->errnum, "%s", report->message);
	if (report->hint[0])
		vxe_error_hint(err, "%s", report->hint);
	return -1;
}

/* The instance's side went away: by its own word, or by a signal. */
static int launch_ended(struct vxe_launch *launch, const char *doing, struct vxe_error **err)
{
	if (vxe_launch_failure(launch, err) < 0)
		return -1;
	if (launch->join_pidfd >= 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the process was killed on its way into %s", launch->id);
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the instance's first process was killed while %s", doing);
}

static uint64_t namespace_flags(const struct vxe_launch *launch)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < launch->config->n_namespaces; i++)
		if (!launch->config->namespaces[i].path)
			flags |= (uint64_t)launch->config->namespaces[i].flag;
	/* Clocks are set before anybody is in there, so that one is made later. */
	if (launch->config->n_time_offsets)
		flags &= ~(uint64_t)CLONE_NEWTIME;
	return flags;
}

/* Without root there is one way in: a user namespace in which the caller is the configuration's user. */
static bool needs_user_namespace(const struct vxe_launch *launch)
{
	return geteuid() != 0 && !vxe_config_namespace(launch->config, CLONE_NEWUSER) && namespace_flags(launch) != 0;
}

static int proc_write(pid_t pid, const char *name, const char *text, struct vxe_error **err)
{
	char path[64];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "writing %s of the instance", name);
	return 0;
}

static int mapping_write(pid_t pid, const char *name, const struct vxe_id_mappings *mappings, struct vxe_error **err)
{
	char text[4096];
	size_t used = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		const struct vxe_id_mapping *m = &mappings->items[i];
		int n = snprintf(text + used, sizeof(text) - used, "%u %u %u\n", m->container, m->host, m->size);

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: too many id mappings");
		used += (size_t)n;
	}
	return proc_write(pid, name, text, err);
}

static int mappings_write(struct vxe_launch *launch, struct vxe_error **err)
{
	const struct vxe_process *process = launch->process;
	struct vxe_id_mapping one_uid = {process->uid, geteuid(), 1}, one_gid = {process->gid, getegid(), 1};
	struct vxe_id_mappings uids = {&one_uid, 1}, gids = {&one_gid, 1};

	if (launch->config->uid_mappings.count)
		uids = launch->config->uid_mappings;
	if (launch->config->gid_mappings.count)
		gids = launch->config->gid_mappings;
	/* user_namespaces(7): without CAP_SETGID outside, gid_map is writable only after setgroups is denied. */
	if (!vxe_caps_have(6 /* CAP_SETGID */) && proc_write(launch->init_pid, "setgroups", "deny", err) < 0)
		return -1;
	if (mapping_write(launch->init_pid, "gid_map", &gids, err) < 0 ||
	    mapping_write(launch->init_pid, "uid_map", &uids, err) < 0) {
		vxe_error_hint(err, "as an ordinary user, map only your own id");
		return -1;
	}
	return 0;
}

pid_t vxe_pidfd_pid(int pidfd)
{
	char path[64];
	cleanup_file FILE *file = NULL;
	char line[128];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			return pid;
	return -1;
}

/* clone3 of a process that is to be born in the pid namespace `wanted`; the caller's own children go where they went before. */
static pid_t clone_in_pid_namespace(int wanted, struct vxe_clone_args *args)
{
	cleanup_fd int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	int saved;

	if (own < 0 || setns(wanted, CLONE_NEWPID) < 0)
		return -1;
	pid = sys_clone3(args);
	if (pid == 0)
		return 0;
	saved = errno;
	(void)setns(own, CLONE_NEWPID);
	errno = saved;
	return pid;
}

/* Those that the instance is not born in. The others need what only its first process has. */
#define ENTERED_EARLY (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* In a user namespace nobody has a right to what is not that one's own, as a network that an engine has made: who has it goes there before. */
static void namespaces_enter_early(struct vxe_launch *launch)
{
	for (size_t i = 0; i < launch->config->n_namespaces; i++) {
		const struct vxe_namespace *ns = &launch->config->namespaces[i];
		cleanup_fd int fd = ns->path && (ns->flag & ENTERED_EARLY) ? vxe_namespace_open(ns, NULL) : -1;

		if (fd >= 0 && setns(fd, ns->flag) == 0)
			launch->entered |= ns->flag;
	}
}

static bool has_entered_early(const struct vxe_config *config)
{
	for (size_t i = 0; i < config->n_namespaces; i++)
		if (config->namespaces[i].path && (config->namespaces[i].flag & ENTERED_EARLY))
			return true;
	return false;
}

/*
 * clone3 of a process that is to be born in the user namespace `user`, so that its other new namespaces are that one's, or with -1 in a new one;
 * with `pids` >= 0 in that pid namespace, too. Nobody comes back from a user namespace: a helper goes there and makes the process the launcher's
 * child. It has the launcher's descriptors, and leaves them as they are but for the pidfd that the kernel makes. A pid namespace may be of the
 * user namespace or of the launcher's: who has the right tries.
 */
static pid_t clone_in_user_namespace(struct vxe_launch *launch, int user, int pids, struct vxe_clone_args *args)
{
	struct vxe_clone_args helper = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	int *pidfd = (int *)(uintptr_t)args->pidfd;
	struct {
		pid_t pid;
		int pidfd, errnum;
	} said = {.pid = -1, .pidfd = -1, .errnum = ECHILD};
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = sys_clone3(&helper);
	if (pid == 0) {
		bool born_there = pids < 0 || setns(pids, CLONE_NEWPID) == 0;

		namespaces_enter_early(launch);
		args->flags |= CLONE_PARENT;
		args->exit_signal = 0; /* the helper's: SIGCHLD */
		if ((user < 0 || setns(user, CLONE_NEWUSER) == 0) && (born_there || setns(pids, CLONE_NEWPID) == 0))
			said.pid = sys_clone3(args);
		if (said.pid == 0)
			return 0;
		said.errnum = errno;
		said.pidfd = *pidfd;
		_exit(write(ends[1], &said, sizeof(said)) != (ssize_t)sizeof(said));
	}
	if (pid > 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		/* It has written, or nobody will. */
		(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
		(void)!read(ends[0], &said, sizeof(said));
		*pidfd = said.pidfd;
		errno = said.errnum;
	}
	close(ends[0]);
	close(ends[1]);
	return pid < 0 ? -1 : said.pid;
}

/* Where the configuration names a user or a pid namespace by its path, the first process is born in it. */
static pid_t clone_first(struct vxe_launch *launch, struct vxe_clone_args *args, struct vxe_error **err)
{
	const struct vxe_namespace *user = vxe_config_namespace(launch->config, CLONE_NEWUSER);
	const struct vxe_namespace *pids = vxe_config_namespace(launch->config, CLONE_NEWPID);
	cleanup_fd int user_fd = -1, pids_fd = -1;

	if (launch->join_pidfd >= 0)
		return sys_clone3(args);
	if (user && user->path && (user_fd = vxe_namespace_open(user, err)) < 0)
		return -1;
	if (pids && pids->path && (pids_fd = vxe_namespace_open(pids, err)) < 0)
		return -1;
	return user_fd >= 0 || (user && has_entered_early(launch->config))
		       ? clone_in_user_namespace(launch, user_fd, pids_fd, args)
	       : pids_fd >= 0 ? clone_in_pid_namespace(pids_fd, args)
			      : sys_clone3(args);
}

/*
 * Only where nothing looks at the network before the mounts are there: no hook, no sysfs, which shows that of who mounts it. In a user
 * namespace it must be that one's own.
 */
static bool network_goes_apart(const struct vxe_launch *launch)
{
	const struct vxe_config *config = launch->config;
	const struct vxe_namespace *network = vxe_config_namespace(config, CLONE_NEWNET);

	if (launch->join_pidfd >= 0 || launch->in_user_namespace || launch->host_root || !network || network->path ||
	    config->prestart.count || config->create_runtime.count || config->create_container.count)
		return false;
	for (size_t i = 0; i < config->n_mounts; i++)
		if (config->mounts[i].type && !strcmp(config->mounts[i].type, "sysfs"))
			return false;
	return true;
}

int vxe_launch_ahead(struct vxe_launch *launch, struct vxe_error **err)
{
	launch->ahead = true;
	launch->in_user_namespace = vxe_config_namespace(launch->config, CLONE_NEWUSER) || needs_user_namespace(launch);
	launch->network_apart = network_goes_apart(launch);
	return launch->network_apart ? vxe_network_begin(&launch->network, err) : 0;
}

static int network_give(struct vxe_launch *launch, struct vxe_error **err)
{
	cleanup_fd int made = -1;

	if (vxe_network_take(&launch->network, &made, err) < 0)
		return -1;
	return vxe_sync_send(launch->sync_fd, VXE_SYNC_NETWORK, made) < 0
		       ? launch_ended(launch, "its network namespace was made", err)
		       : 0;
}

/* In the order of their numbers; what could not be opened by a word without a descriptor. The launcher keeps none: they are of the
   instance's mounts, and some launchers stay. */
static int mounts_give(struct vxe_launch *launch)
{
	const struct vxe_config *config = launch->config;

	for (size_t i = 0; i < vxe_mount_given_count(config, &launch->mounts); i++) {
		int *slot = vxe_mount_given_slot(config, &launch->mounts, i);
		cleanup_fd int given = slot ? steal_fd(slot) : -1;

		if (slot && vxe_sync_send(launch->sync_fd, VXE_SYNC_GIVEN, given) < 0)
			return -1;
	}
	return 0;
}

/* What the first process has to set back, while it is at its mounts. It does not wait for this: without it, it sets back all. */
static void signals_tell(const struct vxe_launch *launch)
{
	uint64_t changed = 0;

	for (int sig = 1; sig <= VXE_SIGNALS; sig++)
		if (!sys_signal_is_default(sig))
			changed |= 1ULL << (sig - 1);
	atomic_store(&launch->report->signals, changed);
	atomic_store(&launch->report->signals_known, 1);
}

static int instance_clone(struct vxe_launch *launch, struct vxe_error **err)
{
	uint64_t flags = launch->join_pidfd >= 0 ? 0 : namespace_flags(launch);
	struct vxe_clone_args args = {.exit_signal = SIGCHLD};
	int pair[2], pidfd = -1;
	bool placed = launch->place && launch->cgroup_fd < 0;
	pid_t pid;

	if (launch->join_pidfd < 0 && needs_user_namespace(launch))
		flags |= CLONE_NEWUSER;
	/* Of a process that may not be looked at, root of the host alone takes the listener (ptrace(2)). In a user namespace that is made for
	   this instance nobody is who could look; in one that others are in, their root could, and then it is an error. */
	launch->shown = launch->filter.notifies && geteuid() != 0 && (flags & CLONE_NEWUSER);
	launch->tells_namespaces =
		launch->join_pidfd < 0 && launch->in_user_namespace && geteuid() != 0 && (launch->reaper || !launch->straight);
	if (launch->network_apart)
		flags &= ~(uint64_t)CLONE_NEWNET;
	/* A new cgroup namespace is rooted where its maker is: made by the child, once it is in its cgroup. */
	if (launch->cgroup_fd >= 0 || launch->place)
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	if (launch->cgroup_fd >= 0) {
		flags |= 0x200000000ULL; /* CLONE_INTO_CGROUP */
		args.cgroup = (uint64_t)launch->cgroup_fd;
	}
	args.flags = flags | CLONE_PIDFD;
	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making a socket pair");
	pid = clone_first(launch, &args, err);
	/* The kernel lets nobody in from a cgroup that is not below one of the caller's own; somebody else may put it there. */
	if (pid < 0 && errno == EACCES && launch->place && !placed) {
		placed = true;
		args.flags &= ~0x200000000ULL;
		pid = clone_first(launch, &args, err);
	}
	if (pid == 0) {
		close(pair[0]);
		vxe_child_main(launch, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		int saved = errno;

		close(pair[0]);
		if (err && *err)
			return -1;
		if (launch->join_pidfd >= 0) {
			vxe_error_set(err, VXE_EXIT_FAILURE, saved, "making a process for the instance %s", launch->id);
			return saved == EACCES
				       ? vxe_error_hint(err, "its cgroup cannot be entered from this one: both must be below a "
							     "cgroup that is delegated to you (systemd-run --user --scope)")
				       : -1;
		}
		vxe_error_set(err, VXE_EXIT_FAILURE, saved, "making the namespaces");
		if (saved == EPERM)
			vxe_error_hint(err, "start it as root, or allow user namespaces (sysctl user.max_user_namespaces, "
					    "kernel.unprivileged_userns_clone)");
		else if (saved == ENOSPC)
			vxe_error_hint(err, "user namespaces are off or used up here: raise sysctl user.max_user_namespaces, "
					    "or start it as root");
		return -1;
	}
	launch->init_pid = launch->program_pid = pid;
	launch->init_pidfd = pidfd;
	launch->sync_fd = pair[0];
	if (placed && launch->place(launch, launch->place_arg, err) < 0)
		return -1;
	if (flags & CLONE_NEWUSER) {
		if (mappings_write(launch, err) < 0)
			return -1;
	}
	if (launch->process->has_oom_score_adj) {
		char text[16];

		snprintf(text, sizeof(text), "%d", launch->process->oom_score_adj);
		if (proc_write(pid, "oom_score_adj", text, err) < 0)
			return -1;
	}
	if (launch->mounts.given && vxe_mount_give(launch->config, &launch->mounts, pid, err) < 0)
		return -1;
	if (vxe_sync_send(launch->sync_fd, VXE_SYNC_MAPPED, -1) < 0 || (launch->mounts.given && mounts_give(launch) < 0))
		return launch_ended(launch, "its namespaces were set up", err);
	if (launch->network_apart && network_give(launch, err) < 0)
		return -1;
	signals_tell(launch);
	return 0;
}

static bool config_has_hooks(const struct vxe_config *config)
{
	return config->prestart.count || config->create_runtime.count;
}

bool vxe_launch_has_namespace(const struct vxe_launch *launch, int flag)
{
	return vxe_config_namespace(launch->config, flag) || (flag == CLONE_NEWUSER && launch->in_user_namespace);
}

bool vxe_launch_without_landlock(const struct vxe_launch *launch)
{
	return launch->soft || (launch->without & VXE_WITHOUT_LANDLOCK);
}

bool vxe_launch_keeps_groups(const struct vxe_config *config)
{
	const char *kept = vxe_config_annotation(config, "run.oci.keep_original_groups");

	return kept && !strcmp(kept, "1");
}

static int filter_choose(struct vxe_launch *launch, struct vxe_error **err)
{
	const char *path = vxe_config_annotation(launch->config, "org.vxe.soft.filter");

	if (!launch->soft && !launch->raise_objects)
		return vxe_filter_load(launch->bundle_fd, launch->config, &launch->filter, err);
	if (path)
		return vxe_filter_load_file(launch->bundle_fd, path, &launch->filter, err);
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the bundle has no filter that raises what names files (org.vxe.soft.filter)");
	return vxe_error_hint(err, "create it again with --replace, or start it in production");
}

/* config-linux.md, Namespaces: the runtime's own are inherited. What would be mounted in its mount namespace would be mounted on the host. */
static int mounts_check(const struct vxe_config *config, struct vxe_error **err)
{
	const char *field = config->n_mounts				       ? "mounts"
			    : config->root_readonly			       ? "root.readonly"
			    : config->process.terminal			       ? "process.terminal"
			    : config->masked_paths.count		       ? "linux.maskedPaths"
			    : config->readonly_paths.count		       ? "linux.readonlyPaths"
			    : config->rootfs_propagation		       ? "linux.rootfsPropagation"
			    : config->sysctl.count			       ? "linux.sysctl"
			    : vxe_config_annotation(config, "org.vxe.version") ? "root"
									       : NULL;

	if (!field || vxe_config_namespace(config, CLONE_NEWNS))
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, 0,
		      "config.json: %s: it needs a mount namespace: in the runtime's own the host's mounts would change",
		      field);
	return vxe_error_hint(err, "add {\"type\": \"mount\"} to linux.namespaces");
}

static void joiner_wait(struct vxe_launch *launch)
{
	while (launch->joiner_pid > 0 && waitpid(launch->joiner_pid, NULL, 0) < 0 && errno == EINTR)
		;
	launch->joiner_pid = 0;
}

int vxe_launch_begin(struct vxe_launch *launch, struct vxe_error **err)
{
	const struct vxe_config *config = launch->config;

	if (!launch->ahead && vxe_launch_ahead(launch, err) < 0)
		return -1;
	if (!launch->process)
		launch->process = &config->process;
	/* OCI create makes a container without a program too; start refuses it. */
	if (!launch->process->present && launch->start_fifo < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: process: missing, so there is nothing to start");
	if (launch->process->n_additional_gids && vxe_launch_keeps_groups(config))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
				     "config.json: process.user.additionalGids: run.oci.keep_original_groups keeps the "
				     "caller's, and no others");
	if (!(launch->without & VXE_WITHOUT_SECCOMP) && filter_choose(launch, err) < 0)
		return -1;
	/* All that the bundle says of this launch has been read by now: of one generation of its plans, or nothing starts. What joins
	 * an instance has the copy that the instance was started with. */
	if (launch->join_pidfd < 0 && vxe_config_unchanged(launch->bundle_fd, config, err) < 0)
		return -1;
	if (!vxe_launch_without_landlock(launch) && vxe_landlock_check(&launch->process->landlock, err) < 0)
		return -1;
	if (launch->join_pidfd < 0 && !launch->host_root && mounts_check(config, err) < 0)
		return -1;
	if (launch->join_pidfd < 0 && vxe_mount_plan_make(config, &launch->mounts, err) < 0)
		return -1;
	launch->report = mmap(NULL, sizeof(*launch->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (launch->report == MAP_FAILED) {
		launch->report = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the report page");
	}
	atomic_store(&launch->report->listener_slot, -1);
	/* The hooks wait for a word from the child, and it for theirs. */
	launch->straight &= !config_has_hooks(config) && launch->start_fifo < 0;
	vxe_streams_give(launch);
	return instance_clone(launch, err);
}

/* The next kind that it has. Not in the place of a standard stream that is closed here. */
static int namespace_take(struct vxe_launch *launch, int fd, struct vxe_error **err)
{
	cleanup_fd int passed = fd;

	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++) {
		if (launch->namespace_fds[i] >= 0 || !vxe_launch_has_namespace(launch, vxe_namespace_kinds[i].flag))
			continue;
		launch->namespace_fds[i] = passed > 2 ? steal_fd(&passed) : fcntl(passed, F_DUPFD_CLOEXEC, 3);
		return launch->namespace_fds[i] < 0
			       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "holding the instance's namespaces")
			       : 0;
	}
	return launch_ended(launch, "it was set up", err);
}

int vxe_launch_wait(struct vxe_launch *launch, struct vxe_error **err)
{
	const struct vxe_config *config = launch->config;
	int passed = -1;

	/* The process is known already, and what goes wrong shows at its end. */
	if (launch->straight && !launch->reaper && launch->join_pidfd < 0)
		return 0;
	for (;;) {
		int message = vxe_sync_receive(launch->sync_fd, &passed);

		if (message == VXE_SYNC_NAMESPACES && config_has_hooks(config)) {
			if (vxe_hooks_run(&config->prestart, "prestart", config, launch->id, launch->init_pid, "creating",
					  err) < 0 ||
			    vxe_hooks_run(&config->create_runtime, "createRuntime", config, launch->id, launch->init_pid,
					  "creating", err) < 0)
				return -1;
			if (vxe_sync_send(launch->sync_fd, VXE_SYNC_HOOKS_DONE, -1) < 0)
				return launch_ended(launch, "its hooks ran", err);
			continue;
		}
		/* A program that waits for no word may come to its filter before the process that made it has told us of it. */
		if (message == VXE_SYNC_LOADING && launch->straight && !launch->loading) {
			launch->loading = true;
			continue;
		}
		if (message == VXE_SYNC_NAMESPACE && launch->tells_namespaces) {
			if (namespace_take(launch, passed, err) < 0)
				return -1;
			continue;
		}
		if (message != VXE_SYNC_READY)
			return launch_ended(launch, "it was set up", err);
		break;
	}
	if (passed >= 0) {
		if (launch->join_pidfd >= 0) {
			/* The process that joined has handed over and ends, or stays for the listener. */
			launch->joiner_pid = launch->init_pid;
			if (!launch->filter.notifies)
				joiner_wait(launch);
			close(launch->init_pidfd);
			launch->init_pidfd = -1;
		}
		launch->program_pidfd = passed;
		launch->program_pid = vxe_pidfd_pid(passed);
		if (launch->straight && launch->join_pidfd < 0)
			vxe_sync_send(launch->sync_fd, VXE_SYNC_KNOWN, -1);
		if (launch->join_pidfd >= 0)
			launch->init_pid = launch->program_pid;
		if (launch->program_pid <= 0)
			return launch_ended(launch, "it was set up", err);
	}
	return 0;
}

int vxe_launch_go(struct vxe_launch *launch, struct vxe_error **err)
{
	if (!launch->straight && vxe_sync_send(launch->sync_fd, VXE_SYNC_GO, -1) < 0)
		return launch_ended(launch, "it was told to go on", err);
	return launch->filter.notifies ? vxe_launch_take_listener(launch, err) : 0;
}

/*
 * The confined side may make no call to hand its listener over (a widened filter would stay widened), so it is
 * taken: the program's process says which slot the descriptor will have, and it is there as soon as seccomp(2) has returned. Its
 * word that it comes to that is sent some steps before, so that we are awake by then.
 */
#define LISTENER_SOON_NS 2000000

static int listener_keep(struct vxe_launch *launch, int fd)
{
	launch->listener_fd = fd;
	atomic_store(&launch->report->listener_taken, 1);
	return 0;
}

/* Of a process that joins an instance it is handed over: the instance's own could look at one that may be looked at. */
static int listener_receive(struct vxe_launch *launch, struct vxe_error **err)
{
	cleanup_fd int fd = -1;

	if (vxe_sync_receive(launch->sync_fd, &fd) != VXE_SYNC_LISTENER || fd < 0)
		return launch_ended(launch, "its filter was loaded", err);
	joiner_wait(launch);
	return listener_keep(launch, steal_fd(&fd));
}

int vxe_launch_take_listener(struct vxe_launch *launch, struct vxe_error **err)
{
	int pidfd = launch->program_pidfd >= 0 ? launch->program_pidfd : launch->init_pidfd;
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	int64_t until;
	int passed;

	if (!launch->loading && vxe_sync_receive(launch->sync_fd, &passed) != VXE_SYNC_LOADING)
		return launch_ended(launch, "its filter was loaded", err);
	if (launch->at_filter)
		launch->at_filter(launch, launch->at_filter_arg);
	if (launch->join_pidfd >= 0)
		return listener_receive(launch, err);
	until = vxe_clock_ns(CLOCK_MONOTONIC) + LISTENER_SOON_NS;
	for (;;) {
		int slot = atomic_load(&launch->report->listener_slot);
		int fd = slot < 0 ? -1 : sys_pidfd_getfd(pidfd, slot);

		if (fd >= 0)
			return listener_keep(launch, fd);
		if (slot >= 0 && errno == ESRCH)
			return launch_ended(launch, "its filter was loaded", err);
		if (slot >= 0 && errno != EBADF) {
			int saved = errno;

			vxe_error_set(err, VXE_EXIT_FAILURE, saved, "taking the listener of the seccomp filter");
			return saved == EPERM ? vxe_error_hint(err, "pidfd_getfd must be allowed here (Yama's ptrace_scope "
								    "below 2, or CAP_SYS_PTRACE)")
					      : -1;
		}
		if (poll(&gone, 1, 0) > 0)
			return launch_ended(launch, "its filter was loaded", err);
		if (vxe_clock_ns(CLOCK_MONOTONIC) < until)
			sched_yield();
		else
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
}

void vxe_launch_abort(struct vxe_launch *launch)
{
	if (launch->program_pidfd >= 0)
		sys_pidfd_send_signal(launch->program_pidfd, SIGKILL);
	if (launch->init_pidfd >= 0) {
		siginfo_t info;

		sys_pidfd_send_signal(launch->init_pidfd, SIGKILL);
		while (waitid((idtype_t)3 /* P_PIDFD */, (id_t)launch->init_pidfd, &info, WEXITED) < 0 && errno == EINTR)
			;
	}
	/* Who made the program's process goes with it. */
	joiner_wait(launch);
	vxe_launch_free(launch);
}

void vxe_launch_free(struct vxe_launch *launch)
{
	int *owned[] = {&launch->init_pidfd, &launch->program_pidfd, &launch->sync_fd, &launch->listener_fd};

	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
		if (*owned[i] >= 0)
			close(*owned[i]);
		*owned[i] = -1;
	}
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		if (launch->namespace_fds[i] >= 0)
			close(steal_fd(&launch->namespace_fds[i]));
	vxe_network_free(&launch->network);
	vxe_filter_free(&launch->filter);
	vxe_mount_plan_free(&launch->mounts);
	if (launch->report)
		munmap(launch->report, sizeof(*launch->report));
	launch->report = NULL;
}
