/* OCI's create and start: set up by one process, started by another. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "hooks.h"
#include "instance_internal.h"
#include "kernel.h"

static int fifo_make(struct instance *instance, struct vxe_error **err)
{
	/* Opened for both ways it never blocks, and the waiting process is a reader as long as it lives. */
	if (mkfifoat(instance->dir_fd, "start", 0600) < 0 ||
	    (instance->fifo_fd = openat(instance->dir_fd, "start", O_RDWR | O_CLOEXEC)) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "making the start fifo of %s", instance->options->id);
	instance->launch.start_fifo = instance->fifo_fd;
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
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte;

	setsid();
	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		dup2(null_fd, fd);
	close(steal_fd(&instance->fifo_fd));
	instance_supervision_fill(instance);
	instance->state.supervisor = instance_process_id(getpid());
	if (read(written, &byte, 1) != 1 || vxe_launch_go(&instance->launch, &err) < 0 || vxe_supervision_run(s, &err) < 0)
		sys_pidfd_send_signal(instance->launch.init_pidfd, SIGKILL);
	_exit(0);
}

/* *written is where the supervisor waits. */
static int supervisor_make(struct instance *instance, int *written, struct vxe_error **err)
{
	int pipes[2];
	pid_t pid;

	if (instance->log_fd < 0 && instance_open_log(instance, err) < 0)
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
	instance->state.supervisor = instance_process_id(pid);
	return 0;
}

static int instance_create(struct instance *instance, struct vxe_error **err)
{
	cleanup_fd int written = -1;

	if (instance_open(instance, err) < 0 || fifo_make(instance, err) < 0)
		return -1;
	if (vxe_config_annotation(instance->config, "org.vxe.version") && instance_open_log(instance, err) < 0)
		return -1;
	instance_supervision_fill(instance);
	if (vxe_supervision_prepare(&instance->supervision, err) < 0 || instance_services_mount(instance, err) < 0 ||
	    instance_begin(instance, err) < 0 || instance_wait(instance, err) < 0)
		return -1;
	instance->state.supervisor = (struct vxe_process_id){0};
	if (instance->launch.filter.notifies && supervisor_make(instance, &written, err) < 0)
		return -1;
	if (instance_state_write(instance, VXE_CREATED, err) < 0)
		return -1;
	if (written < 0)
		return vxe_launch_go(&instance->launch, err);
	if (vxe_write_all(written, "W", 1) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "telling the supervisor of %s", instance->options->id);
	return 0;
}

int vxe_instance_create(const struct vxe_instance_options *options, struct vxe_error **err)
{
	struct instance instance;
	int failed;

	instance_init(&instance, options);
	failed = instance_create(&instance, err);
	if (failed)
		vxe_launch_abort(&instance.launch);
	instance_close(&instance, !failed);
	return failed;
}

/* One that fails ends the container, as with run. */
static int poststart_run(const struct vxe_state *state, struct vxe_error **err)
{
	cleanup_fd int bundle_fd = open(state->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int init = -1;
	struct vxe_config *config = NULL;
	int failed;

	if (bundle_fd < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "opening the bundle folder %s", state->bundle);
	failed = vxe_config_load(bundle_fd, state->bundle, &config, err);
	if (!failed)
		failed = vxe_hooks_run(&config->poststart, "poststart", config, state->id, state->init.pid, "running", err);
	if (failed && (init = vxe_process_open(&state->init)) >= 0)
		sys_pidfd_send_signal(init, SIGKILL);
	vxe_config_free(&config);
	return failed;
}

int vxe_instance_start(const char *root, const char *id, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int fifo = -1;
	struct vxe_state *state = NULL;
	int failed = vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err);

	if (failed)
		return -1;
	if (state->status != VXE_CREATED) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container is %s, not created", vxe_status_name(state->status));
		vxe_state_free(&state);
		return -1;
	}
	fifo = openat(dir_fd, "start", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fifo < 0 || vxe_write_all(fifo, "G", 1) < 0)
		failed = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "telling the container to start");
	if (!failed) {
		state->status = VXE_RUNNING;
		failed = vxe_state_write(dir_fd, state, err);
		unlinkat(dir_fd, "start", 0);
	}
	if (!failed)
		failed = poststart_run(state, err);
	vxe_state_free(&state);
	return failed;
}
