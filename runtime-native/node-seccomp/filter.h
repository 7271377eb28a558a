/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp program as plain values, and its translation by libseccomp. Knows nothing of Node. */
#ifndef VXE_NODE_SECCOMP_FILTER_H
#define VXE_NODE_SECCOMP_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <seccomp.h>

struct vxe_filter_rule {
	uint32_t action;
	int nr;
	unsigned int arg_count;
	struct scmp_arg_cmp args[6];
};

struct vxe_filter {
	uint32_t arch;
	uint32_t default_action;
	uint32_t bad_arch_action;
	uint32_t optimize;
	size_t rule_count;
	struct vxe_filter_rule *rules;
};

/* What failed: the call's name is a literal, errnum positive; rule is the index of the rule at fault or -1. */
struct vxe_filter_error {
	const char *call;
	int errnum;
	long rule;
};

/* Compiles into a malloc'ed array of struct sock_filter. 0, or -1 with *err set. */
int vxe_filter_compile(const struct vxe_filter *filter, uint8_t **bytes, size_t *size, struct vxe_filter_error *err);

#endif
