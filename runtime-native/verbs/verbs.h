/* The command lines: one function per verb, argv[0] being the verb. Each returns the exit code, or -1 with *err. */
#ifndef VXE_VERBS_VERBS_H
#define VXE_VERBS_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Options that stand before the verb. */
struct vxe_globals {
	const char *root;
	bool json;
	bool oci;	 /* vxe-runtime */
	bool no_cgroup;	 /* OCI: --cgroup-manager=disabled, as crun has it */
	const char *log; /* OCI: where errors go as well */
	bool log_json;
	bool systemd_cgroup; /* OCI: the cgroup driver */
};

struct vxe_verb {
	const char *name, *usage, *summary;
	int (*run)(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err);
};

extern const struct vxe_verb vxe_own_verbs[], vxe_oci_verbs[]; /* end with a NULL name */
const struct vxe_verb *vxe_verb_find(const struct vxe_verb *verbs, const char *name);
int vxe_verb_help(const char *program, const struct vxe_verb *verb);
/* *err says what is wrong with the command line and how it goes. */
int vxe_verb_misuse(const char *program, const struct vxe_verb *verb, const char *what, struct vxe_error **err);

/* The verb trace: replaces this process by vxe-recorder; returns only on failure. */
int vxe_trace_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err);
/* Replaces this process by the authoring CLI; returns only on failure. */
int vxe_author_exec(char *const *args, struct vxe_error **err);
/* Runs it and waits: its exit code. */
int vxe_author_run(char *const *args, struct vxe_error **err);

/* "UID" or "UID:GID" in digits: how many of them there are; -1: neither. */
int vxe_verb_user(const char *text, uint32_t *uid, uint32_t *gid);

#endif
