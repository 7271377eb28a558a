/*
 * Refusals by Landlock as the kernel's audit stream tells them (ABI 7): lines of one event have one stamp, and the last of them ends it.
 * A domain is known by its number; the first event of one tells the process that made it.
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

/* What a domain refused: "fs.make_reg,fs.refer" on a path, a port of an address, or a process. */
struct vxe_audit_refusal {
	char blockers[128], path[512], address[64];
	int port; /* -1: none */
};

/* One event, of the domain that is looked for. */
struct vxe_audit_event {
	char stamp[48];
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
	uint64_t domain; /* 0: not known yet */
	uint64_t others; /* of the event that is read: its refusals are of this domain, should it turn out to be ours */
	struct vxe_audit_event event;
};

/* One line. True: an event of the domain is whole, in audit->event, until the next line. */
bool vxe_audit_line(struct vxe_audit *audit, unsigned int type, const char *text, size_t size);

#endif
