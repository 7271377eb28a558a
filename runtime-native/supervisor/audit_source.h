/* The kernel's audit stream as a source of records: what Landlock refuses a program, where no filter raises it (docs/architecture.md, "Modes"). */
#ifndef VXE_SUPERVISOR_AUDIT_SOURCE_H
#define VXE_SUPERVISOR_AUDIT_SOURCE_H

#include "audit.h"
#include "judge.h"
#include "record.h"

struct vxe_audit_source {
	int fd; /* -1: the stream is off, or not for this process to read */
	struct vxe_audit audit;
	char exe[256];
	ino_t home; /* the pid namespace of the instance; 0: it has none of its own */
	struct vxe_judge_source *judge;
	struct vxe_record_log *log;
};

/* Opens the stream where Landlock tells it anything, the administrator has turned it on and this process may read it; otherwise fd stays -1, which is no error.
   The maker has to be known before it is read. */
void vxe_audit_source_open(struct vxe_audit_source *source);
/* The process that is about to restrict itself, by which the domain is known, and whose pid namespace is the instance's. */
void vxe_audit_source_follow(struct vxe_audit_source *source, pid_t maker);
/* Records what there is to read. */
void vxe_audit_source_drain(struct vxe_audit_source *source);
/* What has begun and will not be whole any more is counted as lost. */
void vxe_audit_source_end(struct vxe_audit_source *source);
void vxe_audit_source_close(struct vxe_audit_source *source);

/* One refusal of an event, as a violation. */
void vxe_audit_violation(const struct vxe_judge *judge, const struct vxe_audit_event *event,
			 const struct vxe_audit_refusal *refusal, struct vxe_violation *out);

#endif
