/* OCI's create and start: set up by one process, started by another. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "clock.h"
#include "descriptors.h"
#include "file.h"
#include "hooks.h"
#include "instance_internal.h"
#include "kernel.h"

static int fifo_make(struct instance *instance, struct vxe_error **err)
{
	/* Opened for both ways it never blocks, and the waiting process is a reader as long as it lives. */
	if (mkfifoat(instance->dir_fd, VXE_STATE_START, 0600) < 0 ||
	    (instance->fifo_fd = openat(instance->dir_fd, VXE_STATE_START, O_RDWR | O_CLOEXEC)) < 0 ||
	    mkfifoat(instance->dir_fd, "told", 0600) < 0 ||
	    (instance->tell_fd = openat(instance->dir_fd, "told", O_RDWR | O_CLOEXEC)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the start fifo of %s", instance->options->id);
	/* Open as long as the service manager waits for the container's word. */
	if (instance_waits_ready(instance) &&
	    (mkfifoat(instance->dir_fd, "ready", 0600) < 0 ||
	     (instance->ready_fd = openat(instance->dir_fd, "ready", O_RDWR | O_CLOEXEC)) < 0))
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the fifo of the manager of %s",
				     instance->options->id);
	instance->launch.start_fifo = instance->fifo_fd;
	instance->launch.tell_fd = instance->tell_fd;
	return 0;
}

/* `start` waits for this descriptor to be closed by all. */
static int supervisor_started(struct vxe_supervision *supervision, struct vxe_error **err)
{
	struct instance *instance = supervision->user;

	(void)err;
	close(steal_fd(&instance->tell_fd));
	return 0;
}

/* So does one that was told where the manager listens. */
static int supervisor_ready(struct vxe_supervision *supervision, struct vxe_error **err)
{
	struct instance *instance = supervision->user;

	(void)err;
	if (instance->ready_fd >= 0)
		close(steal_fd(&instance->ready_fd));
	return 0;
}

/*
 * The supervisor of a created container: not its parent, since engines wait for the container themselves. Until the state says that
 * the container is there nobody could find it, so it is let go by a word of who writes the state, or ends with that one.
 */
__attribute__((noreturn)) static void supervisor_main(struct instance *instance, int written)
{
	struct vxe_supervision *s = &instance->supervision;
	cleanup_error struct vxe_error *err = NULL;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), failed;
	char byte;

	setsid();
	instance_settle();
	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		dup2(null_fd, fd);
	close(steal_fd(&instance->fifo_fd));
	s->log_dir_fd = instance->log_fd;
	instance->state.supervisor = instance_process_id(getpid());
	s->started = supervisor_started;
	s->ready = supervisor_ready;
	/* An agent answers in our place, and does what it does. While the container waits for its start there is time for it. */
	if ((!vxe_agent_wanted(&instance->launch) && vxe_supervision_open(s, &err) < 0) || read(written, &byte, 1) != 1)
		failed = -1;
	else
		failed = vxe_launch_go(&instance->launch, &err);
	if (!failed && vxe_agent_wanted(&instance->launch))
		failed = vxe_agent_hand_over(&instance->launch, instance->launch.init_pid, "created", &err);
	if (!failed && (!vxe_agent_wanted(&instance->launch) || s->manager_notify))
		failed = vxe_supervision_run(s, &err);
	if (failed) {
		if (err && instance->tell_fd >= 0)
			(void)vxe_write_all(instance->tell_fd, err->message, strlen(err->message));
		sys_pidfd_send_signal(instance->launch.init_pidfd, SIGKILL);
	}
	vxe_companion_end(&instance->companion);
	_exit(0);
}

/* *written is where the supervisor waits. */
static int supervisor_make(struct instance *instance, int *written, struct vxe_error **err)
{
	int pipes[2];
	pid_t pid;

	if (instance->launch.filter.notifies && instance->log_fd < 0 && instance_open_log(instance, err) < 0)
		return -1;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the supervisor of %s", instance->options->id);
	pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		supervisor_main(instance, pipes[0]);
	}
	close(pipes[0]);
	*written = pipes[1];
	if (pid < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the supervisor of %s", instance->options->id);
	/* The supervisor has it. */
	if (instance->companion.channel >= 0)
		close(steal_fd(&instance->companion.channel));
	instance->state.supervisor = instance_process_id(pid);
	instance->state.supervised &= !vxe_agent_wanted(&instance->launch);
	return 0;
}

static int instance_create(struct instance *instance, struct vxe_error **err)
{
	cleanup_fd int written = -1;

	if (instance_open(instance, err) < 0)
		return -1;
	if (vxe_config_annotation(instance->config, "org.vxe.version") && instance_open_log(instance, err) < 0)
		return -1;
	instance_supervision_fill(instance);
	if (fifo_make(instance, err) < 0 || vxe_supervision_prepare(&instance->supervision, err) < 0 ||
	    instance_services_mount(instance, err) < 0 || instance_begin(instance, err) < 0 || instance_wait(instance, err) < 0)
		return -1;
	instance->state.supervisor = (struct vxe_process_id){0};
	if (instance->launch.filter.notifies || instance->supervision.manager_notify || instance->companion.channel >= 0) {
		if (supervisor_make(instance, &written, err) < 0)
			return -1;
	} else {
		/* Nobody stays who would hold them. */
		memset(instance->state.namespaces, 0, sizeof(instance->state.namespaces));
	}
	if (instance_state_write(instance, VXE_CREATED, err) < 0)
		return -1;
	if (written < 0)
		return vxe_launch_go(&instance->launch, err);
	if (vxe_write_all(written, "W", 1) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "telling the supervisor of %s", instance->options->id);
	return 0;
}

int vxe_instance_create(const struct vxe_instance_options *given, struct vxe_error **err)
{
	struct vxe_instance_options options = *given;
	struct instance instance;
	int failed;

	if (vxe_descriptors_passed(options.preserve_fds, &options.listen_fds, err) < 0)
		return -1;
	instance_init(&instance, &options);
	failed = instance_create(&instance, err);
	if (failed)
		instance_failed(&instance);
	instance_close(&instance, !failed);
	return failed;
}

/* Until the program is executed, or has said why it cannot be. Its process holds the other end as long as it has not. */
static int executed_wait(int told, struct vxe_error **err)
{
	struct pollfd waiting = {.fd = told, .events = POLLIN};
	char message[512];
	ssize_t got;

	while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
		;
	do
		got = read(told, message, sizeof(message) - 1);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return 0;
	message[got] = '\0';
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s", message);
}

/* Until the container has told the service manager of who starts it that it is ready, or has ended. */
static int ready_wait(int ready, struct vxe_error **err)
{
	struct pollfd waiting = {.fd = ready, .events = POLLIN};
	char byte;

	while (ready >= 0 && read(ready, &byte, 1) != 0)
		/* The end is read, since there may have been no writer any more when it was opened, of which poll(2) does not tell. */
		if (poll(&waiting, 1, 1000) < 0 && errno != EINTR)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "waiting for the container");
	return 0;
}

static int fail_status(enum vxe_status status, struct vxe_error **err)
{
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container is %s, not created", vxe_status_name(status));
}

/* One command does it, once, and whoever comes after that finds it running: *told is where the container's word will come. */
static int container_tell(int root_fd, int dir_fd, struct vxe_state **state, int *told, int *turn, struct vxe_error **err)
{
	cleanup_fd int fifo = -1;
	cleanup_free char *id = strdup((*state)->id);

	if (!id)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "starting the container");
	if (vxe_state_turn(root_fd, id, dir_fd, turn, err) < 0)
		return -1;
	vxe_state_free(state);
	if (vxe_state_read(dir_fd, state, err) < 0)
		return -1;
	if ((*state)->status != VXE_CREATED)
		return fail_status((*state)->status, err);
	*told = openat(dir_fd, "told", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fifo = openat(dir_fd, VXE_STATE_START, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	/* Its reader may end at any moment. */
	signal(SIGPIPE, SIG_IGN);
	if (*told < 0 || fifo < 0 || vxe_write_all(fifo, "G", 1) < 0) {
		int saved = errno;
		cleanup_fd int init = vxe_process_open(&(*state)->init);

		/* It lets go of the fifo a moment before it is gone. */
		if (init < 0 || vxe_process_wait(init, vxe_clock_ms() + 1000))
			return fail_status(VXE_STOPPED, err);
		return vxe_error_set(err, VXE_EXIT_FAILURE, saved, "telling the container to start");
	}
	signal(SIGPIPE, SIG_DFL);
	(*state)->status = VXE_RUNNING;
	if (vxe_state_write(dir_fd, *state, err) < 0)
		return -1;
	unlinkat(dir_fd, VXE_STATE_START, 0);
	return 0;
}

static int container_start(int root_fd, int dir_fd, struct vxe_state **found, const struct vxe_config *config,
			   struct vxe_error **err)
{
	cleanup_fd int told = -1, turn = -1;
	cleanup_fd int ready = instance_manager_notify() ? openat(dir_fd, "ready", O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	cleanup_fd int init = -1;
	const struct vxe_state *state;

	if (container_tell(root_fd, dir_fd, found, &told, &turn, err) < 0 || executed_wait(told, err) < 0)
		return -1;
	/* Who would pause it waited: frozen on its way it would say nothing. */
	close(steal_fd(&turn));
	state = *found;
	/* Ended before it was executed, it has said nothing either. */
	if (!vxe_state_is(root_fd, state->id, dir_fd))
		return vxe_state_gone(state->id, err);
	unlinkat(dir_fd, "told", 0);
	if (vxe_hooks_run(&config->poststart, "poststart", config, state->id, state->init.pid, "running", err) == 0)
		return ready_wait(ready, err);
	/* One that fails ends the container, as with run. */
	if ((init = vxe_process_open(&state->init)) >= 0)
		sys_pidfd_send_signal(init, SIGKILL);
	return -1;
}

int vxe_instance_start(const char *root, const char *id, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	struct vxe_state *state = NULL;
	struct vxe_config *config = NULL;
	int failed = vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err);

	if (failed)
		return -1;
	if (state->status != VXE_CREATED)
		failed = fail_status(state->status, err);
	if (!failed)
		failed = instance_config_kept(dir_fd, state, &config, err);
	if (!failed && !config->process.present)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, 0, "config.json: process: missing, so there is nothing to start");
	if (!failed)
		failed = container_start(root_fd, dir_fd, &state, config, err);
	if (failed)
		failed = vxe_instance_fails(root_fd, id, dir_fd, err);
	vxe_config_free(&config);
	vxe_state_free(&state);
	return failed;
}
