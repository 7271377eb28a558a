/*
 * Answers the seccomp notifications of one instance (seccomp_unotify(2)). No refusal rests on the caller's memory: it is
 * read for the record, and for the calls that the supervisor performs itself (connect to /dev/log, listen), where what was
 * read is what is used.
 */
#ifndef VXE_SUPERVISOR_NOTIFY_H
#define VXE_SUPERVISOR_NOTIFY_H

#include <stdbool.h>

#include "config.h"
#include "filter.h"
#include "judge.h"
#include "own.h"
#include "record.h"
#include "rings.h"

struct vxe_notify {
	int listener_fd;
	unsigned int execs_left;	/* the launch's own execve; the program gets none of them */
	const char *syslog_path;	/* host path of the instance's log socket, NULL: no such service */
	bool exec_once;			/* org.vxe.exec: what refuses a further execve is that rule */
	bool performs_listen;		/* org.vxe.supervised names it */
	bool performs_rings;		/* it names io_uring_setup */
	const struct vxe_rings *rings;	/* NULL: none can be had, and it gets ENOSYS */
	int cgroup_fd;			/* the instance's, -1: none */
	struct vxe_own own;		/* files of the caller's process, which it opens for it */
	const char *listen_words;	/* org.vxe.listen: the ports that it is performed for, NULL where absent */
	const char *errno_words;	/* org.vxe.refuse.errno, NULL where absent */
	struct vxe_judge_source *judge; /* NULL: none */
	bool perform;			/* soft: what the profile refuses goes on */
	bool landlock;			/* Landlock holds the objects: what the judge finds is refused by it */
	bool objects; /* with a judge that is loaded: the filter raises permitted calls too, for what they name */
	pid_t reaper; /* pid 1 of the instance, where that is VXE's own; else 0 */
	const struct vxe_filter *since; /* of a profile that was upgraded since the launch; NULL: none */
	struct vxe_record_log *log;
	bool takes_turns; /* the first one is served: see sys_listener_take_turns */
};

/* Serves one notification. 1: served, 0: nobody is left under the filter, -1 with errno. */
int vxe_notify_serve(struct vxe_notify *notify);

/* Is "tcp/PORT" among the words? */
bool vxe_notify_port_listed(const char *words, unsigned int port);

/* The errno that `words` ("connect=EACCES socket=EAFNOSUPPORT") gives for a call; EPERM where it names none. */
int vxe_notify_errno(const char *words, const char *call);

#endif
