/* One instance from start to end, in the process that supervises it; what `vxe start`, `vxe run` and `vxe-runtime run` share. */
#ifndef VXE_VERBS_INSTANCE_H
#define VXE_VERBS_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "mode.h"
#include "records.h"
#include "state.h"

struct vxe_launch;

/* Takes part in a launch: the recorder. Each may fail it. */
struct vxe_instance_observer {
	void *user;
	int (*launching)(void *user, struct vxe_launch *launch, struct vxe_error **err); /* nothing is made yet */
	int (*waiting)(void *user, struct vxe_launch *launch, struct vxe_error **err);	 /* the program's process waits */
	int (*going)(void *user, struct vxe_launch *launch, struct vxe_error **err);	 /* it goes on, its filter is loaded */
};

struct vxe_instance_options {
	const char *id, *bundle, *root; /* root: the state root, NULL for the default */
	const char *config;		/* instead of the bundle's config.json; NULL */
	bool own_verb;			/* vxe's own verbs: with the reaper unless the bundle says org.vxe.init=false */
	bool detach;
	bool keep;	     /* its state stays when it has ended, until delete */
	bool ends;	     /* the process ends after it: what it has by then is the kernel's to clear away */
	bool no_cgroup;	     /* what needs one is refused */
	bool systemd_cgroup; /* its cgroup is a scope of systemd's */
	bool host_root;	     /* a compiled profile over the host's own tree */
	char *const *args;   /* instead of process.args, or NULL */
	bool inherit;	     /* the caller's environment and working folder, instead of the configuration's */
	const char *pid_file, *console_socket;
	int preserve_fds;
	int listen_fds; /* found by vxe_instance_run and _create: the sockets of LISTEN_FDS, before those of preserve_fds */
	const enum vxe_mode *mode;	      /* for this once; NULL: the bundle's own */
	const enum vxe_records_wish *records; /* likewise */
	/* the attack battery, see launch.h */
	unsigned int without;
	int (*entry)(void *arg);
	void *entry_arg;
	const struct vxe_instance_observer *observer; /* NULL: none */
};

/* Returns when the instance has ended (detached: when it runs). *exit_code is the program's, 128 + N for signal N. */
int vxe_instance_run(const struct vxe_instance_options *options, int *exit_code, struct vxe_error **err);

/* OCI create: returns when the container is set up and waits for start. */
int vxe_instance_create(const struct vxe_instance_options *options, struct vxe_error **err);
int vxe_instance_start(const char *root, const char *id, struct vxe_error **err);

struct vxe_exec_options {
	const char *id, *root;
	char *const *args, *const *env; /* env: added to the instance's; NULL or NULL-terminated */
	const char *cwd, *process_file, *pid_file, *console_socket;
	const char *apparmor; /* instead of the instance's; NULL */
	const char *cgroup;   /* one below the instance's own; NULL */
	bool own_verb, detach, terminal, has_user, no_new_privileges;
	bool ends;	       /* the process ends after it */
	bool ignore_paused;    /* it is made in the paused instance, and runs when that goes on */
	uint64_t capabilities; /* added to the instance's */
	uid_t uid;
	gid_t gid;
	const gid_t *gids; /* added to the instance's */
	size_t n_gids;
	int preserve_fds;
};

/* A further program in a running instance, under the same profile and a filter of its own listener. */
int vxe_instance_exec(const struct vxe_exec_options *options, int *exit_code, struct vxe_error **err);

/* SIGTERM, then SIGKILL after the timeout (seconds); returns when the instance is gone. */
int vxe_instance_stop(const char *root, const char *id, int timeout, struct vxe_error **err);
int vxe_instance_delete(const char *root, const char *id, bool force, struct vxe_error **err);

/* ROOT/ID of an existing instance and its state. */
int vxe_instance_find(const char *root, const char *id, int *root_fd, int *dir_fd, struct vxe_state **state,
		      struct vxe_error **err);
/* Returns -1. What failed because somebody has deleted the instance meanwhile is told as that. */
int vxe_instance_fails(int root_fd, const char *id, int dir_fd, struct vxe_error **err);
/* Its cgroup, and not that of another one that has taken the name since. -1 with *err */
int vxe_instance_cgroup_open(int root_fd, int dir_fd, const struct vxe_state *state, struct vxe_error **err);
/* By descriptor, checked to be the process of the record: a number may be another's by now. -1 with errno ESRCH. */
int vxe_process_open(const struct vxe_process_id *process);
/* For its end, up to then on the monotonic clock. */
bool vxe_process_wait(int pidfd, int64_t until_ms);

#endif
