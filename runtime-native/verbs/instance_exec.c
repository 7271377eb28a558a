/* A further program in a running instance. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "caps.h"
#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "companion.h"
#include "descriptors.h"
#include "file.h"
#include "instance_internal.h"
#include "kernel.h"
#include "modes.h"
#include "plans.h"
#include "record.h"
#include "schedule.h"
#include "scope.h"
#include "self.h"

/* Root on the host has every capability and may leave any rule away, in the instance's namespaces too: what a profile holds is held here. */
static int profile_keep(const struct vxe_exec_options *options, const struct vxe_process *profile, struct vxe_process *given,
			struct vxe_error **err)
{
	const struct vxe_capabilities *caps = given ? &given->capabilities : NULL;
	uint64_t asked = caps ? caps->bounding | caps->permitted | caps->effective | caps->inheritable | caps->ambient
			      : options->capabilities;
	uint64_t beyond = asked & ~profile->capabilities.bounding;
	const char *apparmor = options->apparmor;

	if (beyond) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the profile does not grant %s to the instance",
			      vxe_config_capabilities()[__builtin_ctzll(beyond)]);
		return vxe_error_hint(err, "leave it away, or add it to the profile");
	}
	if (given)
		apparmor = given->apparmor_profile;
	if (apparmor && (!profile->apparmor_profile || strcmp(apparmor, profile->apparmor_profile) != 0)) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the AppArmor profile %s is not the one of the instance's profile",
			      apparmor);
		return vxe_error_hint(err, "leave it away");
	}
	if (!given)
		return 0;
	if (given->landlock.present) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "process.landlock: the instance has a profile, which it cannot replace");
		return vxe_error_hint(err, "leave it away; the profile's rules hold");
	}
	free(given->rlimits);
	given->n_rlimits = 0;
	given->rlimits = calloc(profile->n_rlimits + 1, sizeof(*given->rlimits));
	if (!given->rlimits)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the profile's limits");
	for (; given->n_rlimits < profile->n_rlimits; given->n_rlimits++)
		given->rlimits[given->n_rlimits] = profile->rlimits[given->n_rlimits];
	return 0;
}

/* Who a further process is that does not say it. */
static int user_inherit(const struct vxe_process *process, struct vxe_process *given, struct vxe_error **err)
{
	if (given->has_user)
		return 0;
	given->additional_gids = calloc(process->n_additional_gids + 1, sizeof(gid_t));
	if (!given->additional_gids)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the groups");
	memcpy(given->additional_gids, process->additional_gids, process->n_additional_gids * sizeof(gid_t));
	given->n_additional_gids = process->n_additional_gids;
	given->uid = process->uid;
	given->gid = process->gid;
	given->has_umask = process->has_umask;
	given->umask = process->umask;
	return 0;
}

/* The instance's process object, changed by the command line; the confinement in it stays what it is. */
static int exec_process_make(const struct vxe_exec_options *options, struct vxe_config *config, struct vxe_process **given,
			     struct vxe_error **err)
{
	struct vxe_process *process = &config->process;

	if (options->process_file) {
		cleanup_free char *text = NULL;
		size_t size = 0;

		if (vxe_file_read_at(AT_FDCWD, options->process_file, 1 << 20, &text, &size, err) < 0 ||
		    vxe_config_parse_process(text, size, given, err) < 0 || user_inherit(process, *given, err) < 0)
			return -1;
		if (vxe_config_annotation(config, "org.vxe.version") && profile_keep(options, process, *given, err) < 0)
			return -1;
		/* A process file names a program, not a way around the profile. */
		if (process->landlock.present && !(*given)->landlock.present)
			(*given)->landlock = process->landlock;
		(*given)->no_new_privileges |= process->no_new_privileges;
		(*given)->terminal |= options->terminal;
		return 0;
	}
	if (vxe_config_annotation(config, "org.vxe.version") && profile_keep(options, process, NULL, err) < 0)
		return -1;
	if (options->args && instance_strings_copy(options->args, &process->args) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the arguments");
	for (size_t i = 0; options->env && options->env[i]; i++) {
		char **items = realloc(process->env.items, (process->env.count + 2) * sizeof(char *));

		if (!items || !(items[process->env.count] = strdup(options->env[i])))
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the environment");
		items[++process->env.count] = NULL;
		process->env.items = items;
	}
	if (options->cwd) {
		free(process->cwd);
		process->cwd = strdup(options->cwd);
	}
	if (options->apparmor) {
		free(process->apparmor_profile);
		process->apparmor_profile = strdup(options->apparmor);
	}
	if ((options->cwd && !process->cwd) || (options->apparmor && !process->apparmor_profile))
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the options");
	if (options->has_user) {
		process->uid = options->uid;
		process->gid = options->gid;
	}
	if (options->n_gids) {
		size_t count = process->n_additional_gids + options->n_gids;
		gid_t *gids = reallocarray(process->additional_gids, count, sizeof(gid_t));

		if (!gids)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "reading the groups");
		memcpy(gids + process->n_additional_gids, options->gids, options->n_gids * sizeof(gid_t));
		process->additional_gids = gids;
		process->n_additional_gids = count;
	}
	process->terminal = options->terminal || options->console_socket != NULL;
	/* In all sets, the ambient one excepted. */
	process->capabilities.bounding |= options->capabilities;
	process->capabilities.effective |= options->capabilities;
	process->capabilities.permitted |= options->capabilities;
	process->capabilities.present |= options->capabilities != 0;
	process->no_new_privileges |= options->no_new_privileges;
	return 0;
}

/* Told by the process that stays to supervise: 'R' when the program runs, nothing when it does not. */
static int exec_started(struct vxe_supervision *supervision, struct vxe_error **err)
{
	int *ready = supervision->user;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)err;
	(void)vxe_write_all(*ready, "R", 1);
	close(steal_fd(ready));
	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		dup2(null_fd, fd);
	return 0;
}

/* exec --detach: the caller becomes the program's parent, as engines expect. Only a filter that notifies, and hooks after calls, need somebody who stays. */
static int exec_leave(struct vxe_supervision *supervision, struct vxe_companion *companion, struct vxe_error **err)
{
	struct vxe_launch *launch = supervision->launch;
	cleanup_error struct vxe_error *failure = NULL;
	cleanup_fd int ready = -1;
	struct pollfd waiting = {.fd = launch->sync_fd, .events = POLLIN};
	int pipes[2];
	char byte;
	pid_t pid;

	if ((!launch->filter.notifies || launch->listener_fd < 0) && companion->channel < 0) {
		while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
			;
		return vxe_launch_failure(launch, err);
	}
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "detaching");
	ready = pipes[0];
	pid = fork();
	if (pid == 0) {
		close(ready);
		setsid();
		supervision->child = false;
		supervision->started = exec_started;
		supervision->user = &pipes[1];
		if (vxe_supervision_run(supervision, &failure) < 0)
			sys_pidfd_send_signal(launch->program_pidfd, SIGKILL);
		vxe_companion_end(companion);
		_exit(0);
	}
	close(pipes[1]);
	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the supervisor");
	/* Who stays has it. */
	if (companion->channel >= 0)
		close(steal_fd(&companion->channel));
	if (read(ready, &byte, 1) == 1)
		return 0;
	waitpid(pid, NULL, 0);
	if (vxe_launch_failure(launch, err) < 0)
		return -1;
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the program ended before it was executed");
}

/*
 * Its first process may not be looked at, and its program may have put itself elsewhere. Root enters all the same; for the owner of an instance
 * that was started without root the supervisor, which is the owner's process, holds the namespaces: what they are opened by is the kernel's own
 * word on who may look at that one (ptrace(2), PTRACE_MODE_READ), which no other user has, and nobody inside.
 */
static int exec_namespaces_open(const struct vxe_state *state, struct vxe_launch *launch, struct vxe_error **err)
{
	cleanup_fd int supervisor = -1;
	cleanup_fd int dir = -1;
	struct pollfd gone = {.events = POLLIN};
	char path[64];

	if (geteuid() == 0 || !state->namespaces[0] || state->supervisor.pid <= 0)
		return 0;
	supervisor = gone.fd = vxe_process_open(&state->supervisor);
	snprintf(path, sizeof(path), "/proc/%d/fd", state->supervisor.pid);
	dir = supervisor < 0 ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "looking at the supervisor of %s", state->id);
	for (size_t i = 0; i < VXE_NAMESPACE_KINDS; i++) {
		if (!state->namespaces[i])
			continue;
		snprintf(path, sizeof(path), "%d", state->namespaces[i]);
		launch->namespace_fds[i] = openat(dir, path, O_RDONLY | O_CLOEXEC);
		if (launch->namespace_fds[i] < 0)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "taking the namespaces of %s from its supervisor",
					     state->id);
	}
	/* Of that process: its number was not another's meanwhile. */
	return poll(&gone, 1, 0) ? vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not running", state->id) : 0;
}

struct exec_place {
	const char *scope, *below;
	char *cgroup, *first;
};

static void exec_place_free(struct exec_place *place)
{
	free(place->cgroup);
	free(place->first);
}

/* The instance's, or one below it that is there, by no way that leads out of it. Where nobody can be in the instance's, its first process's. */
static int exec_cgroup_open(const struct vxe_exec_options *options, int root_fd, int dir_fd, const struct vxe_state *state,
			    struct exec_place *place, int *out, struct vxe_error **err)
{
	cleanup_fd int own = -1;

	place->below = options->cgroup ? options->cgroup + strspn(options->cgroup, "/") : "";
	if (!state->cgroup && *place->below)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "--cgroup: %s has no cgroup", options->id);
	if (!state->cgroup)
		return 0;
	own = vxe_instance_cgroup_open(root_fd, dir_fd, state, err);
	if (own < 0 || (!options->cgroup && vxe_cgroup_entrance(own, state->cgroup, state->init.pid, &place->first, err) < 0))
		return -1;
	if (place->first)
		place->below = place->first;
	*out = *place->below ? sys_openat2(own, place->below, O_RDONLY | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
			     : steal_fd(&own);
	return *out < 0 ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "%sthe cgroup %s of %s",
					options->cgroup ? "--cgroup: " : "", place->below, options->id)
			: 0;
}

/* By systemd, where the cgroup is a unit's: from a login session the kernel lets nobody but root into it. */
static int exec_place(struct vxe_launch *launch, void *arg, struct vxe_error **err)
{
	const struct exec_place *place = arg;

	return vxe_scope_attach(place->scope, place->below, launch->init_pid, place->cgroup, err);
}

static int exec_place_prepare(const struct vxe_state *state, struct exec_place *place, struct vxe_launch *launch,
			      struct vxe_error **err)
{
	if (!state->scope || !state->cgroup)
		return 0;
	if (asprintf(&place->cgroup, "%s%s%s", state->cgroup, *place->below ? "/" : "", place->below) < 0) {
		place->cgroup = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "naming the cgroup of %s", state->id);
	}
	place->scope = state->scope;
	place->below = place->cgroup + strlen(state->cgroup);
	launch->place = exec_place;
	launch->place_arg = place;
	return 0;
}

#define ENDS_SOON_MS 50

/* The kernel's words for an instance that ends meanwhile depend on where it is met. */
static void exec_fails(int root_fd, int dir_fd, const struct vxe_state *state, int init, struct vxe_error **err)
{
	/* A signal for all meets one after another. */
	if (init >= 0 && vxe_process_wait(init, vxe_clock_ms() + ENDS_SOON_MS)) {
		vxe_error_free(err);
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s has ended meanwhile", state->id);
	}
	/* Looked at last: who ends it removes it at any moment after that. */
	(void)vxe_instance_fails(root_fd, state->id, dir_fd, err);
}

int vxe_instance_exec(const struct vxe_exec_options *options, int *exit_code, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int log_fd = -1;
	cleanup_fd int init = -1;
	cleanup_fd int cgroup = -1;
	cleanup_fd int console = -1;
	struct vxe_console carried = VXE_CONSOLE_NONE;
	struct vxe_companion companion = VXE_COMPANION_NONE;
	__attribute__((cleanup(exec_place_free))) struct exec_place place = {0};
	struct vxe_state *state = NULL;
	struct vxe_config *config = NULL;
	struct vxe_process *given = NULL, *process;
	struct vxe_judge_source judge = {.fd = -1};
	struct vxe_launch launch;
	struct vxe_supervision supervision;
	sigset_t signals;
	int failed = -1, sockets;

	if (vxe_descriptors_passed(options->preserve_fds, &sockets, err) < 0)
		return -1;
	/* Those of vxe exec are for whoever has called it. */
	if (options->own_verb)
		sockets = 0;
	vxe_launch_init(&launch);
	vxe_supervision_init(&supervision);
	/* Processes of the instance are there already, and will see this one. */
	if (vxe_self_seal(err) < 0 || vxe_instance_find(options->root, options->id, &root_fd, &dir_fd, &state, err) < 0)
		return -1;
	if (state->status == VXE_PAUSED && !options->ignore_paused) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is paused", options->id);
		vxe_error_hint(err, "resume it first");
		goto out;
	}
	if (state->status != VXE_RUNNING && state->status != VXE_CREATED && state->status != VXE_PAUSED) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not running", options->id);
		vxe_error_hint(err, "start it with: vxe start %s", options->id);
		goto out;
	}
	init = vxe_process_open(&state->init);
	if (init < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno == ESRCH ? 0 : errno, "%s is not running", options->id);
		goto out;
	}
	if (instance_config_kept(dir_fd, state, &config, err) < 0 || vxe_plans_kept(config, err) < 0 ||
	    exec_process_make(options, config, &given, err) < 0)
		goto out;
	/* A plain OCI bundle leaves no log folder behind, unless there is something to write there. */
	if (vxe_config_annotation(config, "org.vxe.version") && (log_fd = vxe_log_dir_open(options->id, NULL, err)) < 0)
		goto out;
	launch.config = config;
	process = given ? given : &config->process;
	if (!vxe_config_annotation(config, "org.vxe.version"))
		vxe_caps_fit(process, vxe_config_namespace(config, CLONE_NEWUSER) || geteuid() != 0);
	if (vxe_affinity_apply(process->affinity_initial, err) < 0)
		goto out;
	launch.process = process;
	launch.id = options->id;
	launch.bundle_fd = dir_fd;
	launch.join_pidfd = init;
	if (exec_namespaces_open(state, &launch, err) < 0)
		goto out;
	launch.listen_names = getenv("LISTEN_FDNAMES");
	launch.detached = options->detach;
	if (exec_cgroup_open(options, root_fd, dir_fd, state, &place, &cgroup, err) < 0 ||
	    exec_place_prepare(state, &place, &launch, err) < 0)
		goto out;
	launch.cgroup_fd = cgroup;
	if (instance_console(&launch, process, options->console_socket, options->detach, &console, &carried, err) < 0)
		goto out;
	if (vxe_descriptors_take(config, &launch, sockets, options->preserve_fds, options->detach, err) < 0)
		goto out;
	supervision.launch = &launch;
	supervision.id = options->id;
	supervision.profile = state->profile;
	supervision.log_dir_fd = log_fd;
	supervision.child = true;
	if (vxe_modes_join(dir_fd, config, &launch, &supervision, &judge, err) < 0)
		goto out;
	vxe_supervision_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	launch.straight = !options->pid_file && !vxe_companion_wanted(config);
	failed = vxe_companion_wanted(config)
			 ? vxe_companion_begin(&companion, config, dir_fd, options->id, state->profile, log_fd, err)
			 : 0;
	supervision.companion_fd = companion.channel;
	if (!failed)
		failed = vxe_launch_begin(&launch, err);
	vxe_config_settle(config);
	if (!failed)
		failed = vxe_modes_judge(config, &launch, &judge, err);
	/* While the process joins. One that stays behind is another process, and its watch has to be its own. */
	if (!failed && log_fd >= 0 && !options->detach)
		failed = vxe_supervision_open(&supervision, err);
	if (!failed)
		failed = vxe_launch_wait(&launch, err);
	if (!failed && companion.channel >= 0)
		failed = vxe_companion_watch(&companion, &launch, err);
	if (!failed && launch.filter.notifies && log_fd < 0) {
		log_fd = supervision.log_dir_fd = vxe_log_dir_open(options->id, NULL, err);
		failed = log_fd < 0 ? -1 : 0;
	}
	if (!failed)
		failed = instance_pid_file_write(options->pid_file, launch.program_pid, err);
	if (!failed)
		failed = vxe_launch_go(&launch, err);
	if (!failed && vxe_agent_wanted(&launch))
		failed = vxe_agent_hand_over(&launch, state->init.pid, "running", err);
	if (!failed && options->detach) {
		failed = exec_leave(&supervision, &companion, err);
		if (!failed)
			*exit_code = 0;
		goto out;
	}
	if (!failed)
		failed = vxe_supervision_run(&supervision, err);
	if (failed) {
		(void)vxe_launch_failure(&launch, err);
		vxe_launch_abort(&launch);
	} else {
		*exit_code = instance_status_code(supervision.status);
	}
out:
	if (failed)
		exec_fails(root_fd, dir_fd, state, init, err);
	vxe_companion_end(&companion);
	vxe_console_close(&carried);
	if (instance_left(options->ends))
		return failed;
	vxe_launch_free(&launch);
	vxe_supervision_free(&supervision);
	vxe_judge_close(&judge);
	if (given && config && given->landlock.path_rules == config->process.landlock.path_rules)
		memset(&given->landlock, 0, sizeof(given->landlock));
	vxe_process_free(&given);
	vxe_config_free(&config);
	vxe_state_free(&state);
	return failed;
}
