/* System calls that fail: which errors each may have, and how one call gets one in place of being made. x86_64 only. */
#pragma once

#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/types.h>

struct fault {
	unsigned int number;
	int error;     /* 0: the call is made, with one byte */
	uint64_t kept; /* the argument that was changed for it */
	bool masked;   /* a filter would judge another number: the call is made, with a path that is none */
};

/* The call's argument that decides what may become of it. */
unsigned int fault_detail(unsigned long number, const uint64_t *args);

/* The nth of a call's faults; false: it has no more. */
bool fault_of(unsigned int number, unsigned int detail, unsigned int nth, struct fault *fault);

/* At the call's entry. False: this call cannot have it. */
bool fault_begin(pid_t pid, struct fault *fault, const struct __ptrace_syscall_info *info);

/* At its exit. */
void fault_end(pid_t pid, const struct fault *fault);

const char *fault_name(const struct fault *fault);

/*
 * What was said on standard output is as undisturbed, or where the commands failed the beginning of it; a command that failed has said
 * why, in one sentence. Otherwise false, and what is wrong in *found.
 */
bool fault_outcome_good(int status, const char *said, const char *usual, const char *errors, char *found, size_t size);
