/*
 * Refusals by Landlock as the kernel's audit stream tells them (ABI 7): lines of one event have one stamp, and the last of them ends it; those of
 * several events may stand between each other. A domain is known by its number; the first event of one tells the process that made it. As long as
 * that has not been seen of ours (it was dropped, or is excluded from the stream), a refusal is attributed by the process that it happened to.
 */
#ifndef VXE_SUPERVISOR_AUDIT_H
#define VXE_SUPERVISOR_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum vxe_audit_type {
	VXE_AUDIT_SYSCALL = 1300,
	VXE_AUDIT_END = 1320,
	VXE_AUDIT_LANDLOCK_ACCESS = 1423,
	VXE_AUDIT_LANDLOCK_DOMAIN = 1424,
};

#define VXE_AUDIT_REFUSALS_MAX 4 /* a rename is asked about in two folders */
#define VXE_AUDIT_EVENTS_MAX 32	 /* that are not whole yet */
#define VXE_AUDIT_OTHERS_MAX 64	 /* domains of others that are remembered */

/* What a domain refused: "fs.make_reg,fs.refer" on a path, a port of an address, or a process. */
struct vxe_audit_refusal {
	char blockers[128], path[512], address[64];
	int port; /* -1: none */
};

/* One event, of one domain. */
struct vxe_audit_event {
	char stamp[48]; /* "": none */
	uint64_t domain;
	uint64_t begun; /* after how many others */
	struct vxe_audit_refusal refusals[VXE_AUDIT_REFUSALS_MAX];
	size_t n_refusals;
	bool has_call; /* of what follows */
	pid_t pid;
	uint32_t arch;
	int nr;
	uint64_t args[4];
	int errnum;
	char comm[16], exe[256];
};

struct vxe_audit {
	pid_t maker;	 /* the process that restricted itself */
	const char *exe; /* the program that it was then; NULL: whichever */
	/* Is the process one of the instance's? 1, 0, or -1: nobody can say any more. NULL: nobody is asked. */
	int (*is_inside)(void *data, pid_t pid);
	void *data;
	uint64_t domain;		       /* 0: not known yet */
	uint64_t others[VXE_AUDIT_OTHERS_MAX]; /* domains that other processes have made; the newest replaces the oldest */
	size_t n_others;
	uint64_t
		unattributed; /* refusals of ours, or that may have been, of which the stream did not say enough to record them */
	uint64_t begun;
	struct vxe_audit_event *open; /* VXE_AUDIT_EVENTS_MAX, made when the first begins, for most instances have none */
	struct vxe_audit_event event;
};

/* One line. True: an event of the domain is whole, in audit->event, until the next line. */
bool vxe_audit_line(struct vxe_audit *audit, unsigned int type, const char *text, size_t size);
/* What has begun will not be ended any more: it is counted, and its memory given back. */
void vxe_audit_end(struct vxe_audit *audit);

#endif
