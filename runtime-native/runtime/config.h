/*
 * config.json of an OCI bundle as C values (runtime-spec 1.2, config.md and config-linux.md), with process.landlock
 * in the shape of runtime-spec pull request 1241 and the org.vxe.* annotations (docs/architecture.md).
 * A field that the specification defines and VXE cannot hold is an error naming the field; unknown fields are
 * ignored, as the specification demands.
 */
#ifndef VXE_RUNTIME_CONFIG_H
#define VXE_RUNTIME_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#include "error.h"
#include "socket_rules.h"

struct vxe_strings {
	char **items; /* NULL-terminated, so that it can be an argv or envp; may be NULL itself where count is 0 */
	size_t count;
};

struct vxe_pair {
	char *key;
	char *value;
};

struct vxe_pairs {
	struct vxe_pair *items;
	size_t count;
};

struct vxe_rlimit {
	int resource; /* RLIMIT_* */
	struct rlimit limit;
};

struct vxe_id_mapping {
	uint32_t container, host, size;
};

struct vxe_id_mappings {
	struct vxe_id_mapping *items;
	size_t count;
};

struct vxe_mount {
	char *destination; /* absolute, in the rootfs */
	char *type;	   /* NULL where absent */
	char *source;	   /* bind: absolute on the host; a relative one was made absolute from the bundle folder */
	struct vxe_strings options;
	struct vxe_id_mappings uid_mappings, gid_mappings;
	bool of_launcher; /* not of the configuration: its source is in the launcher's own state */
};

/* A namespace of linux.namespaces; flag is the CLONE_NEW* value. */
struct vxe_namespace {
	int flag;
	char *path; /* NULL: a new one */
};

struct vxe_device {
	char *path;
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	uint32_t major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool has_mode, has_uid, has_gid; /* it was given */
};

struct vxe_seccomp_arg {
	unsigned int index;
	uint64_t value, value_two;
	int op; /* enum scmp_compare */
};

struct vxe_seccomp_rule {
	struct vxe_strings names;
	uint32_t action; /* SCMP_ACT_* with errno folded in */
	struct vxe_seccomp_arg *args;
	size_t n_args;
};

struct vxe_seccomp {
	bool present;
	uint32_t default_action;
	uint32_t *architectures; /* SCMP_ARCH_* */
	size_t n_architectures;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
	char *listener_path, *listener_metadata;
	struct vxe_seccomp_rule *rules;
	size_t n_rules;
};

struct vxe_landlock_paths {
	uint64_t access; /* LANDLOCK_ACCESS_FS_* */
	bool optional;	 /* no rule of the profile names them: what is gone, or has become a link, gets nothing */
	struct vxe_strings paths;
};

struct vxe_landlock_ports {
	uint64_t access; /* LANDLOCK_ACCESS_NET_* */
	uint64_t *ports;
	size_t count;
};

struct vxe_landlock {
	bool present, has_flags;
	unsigned int flags; /* LANDLOCK_RESTRICT_SELF_* */
	uint64_t handled_fs, handled_net, scoped;
	struct vxe_landlock_paths *path_rules;
	size_t n_path_rules;
	struct vxe_landlock_ports *port_rules;
	size_t n_port_rules;
};

/* process.scheduler, as sched_setattr(2) takes it. */
struct vxe_scheduler {
	bool present;
	uint32_t policy; /* SCHED_* */
	int32_t nice;
	uint32_t priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period;
};

struct vxe_capabilities {
	bool present;
	uint64_t bounding, effective, inheritable, permitted, ambient; /* bit N is capability N */
};

struct vxe_process {
	bool present;
	bool terminal;
	uint16_t console_rows, console_columns;
	struct vxe_strings args, env;
	char *cwd;
	bool has_user; /* uid, gid, umask and additional_gids were given */
	uid_t uid;
	gid_t gid;
	bool has_umask;
	mode_t umask;
	gid_t *additional_gids;
	size_t n_additional_gids;
	struct vxe_capabilities capabilities;
	struct vxe_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	bool has_oom_score_adj;
	int oom_score_adj;
	struct vxe_scheduler scheduler;
	bool has_io_priority;
	int io_priority;	/* class and level, as ioprio_set(2) takes them */
	char *apparmor_profile; /* NULL: none is asked for */
	char *affinity_initial,
		*affinity_final; /* lists of CPUs, "0-3,7"; of exec alone, before and after it joins the cgroup */
	struct vxe_landlock landlock;
};

struct vxe_hook {
	char *path;
	struct vxe_strings args, env;
	bool has_env; /* there is an env, which may be empty */
	int timeout;  /* seconds, 0: none */
};

struct vxe_hooks {
	struct vxe_hook *items;
	size_t count;
};

/* A rule of linux.resources.devices; major and minor -1: any. */
struct vxe_device_rule {
	bool allow;
	char type;	     /* a, b or c */
	unsigned int access; /* BPF_DEVCG_ACC_*: 1 mknod, 2 read, 4 write */
	int64_t major, minor;
};

struct vxe_device_number {
	uint32_t major, minor;
};

/* A line of linux.resources.blockIO for one device. */
struct vxe_block_limit {
	struct vxe_device_number device;
	const char *key; /* of io.max: rbps, wbps, riops, wiops; NULL: a weight */
	uint64_t value;
};

struct vxe_huge_limit {
	char *page_size; /* as the file's name has it: 2MB, 1GB */
	uint64_t limit;
};

struct vxe_rdma_limit {
	char *device;
	bool has_handles, has_objects;
	uint32_t handles, objects;
};

/* linux.resources; has_* says that the limit was given. The numbers are those of config.json: -1 is no limit,
   memory_swap counts memory and swap together, cpu_shares is the scale of cgroup v1 (2 to 262144). */
struct vxe_resources {
	bool has_memory_limit, has_memory_swap, has_memory_reservation, has_pids_limit, has_cpu_shares, has_cpu_quota,
		has_cpu_period;
	int64_t memory_limit, memory_swap, memory_reservation, pids_limit, cpu_quota;
	uint64_t cpu_shares, cpu_period;
	bool has_cpu_burst, has_cpu_idle, check_before_update;
	uint64_t cpu_burst;
	int64_t cpu_idle;
	char *cpuset_cpus, *cpuset_mems;
	uint64_t block_weight; /* 10 to 1000; 0: not given */
	struct vxe_block_limit *block_limits;
	size_t n_block_limits;
	struct vxe_huge_limit *huge_limits;
	size_t n_huge_limits;
	struct vxe_rdma_limit *rdma_limits;
	size_t n_rdma_limits;
	struct vxe_pairs unified;
	struct vxe_device_rule *devices;
	size_t n_devices;
	bool has_other_devices; /* one beyond "deny all" and "allow the specification's default devices" was given */
};

/* linux.timeOffsets: what the clocks of a new time namespace are ahead. */
struct vxe_time_offset {
	const char *clock; /* monotonic, boottime */
	int64_t seconds;
	uint32_t nanoseconds;
};

/* A file as it was at one moment. A relowering puts another one in its place, and nothing sets a file's change time. */
struct vxe_config_file {
	char *path; /* from the bundle folder; NULL: it was no file */
	dev_t dev;
	ino_t ino;
	struct timespec changed;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

struct json_object;

struct vxe_config {
	struct vxe_config_file file;  /* what it was read from */
	struct json_object *document; /* as it was read; nothing here points into it */
	char *oci_version;
	char *bundle; /* absolute path of the bundle folder, for messages and state.json */
	char *rootfs; /* absolute; "/" with org.vxe.root=host, where process.args and process.cwd may be absent too */
	bool root_readonly;
	char *hostname, *domainname;
	struct vxe_process process;
	struct vxe_mount *mounts;
	size_t n_mounts;
	struct vxe_namespace *namespaces;
	size_t n_namespaces;
	struct vxe_id_mappings uid_mappings, gid_mappings;
	struct vxe_device *devices;
	size_t n_devices;
	struct vxe_strings masked_paths, readonly_paths;
	struct vxe_pairs sysctl;
	unsigned long rootfs_propagation; /* MS_* or 0 */
	bool has_personality;
	unsigned long personality; /* PER_* */
	struct vxe_time_offset time_offsets[2];
	size_t n_time_offsets;
	char *cgroups_path;
	struct vxe_resources resources;
	struct vxe_seccomp seccomp;
	struct vxe_hooks create_runtime, create_container, start_container, poststart, poststop, prestart;
	struct vxe_pairs annotations;
	struct vxe_socket_rules sockets; /* of the annotations org.vxe.addresses and org.vxe.unix */
};

/* Reads bundle_fd/config.json. The value of *out is owned by the caller. */
int vxe_config_load(int bundle_fd, const char *bundle_path, struct vxe_config **out, struct vxe_error **err);
/* The same from another file, unless it is NULL, and the text as it was read; malloc'd. */
int vxe_config_load_text(int bundle_fd, const char *bundle_path, const char *file, struct vxe_config **out, char **text,
			 size_t *size, struct vxe_error **err);
/* The same from text; for tests and the fuzzer. */
int vxe_config_parse(const char *text, size_t size, const char *bundle_path, struct vxe_config **out, struct vxe_error **err);
/* A process object alone (`exec --process FILE`). Its args and env are never NULL, here and in vxe_config. */
int vxe_config_parse_process(const char *text, size_t size, struct vxe_process **out, struct vxe_error **err);
/* A linux.resources object alone (`update --resources FILE`). */
int vxe_config_parse_resources(const char *text, size_t size, struct vxe_resources *out, struct vxe_error **err);
void vxe_resources_free(struct vxe_resources *resources);
void vxe_config_free(struct vxe_config **config);
/* Gives back what only the reading needed, which takes its time: once nobody waits for it. */
void vxe_config_settle(struct vxe_config *config);
void vxe_process_free(struct vxe_process **process);

/* NULL where the annotation is absent. */
const char *vxe_config_annotation(const struct vxe_config *config, const char *key);
/* Is a new namespace of this CLONE_NEW* kind asked for, or one by path? NULL if neither. */
const struct vxe_namespace *vxe_config_namespace(const struct vxe_config *config, int flag);

/* "CAP_KILL" or "KILL": ors its bit. */
int vxe_config_capability(const char *name, uint64_t *bits);
/* Fails where the configuration's file is no longer the one that was loaded: what was read since may be of other plans. */
int vxe_config_unchanged(int bundle_fd, const struct vxe_config *config, struct vxe_error **err);

/* The names of all that config.json may hold, NULL-terminated. */
const char *const *vxe_config_capabilities(void);

void vxe_strings_free(struct vxe_strings *strings);
void vxe_pairs_free(struct vxe_pairs *pairs);

#endif
