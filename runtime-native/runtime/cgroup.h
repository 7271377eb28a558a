/*
 * cgroup v2 by the cgroupfs driver: one folder for each instance, made before its first process, which is born in it. The hierarchy
 * is found by the mount table, wherever it is mounted. A limit whose controller is not there is an error that names both.
 */
#ifndef VXE_RUNTIME_CGROUP_H
#define VXE_RUNTIME_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"

/* Does the configuration ask for something that only a cgroup can hold? */
bool vxe_cgroup_wanted(const struct vxe_config *config);
/* Where the instance's cgroup would be: linux.cgroupsPath (absolute: from the root of the hierarchy; relative: below the caller's own
   cgroup), or below the caller's own by the instance's name. An absolute path, malloc'd; an error where there is no hierarchy. */
int vxe_cgroup_path(const struct vxe_config *config, const char *id, char **path, struct vxe_error **err);
/* What stands in the way of limits below the caller's own cgroup. But for the root, a cgroup that holds processes hands no controllers
   down (cgroup-v2.rst, No Internal Process Constraint). */
enum vxe_cgroup_room {
	VXE_CGROUP_ROOM, /* nothing */
	VXE_CGROUP_ALONE, /* the caller itself: the cgroup is delegated to it (as by Delegate= of its unit), and nobody else is in it */
	VXE_CGROUP_TAKEN, /* others, or it is not the caller's to divide */
};
/* VXE_CGROUP_ROOM too where no controller is asked for, and where the cgroup is named. */
enum vxe_cgroup_room vxe_cgroup_room(const struct vxe_config *config);
/* Moves this process out of the way, into a cgroup below its own, which ends with the unit. */
int vxe_cgroup_step_down(struct vxe_error **err);
/* Is there one at the path? It is another's then. */
bool vxe_cgroup_there(const char *path);
/* Makes the folder and sets the limits. One that is there is an error, unless `there` says that it is to be used: it must be empty, of
   processes and of cgroups, since what is in it is ended with the instance. With offer all controllers are handed down where the kernel
   does it, for the numbers of use. *fd is for clone3 and the device program; as long as it is open nobody else uses the same one. */
int vxe_cgroup_make(const char *path, const struct vxe_resources *resources, bool there, bool offer, int *fd,
		    struct vxe_error **err);
/* The kernel takes a weight of io where no disk is divided by it, and nothing comes of it: an error for who means it as a rule. */
int vxe_cgroup_weight_holds(const struct vxe_resources *resources, struct vxe_error **err);
int vxe_cgroup_limit(int fd, const struct vxe_resources *resources, struct vxe_error **err);
/* Gives the folder, and what the kernel means to be given away in it, to the program's user, where the configuration has a cgroup namespace and its
   cgroup to write to. No file with a limit is among it. */
int vxe_cgroup_owner(int fd, const struct vxe_config *config, struct vxe_error **err);
/* Loads and attaches linux.resources.devices; without rules nothing is done. It takes the place of one
   that is there (on another's cgroup, of ours alone), and ends with the cgroup. */
int vxe_cgroup_devices(int fd, const struct vxe_resources *resources, bool anothers, struct vxe_error **err);

/* The path in the hierarchy, as /proc/PID/cgroup has it, as a path of this host; malloc'd. */
int vxe_cgroup_in_hierarchy(const char *inside, char **path, struct vxe_error **err);
/* Where a process is, from the root of the hierarchy on; malloc'd. NULL where that cannot be told. */
char *vxe_cgroup_of(pid_t pid);
/*
 * A cgroup that hands controllers on holds no processes itself (cgroup-v2.rst, No Internal Process Constraint), as one that a service manager inside
 * has divided. *below is then where that process is below it (malloc'd), which has to be there; NULL where the cgroup can be entered.
 */
int vxe_cgroup_entrance(int fd, const char *cgroup, pid_t pid, char **below, struct vxe_error **err);

/* An existing one. -1 with errno ENOENT when it is gone. */
int vxe_cgroup_open(const char *path, struct vxe_error **err);
/* Returns when the kernel says that all are frozen, or not. */
int vxe_cgroup_freeze(int fd, bool frozen, struct vxe_error **err);
bool vxe_cgroup_frozen(int fd);
/* SIGKILL to every process, those that are forking meanwhile included. */
int vxe_cgroup_kill(int fd, struct vxe_error **err);
/* The processes in it and below, host's numbers; malloc'd. */
int vxe_cgroup_processes(int fd, pid_t **pids, size_t *count, struct vxe_error **err);
/* Of whom what is in a cgroup may be at the end of an instance. */
enum vxe_cgroup_in {
	VXE_CGROUP_NEVER, /* the instance never was in it: who would have made it was killed, and another may have made it since */
	VXE_CGROUP_ENDED, /* all of the instance has ended, as with its pid namespace: what lives in it is another's that came after */
	VXE_CGROUP_ITS, /* processes of the instance may have outlived its first */
};
/* Kills what is the instance's and removes it with all below. One that is gone is no error; one in which another's processes are stays. */
int vxe_cgroup_remove(const char *path, enum vxe_cgroup_in in, struct vxe_error **err);
/* The end of an instance in a cgroup that was there before it: what is the instance's is killed, what is below is removed and the device rules are taken
   away. The cgroup stays, and so do the limits that were set. */
int vxe_cgroup_leave(const char *path, enum vxe_cgroup_in in, struct vxe_error **err);
/* A number out of a file: the whole file for key NULL, else the value after "KEY ". "max" and what is not there give false. */
bool vxe_cgroup_number(int fd, const char *file, const char *key, uint64_t *out);

/* cpu.weight (1 to 10000) for shares of cgroup v1 (2 to 262144). */
uint64_t vxe_cgroup_weight(uint64_t shares);

#endif
