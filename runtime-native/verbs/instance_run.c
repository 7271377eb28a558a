/* Start to end in one process: vxe start, vxe run, vxe-runtime run. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "descriptors.h"
#include "file.h"
#include "hooks.h"
#include "instance_internal.h"
#include "modes.h"
#include "self.h"
#include "warn.h"

static int caller_let_go(struct instance *instance, struct vxe_error **err)
{
	if (instance->ready_fd < 0)
		return 0;
	/* Paths that the caller has given may be from its folder, and are done with. */
	if (chdir("/") < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "leaving the caller's folder");
	/* Whoever was killed while it waited for us cannot be told, and meant to start nothing. */
	if (vxe_write_all(instance->ready_fd, "R", 1) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "telling the caller that %s runs", instance->options->id);
	close(steal_fd(&instance->ready_fd));
	/* From here on nobody reads what we print. */
	for (int fd = 0; fd < 3; fd++) {
		int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null_fd >= 0) {
			dup2(null_fd, fd);
			close(null_fd);
		}
	}
	instance_settle();
	return 0;
}

static int instance_ready(struct vxe_supervision *supervision, struct vxe_error **err)
{
	return caller_let_go(supervision->user, err);
}

static int instance_started(struct vxe_supervision *supervision, struct vxe_error **err)
{
	struct instance *instance = supervision->user;

	if (instance_state_write(instance, VXE_RUNNING, err) < 0)
		return -1;
	if (vxe_hooks_run(&instance->config->poststart, "poststart", instance->config, instance->options->id,
			  instance->launch.init_pid, "running", err) < 0)
		return -1;
	/* An engine's caller is told when the container says that it is ready, as the manager is. */
	return supervision->ready ? 0 : caller_let_go(instance, err);
}

/*
 * Between set up and started somebody may look, or something is to be done: a hook, the pid file, the device rules, hooks after calls. And the
 * state says whose the processes in the cgroup are: before the program runs, unless they all end with the first of them.
 */
static bool goes_straight(const struct instance *instance)
{
	const struct vxe_config *config = instance->config;
	const struct vxe_namespace *pids = vxe_config_namespace(config, CLONE_NEWPID);

	return (!instance->cgroup || (pids && !pids->path)) && !config->start_container.count && !instance->options->pid_file &&
	       !config->resources.n_devices && !instance->options->observer && !instance_has_hooks(instance);
}

static int instance_run(struct instance *instance, int *exit_code, struct vxe_error **err)
{
	const struct vxe_instance_observer *observer = instance->options->observer;
	struct vxe_supervision *s = &instance->supervision;

	if (instance_open(instance, err) < 0 || (observer && observer->launching(observer->user, &instance->launch, err) < 0))
		return -1;
	/* A plain OCI bundle leaves no log folder behind, unless there is something to write there. */
	if ((instance->options->own_verb || vxe_config_annotation(instance->config, "org.vxe.version")) &&
	    instance_open_log(instance, err) < 0)
		return -1;
	instance_supervision_fill(instance);
	s->started = instance_started;
	s->child = true;
	/* An engine's streams are the container's, for as long as it runs. */
	s->capture = instance->options->detach && instance->options->own_verb;
	if (instance_waits_ready(instance))
		s->ready = instance_ready;
	instance->launch.straight = goes_straight(instance);
	if (vxe_supervision_prepare(s, err) < 0 || instance_services_mount(instance, err) < 0 ||
	    instance_begin(instance, err) < 0)
		return -1;
	/* While the instance builds its environment. */
	if (instance->launch.filter.notifies && instance->log_fd < 0 && instance_open_log(instance, err) < 0)
		return -1;
	s->log_dir_fd = instance->log_fd;
	if (vxe_supervision_open(s, err) < 0 || instance_wait(instance, err) < 0)
		return -1;
	if (!instance->launch.straight && instance_state_write(instance, VXE_CREATED, err) < 0)
		return -1;
	if (observer && observer->waiting(observer->user, &instance->launch, err) < 0)
		return -1;
	if (vxe_launch_go(&instance->launch, err) < 0 ||
	    (vxe_agent_wanted(&instance->launch) &&
	     vxe_agent_hand_over(&instance->launch, instance->launch.init_pid, "created", err) < 0) ||
	    (observer && observer->going(observer->user, &instance->launch, err) < 0) || vxe_supervision_run(s, err) < 0)
		return -1;
	*exit_code = instance_status_code(s->status);
	/* It has run, and ended without a word. */
	if (s->ready && caller_let_go(instance, err) < 0)
		return -1;
	if (instance->options->keep) {
		instance->state.exit_code = *exit_code;
		return instance_state_write(instance, VXE_STOPPED, err);
	}
	instance_poststop(instance);
	return 0;
}

/* In place of the word that the program runs: "EXIT ERRNO", the sentence and the hint, each ended by NUL. */
static void failure_tell(int fd, const struct vxe_error *err)
{
	dprintf(fd, "E%d %d%c%s%c%s", (int)err->exit, err->errnum, '\0', err->message, '\0', err->hint ? err->hint : "");
}

/* Once the first byte was read. 0 where no whole failure is told. */
static int failure_hear(int fd, struct vxe_error **err)
{
	cleanup_free char *text = NULL;
	const char *message, *hint;
	int code, errnum;
	size_t size;

	if (vxe_file_read_fd(fd, "the supervisor", 1 << 20, &text, &size, err) < 0)
		return -1;
	message = text + strlen(text) + 1;
	if (sscanf(text, "%d %d", &code, &errnum) != 2 || message > text + size)
		return 0;
	hint = message + strlen(message) + 1;
	vxe_error_set(err, (enum vxe_exit)code, errnum, "%s", message);
	return hint < text + size ? vxe_error_hint(err, "%s", hint) : -1;
}

static int run_here(const struct vxe_instance_options *options, int ready_fd, int *exit_code, struct vxe_error **err)
{
	struct instance instance;
	int failed;

	instance_init(&instance, options);
	instance.ready_fd = ready_fd;
	failed = instance_run(&instance, exit_code, err);
	vxe_console_close(&instance.console);
	if (failed) {
		if (instance.launch.report && vxe_launch_failure(&instance.launch, err) < 0)
			failed = -1;
		instance_failed(&instance);
		if (instance.ready_fd >= 0 && err && *err)
			failure_tell(instance.ready_fd, *err);
	}
	instance_close(&instance, !failed && options->keep);
	return failed;
}

/* The detached supervisor tells its caller that the program runs, or why not, and then leaves it. */
static int run_detached(const struct vxe_instance_options *options, int *exit_code, struct vxe_error **err)
{
	int pipes[2], status, failed;
	struct pollfd waiting;
	ssize_t got;
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "detaching");
	pid = fork();
	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "detaching");
	if (pid == 0) {
		cleanup_error struct vxe_error *failure = NULL;
		int code = VXE_EXIT_FAILURE, input;

		close(pipes[0]);
		setsid();
		input = options->own_verb ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
		if (input >= 0 && dup2(input, 0) == 0)
			close(input);
		if (run_here(options, pipes[1], &code, &failure) == 0)
			_exit(code);
		_exit(failure ? (int)failure->exit : VXE_EXIT_FAILURE);
	}
	close(pipes[1]);
	waiting = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
		;
	do
		got = read(pipes[0], &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		byte = '\0';
	*exit_code = 0;
	failed = byte == 'E' ? failure_hear(pipes[0], err) : 0;
	close(pipes[0]);
	if (byte == 'R')
		return 0;
	/* By its end it has cleared away what there was of the instance. */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && !failed)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the supervisor was ended before the program ran");
	*exit_code = instance_status_code(status);
	return failed;
}

/* A detached supervisor cannot start over once it has left its caller: it is sealed before. */
static int seal_for_bundle(const struct vxe_instance_options *options, struct vxe_error **err)
{
	const char *bundle = options->bundle;
	cleanup_fd int fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vxe_config *config = NULL;
	bool held;
	int status;

	if (fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", bundle);
	/* It is read again, and what there is to warn of is told then. */
	vxe_warning_keep();
	status = vxe_config_load(fd, bundle, &config, err);
	vxe_warning_release(false);
	if (status < 0)
		return -1;
	held = instance_holds_execute(&config->process.landlock) && !vxe_modes_soft(options, fd);
	vxe_config_free(&config);
	return held ? 0 : vxe_self_seal(err);
}

int vxe_instance_run(const struct vxe_instance_options *given, int *exit_code, struct vxe_error **err)
{
	struct vxe_instance_options options = *given;

	if (!options.entry && vxe_descriptors_passed(options.preserve_fds, &options.listen_fds, err) < 0)
		return -1;
	if (options.detach && seal_for_bundle(&options, err) < 0)
		return -1;
	return options.detach ? run_detached(&options, exit_code, err) : run_here(&options, -1, exit_code, err);
}
