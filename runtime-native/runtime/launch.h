/*
 * From a configuration to a confined process. One program image serves two processes: the first of the instance (pid 1 of
 * its pid namespace), which builds the mount tree, and the program's own, which is the same one, or, with the
 * reaper (org.vxe.init), its child. The last steps before execve are always: capabilities, Landlock, seccomp.
 *
 *     vxe_launch_ahead    what takes long and needs the configuration alone is begun
 *     vxe_launch_begin    checks, and the first process in its new namespaces
 *     vxe_launch_wait     mounts, ruleset: the program's process is ready, and waits
 *     vxe_launch_go       it goes on; the listener of its filter is taken from it
 *     (supervisor)        lets the one execve through and serves the instance
 */
#ifndef VXE_RUNTIME_LAUNCH_H
#define VXE_RUNTIME_LAUNCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"
#include "filter.h"
#include "mount.h"
#include "namespaces.h"
#include "network.h"

/* Layers that the attack battery leaves off to learn what each holds alone. Zero everywhere else. */
enum vxe_without { VXE_WITHOUT_SECCOMP = 1, VXE_WITHOUT_LANDLOCK = 2 };

/* Shared memory between the launcher and the instance's processes: the confined side may be allowed no call to tell anything. */
struct vxe_report {
	atomic_int failed; /* 1: the fields below say why */
	int exit, errnum;
	char message[384], hint[128];
	atomic_int listener_slot;  /* descriptor number the listener will have in the program's process, -1: none yet */
	atomic_int listener_taken; /* the launcher has it */
	atomic_int program_exited; /* set by the reaper; program_status is wait(2)'s */
	int program_status;
	/* Bit N - 1: the launcher had not left signal N as it is by default, nor has what it made. Once signals_known. */
	_Atomic uint64_t signals;
	atomic_int signals_known;
};

struct vxe_launch {
	/* what to launch; borrowed */
	const struct vxe_config *config;
	const char *id;
	int bundle_fd;
	bool reaper, forking, host_root;
	bool detached;	    /* exec: the program outlives the caller */
	bool straight;	    /* nothing is to be done between ready and go: the program's process does not wait */
	bool loading;	    /* its word that it loads its filter came before that of its being ready */
	bool soft;	    /* no Landlock: the supervisor judges what it would refuse, and performs it */
	bool raise_objects; /* the filter raises what names files and ports; implied by soft */
	unsigned int without;
	int (*entry)(void *arg); /* instead of execve; its value is the exit code */
	void *entry_arg;
	int stdio[3];		  /* -1: the caller's */
	int extra_fds;		  /* descriptors 3.. that the program inherits (LISTEN_FDS, --preserve-fds) */
	int listen_fds;		  /* so many of them, the first, are sockets of LISTEN_FDS: it is told so, with LISTEN_PID */
	const char *listen_names; /* LISTEN_FDNAMES; NULL: none */
	int console_socket;	  /* process.terminal: where the master goes; -1: none */
	int start_fifo;		  /* read before going on, once the launcher has said go (OCI create); -1 */
	int tell_fd;		  /* with it: where a failure is told, open until the execve has succeeded; -1 */
	/* Called when the first process exists and before it goes on: puts it into its cgroup. NULL where it is born in it, or has none. With a
	   cgroup_fd (exec), where the kernel does not let it be born there. */
	int (*place)(struct vxe_launch *launch, void *arg, struct vxe_error **err);
	void *place_arg;
	/* Called when the program's process has all but its filter, by who takes the listener. NULL: nothing is to be done then */
	void (*at_filter)(struct vxe_launch *launch, void *arg);
	void *at_filter_arg;
	int join_pidfd; /* exec: enter the namespaces of this process instead of making new ones; -1 */
	/* By kind, -1: none. Exec: enter these, where whoever joins may not look at that process. A launch without root: the instance's,
	   which nobody can open any more once its first process may not be looked at. Closed by vxe_launch_free. */
	int namespace_fds[VXE_NAMESPACE_KINDS];
	int cgroup_fd;			   /* cgroup v2 folder to be born in; -1 */
	const struct vxe_process *process; /* exec: this process instead of config->process */
	bool ahead;			   /* set by vxe_launch_ahead, with the next two */
	bool in_user_namespace;		   /* known before the mapping is written, and not by asking for an id after */
	bool shown; /* set by vxe_launch_begin: the program's process may be looked at until it executes, to take the listener */
	bool network_apart; /* the network namespace is made apart, and handed to the first process */
	int entered; /* in the first process: the namespaces by path that it was born in, beside those of users and pids */
	bool tells_namespaces;	/* set by vxe_launch_begin: the first process hands its namespaces over */
	bool marked;		/* VXE_INSTANCE in the environment: the program, and vxe in it, can see where it is */
	char *const *extra_env; /* added to process.env; NULL-terminated or NULL */

	/* what has come of it; owned */
	struct vxe_network network;
	struct vxe_filter filter;
	struct vxe_mount_plans mounts;
	struct vxe_report *report;
	pid_t init_pid, program_pid; /* host numbers; equal without the reaper */
	pid_t joiner_pid;	     /* exec: who made the program's process, as long as it is waited for; 0 */
	int init_pidfd, program_pidfd;
	int sync_fd; /* ends (EOF) when the program's execve has succeeded */
	int listener_fd;
};

#define VXE_SIGNALS 64

/* What a launcher passes on to the program, and the reaper after it; ends with 0. */
extern const int vxe_passed_signals[];

void vxe_launch_init(struct vxe_launch *launch);
/* Before all others, with config, host_root and join_pidfd set; vxe_launch_begin does it where nobody has. */
int vxe_launch_ahead(struct vxe_launch *launch, struct vxe_error **err);
int vxe_launch_begin(struct vxe_launch *launch, struct vxe_error **err);
int vxe_launch_wait(struct vxe_launch *launch, struct vxe_error **err);
int vxe_launch_go(struct vxe_launch *launch, struct vxe_error **err);
/* Waits for the 'L' of a process that was let go, and takes the listener. */
int vxe_launch_take_listener(struct vxe_launch *launch, struct vxe_error **err);
/* What the instance's side reported, as an error; 0 if it reported nothing. */
int vxe_launch_failure(const struct vxe_launch *launch, struct vxe_error **err);
/* Kills what was made and frees; safe after any failure. */
void vxe_launch_abort(struct vxe_launch *launch);
void vxe_launch_free(struct vxe_launch *launch);

/* Is one of this kind the instance's to enter? */
bool vxe_launch_has_namespace(const struct vxe_launch *launch, int flag);

/* podman's --group-add keep-groups, by the annotation that crun has for it: the caller's groups instead of none. */
bool vxe_launch_keeps_groups(const struct vxe_config *config);

/* Soft mode, and the battery where it asks for it. */
bool vxe_launch_without_landlock(const struct vxe_launch *launch);

/* In the new processes (launch_child.c). */
__attribute__((noreturn)) void vxe_child_main(struct vxe_launch *launch, int sync);

/* Messages over the sync socket, one byte each. */
enum vxe_sync {
	VXE_SYNC_MAPPED = 'U',	   /* to the child: the id mappings are written */
	VXE_SYNC_GIVEN = 'B',	   /* to the child: with the next of what the launcher gives (mount_given.h), or with nothing */
	VXE_SYNC_NETWORK = 'N',	   /* to the child: with its network namespace, where that is made apart */
	VXE_SYNC_NAMESPACES = 'M', /* from the child: the namespaces exist, run the hooks */
	VXE_SYNC_HOOKS_DONE = 'H', /* to the child */
	VXE_SYNC_NAMESPACE = 'S',  /* from the child, with one of its namespaces, in the order of the kinds that it has */
	VXE_SYNC_READY = 'R',	   /* from the child, with the program's pidfd where there is a reaper */
	VXE_SYNC_GO = 'G',	   /* to the child */
	VXE_SYNC_KNOWN = 'K',	   /* to the reaper of a program that waits for no word: its number is read, it may be buried */
	VXE_SYNC_LOADING = 'L',	   /* from the child: it goes on to load the filter, see listener_slot */
	VXE_SYNC_LISTENER = 'F',   /* exec: with the listener, from who made the program's process and shares its descriptors */
	VXE_SYNC_WAITING =
		'W', /* to who watches the program (a recorder, a companion), with its pidfd: it exists, and waits for VXE_SYNC_GO */
};

int vxe_sync_send(int fd, char message, int pass_fd);
/* The message, or -1 at the end; *passed is a received descriptor or -1. */
int vxe_sync_receive(int fd, int *passed);

/* The number that a process known by descriptor has here: the "Pid:" line of its fdinfo. */
pid_t vxe_pidfd_pid(int pidfd);

#endif
