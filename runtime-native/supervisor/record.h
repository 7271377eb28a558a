/*
 * Violation records: one JSON object a line (docs/architecture.md, "The violation record"), in a file of bounded size and, where the
 * host has one, in the journal. What repeats is folded: the first few are written as they come, the rest by records with a count. A flood is
 * the flooder's cost: beyond a rate violations are counted, and told by one record with that count. A full disk loses records, never
 * enforcement. A record is written before its call is answered.
 */
#ifndef VXE_SUPERVISOR_RECORD_H
#define VXE_SUPERVISOR_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "mode.h"

/* What a line tells of. Of the last two there is no violation: they are what a profile's hooks after calls tell (after.h). */
enum vxe_verdict { VXE_REFUSED, VXE_PERFORMED, VXE_TOLD, VXE_LOST };

const char *vxe_verdict_word(enum vxe_verdict verdict);

struct vxe_violation {
	pid_t pid;
	uint32_t arch; /* AUDIT_ARCH_* */
	int nr;	       /* as the kernel gave it, x32 bit included */
	uint64_t args[6];
	int errnum;		  /* the answer; where it was performed, the one that production gives */
	enum vxe_verdict verdict; /* performed: the call went on, in soft mode */
	int64_t result;		  /* told: what the call has returned */
	const char *rule, *at;	  /* the rule and where the profile says it; rule NULL: the call's own. They outlive the log */
	const char *mechanism;	  /* what refuses: "seccomp", "landlock" */
	bool narrowed;		  /* the rule grants it, the folder does not get it: a narrower rule lies below */
	bool folder;		  /* the path is that of the folder that the name is in, which is not known */
	unsigned int needs;	  /* enum vxe_access of a file: what the rule does not grant all of */
	char detail[640], path[512], address[160]; /* decoded, empty where there is nothing to say */
	char comm[16], exe[256];		   /* filled by vxe_record_write where it is written, and they are empty */
};

struct vxe_fold;

/* The files of LOGS/ID that lines are kept in, each with its one predecessor. */
enum vxe_record_of { VXE_RECORDS_OF_VIOLATIONS, VXE_RECORDS_OF_HOOKS };

struct vxe_record_log {
	enum vxe_record_of of;
	int dir_fd, fd, journal_fd;
	uint64_t size;
	bool torn; /* the last line was cut by a full disk */
	const char *profile, *instance;
	enum vxe_mode mode;
	double tokens;
	int64_t refilled_ns;
	struct vxe_fold *folds;
	uint64_t total;	  /* violations seen */
	uint64_t refused; /* of them */
	uint64_t folded;  /* of them: counted, and not told yet */
	uint64_t lost;	  /* of them: in records that could not be written */
	struct vxe_violation last;
	int64_t last_ns; /* CLOCK_REALTIME, of the last one */
};

/* Folder of an instance's logs, made if absent (mode 0750): LOGS/ID. */
int vxe_log_dir_open(const char *id, char **path, struct vxe_error **err);
/* The same of an instance that has run: an absent folder is an error. */
int vxe_log_dir_find(const char *id, char **path, struct vxe_error **err);

int vxe_record_open(struct vxe_record_log *log, int dir_fd, const char *profile, const char *instance, struct vxe_error **err);
int vxe_record_open_of(struct vxe_record_log *log, enum vxe_record_of of, int dir_fd, const char *profile, const char *instance,
		       struct vxe_error **err);
void vxe_record_write(struct vxe_record_log *log, const struct vxe_violation *violation);
/* So many were not seen. */
void vxe_record_lost(struct vxe_record_log *log, const struct vxe_violation *violation, uint64_t count);
/* Tells what has been folded for long enough. Milliseconds until there may be more to tell, -1: nothing is folded. */
int vxe_record_tick(struct vxe_record_log *log);
/* Tells all that was folded. */
void vxe_record_finish(struct vxe_record_log *log);
/* Does that and closes. */
void vxe_record_close(struct vxe_record_log *log);

#endif
