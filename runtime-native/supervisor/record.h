/*
 * Violation records: one JSON object a line (docs/architecture.md, "The violation record"). A flood is the flooder's cost:
 * beyond a rate, records are counted and told by one record with that count. A full disk loses records, never enforcement.
 */
#ifndef VXE_SUPERVISOR_RECORD_H
#define VXE_SUPERVISOR_RECORD_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct vxe_violation {
	pid_t pid;
	uint32_t arch; /* AUDIT_ARCH_* */
	int nr;	       /* as the kernel gave it, x32 bit included */
	uint64_t args[6];
	int errnum;		     /* the answer; 0: the call was performed */
	const char *rule;	     /* the profile's rule, where it is another than the call's own; NULL */
	char detail[320], path[256]; /* decoded, empty where there is nothing to say */
};

struct vxe_record_log {
	int dir_fd, fd;
	uint64_t size;
	const char *profile, *instance;
	double tokens;
	int64_t refilled_ns;
	uint64_t folded;	   /* not written since the last record that was */
	struct vxe_violation last; /* of the folded ones */
	uint64_t total, lost;
};

/* Folder of an instance's logs, made if absent (mode 0750): LOGS/ID. */
int vxe_log_dir_open(const char *id, char **path, struct vxe_error **err);
/* The same of an instance that has run: an absent folder is an error. */
int vxe_log_dir_find(const char *id, char **path, struct vxe_error **err);

int vxe_record_open(struct vxe_record_log *log, int dir_fd, const char *profile, const char *instance, struct vxe_error **err);
void vxe_record_write(struct vxe_record_log *log, const struct vxe_violation *violation);
/* Tells what was folded and closes. */
void vxe_record_close(struct vxe_record_log *log);

#endif
