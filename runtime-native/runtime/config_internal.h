/* What the files config*.c share. Every function returns 0 or -1 with *err, unless it says otherwise. */
#ifndef VXE_RUNTIME_CONFIG_INTERNAL_H
#define VXE_RUNTIME_CONFIG_INTERNAL_H

#include "config.h"
#include "json.h"

#define CONFIG_PATH_MAX 160 /* of a field's name in a message, as "linux.seccomp.syscalls[12].args[0]" */

struct config_name {
	const char *name;
	uint64_t value;
};

struct config_names {
	const struct config_name *items;
	size_t count;
};

#define CONFIG_NAMES(table) ((struct config_names){(table), sizeof(table) / sizeof((table)[0])})

/* The name of a field, for messages; what does not fit is cut. */
void config_path(char out[CONFIG_PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "PATH.KEY: what is wrong"; path or key may be "". Always -1. */
int config_fail(struct vxe_error **err, const char *path, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int config_fail_memory(struct vxe_error **err);

int config_lookup(struct config_names names, const char *name, uint64_t *out);
/* A required string. */
int config_need_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err);
/* An optional string; an empty one is as good as none. */
int config_absent_string(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err);
/* An optional string that must be an absolute path where it is given and not empty. */
int config_absolute_path(struct json_object *object, const char *path, const char *key, char **out, struct vxe_error **err);
/* Arrays of strings and objects of strings; absent ones become empty. */
int config_strings(struct json_object *object, const char *path, const char *key, struct vxe_strings *out,
		   struct vxe_error **err);
int config_pairs(struct json_object *object, const char *path, const char *key, struct vxe_pairs *out, struct vxe_error **err);
int config_absolute_paths(struct json_object *object, const char *path, const char *key, struct vxe_strings *out,
			  struct vxe_error **err);
/* Ors the bits that the names of an array stand for; `kind` is what they are called in messages. */
int config_flags(struct json_object *object, const char *path, const char *key, struct config_names names, const char *kind,
		 uint64_t *out, struct vxe_error **err);
int config_id_mappings(struct json_object *object, const char *path, const char *key, struct vxe_id_mappings *out,
		       struct vxe_error **err);
/* Refuses the keys that the specification defines and VXE does not hold, unless their value says nothing. */
int config_refuse(struct json_object *object, const char *path, const char *const *keys, size_t n_keys, struct vxe_error **err);

/* An array of objects: calls parse for each with room for one zeroed element, and keeps *count right on the way, so that
   what was parsed before an error can be freed. */
typedef int config_parse_item(struct json_object *object, const char *path, void *item, void *data, struct vxe_error **err);
int config_items(struct json_object *object, const char *path, const char *key, size_t item_size, config_parse_item *parse,
		 void *data, void *items, size_t *count, struct vxe_error **err);

/* Without a need for a program, args and cwd may be absent (a compiled profile: the command line brings them). */
int config_parse_process(struct json_object *object, const char *path, bool needs_program, bool needs_user,
			 struct vxe_process *process, struct vxe_error **err);
/* process.scheduler, ioPriority and execCPUAffinity. */
int config_parse_schedule(struct json_object *object, const char *path, struct vxe_process *process, struct vxe_error **err);
int config_parse_landlock(struct json_object *process, const char *path, struct vxe_landlock *landlock, struct vxe_error **err);
int config_parse_linux(struct json_object *root, struct vxe_config *config, struct vxe_error **err);
int config_parse_resources(struct json_object *linux_object, struct vxe_resources *resources, struct vxe_error **err);
/* linux.resources.blockIO, hugepageLimits and rdma. */
int config_parse_io_resources(struct json_object *resources, struct vxe_resources *out, struct vxe_error **err);
void config_free_io_resources(struct vxe_resources *resources);
/* The rules are most of a VXE bundle's text. They are for other engines where org.vxe.seccomp.filter names the compiled filter. */
int config_parse_seccomp(struct json_object *linux_object, bool with_rules, struct vxe_seccomp *seccomp,
			 struct vxe_error **err);

void config_free_process(struct vxe_process *process);
void config_free_landlock(struct vxe_landlock *landlock);
void config_free_linux(struct vxe_config *config);
void config_free_seccomp(struct vxe_seccomp *seccomp);

#endif
