#include "schedule.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/sched/types.h clashes with glibc's sched.h: sched_setattr(2)'s argument, version 0. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};
_Static_assert(sizeof(struct attributes) == 48, "SCHED_ATTR_SIZE_VER0");

int vxe_schedule_apply(const struct vxe_process *process, struct vxe_error **err)
{
	const struct vxe_scheduler *s = &process->scheduler;
	struct attributes attributes = {
		.size = sizeof(attributes),
		.policy = s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = s->priority,
		.runtime = s->runtime,
		.deadline = s->deadline,
		.period = s->period,
	};

	if (s->present && syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: process.scheduler: setting the policy");
	if (process->has_io_priority && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, process->io_priority) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "config.json: process.ioPriority: setting the priority");
	return 0;
}

int vxe_affinity_apply(const char *list, struct vxe_error **err)
{
	cpu_set_t set;

	if (!list)
		return 0;
	CPU_ZERO(&set);
	/* Its form was checked when it was read. */
	for (const char *at = list; *at; at += *at == ',') {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		for (; first <= last; first++)
			CPU_SET(first, &set);
		at = end;
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno,
				     "config.json: process.execCPUAffinity: running on the CPUs %s", list);
	return 0;
}
