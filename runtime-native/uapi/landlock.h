/*
 * Landlock's system call interface up to ABI 7, with the kernel's names and numbers. Written out here because the
 * build host's <linux/landlock.h> may be years older than the kernel that runs. The guard is the kernel's own, so
 * that whichever header comes first is the only one.
 */
#ifndef _UAPI_LINUX_LANDLOCK_H
#define _UAPI_LINUX_LANDLOCK_H

#include <linux/types.h>

struct landlock_ruleset_attr {
	__u64 handled_access_fs;
	__u64 handled_access_net; /* since ABI 4 */
	__u64 scoped;		  /* since ABI 6 */
};

/* landlock_create_ruleset(2) */
#define LANDLOCK_CREATE_RULESET_VERSION (1U << 0)
#define LANDLOCK_CREATE_RULESET_ERRATA (1U << 1) /* since ABI 7 */

/* landlock_restrict_self(2), since ABI 7 */
#define LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF (1U << 0)
#define LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON (1U << 1)
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF (1U << 2)

enum landlock_rule_type {
	LANDLOCK_RULE_PATH_BENEATH = 1,
	LANDLOCK_RULE_NET_PORT, /* since ABI 4 */
};

struct landlock_path_beneath_attr {
	__u64 allowed_access;
	__s32 parent_fd;
} __attribute__((packed));

struct landlock_net_port_attr {
	__u64 allowed_access;
	__u64 port; /* host byte order */
};

#define LANDLOCK_ACCESS_FS_EXECUTE (1ULL << 0)
#define LANDLOCK_ACCESS_FS_WRITE_FILE (1ULL << 1)
#define LANDLOCK_ACCESS_FS_READ_FILE (1ULL << 2)
#define LANDLOCK_ACCESS_FS_READ_DIR (1ULL << 3)
#define LANDLOCK_ACCESS_FS_REMOVE_DIR (1ULL << 4)
#define LANDLOCK_ACCESS_FS_REMOVE_FILE (1ULL << 5)
#define LANDLOCK_ACCESS_FS_MAKE_CHAR (1ULL << 6)
#define LANDLOCK_ACCESS_FS_MAKE_DIR (1ULL << 7)
#define LANDLOCK_ACCESS_FS_MAKE_REG (1ULL << 8)
#define LANDLOCK_ACCESS_FS_MAKE_SOCK (1ULL << 9)
#define LANDLOCK_ACCESS_FS_MAKE_FIFO (1ULL << 10)
#define LANDLOCK_ACCESS_FS_MAKE_BLOCK (1ULL << 11)
#define LANDLOCK_ACCESS_FS_MAKE_SYM (1ULL << 12)
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)	     /* since ABI 2 */
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)     /* since ABI 3 */
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)    /* since ABI 5 */
#define LANDLOCK_ACCESS_FS_RESOLVE_UNIX (1ULL << 16) /* since ABI 9 */

/* Since ABI 4. */
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)

/* Since ABI 10. */
#define LANDLOCK_ACCESS_NET_BIND_UDP (1ULL << 2)
#define LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP (1ULL << 3)

/* Since ABI 6. */
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)

_Static_assert(sizeof(struct landlock_ruleset_attr) == 24, "kernel ABI");
_Static_assert(sizeof(struct landlock_path_beneath_attr) == 12, "kernel ABI");
_Static_assert(sizeof(struct landlock_net_port_attr) == 16, "kernel ABI");

#endif
