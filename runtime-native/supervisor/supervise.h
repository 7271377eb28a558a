/*
 * The loop of the process that stands by an instance: answers notifications, passes signals on, relays services, and
 * learns the program's end. It makes no decision that the filter has not made already.
 */
#ifndef VXE_SUPERVISOR_SUPERVISE_H
#define VXE_SUPERVISOR_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>

#include "error.h"
#include "judge.h"
#include "audit_source.h"
#include "launch.h"
#include "mode.h"
#include "record.h"
#include "rings.h"

struct vxe_supervision {
	struct vxe_launch *launch;
	const char *id, *profile;
	int log_dir_fd;	       /* LOGS/ID */
	const char *state_dir; /* its path */
	struct vxe_judge_source *judge;
	enum vxe_mode asked; /* at the start; STATE/ID/mode from then on */
	bool joins;	     /* exec: another process supervises the instance, and says what is held; state_fd is given */
	bool child;	     /* the instance's first process is our child: wait for it */
	bool capture;	     /* the program's output goes to LOGS/ID/output.log (detached) */
	const char *manager_notify; /* NOTIFY_SOCKET of the service manager, or NULL */
	bool names_main;   /* with its being ready the manager is told that the instance's first process is the service */
	bool relay_folder; /* whatever the bundle's services are: its notifications come by VXE_RELAY_FOLDER of the state */
	/* The first READY=1 has gone to the manager. */
	int (*ready)(struct vxe_supervision *supervision, struct vxe_error **err);
	/* The program's execve has succeeded. */
	int (*started)(struct vxe_supervision *supervision, struct vxe_error **err);
	void *user;
	int companion_fd; /* ends with what tells calls after they are performed: the instance ends with it. -1: there is none */

	int status; /* wait(2)'s, of the program; -1: not known (not our child) */
	/* internal */
	int output_read, output_write, output_log, syslog_fd, notify_fd, watch_fd, state_fd;
	int signals_fd;
	struct vxe_record_log log;
	struct vxe_audit_source audit;
	struct vxe_rings rings;
	bool has_started;
	struct vxe_watch *watch; /* NULL: not opened yet */
};

/* The signals that `vxe start` passes on. They must be blocked before the launch, so that none is lost. */
void vxe_supervision_signals(sigset_t *set);

void vxe_supervision_init(struct vxe_supervision *supervision);
/* Opens the output pipe and the service sockets. Before vxe_launch_create, which inherits the pipe. */
int vxe_supervision_prepare(struct vxe_supervision *supervision, struct vxe_error **err);
/* Opens the log, takes over the signals and tells what is held, all while the instance builds its environment: after vxe_launch_begin,
   which tells whether the filter notifies. */
int vxe_supervision_open(struct vxe_supervision *supervision, struct vxe_error **err);
/* Runs until the instance has ended; opens first what is not open. -1 when it never got as far as its program. */
int vxe_supervision_run(struct vxe_supervision *supervision, struct vxe_error **err);
void vxe_supervision_free(struct vxe_supervision *supervision);

#endif
