/* Instances found by name, and their end: stop and delete. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "hooks.h"
#include "instance_internal.h"
#include "kernel.h"

static int folder_open(const char *root, const char *id, int *root_fd, int *dir_fd, struct vxe_error **err)
{
	if (!vxe_state_id_valid(id))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no name of an instance: letters, digits, '.', '_', '+' and '-', no path", id);
	*root_fd = vxe_state_root_open(root, false, NULL, err);
	return *root_fd < 0 ? -1 : vxe_state_open(*root_fd, id, dir_fd, err);
}

int vxe_instance_find(const char *root, const char *id, int *root_fd, int *dir_fd, struct vxe_state **state,
		      struct vxe_error **err)
{
	if (folder_open(root, id, root_fd, dir_fd, err) < 0)
		return -1;
	if (vxe_state_read(*dir_fd, state, err) == 0)
		return 0;
	vxe_error_wrap(err, "%s", id);
	return vxe_instance_fails(*root_fd, id, *dir_fd, err);
}

int vxe_instance_fails(int root_fd, const char *id, int dir_fd, struct vxe_error **err)
{
	if (vxe_state_is(root_fd, id, dir_fd))
		return -1;
	vxe_error_free(err);
	return vxe_state_gone(id, err);
}

int vxe_instance_cgroup_open(int root_fd, int dir_fd, const struct vxe_state *state, struct vxe_error **err)
{
	cleanup_fd int fd = vxe_cgroup_open(state->cgroup, err);

	if (fd < 0 && errno == ENOENT && !vxe_state_alive(state)) {
		vxe_error_free(err);
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "container not running: %s", state->id);
	}
	/* Another of the name is made after this one's folder is gone: as long as that is there, what was opened is this one's. */
	return fd < 0 || !vxe_state_is(root_fd, state->id, dir_fd) ? vxe_instance_fails(root_fd, state->id, dir_fd, err)
								   : steal_fd(&fd);
}

int vxe_process_open(const struct vxe_process_id *process)
{
	cleanup_fd int fd = process->pid > 0 ? sys_pidfd_open(process->pid, 0) : -1;

	if (process->pid > 0 && fd < 0 && vxe_errno_is_shortage(errno))
		return -1;
	if (fd < 0 || !vxe_process_alive(process)) {
		errno = ESRCH;
		return -1;
	}
	return steal_fd(&fd);
}

bool vxe_process_wait(int pidfd, int64_t until_ms)
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

/* state is NULL where a creation was killed before it wrote one, and where one that cannot be read is to go in any case. */
struct ending {
	int root_fd, dir_fd, lock_fd;
	int init, supervisor; /* pidfds; -1: there is none */
	struct vxe_state *state;
};

#define ENDING_NONE                                                                                                            \
	{                                                                                                                      \
		.root_fd = -1, .dir_fd = -1, .lock_fd = -1, .init = -1, .supervisor = -1                                       \
	}

/* With one whose launch is under way: an error; or it is waited for, since there is no process yet that could be told to end; and if it stands still it
   is ended: what it has made ends with it, or is in the state. */
enum patience { AT_ONCE, WAITS, INSISTS };

#define ENDS_MS 10000
#define LOOK_MS 10

static void processes_close(struct ending *ending)
{
	if (ending->init >= 0)
		close(steal_fd(&ending->init));
	if (ending->supervisor >= 0)
		close(steal_fd(&ending->supervisor));
}

static void ending_free(struct ending *ending)
{
	const int owned[] = {ending->lock_fd, ending->dir_fd, ending->root_fd};

	processes_close(ending);
	vxe_state_free(&ending->state);
	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++)
		if (owned[i] >= 0)
			close(owned[i]);
}

#define cleanup_ending __attribute__((cleanup(ending_free)))

static int ending_look(struct ending *ending, enum patience patience, struct vxe_error **err)
{
	processes_close(ending);
	vxe_state_free(&ending->state);
	if (vxe_state_read(ending->dir_fd, &ending->state, err) == 0) {
		/* One that cannot be held has not ended. */
		if (((ending->init = vxe_process_open(&ending->state->init)) < 0 && errno != ESRCH) ||
		    ((ending->supervisor = vxe_process_open(&ending->state->supervisor)) < 0 && errno != ESRCH))
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "looking at the processes of an instance");
		return 0;
	}
	if (*err && vxe_errno_is_shortage((*err)->errnum))
		return -1;
	if (patience != INSISTS && !vxe_state_interrupted(ending->dir_fd) &&
	    (patience == AT_ONCE || !vxe_state_coming(ending->dir_fd)))
		return -1;
	vxe_error_free(err);
	return 0;
}

static int init_end(int init, const char *id, int64_t asked_ms, struct vxe_error **err)
{
	if (asked_ms >= 0 && sys_pidfd_send_signal(init, SIGTERM) < 0 && errno != ESRCH)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "stopping %s", id);
	if (asked_ms >= 0 && vxe_process_wait(init, vxe_clock_ms() + asked_ms))
		return 0;
	sys_pidfd_send_signal(init, SIGKILL);
	if (vxe_process_wait(init, vxe_clock_ms() + ENDS_MS))
		return 0;
	return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s does not end, even by SIGKILL: a process of it hangs in the kernel",
			     id);
}

/*
 * Ends the processes and takes the instance's lock, which is held by who launches and who supervises: with it nobody writes into the state any
 * more, and nobody takes the name. asked_ms: how long after SIGTERM comes SIGKILL; below 0 there is no SIGTERM. Without a lock afterwards
 * somebody else has removed it meanwhile.
 */
static int ending_take(struct ending *ending, const char *id, enum patience patience, int64_t asked_ms, struct vxe_error **err)
{
	int64_t until_ms = vxe_clock_ms() + ENDS_MS;

	for (;;) {
		if (ending_look(ending, patience, err) < 0)
			return vxe_error_wrap(err, "%s", id);
		if (patience == AT_ONCE && ending->state && ending->state->status != VXE_STOPPED) {
			vxe_error_set(err, VXE_EXIT_FAILURE, 0, "the container %s is %s", id,
				      vxe_status_name(ending->state->status));
			return vxe_error_hint(err, "stop it first, or delete it with --force");
		}
		if (ending->init >= 0) {
			if (init_end(ending->init, id, asked_ms, err) < 0)
				return -1;
			until_ms = vxe_clock_ms() + ENDS_MS;
		}
		if (vxe_state_take(ending->root_fd, id, ending->dir_fd, LOOK_MS, &ending->lock_fd, err) < 0)
			return -1;
		if (!vxe_state_is(ending->root_fd, id, ending->dir_fd)) {
			if (ending->lock_fd >= 0)
				close(steal_fd(&ending->lock_fd));
			return 0;
		}
		if (ending->lock_fd >= 0) {
			/* The last that was written. */
			if (ending_look(ending, patience, err) < 0)
				return vxe_error_wrap(err, "%s", id);
			if (ending->init < 0)
				return 0;
			close(steal_fd(&ending->lock_fd));
		} else if (vxe_clock_ms() > until_ms) {
			if (patience != INSISTS || ending->supervisor < 0) {
				vxe_error_set(err, VXE_EXIT_FAILURE, 0,
					      "%s is being started or stopped by somebody else, who "
					      "does not come to an end",
					      id);
				return vxe_error_hint(err, "see what its hooks wait for, and try it again");
			}
			sys_pidfd_send_signal(ending->supervisor, SIGKILL);
			until_ms = vxe_clock_ms() + ENDS_MS;
		}
	}
}

/* As ending_take; then nothing is left of it but its state. */
static int ending_empty(struct ending *ending, const char *id, enum patience patience, int64_t asked_ms, int *turn,
			struct vxe_error **err)
{
	if (ending_take(ending, id, patience, asked_ms, err) < 0)
		return -1;
	if (ending->lock_fd < 0)
		return 0;
	/* Who freezes or limits it comes to an end before its cgroup does. */
	(void)vxe_state_turn(ending->root_fd, id, ending->dir_fd, turn, NULL);
	/* Whatever a killed supervisor left behind. */
	return ending->state ? instance_cgroup_remove(ending->state, err) : 0;
}

int vxe_instance_stop(const char *root, const char *id, int timeout, struct vxe_error **err)
{
	cleanup_ending struct ending ending = ENDING_NONE;
	cleanup_fd int turn = -1;

	if (folder_open(root, id, &ending.root_fd, &ending.dir_fd, err) < 0) {
		if (ending.root_fd >= 0)
			(void)vxe_state_clear(ending.root_fd, id, NULL);
		return -1;
	}
	if (ending_empty(&ending, id, WAITS, (int64_t)timeout * 1000, &turn, err) < 0)
		return -1;
	return ending.lock_fd < 0 ? 0 : vxe_state_remove(ending.root_fd, id, err);
}

int vxe_instance_delete(const char *root, const char *id, bool force, struct vxe_error **err)
{
	cleanup_ending struct ending ending = ENDING_NONE;
	cleanup_fd int turn = -1;
	struct vxe_config *config = NULL;

	if (folder_open(root, id, &ending.root_fd, &ending.dir_fd, err) < 0) {
		/* What is not there is to be not there. */
		if (!force || ((ending.root_fd < 0 || (*err)->errnum) && (*err)->errnum != ENOENT))
			return -1;
		vxe_error_free(err);
		return ending.root_fd < 0 ? 0 : vxe_state_clear(ending.root_fd, id, err);
	}
	if (ending_empty(&ending, id, force ? INSISTS : AT_ONCE, -1, &turn, err) < 0)
		return -1;
	if (ending.lock_fd < 0)
		return 0;
	if (ending.state && instance_config_kept(ending.dir_fd, ending.state, &config, NULL) == 0)
		(void)vxe_hooks_run(&config->poststop, "poststop", config, id, 0, "stopped", NULL);
	vxe_config_free(&config);
	return vxe_state_remove(ending.root_fd, id, err);
}
