/* The caller of a notified call, while it waits. */
#ifndef VXE_SUPERVISOR_CALLER_H
#define VXE_SUPERVISOR_CALLER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The process that a thread belongs to; pidfd_open wants its number. */
pid_t vxe_caller_process(pid_t tid);
/* Its process's and its own number in the innermost pid namespace, of which its /proc speaks; -1: it is gone. */
void vxe_caller_inner(pid_t tid, pid_t *process, pid_t *thread);

/* Might it search folders that we may not? Where what is known of it is not enough: yes. */
bool vxe_caller_sees_more(pid_t tid);
/* Is the call of this notification still to be answered? What was read before is the caller's only then. */
bool vxe_caller_waits(int listener_fd, uint64_t id);
/* A duplicate of the descriptor in the first argument, taken while the caller waits; -1: it has none such. */
int vxe_caller_descriptor(int listener_fd, const struct seccomp_notif *request);

#endif
