#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>

#include "caps.h"
#include "cleanup.h"
#include "home.h"
#include "hooks.h"
#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "mount_given.h"
#include "ruleset.h"
#include "schedule.h"
#include "streams.h"
#include "terminal.h"
#include "time_offsets.h"

/* What the new processes carry from step to step. */
struct child {
	struct vxe_launch *launch;
	int sync;
	bool joins; /* exec */
	int ruleset_fd;
	int proc_fd;   /* the host's /proc, for what the program's process has to write about itself; -1 */
	char *program; /* path for execve */
	char **env;
	size_t n_env;
};

/* Failure is told by memory, not by a call: it works under any filter. */
__attribute__((noreturn)) static void child_die(struct vxe_launch *launch, const struct vxe_error *err)
{
	struct vxe_report *report = launch->report;
	int code = err ? (int)err->exit : VXE_EXIT_FAILURE;

	report->exit = code;
	report->errnum = err ? err->errnum : 0;
	snprintf(report->message, sizeof(report->message), "%s", err ? err->message : "out of memory");
	snprintf(report->hint, sizeof(report->hint), "%s", err && err->hint ? err->hint : "");
	atomic_store(&report->failed, 1);
	/* After create, nobody looks at that page. What a filter does to this call is no matter any more. */
	if (launch->tell_fd >= 0) {
		char told[sizeof(report->message) + 64];
		int length = snprintf(told, sizeof(told), report->errnum ? "%s: %s" : "%s", report->message,
				      strerror(report->errnum));

		(void)!write(launch->tell_fd, told, length < (int)sizeof(told) ? (size_t)length : sizeof(told) - 1);
	}
	_exit(code);
}

/* As a rule the launcher is gone, and nobody is there to tell it to. */
__attribute__((noreturn)) static void sync_lost(struct vxe_launch *launch)
{
	struct vxe_error *err = NULL;

	vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "the instance's process hears nothing from its launcher");
	child_die(launch, err);
}

static void sync_tell(struct vxe_launch *launch, int sync, char message, int pass_fd)
{
	if (vxe_sync_send(sync, message, pass_fd) < 0)
		sync_lost(launch);
}

static void sync_expect(const struct child *child, enum vxe_sync expected)
{
	int passed, message = vxe_sync_receive(child->sync, &passed);

	if (passed >= 0)
		close(passed);
	if (message != (int)expected)
		sync_lost(child->launch);
}

/* Gives the lo of a new network namespace its address; runc and crun do the same. */
static int loopback_up(struct vxe_error **err)
{
	struct ifreq request = {.ifr_flags = IFF_UP};
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(request.ifr_name, "lo", 3);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "bringing the loopback interface up");
	return 0;
}

/* Of a new network namespace, unless the bundle wants none. */
static int loopback_begin(const struct vxe_config *config, struct vxe_error **err)
{
	const struct vxe_namespace *network = vxe_config_namespace(config, CLONE_NEWNET);
	const char *kind = vxe_config_annotation(config, "org.vxe.network");

	if (!network || network->path || (kind && !strcmp(kind, "none")))
		return 0;
	return loopback_up(err);
}

/* The one that the launcher has made meanwhile. */
static int network_enter(const struct child *child, struct vxe_error **err)
{
	cleanup_fd int fd = -1;

	if (vxe_sync_receive(child->sync, &fd) != VXE_SYNC_NETWORK)
		sync_lost(child->launch);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, fd < 0 ? EBADF : errno, "entering the network namespace");
	return 0;
}

/* Not in the place of a standard stream that is closed here. */
static int mounts_take(const struct child *child, struct vxe_error **err)
{
	struct vxe_launch *launch = child->launch;

	for (size_t i = 0; launch->mounts.given && i < vxe_mount_given_count(launch->config, &launch->mounts); i++) {
		int *slot = vxe_mount_given_slot(launch->config, &launch->mounts, i);
		cleanup_fd int passed = -1;

		if (!slot)
			continue;
		if (vxe_sync_receive(child->sync, &passed) != VXE_SYNC_GIVEN)
			sync_lost(launch);
		*slot = passed < 0 || passed > 2 ? steal_fd(&passed) : fcntl(passed, F_DUPFD_CLOEXEC, 3);
		if (passed >= 0 && *slot < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "taking what the launcher has opened");
	}
	return 0;
}

static int namespace_enter(const struct vxe_namespace *ns, struct vxe_error **err)
{
	cleanup_fd int fd = vxe_namespace_open(ns, err);

	if (fd >= 0 && setns(fd, ns->flag) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "entering the namespace %s", ns->path);
	return fd < 0 ? -1 : 0;
}

/* Those of users and pids were the launcher's to choose: a process is born in them. */
static int namespaces_enter(const struct vxe_launch *launch, struct vxe_error **err)
{
	const struct vxe_config *config = launch->config;

	for (size_t i = 0; i < config->n_namespaces; i++) {
		const struct vxe_namespace *ns = &config->namespaces[i];

		if (ns->path && !(launch->entered & ns->flag) && ns->flag != CLONE_NEWUSER && ns->flag != CLONE_NEWPID &&
		    namespace_enter(ns, err) < 0)
			return -1;
	}
	return 0;
}

/* The caller's session has the caller's terminal. */
static int session_begin(struct vxe_error **err)
{
	return setsid() < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the program's session") : 0;
}

static int rlimits_set(const struct vxe_process *process, struct vxe_error **err)
{
	for (size_t i = 0; i < process->n_rlimits; i++)
		if (setrlimit(process->rlimits[i].resource, &process->rlimits[i].limit) < 0) {
			int saved = errno;

			vxe_error_set(err, VXE_EXIT_FAILURE, saved, "setting resource limit %d", process->rlimits[i].resource);
			return saved == EPERM
				       ? vxe_error_hint(err, "the caller's hard limit is lower and CAP_SYS_RESOURCE is missing")
				       : -1;
		}
	return 0;
}

static const char *env_value(const struct vxe_strings *env, const char *name)
{
	size_t length = strlen(name);

	/* Of two values the later one counts, as in env_make. */
	for (size_t i = env->count; i-- > 0;)
		if (!strncmp(env->items[i], name, length) && env->items[i][length] == '=')
			return env->items[i] + length + 1;
	return NULL;
}

static int program_check(const char *path, struct vxe_error **err)
{
	struct stat st;

	/* Docker's client makes its exit codes 127 and 126 of these words, as they are written here. */
	if (stat(path, &st) < 0)
		return errno == ENOENT
			       ? vxe_error_set(err, VXE_EXIT_FAILURE, ENOENT, "executable file not found: the program %s", path)
			       : vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the program %s", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return vxe_error_set(err, VXE_EXIT_FAILURE, S_ISREG(st.st_mode) ? EACCES : EISDIR,
				     "permission denied: the program %s", path);
	return 0;
}

/* execvp's search, done once, while failing can still be told in words. */
static int program_find(struct child *child, struct vxe_error **err)
{
	const struct vxe_process *process = child->launch->process;
	const char *name = process->args.count ? process->args.items[0] : NULL;
	const char *path = env_value(&process->env, "PATH");

	if (!name || !*name)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: process.args: empty, so there is no program");
	if (strchr(name, '/')) {
		child->program = strdup(name);
		return child->program ? program_check(name, err)
				      : vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding %s", name);
	}
	for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"; at && *at;) {
		size_t length = strcspn(at, ":");
		char *candidate = NULL;

		if (length && asprintf(&candidate, "%.*s/%s", (int)length, at, name) >= 0 &&
		    program_check(candidate, NULL) == 0) {
			child->program = candidate;
			return 0;
		}
		free(candidate);
		at += length + (at[length] == ':');
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, ENOENT, "the program %s is in no folder of the instance's PATH", name);
	return vxe_error_hint(err, "name it by its full path");
}

/* `text` stays in use; NULL: there was no memory for it. */
static int env_put(struct child *child, char *text)
{
	if (!text)
		return -1;
	child->env[child->n_env++] = text;
	return 0;
}

__attribute__((format(printf, 2, 3))) static int env_print(struct child *child, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return env_put(child, text);
}

struct env_entry {
	const char *text;
	size_t name, at; /* the name's length, with its '='; the place in the environment */
};

static int env_order(const void *a, const void *b)
{
	const struct env_entry *one = a, *other = b;
	int order = memcmp(one->text, other->text, one->name < other->name ? one->name : other->name);

	if (order || one->name != other->name)
		return order ? order : one->name < other->name ? -1 : 1;
	return one->at < other->at ? -1 : 1;
}

/* Of a name the last one stays: of the configuration, an image, or who ran `exec --env`. */
static int env_settle(struct child *child)
{
	cleanup_free struct env_entry *entries = calloc(child->n_env + 1, sizeof(*entries));
	size_t kept = 0;

	if (!entries)
		return -1;
	for (size_t i = 0; i < child->n_env; i++) {
		size_t name = strcspn(child->env[i], "=");

		entries[i] = (struct env_entry){.text = child->env[i], .name = name + (child->env[i][name] == '='), .at = i};
	}
	qsort(entries, child->n_env, sizeof(*entries), env_order);
	for (size_t i = 0; i + 1 < child->n_env; i++)
		if (entries[i].name == entries[i + 1].name && !memcmp(entries[i].text, entries[i + 1].text, entries[i].name))
			child->env[entries[i].at] = NULL;
	for (size_t i = 0; i < child->n_env; i++)
		if (child->env[i])
			child->env[kept++] = child->env[i];
	child->env[kept] = NULL;
	return 0;
}

static int env_make(struct child *child, struct vxe_error **err)
{
	const struct vxe_launch *launch = child->launch;
	const struct vxe_strings *env = &launch->process->env;
	const char *given = env_value(env, "HOME");
	size_t extra = 0;
	int failed = 0;

	while (launch->extra_env && launch->extra_env[extra])
		extra++;
	child->env = calloc(env->count + extra + 6, sizeof(char *));
	if (!child->env)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the environment");
	for (size_t i = 0; i < env->count; i++)
		failed |= env_put(child, env->items[i]);
	for (size_t i = 0; i < extra; i++)
		failed |= env_put(child, launch->extra_env[i]);
	if (launch->marked)
		failed |= env_print(child, "VXE_INSTANCE=%s", launch->id);
	/* A bundle of VXE says all of its environment. Docker leaves an empty one to the runtime, too (docker run -e HOME=). */
	if ((!given || !*given) && !launch->host_root && !vxe_config_annotation(launch->config, "org.vxe.version")) {
		cleanup_free char *home = vxe_home_find(launch->process->uid);

		failed |= home ? env_print(child, "HOME=%s", home) : -1;
	}
	/* sd_listen_fds(3): the receiver checks the number against its own, which is the one inside. */
	if (launch->listen_fds) {
		failed |= env_print(child, "LISTEN_FDS=%d", launch->listen_fds);
		failed |= env_print(child, "LISTEN_PID=%d", getpid());
		if (launch->listen_names)
			failed |= env_print(child, "LISTEN_FDNAMES=%s", launch->listen_names);
	}
	return failed || env_settle(child) < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "making the environment") : 0;
}

static int stdio_set(const struct vxe_launch *launch, struct vxe_error **err)
{
	for (int i = 0; i < 3; i++)
		if (launch->stdio[i] >= 0 && dup2(launch->stdio[i], i) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting up standard input and output");
	vxe_streams_give_inside(launch);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * A fork has all that the launcher has open, folders of the host among it, and a path of the configuration may lead through
 * /proc/self/fd (CVE-2024-21626). What is left is what the steps to come use and the program gets.
 */
static int descriptors_close(const struct child *child, struct vxe_error **err)
{
	const struct vxe_launch *launch = child->launch;
	const int needed[] = {child->sync,	    launch->start_fifo, launch->tell_fd,  launch->console_socket,
			      launch->join_pidfd,   launch->stdio[0],	launch->stdio[1], launch->stdio[2],
			      2 + launch->extra_fds};
	size_t count = sizeof(needed) / sizeof(*needed) + VXE_NAMESPACE_KINDS + 2 * launch->mounts.count, used = 0;
	cleanup_free int *kept = calloc(count, sizeof(*kept));
	unsigned int next = 3;

	if (!kept)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "closing the launcher's descriptors");
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (needed[i] > 2)
			kept[used++] = needed[i];
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		if (launch->namespace_fds[i] > 2)
			kept[used++] = launch->namespace_fds[i];
	for (size_t i = 0; i < launch->mounts.count; i++) {
		const struct vxe_mount_plan *plan = &launch->mounts.items[i];

		if (plan->idmap_fd > 2)
			kept[used++] = plan->idmap_fd;
		if (plan->clone_fd > 2)
			kept[used++] = plan->clone_fd;
	}
	qsort(kept, used, sizeof(*kept), by_number);
	/* 3 to 2 + extra_fds stay, as one. */
	next += (unsigned int)launch->extra_fds;
	for (size_t i = 0; i < used; i++) {
		unsigned int fd = (unsigned int)kept[i];

		if (fd > next && sys_close_range(next, fd - 1, 0) < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "closing the launcher's descriptors");
		if (fd >= next)
			next = fd + 1;
	}
	if (sys_close_range(next, ~0U, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "closing the launcher's descriptors");
	return 0;
}

/* No magic link on the way, and no place that the root does not reach: a folder of the host may be open here or elsewhere. */
static int folder_enter(const struct vxe_launch *launch, struct vxe_error **err)
{
	const char *cwd = launch->process->cwd ? launch->process->cwd : "/";
	cleanup_fd int fd = sys_openat2(AT_FDCWD, cwd, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS);
	cleanup_free char *here = NULL;

	/* Engines leave it to the runtime to make the folder that an image names. */
	if (fd < 0 && errno == ENOENT && !launch->host_root && !vxe_config_annotation(launch->config, "org.vxe.version"))
		fd = vxe_mount_folder(cwd);
	if (fd < 0 || fchdir(fd) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "entering the folder %s of the instance", cwd);
	here = getcwd(NULL, 0);
	if (!here || *here != '/')
		return vxe_error_set(err, VXE_EXIT_FAILURE, here ? 0 : errno, "the folder %s is outside of the instance", cwd);
	return 0;
}

/* Everything that belongs to the instance and not to one program: namespaces, mounts, ruleset. */
static int environment_build(struct child *child, struct vxe_error **err)
{
	struct vxe_launch *launch = child->launch;
	const struct vxe_config *config = launch->config;
	const struct vxe_namespace *cgroup = vxe_config_namespace(config, CLONE_NEWCGROUP);
	bool mounts = vxe_config_namespace(config, CLONE_NEWNS);
	cleanup_fd int root_fd = -1;

	if (mounts_take(child, err) < 0 || namespaces_enter(launch, err) < 0)
		return -1;
	if ((launch->cgroup_fd >= 0 || launch->place) && cgroup && !cgroup->path && unshare(CLONE_NEWCGROUP) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the cgroup namespace");
	if (config->prestart.count || config->create_runtime.count) {
		sync_tell(launch, child->sync, VXE_SYNC_NAMESPACES, -1);
		sync_expect(child, VXE_SYNC_HOOKS_DONE);
	}
	if (!launch->network_apart && loopback_begin(config, err) < 0)
		return -1;
	if (config->hostname && sethostname(config->hostname, strlen(config->hostname)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the host name");
	if (config->domainname && setdomainname(config->domainname, strlen(config->domainname)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting the domain name");
	if (launch->host_root) {
		if (vxe_config_namespace(config, CLONE_NEWNS) && vxe_mount_host(config, err) < 0)
			return -1;
		return 0;
	}
	if ((mounts ? vxe_mount_build(config, &launch->mounts, launch->in_user_namespace, &root_fd, err)
		    : vxe_mount_none(config, &launch->mounts, &root_fd, err)) < 0)
		return -1;
	if (vxe_hooks_run(&config->create_container, "createContainer", config, launch->id, getpid(), "creating", err) < 0)
		return -1;
	if ((mounts ? vxe_mount_pivot(config, &launch->mounts, root_fd, err) : vxe_mount_none_enter(config, root_fd, err)) < 0)
		return -1;
	/* What is covered may be the network's (/proc/net). */
	if (launch->network_apart && (network_enter(child, err) < 0 || loopback_begin(config, err) < 0))
		return -1;
	if (mounts && vxe_mount_seal(config, &launch->mounts, root_fd, err) < 0)
		return -1;
	/* Folders of the host may be open in it. */
	vxe_mount_plan_free(&launch->mounts);
	return 0;
}

static int ruleset_make(struct child *child, struct vxe_error **err)
{
	const struct vxe_landlock *landlock = &child->launch->process->landlock;
	cleanup_fd int root_fd = -1;

	if (!landlock->present || vxe_launch_without_landlock(child->launch))
		return 0;
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the root folder");
	return vxe_landlock_build(landlock, root_fd, &child->ruleset_fd, err);
}

/* --- the program's process --- */

static int landlock_apply(const struct child *child, struct vxe_error **err)
{
	if (child->ruleset_fd >= 0 && vxe_landlock_restrict(&child->launch->process->landlock, child->ruleset_fd) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "restricting the program by Landlock");
	return 0;
}

static int filter_apply(const struct child *child, struct vxe_error **err)
{
	const struct vxe_launch *launch = child->launch;
	int listener;

	if (!launch->filter.length)
		return 0;
	if (launch->filter.notifies) {
		/* Also a change of user has put an end to that. */
		if (launch->shown)
			prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		/* seccomp(2) takes the lowest free descriptor; this process has one thread, so it will still be this one. */
		int slot = fcntl(child->sync, F_DUPFD_CLOEXEC, 0);

		if (slot < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "finding a descriptor for the filter's listener");
		close(slot);
		atomic_store(&launch->report->listener_slot, slot);
	}
	listener = vxe_filter_install(&launch->filter);
	if (listener < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "loading the seccomp filter");
	return 0;
}

/*
 * Until the launcher has the listener, the program must not run: its refused calls would be answered by nobody, and the execve
 * closes the descriptor. No call may be made for the waiting, so it is done by looking; it takes as long as the other side
 * needs for one pidfd_getfd. An execve that is itself notified waits in the kernel.
 */
static void listener_wait(const struct vxe_launch *launch)
{
	struct timespec begin, now;

	if (!launch->filter.notifies)
		return;
	clock_gettime(CLOCK_MONOTONIC, &begin); /* the vDSO's: no call */
	while (!atomic_load(&launch->report->listener_taken)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		/* The launcher was killed. */
		if (now.tv_sec > begin.tv_sec + 10)
			syscall(SYS_exit_group, VXE_EXIT_FAILURE);
	}
}

/* Before the container's mounts are there: what is written below stands in the host's /proc, whatever the rootfs has put on its own. */
static int proc_open(struct child *child, struct vxe_error **err)
{
	struct statfs fs;

	if (!child->launch->process->apparmor_profile && !child->launch->tells_namespaces)
		return 0;
	child->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child->proc_fd < 0 || fstatfs(child->proc_fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the host's /proc");
	return 0;
}

/* Takes effect at the execve. */
static int apparmor_apply(struct child *child, struct vxe_error **err)
{
	const char *profile = child->launch->process->apparmor_profile;
	cleanup_free char *text = NULL;
	cleanup_fd int fd = -1;

	if (!profile)
		return 0;
	if (asprintf(&text, "exec %s", profile) < 0) {
		text = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "setting the AppArmor profile");
	}
	fd = openat(child->proc_fd, "thread-self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: process.apparmorProfile: setting %s", profile);
		return vxe_error_hint(err, fd < 0 ? "this kernel runs without AppArmor: take the profile out"
						  : "load the profile with apparmor_parser first");
	}
	/* The path of the program must not lead through it. */
	close(steal_fd(&child->proc_fd));
	return 0;
}

/* The caller's keyrings are not the program's (keyctl(2)). Where the kernel has none there is none to leave; where a filter around us refuses the
   call altogether, it does so for the program, too. */
static int keyring_leave(struct vxe_error **err)
{
	int saved;

	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) >= 0 || errno == ENOSYS)
		return 0;
	saved = errno;
	if (saved == EPERM && syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) < 0 &&
	    errno == EPERM)
		return 0;
	vxe_error_set(err, VXE_EXIT_FAILURE, saved, "leaving the caller's session keyring");
	return saved == EDQUOT ? vxe_error_hint(err, "the user has as many keys as it may: remove some, or raise sysctl "
						     "kernel.keys.maxkeys")
			       : -1;
}

/* The signal comes only for a launcher that dies from now on; whether it lives is told by its end of the socket. */
static int launcher_die_with(const struct child *child, struct vxe_error **err)
{
	struct pollfd launcher = {.fd = child->sync};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "binding the program's life to its supervisor's");
	if (poll(&launcher, 1, 0) > 0 && (launcher.revents & POLLHUP))
		_exit(VXE_EXIT_FAILURE);
	return 0;
}

static bool exec_is_notified(const struct vxe_launch *launch)
{
	const char *exec = vxe_config_annotation(launch->config, "org.vxe.exec");

	return launch->soft || launch->raise_objects || (exec && !strcmp(exec, "once"));
}

/* An execve does this for all that are not ignored; until then a handler of the launcher's or the reaper's would run in the wrong process. */
static void signals_reset(const struct vxe_launch *launch)
{
	uint64_t changed = atomic_load(&launch->report->signals_known) ? atomic_load(&launch->report->signals) : UINT64_MAX;

	for (const int *sig = vxe_passed_signals; launch->reaper && *sig; sig++)
		changed |= 1ULL << (*sig - 1);
	for (int sig = 1; sig <= VXE_SIGNALS; sig++)
		if ((changed >> (sig - 1) & 1) && sig != SIGKILL && sig != SIGSTOP)
			sys_signal_default(sig);
}

/* What a filter raises has nobody to ask here, and fails. */
static int hook_filter_apply(const struct child *child, struct vxe_error **err)
{
	struct vxe_filter filter = child->launch->filter;

	filter.notifies = false;
	return filter.length && vxe_filter_install(&filter) < 0
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "loading the seccomp filter")
		       : 0;
}

/* A startContainer hook is a program of the container: the steps of program_main, in their order. */
static int hook_confine(void *arg, struct vxe_error **err)
{
	struct child *child = arg;
	const struct vxe_process *process = child->launch->process;

	if (apparmor_apply(child, err) < 0 ||
	    (!process->no_new_privileges && (landlock_apply(child, err) < 0 || hook_filter_apply(child, err) < 0)) ||
	    vxe_caps_apply(process, vxe_launch_keeps_groups(child->launch->config), err) < 0)
		return -1;
	if (!process->no_new_privileges)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "setting no_new_privs");
	return landlock_apply(child, err) < 0 || hook_filter_apply(child, err) < 0 ? -1 : 0;
}

__attribute__((noreturn)) static void program_main(struct child *child)
{
	struct vxe_launch *launch = child->launch;
	const struct vxe_process *process = launch->process;
	struct vxe_hook_confinement confinement = {hook_confine, child, NULL};
	struct vxe_error *err = NULL;
	sigset_t none;
	char byte;

	if (!launch->straight)
		sync_expect(child, VXE_SYNC_GO);
	if (launch->start_fifo >= 0) {
		ssize_t got;

		do
			got = read(launch->start_fifo, &byte, 1);
		while (got < 0 && errno == EINTR);
		if (got != 1) {
			vxe_error_set(&err, VXE_EXIT_FAILURE, got < 0 ? errno : 0, "waiting for the start");
			goto failed;
		}
	}
	if (!process->present)
		_exit(VXE_EXIT_FAILURE);
	if (keyring_leave(&err) < 0)
		goto failed;
	if (process->has_umask)
		umask(process->umask);
	if (launch->config->has_personality && personality(launch->config->personality) < 0) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "setting the personality");
		goto failed;
	}
	if (env_make(child, &err) < 0)
		goto failed;
	confinement.env = child->env;
	/* What joins a container starts nothing. Before a scheduler under which nothing can be forked. */
	if (!child->joins && vxe_hooks_run_inside(&launch->config->start_container, "startContainer", launch->config,
						  launch->id, getpid(), "created", &confinement, &err) < 0)
		goto failed;
	if (vxe_schedule_apply(process, &err) < 0 || apparmor_apply(child, &err) < 0)
		goto failed;
	/* 3 to 2+extra_fds are the caller's gift; everything else ends at the exec. Before a filter that may know no such call. */
	if (sys_close_range(3U + (unsigned int)launch->extra_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "keeping the launcher's descriptors from the program");
		goto failed;
	}
	for (int fd = 3; fd < 3 + launch->extra_fds; fd++)
		fcntl(fd, F_SETFD, 0);
	if (launch->filter.notifies)
		sync_tell(launch, child->sync, VXE_SYNC_LOADING, -1);
	/* Without no_new_privs both need CAP_SYS_ADMIN, which the next step may drop. */
	if (!process->no_new_privileges && (landlock_apply(child, &err) < 0 || filter_apply(child, &err) < 0))
		goto failed;
	if (vxe_caps_apply(process, vxe_launch_keeps_groups(launch->config), &err) < 0)
		goto failed;
	/* A change of user clears it (prctl(2)). */
	if (launch->start_fifo < 0 && !launch->reaper && !launch->detached && launcher_die_with(child, &err) < 0)
		goto failed;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signals_reset(launch);
	if (process->no_new_privileges) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
			vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "setting no_new_privs");
			goto failed;
		}
		if (landlock_apply(child, &err) < 0)
			goto failed;
	}
	if (launch->entry) {
		/* Nothing of the launcher's may be in the intruder's hands that an exec would have closed. */
		for (int fd = 3; fd < 1024; fd++)
			if (fd != child->sync && fd >= 3 + launch->extra_fds)
				close(fd);
	}
	if (process->no_new_privileges && filter_apply(child, &err) < 0)
		goto failed;
	if (launch->entry) {
		/* What an exec would have done to the descriptors. */
		listener_wait(launch);
		if (launch->filter.notifies)
			close(atomic_load(&launch->report->listener_slot));
		close(child->sync);
		syscall(SYS_exit_group, launch->entry(launch->entry_arg));
	}
	if (!exec_is_notified(launch))
		listener_wait(launch);
	execve(child->program, process->args.items, child->env);
	vxe_error_set(&err, errno == ENOENT ? VXE_EXIT_FAILURE : VXE_EXIT_FAILURE, errno, "executing %s", child->program);
	if (err && err->errnum == EACCES && child->ruleset_fd >= 0)
		vxe_error_hint(&err,
			       "the profile must grant execute on the program and read and execute on its ELF interpreter");
failed:
	child_die(launch, err);
}

/* --- the reaper --- */

static volatile sig_atomic_t reaper_program;

static void reaper_forward(int sig)
{
	int saved = errno;

	/* A forking program's first process is gone; then the signal is for all that are left. */
	kill(reaper_program ? reaper_program : -1, sig);
	errno = saved;
}

static int reaper_handlers(void)
{
	struct sigaction action = {.sa_handler = reaper_forward, .sa_flags = SA_RESTART};

	sigfillset(&action.sa_mask);
	for (const int *sig = vxe_passed_signals; *sig; sig++)
		if (sigaction(*sig, &action, NULL) < 0)
			return -1;
	return 0;
}

/* What is left to pid 1: to wait, to pass signals on, to end. Anything else means that somebody else is at its wheel. */
static int reaper_confine(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VXE_NATIVE_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(*program), .filter = program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || vxe_caps_keep(1ULL << CAP_KILL) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

__attribute__((noreturn)) static void reaper_main(struct vxe_launch *launch, pid_t program)
{
	struct vxe_report *report = launch->report;
	sigset_t none;
	int last = 0;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The launcher takes the end of what is open here for the program's start. */
	if (sys_close_range(0, ~0U, 0) < 0 || reaper_confine() < 0) {
		struct vxe_error *err = NULL;

		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "confining the instance's first process");
		child_die(launch, err);
	}
	for (;;) {
		int status = 0;
		pid_t pid = (pid_t)syscall(SYS_wait4, -1, &status, 0, NULL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		if (pid != program)
			continue;
		reaper_program = 0;
		report->program_status = status;
		atomic_store(&report->program_exited, 1);
		last = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (!launch->forking || last)
			break;
	}
	syscall(SYS_exit_group, last);
	__builtin_unreachable();
}

/* --- the first process --- */

static pid_t program_fork(uint64_t flags, int *pidfd)
{
	struct vxe_clone_args args = {.flags = flags | CLONE_PIDFD,
				      .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
				      .pidfd = (uint64_t)(uintptr_t)pidfd};

	return sys_clone3(&args);
}

/* A program of which the launcher has not heard would wait for it, and it for the program's end. */
static void program_tell(struct vxe_launch *launch, int sync, int pidfd)
{
	if (vxe_sync_send(sync, VXE_SYNC_READY, pidfd) == 0)
		return;
	int saved = errno;

	sys_pidfd_send_signal(pidfd, SIGKILL);
	errno = saved;
	sync_lost(launch);
}

/* While this process may still be looked at, by itself too. */
static int namespaces_tell(struct child *child, struct vxe_error **err)
{
	const struct vxe_launch *launch = child->launch;

	if (!launch->tells_namespaces)
		return 0;
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++) {
		cleanup_fd int fd = -1;
		char path[64];

		if (!vxe_launch_has_namespace(launch, vxe_namespace_kinds[i].flag))
			continue;
		snprintf(path, sizeof(path), "thread-self/ns/%s", vxe_namespace_kinds[i].file);
		fd = openat(child->proc_fd, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the instance's namespace %s",
					     vxe_namespace_kinds[i].file);
		sync_tell(child->launch, child->sync, VXE_SYNC_NAMESPACE, fd);
	}
	if (!launch->process->apparmor_profile)
		close(steal_fd(&child->proc_fd));
	return 0;
}

static int namespaces_join(const struct vxe_launch *launch, int flags)
{
	/* All of them may be the runtime's own. */
	if (!flags)
		return 0;
	/* The user namespace's own is there whenever these are. */
	if (launch->namespace_fds[0] < 0)
		return setns(launch->join_pidfd, flags);
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		if ((flags & vxe_namespace_kinds[i].flag) && setns(launch->namespace_fds[i], vxe_namespace_kinds[i].flag) < 0)
			return -1;
	return 0;
}

/* The program's process shares its descriptors with this one up to its execve: as soon as its filter is loaded, the listener is here, too. */
__attribute__((noreturn)) static void joiner_main(const struct child *child, int pidfd)
{
	const struct vxe_report *report = child->launch->report;
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int slot = atomic_load(&report->listener_slot);

		if (slot >= 0 && fcntl(slot, F_GETFD) >= 0)
			_exit(vxe_sync_send(child->sync, VXE_SYNC_LISTENER, slot) < 0 ? VXE_EXIT_FAILURE : 0);
		if (poll(&gone, 1, 0) > 0)
			_exit(VXE_EXIT_FAILURE);
		nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	}
}

/* exec: into the namespaces of a running instance; the program must be born there to be in its pid namespace. */
__attribute__((noreturn)) static void join_main(struct child *child)
{
	struct vxe_launch *launch = child->launch;
	struct vxe_error *err = NULL;
	int flags = 0, pidfd = -1;
	bool user = launch->in_user_namespace;
	bool chrooted =
		!vxe_config_annotation(launch->config, "org.vxe.root") && !vxe_config_namespace(launch->config, CLONE_NEWNS);
	cleanup_fd int root = chrooted ? open(launch->config->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	pid_t pid;

	if (chrooted && root < 0) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "opening the rootfs %s", launch->config->rootfs);
		child_die(launch, err);
	}
	if (vxe_affinity_apply(launch->process->affinity_final, &err) < 0 || proc_open(child, &err) < 0)
		child_die(launch, err);
	for (size_t i = 0; i < launch->config->n_namespaces; i++)
		flags |= launch->config->namespaces[i].flag;
	if (user)
		flags |= CLONE_NEWUSER;
	/* /proc/PID/exe of a process in there would lead to this program on the host (CVE-2019-5736). */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (namespaces_join(launch, flags) < 0) {
		int saved = errno;

		vxe_error_set(&err, VXE_EXIT_FAILURE, saved, "entering the instance %s", launch->id);
		/* Its first process is ours up to the execve, and to its end where it is the reaper: nobody but root may look at that. */
		if (saved == EPERM && geteuid() != 0)
			vxe_error_hint(
				&err, "without root it can be entered once it is started, and with org.vxe.init only if it has "
				      "a supervisor (vxe-runtime run)");
		child_die(launch, err);
	}
	if (chrooted && vxe_mount_none_enter(launch->config, root, &err) < 0)
		child_die(launch, err);
	vxe_cleanup_fd(&root);
	root = -1;
	close(steal_fd(&launch->join_pidfd));
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++)
		if (launch->namespace_fds[i] >= 0)
			close(steal_fd(&launch->namespace_fds[i]));
	if (user && (setresgid(launch->process->gid, launch->process->gid, launch->process->gid) < 0 ||
		     setresuid(launch->process->uid, launch->process->uid, launch->process->uid) < 0)) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "becoming the instance's user");
		child_die(launch, err);
	}
	pid = program_fork(CLONE_PARENT | (launch->filter.notifies ? CLONE_FILES : 0), &pidfd);
	if (pid < 0) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "making a process in the instance %s", launch->id);
		child_die(launch, err);
	}
	if (pid > 0) {
		program_tell(launch, child->sync, pidfd);
		if (launch->filter.notifies)
			joiner_main(child, pidfd);
		_exit(0);
	}
	if (session_begin(&err) < 0 || rlimits_set(launch->process, &err) < 0 || ruleset_make(child, &err) < 0)
		child_die(launch, err);
	if (launch->process->terminal ? vxe_terminal_make(launch->console_socket, launch->process, false, &err) < 0
				      : stdio_set(launch, &err) < 0)
		child_die(launch, err);
	if (folder_enter(launch, &err) < 0)
		child_die(launch, err);
	if (!launch->entry && program_find(child, &err) < 0)
		child_die(launch, err);
	program_main(child);
}

static bool maps_root(const struct vxe_config *config)
{
	for (size_t i = 0; i < config->uid_mappings.count; i++)
		if (config->uid_mappings.items[i].container == 0)
			return true;
	return false;
}

/* Whoever the namespace does not map is nobody in it: become its root where it has one. It has all capabilities either way. */
static int root_become(const struct vxe_config *config, struct vxe_error **err)
{
	const struct vxe_namespace *user = vxe_config_namespace(config, CLONE_NEWUSER);
	bool found = user && user->path;

	if (geteuid() == 0 || (!found && !maps_root(config)) || (setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0))
		return 0;
	/* The mappings of one that is there are its own. */
	return found && errno == EINVAL ? 0
					: vxe_error_set(err, VXE_EXIT_FAILURE, errno, "becoming root of the user namespace");
}

void vxe_child_main(struct vxe_launch *launch, int sync)
{
	struct child child = {.launch = launch, .sync = sync, .ruleset_fd = -1, .proc_fd = -1};
	const struct vxe_process *process = launch->process;
	struct vxe_error *err = NULL;
	bool user = launch->in_user_namespace;
	int pidfd = -1;
	pid_t pid;

	sync_expect(&child, VXE_SYNC_MAPPED);
	if (descriptors_close(&child, &err) < 0)
		goto failed;
	child.joins = launch->join_pidfd >= 0;
	if (child.joins)
		join_main(&child);
	/* In a user namespace whoever has become its root may not write about itself there any more. */
	if (vxe_time_offsets_apply(launch->config, &err) < 0 || (user && root_become(launch->config, &err) < 0))
		goto failed;
	/* The instance must not outlive its supervisor; OCI's create has none that lives as long. */
	if (launch->start_fifo < 0 && launcher_die_with(&child, &err) < 0)
		goto failed;
	if (!user)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (session_begin(&err) < 0 || proc_open(&child, &err) < 0 || environment_build(&child, &err) < 0 ||
	    rlimits_set(process, &err) < 0 || ruleset_make(&child, &err) < 0)
		goto failed;
	if (process->terminal) {
		if (vxe_terminal_make(launch->console_socket, process, !launch->host_root, &err) < 0)
			goto failed;
	} else if (stdio_set(launch, &err) < 0) {
		goto failed;
	}
	if (folder_enter(launch, &err) < 0)
		goto failed;
	if (!launch->entry && process->present && program_find(&child, &err) < 0)
		goto failed;
	if (namespaces_tell(&child, &err) < 0)
		goto failed;
	/* In a user namespace its root could look at us from another container of it; until here we had to write about ourselves. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!launch->reaper) {
		if (!launch->straight)
			sync_tell(launch, sync, VXE_SYNC_READY, -1);
		program_main(&child);
	}
	if (reaper_handlers() < 0) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "setting up the reaper");
		goto failed;
	}
	pid = program_fork(0, &pidfd);
	if (pid < 0) {
		vxe_error_set(&err, VXE_EXIT_FAILURE, errno, "making the program's process");
		goto failed;
	}
	if (pid == 0) {
		if (session_begin(&err) < 0)
			goto failed;
		program_main(&child);
	}
	reaper_program = pid;
	program_tell(launch, sync, pidfd);
	/* A program that has ended by now has its number until it is waited for. Without a launcher nobody asks for it. */
	if (launch->straight) {
		int none;

		(void)vxe_sync_receive(sync, &none);
	}
	reaper_main(launch, pid);
failed:
	child_die(launch, err);
}
