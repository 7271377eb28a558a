/*
 * The instances' state: ROOT/ID/state.json, replaced atomically, and ROOT/ID/lock, held by flock for the life of the
 * supervisor. Truth is computed at reading: a process is ours only if its start time (field 22 of /proc/PID/stat) matches.
 */
#ifndef VXE_RUNTIME_STATE_H
#define VXE_RUNTIME_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"
#include "namespaces.h"

enum vxe_status { VXE_CREATING, VXE_CREATED, VXE_RUNNING, VXE_PAUSED, VXE_STOPPED };

/* In the folder of a created container: its first process waits there for a word. */
#define VXE_STATE_START "start"

struct vxe_process_id {
	pid_t pid;	     /* 0: none */
	uint64_t start_time; /* clock ticks since boot, /proc/PID/stat field 22 */
};

struct vxe_state {
	char *id, *bundle, *oci_version, *rootfs, *profile; /* profile NULL: a plain OCI bundle */
	enum vxe_status status;				    /* as written; vxe_state_refresh makes it true */
	struct vxe_process_id init;			    /* pid 1 of the instance, host's numbering */
	struct vxe_process_id program;			    /* the program itself; the same as init without org.vxe.init */
	struct vxe_process_id supervisor;		    /* 0 where none is needed */
	int namespaces[VXE_NAMESPACE_KINDS]; /* descriptors of the supervisor's, by which its owner enters; 0: none */
	bool supervised;		     /* notified calls need the supervisor */
	bool detached;			     /* its supervisor left the caller; `restart` does the same */
	int64_t created_ns;		     /* CLOCK_REALTIME */
	char *cgroup;			     /* absolute path in the host's cgroup v2 tree, NULL where none */
	bool own_pid_namespace;		     /* with its first process all have ended */
	bool cgroup_anothers;		     /* it was there before the instance, and stays */
	char *scope;			     /* the unit of systemd that the cgroup is of, NULL where none */
	uid_t owner;
	int exit_code; /* of the program, when stopped; -1 unknown */
	struct vxe_pairs annotations;
};

/* The state root: --root if given, VXE_ROOT, /run/vxe or $XDG_RUNTIME_DIR/vxe (/run/user/UID/vxe). With create it is made
   if absent, mode 0711; without, an absent one is an error with errnum ENOENT: there are no instances. Refused when
   it is owned by another user or others may write to it. Returns a descriptor opened with O_DIRECTORY. */
int vxe_state_root_open(const char *given, bool create, char **path, struct vxe_error **err);
/* The same of one that is there or not: without one *root_fd is -1, and there are no instances. */
int vxe_state_root_find(const char *given, int *root_fd, struct vxe_error **err);
bool vxe_state_id_valid(const char *id); /* [A-Za-z0-9_+.-]{1,255}, no leading '.' or '-' */

/* Makes ROOT/ID, mode 0700, and takes its lock. An ID whose instance is alive, or is being created, is an error; the rests
   of a creation that was killed are cleared first, and with `clears` those of a dead instance, which are an error without. The lock is the open file description's: a
   process forked without exec has to close lock_fd, or the lock outlives the supervisor with it. */
int vxe_state_create(int root_fd, const char *id, bool clears, int *dir_fd, int *lock_fd, struct vxe_error **err);
int vxe_state_open(int root_fd, const char *id, int *dir_fd, struct vxe_error **err);
bool vxe_state_exists(int root_fd, const char *id); /* dead or alive, whole or not */
bool vxe_state_locked(int dir_fd);		    /* does a supervisor or a creator hold the lock? */
int vxe_state_write(int dir_fd, const struct vxe_state *state, struct vxe_error **err);
/* Both. One that is removed meanwhile is an error that says so. */
int vxe_state_find(int root_fd, const char *id, int *dir_fd, struct vxe_state **state, struct vxe_error **err);
/* Of the commands that change a container, and of those that remove it, one after another does: *turn_fd is to be closed. What was read before may
   be old by then. An error where it is another's for long, or ROOT/ID is not dir_fd any more. */
int vxe_state_turn(int root_fd, const char *id, int dir_fd, int *turn_fd, struct vxe_error **err);
/* Reads and refreshes: PAUSED is what the kernel says, and CREATED what waits for its start; status RUNNING is kept only while the program (or, for `forking`, init) is alive. A state that is
   not there or not whole is an error that says so, and whether a creation is under way. */
int vxe_state_read(int dir_fd, struct vxe_state **out, struct vxe_error **err);
/* Was the creation killed before it wrote a state? Then it has made nothing yet that would outlive it. */
bool vxe_state_interrupted(int dir_fd);
/* Is a creation under way that has not written one yet? */
bool vxe_state_coming(int dir_fd);
int vxe_state_parse(const char *text, size_t size, struct vxe_state **out, struct vxe_error **err);
/* What is true now: a written status other than STOPPED becomes STOPPED when its processes are gone.
   -1 and errno: whether they are cannot be told. */
int vxe_state_refresh(struct vxe_state *state);
/* Is any process of the instance alive, whatever the status says? */
bool vxe_state_alive(const struct vxe_state *state);
/* Takes the lock, which who launches and who supervises holds: with it nobody else writes into the state, removes it or takes the name. -1 in
   *lock_fd: it was held for all of timeout_ms, or ROOT/ID is another by now (vxe_state_is). */
int vxe_state_take(int root_fd, const char *id, int dir_fd, int timeout_ms, int *lock_fd, struct vxe_error **err);
/* Is dir_fd what ROOT/ID is? Somebody else may have removed it, and made another of its name. */
bool vxe_state_is(int root_fd, const char *id, int dir_fd);
/* Removes ROOT/ID and all files in it (never follows links). One that is absent is none to remove: 0. */
int vxe_state_remove(int root_fd, const char *id, struct vxe_error **err);
/* -1: it was deleted meanwhile. */
int vxe_state_gone(const char *id, struct vxe_error **err);
/* What stands in the place of ROOT/ID and is no instance, and what a removal that was killed has left. An instance stays. */
int vxe_state_clear(int root_fd, const char *id, struct vxe_error **err);
/* NULL-terminated list of ids, sorted. */
int vxe_state_list(int root_fd, struct vxe_strings *out, struct vxe_error **err);
void vxe_state_free(struct vxe_state **state);
#define VXE_STATE_TIME 64
/* When it was created, as RFC 3339 writes it. */
void vxe_state_created(const struct vxe_state *state, char out[VXE_STATE_TIME]);
/* The OCI state document (runtime.md, State) or, with all, VXE's own fields too; malloc'd text without a line end. */
int vxe_state_to_json(const struct vxe_state *state, bool all, char **out, struct vxe_error **err);

/* NULL where there is none of this key. */
const char *vxe_state_annotation(const struct vxe_state *state, const char *key);
const char *vxe_status_name(enum vxe_status status);
/* 0 and errno ESRCH when there is no such process. */
uint64_t vxe_process_start_time(pid_t pid);
bool vxe_process_alive(const struct vxe_process_id *process);

#endif
