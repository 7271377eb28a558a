/* What the files instance*.c share. */
#ifndef VXE_VERBS_INSTANCE_INTERNAL_H
#define VXE_VERBS_INSTANCE_INTERNAL_H

#include "config.h"
#include "companion.h"
#include "console.h"
#include "instance.h"
#include "judge.h"
#include "launch.h"
#include "mode.h"
#include "state.h"
#include "supervise.h"

/* All that an instance's process holds while it runs; released by instance_close in any state. */
struct instance {
	const struct vxe_instance_options *options;
	char *root_path, *dir_path;
	struct vxe_console console;
	int root_fd, dir_fd, lock_fd, bundle_fd, log_fd, fifo_fd, tell_fd, console_fd;
	struct vxe_config *config;
	char *config_text; /* as it was read, for instance_config_kept */
	size_t config_size;
	struct vxe_judge_source judge;
	struct vxe_companion companion;
	enum vxe_mode mode;
	struct vxe_launch launch;
	struct vxe_supervision supervision;
	struct vxe_state state;
	char *cgroup;	     /* where it is, or is to be; NULL: none */
	char *slice, *scope; /* by the systemd driver: the unit that the cgroup is of */
	int cgroup_fd;
	bool has_state; /* ROOT/ID is ours to remove */
	int ready_fd;	/* detached: told when the program runs */
};

void instance_init(struct instance *instance, const struct vxe_instance_options *options);
void instance_close(struct instance *instance, bool keep_state);
/* Is what the process has left to the kernel? That takes it back faster than the process gives it, piece by piece, and what is to be done for a filter
   or a watch that nobody holds any more is then done in no process's place. Under the sanitizers all is given back, so that they see leaks. */
bool instance_left(bool ends);
void instance_poststop(const struct instance *instance);
/* Ends what there is of it, after a step of its making that failed. */
void instance_failed(struct instance *instance);
/* Reads the bundle, takes the name, and fills in what the launch needs. */
int instance_open(struct instance *instance, struct vxe_error **err);
/* A supervisor that stays behind: nothing of its caller's, and no more memory than it needs. */
void instance_settle(void);
int instance_open_log(struct instance *instance, struct vxe_error **err);
/* The sockets of the services that the profile has, mounted where programs look for them. */
int instance_services_mount(struct instance *instance, struct vxe_error **err);
/* The launch up to its first process, and up to the waiting program. */
int instance_begin(struct instance *instance, struct vxe_error **err);
int instance_wait(struct instance *instance, struct vxe_error **err);
/* Its profile has hooks after calls, and this launch holds them. */
bool instance_has_hooks(const struct instance *instance);
/* NOTIFY_SOCKET of this process, NULL: there is none. */
const char *instance_manager_notify(void);
void instance_supervision_fill(struct instance *instance);
/* An engine's caller was told by NOTIFY_SOCKET to say when the container is ready, and the container has a way to say it. */
bool instance_waits_ready(const struct instance *instance);
int instance_state_write(struct instance *instance, enum vxe_status status, struct vxe_error **err);

/* The configuration as the creation has read it: what becomes of config.json after that has no effect (runtime.md, Lifecycle). */
int instance_config_kept(int dir_fd, const struct vxe_state *state, struct vxe_config **config, struct vxe_error **err);

/* Where its cgroup is to be; making it, or saying how it is made once there is a process; removing one with all that is in it, or
   leaving one that was there before. */
int instance_cgroup_name(struct instance *instance, struct vxe_error **err);
int instance_cgroup_make(struct instance *instance, struct vxe_error **err);
int instance_cgroup_remove(const struct vxe_state *state, struct vxe_error **err);

struct vxe_process_id instance_process_id(pid_t pid);
int instance_status_code(int status);
int instance_pid_file_write(const char *path, pid_t pid, struct vxe_error **err);
/* Where the launch gives its terminal's master: to the socket at `path`, or to who carries it for a caller that does not leave. */
int instance_console(struct vxe_launch *launch, const struct vxe_process *process, const char *path, bool leaves,
		     int *connected, struct vxe_console *carried, struct vxe_error **err);
bool instance_holds_execute(const struct vxe_landlock *landlock);
/* Replaces *out by a copy of a NULL-terminated list. */
int instance_strings_copy(char *const *items, struct vxe_strings *out);

#endif
