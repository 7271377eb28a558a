/* Instances found by name, and their end: stop and delete. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "hooks.h"
#include "instance_internal.h"
#include "kernel.h"

int vxe_instance_find(const char *root, const char *id, int *root_fd, int *dir_fd, struct vxe_state **state,
		      struct vxe_error **err)
{
	if (!vxe_state_id_valid(id))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no name of an instance: letters, digits, '.', '_', '+' and '-', no path", id);
	*root_fd = vxe_state_root_open(root, false, NULL, err);
	if (*root_fd < 0 || vxe_state_open(*root_fd, id, dir_fd, err) < 0)
		return -1;
	return vxe_state_read(*dir_fd, state, err);
}

int vxe_process_open(const struct vxe_process_id *process)
{
	cleanup_fd int fd = process->pid > 0 ? sys_pidfd_open(process->pid, 0) : -1;

	if (fd < 0 || !vxe_process_alive(process)) {
		errno = ESRCH;
		return -1;
	}
	return steal_fd(&fd);
}

static bool process_wait(int pidfd, int64_t until_ms)
{
	struct pollfd waiting = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int64_t left = until_ms - vxe_clock_ms();
		int ready = poll(&waiting, 1, left > 0 ? (int)left : 0);

		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

/*
 * The first process and the supervisor, or -1. While a launch is under way there is a supervisor, and no first process that could be told to end:
 * it is waited for, since the instance would live on otherwise.
 */
static void processes_open(int dir_fd, struct vxe_state **state, int *init, int *supervisor)
{
	const int64_t until_ms = vxe_clock_ms() + 10000;

	for (;;) {
		struct vxe_state *later = NULL;

		*init = vxe_process_open(&(*state)->init);
		*supervisor = vxe_process_open(&(*state)->supervisor);
		if (*init >= 0 || *supervisor < 0 || (*state)->status != VXE_CREATING)
			return;
		if (process_wait(*supervisor, vxe_clock_ms() + 10) || vxe_clock_ms() > until_ms)
			return;
		if (vxe_state_read(dir_fd, &later, NULL) < 0)
			return;
		close(*supervisor);
		vxe_state_free(state);
		*state = later;
	}
}

int vxe_instance_stop(const char *root, const char *id, int timeout, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int init = -1;
	cleanup_fd int supervisor = -1;
	cleanup_free char *cgroup = NULL, *scope = NULL;
	struct vxe_state *state = NULL, left;

	if (vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err) < 0) {
		if (dir_fd < 0 || !vxe_state_interrupted(dir_fd))
			return -1;
		vxe_error_free(err);
		return vxe_state_remove(root_fd, id, err);
	}
	processes_open(dir_fd, &state, &init, &supervisor);
	cgroup = steal_pointer(&state->cgroup);
	scope = steal_pointer(&state->scope);
	left = (struct vxe_state){
		.cgroup = cgroup, .scope = scope, .cgroup_anothers = state->cgroup_anothers, .init = state->init};
	vxe_state_free(&state);
	if (init >= 0) {
		if (sys_pidfd_send_signal(init, SIGTERM) < 0 && errno != ESRCH)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "stopping %s", id);
		if (!process_wait(init, vxe_clock_ms() + (int64_t)timeout * 1000)) {
			sys_pidfd_send_signal(init, SIGKILL);
			if (!process_wait(init, vxe_clock_ms() + 10000))
				return vxe_error_set(err, VXE_EXIT_FAILURE, 0,
						     "%s does not end, even by SIGKILL: a process of it hangs in the kernel",
						     id);
		}
	}
	if (supervisor >= 0 && !process_wait(supervisor, vxe_clock_ms() + 10000))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the supervisor of %s does not end", id);
	/* Whatever a killed supervisor left behind. */
	if (instance_cgroup_remove(&left, err) < 0)
		return -1;
	return vxe_state_remove(root_fd, id, err);
}

int vxe_instance_delete(const char *root, const char *id, bool force, struct vxe_error **err)
{
	cleanup_fd int root_fd = -1;
	cleanup_fd int dir_fd = -1;
	cleanup_fd int pidfd = -1;
	cleanup_fd int supervisor = -1;
	struct vxe_state *state = NULL;
	struct vxe_config *config = NULL;
	int failed = -1;

	if (vxe_instance_find(root, id, &root_fd, &dir_fd, &state, err) < 0) {
		if (!force && (dir_fd < 0 || !vxe_state_interrupted(dir_fd)))
			return -1;
		vxe_error_free(err);
		return root_fd < 0 ? 0 : vxe_state_remove(root_fd, id, err);
	}
	if (state->status != VXE_STOPPED && !force) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container %s is %s", id, vxe_status_name(state->status));
		vxe_error_hint(err, "stop it first, or delete it with --force");
		goto out;
	}
	processes_open(dir_fd, &state, &pidfd, &supervisor);
	if (pidfd >= 0) {
		sys_pidfd_send_signal(pidfd, SIGKILL);
		if (!process_wait(pidfd, vxe_clock_ms() + 10000)) {
			vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container %s does not end", id);
			goto out;
		}
	}
	/* Until then it writes into the state. */
	if (supervisor >= 0)
		process_wait(supervisor, vxe_clock_ms() + 10000);
	if (instance_cgroup_remove(state, err) < 0)
		goto out;
	if (instance_config_kept(dir_fd, state, &config, NULL) == 0)
		(void)vxe_hooks_run(&config->poststop, "poststop", config, id, 0, "stopped", NULL);
	failed = vxe_state_remove(root_fd, id, err);
out:
	vxe_config_free(&config);
	vxe_state_free(&state);
	return failed;
}
