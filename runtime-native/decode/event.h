/* One call as a record tells it: docs/architecture.md, "The record stream". */
#ifndef VXE_DECODE_EVENT_H
#define VXE_DECODE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "calls.h"
#include "json.h"

enum vxe_path_kind {
	VXE_KIND_UNKNOWN,
	VXE_KIND_FILE,
	VXE_KIND_FOLDER,
	VXE_KIND_LINK,
	VXE_KIND_DEVICE,
	VXE_KIND_FIFO,
	VXE_KIND_SOCKET,
	VXE_KIND_ANONYMOUS,
	VXE_KIND_ABSENT,
};

enum vxe_path_known { VXE_KNOWN_NOT, VXE_KNOWN_KERNEL, VXE_KNOWN_WALKED, VXE_KNOWN_JOINED };

struct vxe_event_path {
	const char *argument, *given, *path; /* given NULL: a descriptor; path NULL: not known */
	enum vxe_path_kind kind;
	enum vxe_path_known known;
	bool truncated;
	const char *access; /* what the kernel opened it for: "read write create"; NULL: not known, or not opened */
};

#define VXE_EVENT_PATHS 3

/* Pointers are borrowed. Whatever is not known is NULL, and is written as null. */
struct vxe_event {
	bool full;    /* a recording's record, with all fields; else a violation's */
	uint64_t seq; /* in the recording */
	struct timespec time;
	const char *vxe, *instance;
	pid_t pid, tid, ppid; /* tid, ppid 0: not known, and left out */
	const char *comm, *exe;
	uint32_t arch; /* AUDIT_ARCH_* */
	int nr;	       /* as the kernel gave it, x32 bit included */
	uint64_t args[6];
	bool no_args;		/* the registers are not known */
	const char *strings[6]; /* of arguments that are strings */
	const struct sockaddr_storage *address;
	size_t address_size;
	int socket_type; /* -1: not known */
	struct vxe_event_path paths[VXE_EVENT_PATHS];
	size_t n_paths;
	bool has_result; /* what the call returned */
	int64_t result;
	int refused;   /* the errno that it was refused with; 0: performed */
	bool filtered; /* the program's own filter answered it, with the result if there is one; the kernel did not perform it */
	const char *rule, *mechanism;
	uint64_t count;
};

/* "2026-01-01T00:00:00.000000000Z" */
void vxe_time_format(const struct timespec *time, char out[40]);
/* The kind of a file by its st_mode. */
enum vxe_path_kind vxe_kind_of_mode(mode_t mode);
/* Appends the object, without a newline. */
void vxe_event_write(const struct vxe_event *event, struct vxe_json_text *text);

#endif
