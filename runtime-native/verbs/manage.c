#include "manage.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "cleanup.h"
#include "instance.h"
#include "kernel.h"
#include "scope.h"

/* An instance looked up; closed by the attribute. */
struct found {
	int root_fd, dir_fd, cgroup_fd, turn_fd;
	struct vxe_state *state;
};

static void found_close(struct found *found)
{
	vxe_cleanup_fd(&found->root_fd);
	vxe_cleanup_fd(&found->dir_fd);
	vxe_cleanup_fd(&found->cgroup_fd);
	vxe_cleanup_fd(&found->turn_fd);
	vxe_state_free(&found->state);
}

#define cleanup_found __attribute__((cleanup(found_close)))
#define FOUND_NOTHING                                                                                                          \
	{                                                                                                                      \
		-1, -1, -1, -1, NULL                                                                                           \
	}

static int find(const char *root, const char *id, struct found *found, struct vxe_error **err)
{
	return vxe_instance_find(root, id, &found->root_fd, &found->dir_fd, &found->state, err);
}

/* The container with its cgroup; `doing` is the verb, for the message. */
static int find_cgroup(const char *root, const char *id, const char *doing, struct found *found, struct vxe_error **err)
{
	if (find(root, id, found, err) < 0)
		return -1;
	if (found->state->status == VXE_STOPPED)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not running", id);
	if (!found->state->cgroup) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s has no cgroup, which %s needs", id, doing);
		return vxe_error_hint(err, "give it one by linux.cgroupsPath in config.json");
	}
	found->cgroup_fd = vxe_instance_cgroup_open(found->root_fd, found->dir_fd, found->state, err);
	return found->cgroup_fd < 0 ? -1 : 0;
}

/* As it is when nobody else changes it. */
static int find_cgroup_alone(const char *root, const char *id, const char *doing, struct found *found, struct vxe_error **err)
{
	if (find_cgroup(root, id, doing, found, err) < 0 ||
	    vxe_state_turn(found->root_fd, id, found->dir_fd, &found->turn_fd, err) < 0)
		return -1;
	vxe_state_free(&found->state);
	if (vxe_state_read(found->dir_fd, &found->state, err) < 0)
		return -1;
	return found->state->status == VXE_STOPPED ? vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is not running", id) : 0;
}

/* By these words, which are runc's, containerd knows that it has ended by itself: Docker's stop and kill are no error then. */
#define GONE "container not running: %s"

/* --- processes --- */

static ino_t pid_namespace(const char *pid)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* Without a cgroup a container is known by its pid namespace, if that is not the caller's. */
static int namespace_processes(const struct found *found, const char *id, pid_t **pids, size_t *count, struct vxe_error **err)
{
	cleanup_dir DIR *proc = opendir("/proc");
	char init[16], path[64];
	cleanup_fd int held = -1;
	struct dirent *entry;
	ino_t wanted;

	snprintf(init, sizeof(init), "%d", found->state->init.pid);
	/* Both numbers may be another's as soon as they are free: that of the namespace is not as long as it is open here. */
	snprintf(path, sizeof(path), "/proc/%s/ns/pid", init);
	held = open(path, O_RDONLY | O_CLOEXEC);
	wanted = pid_namespace(init);
	if (!vxe_process_alive(&found->state->init))
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, GONE, id);
	if (!wanted || wanted == pid_namespace("self")) {
		vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s has neither a cgroup nor a pid namespace of its own", id);
		return vxe_error_hint(err, "give it a cgroup by linux.cgroupsPath in config.json");
	}
	while (proc && (entry = readdir(proc))) {
		pid_t *items;

		if (!isdigit((unsigned char)entry->d_name[0]) || pid_namespace(entry->d_name) != wanted)
			continue;
		items = reallocarray(*pids, *count + 1, sizeof(pid_t));
		if (!items)
			return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "listing the processes of %s", id);
		*pids = items;
		items[(*count)++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	return 0;
}

static int processes(struct found *found, const char *id, pid_t **pids, size_t *count, struct vxe_error **err)
{
	*pids = NULL;
	*count = 0;
	if (found->state->cgroup) {
		if (found->cgroup_fd < 0 &&
		    (found->cgroup_fd = vxe_instance_cgroup_open(found->root_fd, found->dir_fd, found->state, err)) < 0)
			return -1;
		return vxe_cgroup_processes(found->cgroup_fd, pids, count, err) < 0
			       ? vxe_instance_fails(found->root_fd, id, found->dir_fd, err)
			       : 0;
	}
	return namespace_processes(found, id, pids, count, err);
}

int vxe_instance_processes(const char *root, const char *id, pid_t **pids, size_t *count, struct vxe_error **err)
{
	cleanup_found struct found found = FOUND_NOTHING;

	if (find(root, id, &found, err) < 0)
		return -1;
	/* Engines ask of one that has just ended, too. In its cgroup there may be what has outlived its first process. */
	if (found.state->status == VXE_STOPPED && (!found.state->cgroup || !vxe_cgroup_there(found.state->cgroup))) {
		*count = 0;
		return 0;
	}
	return processes(&found, id, pids, count, err);
}

/* --- signals --- */

/* The number may be another's between the list and the signal: it is signalled only if it is in the list once more. */
static int kill_all(struct found *found, const char *id, int sig, struct vxe_error **err)
{
	cleanup_free pid_t *first = NULL, *again = NULL;
	cleanup_free int *handles = NULL;
	size_t n_first = 0, n_again = 0;
	int failed = 0;

	if (sig == SIGKILL && found->state->cgroup) {
		found->cgroup_fd = vxe_instance_cgroup_open(found->root_fd, found->dir_fd, found->state, err);
		if (found->cgroup_fd < 0)
			return -1;
		return vxe_cgroup_kill(found->cgroup_fd, err) < 0 ? vxe_instance_fails(found->root_fd, id, found->dir_fd, err)
								  : 0;
	}
	if (processes(found, id, &first, &n_first, err) < 0)
		return -1;
	handles = calloc(n_first + 1, sizeof(int));
	if (!handles)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "signalling %s", id);
	for (size_t i = 0; i < n_first; i++)
		handles[i] = sys_pidfd_open(first[i], 0);
	failed = processes(found, id, &again, &n_again, err);
	for (size_t i = 0; i < n_first; i++) {
		bool member = false;

		for (size_t k = 0; k < n_again; k++)
			member |= again[k] == first[i];
		if (!failed && member && handles[i] >= 0 && sys_pidfd_send_signal(handles[i], sig) < 0 && errno != ESRCH)
			failed = vxe_error_set(err, VXE_EXIT_FAILURE, errno, "signalling process %d of %s", first[i], id);
		if (handles[i] >= 0)
			close(handles[i]);
	}
	return failed;
}

int vxe_instance_kill(const char *root, const char *id, int sig, bool all, struct vxe_error **err)
{
	cleanup_found struct found found = FOUND_NOTHING;
	cleanup_fd int pidfd = -1;

	if (find(root, id, &found, err) < 0)
		return -1;
	/* A container without a pid namespace of its own may have processes that outlive its first. */
	if (all && (found.state->status != VXE_STOPPED || found.state->cgroup))
		return kill_all(&found, id, sig, err);
	if (found.state->status == VXE_STOPPED)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, GONE, id);
	pidfd = vxe_process_open(&found.state->init);
	if (pidfd < 0 || sys_pidfd_send_signal(pidfd, sig) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno == ESRCH ? 0 : errno, GONE, id);
	return 0;
}

/* --- pause, resume --- */

int vxe_instance_pause(const char *root, const char *id, bool paused, struct vxe_error **err)
{
	cleanup_found struct found found = FOUND_NOTHING;

	if (find_cgroup_alone(root, id, paused ? "pause" : "resume", &found, err) < 0)
		return -1;
	if ((found.state->status == VXE_PAUSED) == paused)
		return vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s is %s", id, paused ? "paused already" : "not paused");
	/* That is the state: nothing is written which could be otherwise. */
	return vxe_cgroup_freeze(found.cgroup_fd, paused, err) < 0 ? vxe_instance_fails(found.root_fd, id, found.dir_fd, err)
								   : 0;
}

/* --- limits --- */

int vxe_instance_update(const char *root, const char *id, const struct vxe_resources *resources, struct vxe_error **err)
{
	cleanup_found struct found found = FOUND_NOTHING;

	if (find_cgroup_alone(root, id, "update", &found, err) < 0)
		return -1;
	if ((resources->n_devices && vxe_cgroup_devices(found.cgroup_fd, resources, found.state->cgroup_anothers, err) < 0) ||
	    vxe_cgroup_limit(found.cgroup_fd, resources, err) < 0)
		return vxe_instance_fails(found.root_fd, id, found.dir_fd, err);
	return found.state->scope ? vxe_scope_tell(found.state->scope, found.cgroup_fd, err) : 0;
}

int vxe_instance_cgroup(const char *root, const char *id, const char *doing, struct vxe_error **err)
{
	cleanup_found struct found found = FOUND_NOTHING;

	return find_cgroup(root, id, doing, &found, err) < 0 ? -1 : steal_fd(&found.cgroup_fd);
}
