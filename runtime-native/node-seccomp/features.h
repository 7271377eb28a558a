/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel can hold. Knows nothing of Node. */
#ifndef VXE_NODE_SECCOMP_FEATURES_H
#define VXE_NODE_SECCOMP_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct vxe_seccomp_action {
	const char *name;
	unsigned int value;
};

/* The actions asked for, ended by a NULL name. */
extern const struct vxe_seccomp_action vxe_seccomp_actions[];

/* The Landlock ABI; 0 where it is absent or switched off; -1 with errno for any other failure. */
int vxe_landlock_abi(void);

/* 1, 0, or -1 with errno. */
int vxe_seccomp_action_available(unsigned int action);

/* Whether this process may make a user namespace in which it then has privileges: 1, 0, or -1 with errno. */
int vxe_user_namespaces_usable(void);

#endif
