/*
 * The intruder's battery: attempts as data. One row each, in a rows_*.c file, with one small function that makes the
 * attempt by raw system calls and says how it went. docs/attack.md tells how to add one.
 *
 * The rows run in two worlds. In the confinement they model arbitrary code in the daemon's process. In the control
 * (control.c) they run in a throw-away copy of the host's tree with full rights, to prove that the act works at all
 * without VXE. The same function runs in both.
 */
#ifndef VXE_ATTACK_BATTERY_H
#define VXE_ATTACK_BATTERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum vxe_attack_state {
	VXE_ATTACK_NOT_RUN,
	VXE_ATTACK_RUNNING,
	VXE_ATTACK_EXECUTING, /* about to become another program: if nothing is heard after this, it did */
	VXE_ATTACK_REFUSED,
	VXE_ATTACK_SUCCEEDED,
	VXE_ATTACK_ABSENT, /* what would be attacked is not there: no such file, process, protocol or call */
	VXE_ATTACK_DIED,   /* the attempt was ended by a signal before it could say anything */
	VXE_ATTACK_HUNG,   /* it did not come to an end in time */
};

/* One row's outcome, in memory shared with the process outside. */
struct vxe_attack_result {
	_Atomic uint32_t state;
	int32_t errnum;		  /* of a refused or absent one */
	int32_t signal;		  /* that ended it, 0: none */
	uint32_t in_process;	  /* the profile let nothing be forked: run in the battery's own process */
	int64_t begin_ns, end_ns; /* CLOCK_REALTIME: violation records are matched by it */
	char call[32];		  /* the system call that decided */
	char step[128];		  /* what it was to do */
	char detail[256];	  /* what came of it */
	uint32_t events_lost;	  /* some did not fit: then the rest says nothing */
	char events[4096];	  /* a line each: what succeeded, as the policy's evaluator is asked about it */
};

struct vxe_attack {
	const struct vxe_attack_world *world;
	struct vxe_attack_result *result;
	/* A refusal put aside by attack_executing, to come back if the execution fails. */
	int32_t kept_errnum;
	char kept_call[32], kept_step[128];
};

struct vxe_attack_row {
	const char *name; /* unique; also the argument of --only */
	const char *group;
	const char *tries;   /* a sentence */
	const char *control; /* what its success without VXE is */
	/* The calls as the policy's evaluator is asked about them, one a line; NULL where only the attempt knows. All of
	   them permitted means that the profile leaves this open. */
	const char *events;
	int capability; /* that the control needs in the initial user namespace, -1: none */
	void (*run)(struct vxe_attack *attack);
};

#define VXE_NO_CAPABILITY (-1)

struct vxe_attack_group {
	const struct vxe_attack_row *rows;
	size_t count;
};

/* All groups, in the order in which they run; ends with NULL. */
extern const struct vxe_attack_group *const vxe_attack_groups[];
size_t vxe_attack_count(void);
const struct vxe_attack_row *vxe_attack_row(size_t index);
/* -1 where no row has the name. */
long vxe_attack_find(const char *name);

/* What is outside to be attacked, and the memory both sides see. */
#define VXE_ATTACK_MAX_DIRS 40

struct vxe_attack_shared; /* bystander.h */

struct vxe_attack_world {
	bool control;
	struct vxe_attack_shared *shared;
	struct vxe_attack_result *results; /* one for each row, in shared memory */
	const bool *selected;		   /* likewise; NULL: all */
	const char *program;		   /* the confined program's path inside */
	const char *mailbox;		   /* another user's file inside, NULL: none could be made */
	uid_t mailbox_owner;
	const char *own_file;			   /* an executable file inside that the program's user owns, or NULL */
	dev_t disk;				   /* a disk of the host that can be read, 0: none was found */
	const char *spool_socket;		   /* path inside of a socket that a bystander listens on, or NULL */
	const char *dirs[VXE_ATTACK_MAX_DIRS + 1]; /* folders that exist inside, NULL-terminated: the intruder knows the tree */
};

/* Runs every selected row that has not run yet, in order; entered in the confined process in place of execve. */
int vxe_battery_run(void *world);

/*
 * How an attempt ends. The first refusal is kept over later ones and over absences, success over all: so a function may
 * try several targets and just say what happened to each. `ret` is the kernel's answer, -errno.
 */
void attack_failed(struct vxe_attack *attack, long ret, const char *call, const char *step, ...)
	__attribute__((format(printf, 4, 5)));
void attack_succeeded(struct vxe_attack *attack, const char *call, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));
/* What was tried, for the evaluator, where the row's `events` cannot say it. */
void attack_event(struct vxe_attack *attack, const char *event, ...) __attribute__((format(printf, 2, 3)));
bool attack_has_succeeded(const struct vxe_attack *attack);
/* Marks the point after which silence means that another program runs. */
void attack_executing(struct vxe_attack *attack, const char *call, const char *step, ...) __attribute__((format(printf, 3, 4)));

#endif
