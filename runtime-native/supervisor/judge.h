/*
 * The profile's objects as data (vxe/judge.json): which rule speaks of a path, a port or a call, and what it grants. Its meaning is that of
 * the reference evaluator. The supervisor names rules by it in records, and in soft mode, where Landlock is not there to refuse,
 * records by it what Landlock would.
 */
#ifndef VXE_SUPERVISOR_JUDGE_H
#define VXE_SUPERVISOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "filter.h"
#include "ruleset.h"

enum vxe_access {
	VXE_READ = 1,
	VXE_WRITE = 2,
	VXE_CREATE = 4,
	VXE_REMOVE = 8,
	VXE_EXECUTE = 16,
	VXE_IOCTL = 32,
};

/* Words of the bits, as the profile has them: "read write". */
void vxe_access_words(unsigned int access, char *out, size_t size);

struct vxe_rule_name {
	char *rule, *at; /* at: "popd.vxed.yaml:12:3", or "" for VXE's own */
};

struct vxe_judged_file {
	struct vxe_rule_name name;
	char *path;
	unsigned int access; /* enum vxe_access */
};

/* A rule of the profile on addresses: the words that it grants of those that its protocol has. */
struct vxe_judged_socket {
	struct vxe_rule_name name;
	struct vxe_socket_rule range; /* neither its word nor its verdict */
	unsigned int words;	      /* bit N: enum vxe_socket_word N */
};

/* A rule on sockets that are files. */
struct vxe_judged_unix {
	struct vxe_rule_name name;
	char *path;
	unsigned int words;
};

struct vxe_judged_call {
	struct vxe_rule_name name;
	char *call;
};

struct vxe_judged_mount {
	struct vxe_rule_name name;
	char *path;
	bool masked; /* else read-only */
};

struct vxe_judge {
	struct vxe_judged_file *files;		 /* the most specific first */
	struct vxe_judged_socket *sockets_named; /* likewise */
	struct vxe_judged_unix *unix_named;
	struct vxe_judged_call *calls;
	struct vxe_judged_mount *mounts;
	size_t n_files, n_sockets, n_unix, n_calls, n_mounts;
	const struct vxe_landlock
		*landlock; /* the plan that Landlock gets in production: what it does not grant is refused. Borrowed */
	struct vxe_landlock_objects objects;	/* what the paths of that plan led to at the launch */
	bool bound;				/* they have been looked up */
	int root_fd;				/* the root of every caller (O_PATH), where all keep one; else -1 */
	bool keeps_root;			/* it is to be kept when it is looked up */
	const struct vxe_socket_rules *sockets; /* what its cgroup gets, likewise; NULL: nothing */
	struct vxe_filter filter;		/* production's: what it answers is what the scalar part of the profile says */
};

/* A bundle's judge: open from the start, so that it is the launch's own whatever becomes of the bundle, and read when it is first needed. */
struct vxe_judge_source {
	int fd; /* -1: the bundle has none (org.vxe.judge) */
	const struct vxe_landlock *landlock;
	const struct vxe_socket_rules *sockets;
	struct vxe_judge *judge; /* NULL: not read yet */
};

int vxe_judge_open(struct vxe_judge_source *source, int bundle_fd, const struct vxe_config *config, struct vxe_error **err);
/* Reads it now, and the filter of production with it: for judging, not for names alone. A bundle that has none is left so. */
int vxe_judge_load(struct vxe_judge_source *source, int bundle_fd, const struct vxe_config *config, struct vxe_error **err);
/* For names: NULL where there is none, or none that can be read. */
const struct vxe_judge *vxe_judge_get(struct vxe_judge_source *source);
void vxe_judge_close(struct vxe_judge_source *source);

int vxe_judge_parse(const char *text, size_t size, struct vxe_judge **out, struct vxe_error **err);
void vxe_judge_free(struct vxe_judge **judge);

/* Looks up what Landlock's rules are for, once: in the root of a process that is, or is about to be, under the filter, before any of its calls is answered. Until that has
   come to something, nothing is granted. */
void vxe_judge_bind(struct vxe_judge *judge, pid_t pid);
/* From now on a caller's root may be another one. */
void vxe_judge_roots_differ(struct vxe_judge *judge);
/* What Landlock grants in a folder (O_PATH), by the rules for it and for those that it lies in: LANDLOCK_ACCESS_FS_*. Looks no higher when it has found
   `enough`; 0: all. */
uint64_t vxe_judge_granted(const struct vxe_judge *judge, int folder_fd, uint64_t enough);
/* The mount that holds the rule, where Landlock cannot; NULL: it is Landlock's. */
const struct vxe_judged_mount *vxe_judge_mount(const struct vxe_judge *judge, const struct vxe_judged_file *file);

/* The rule of an absolute path without links; NULL: files:default, which grants nothing. */
const struct vxe_judged_file *vxe_judge_file(const struct vxe_judge *judge, const char *path);
/* Is it a rule for files of the calling process (own.h)? It is for these files alone, and for nothing below. */
bool vxe_judge_is_own(const struct vxe_judged_file *file);
/* The rule that speaks of an address and port; NULL: none. */
const struct vxe_judged_socket *vxe_judge_socket(const struct vxe_judge *judge, int protocol, int family,
						 const uint32_t address[4], uint16_t port);
/* The rule for a socket at a path; NULL: the rule of its file speaks of it. */
const struct vxe_judged_unix *vxe_judge_unix(const struct vxe_judge *judge, const char *path);
/* Has Landlock in production a rule for the port? */
bool vxe_judge_port_granted(const struct vxe_judge *judge, uint64_t right, unsigned int port);
/* NULL: calls:default. */
const struct vxe_judged_call *vxe_judge_call(const struct vxe_judge *judge, const char *call);

#endif
