/*
 * The instance's mount tree. Mounts are made detached (open_tree, fsopen/fsmount), given their attributes while nobody
 * can see them, and then moved onto a destination that was opened with openat2(RESOLVE_IN_ROOT): no path of the rootfs is
 * resolved twice or outside the root.
 */
#ifndef VXE_RUNTIME_MOUNT_H
#define VXE_RUNTIME_MOUNT_H

#include <stdint.h>

#include "config.h"
#include "error.h"

/* Options of one mount, read once in the parent: no parsing after the first namespace exists. */
struct vxe_mount_plan {
	const struct vxe_mount *mount;
	bool bind, recursive_bind;
	bool remount;				 /* of what is mounted there by now: its options change, and no more */
	uint64_t set, clear;			 /* MOUNT_ATTR_* of this mount */
	uint64_t recursive_set, recursive_clear; /* of it and all below */
	uint64_t propagation;			 /* MS_SHARED, ... or 0 */
	bool propagation_recursive;
	bool copy_up;		/* tmpcopyup */
	bool read_only_later;	/* /dev is filled, and mounted into, before it is made so */
	bool idmap, ridmap;	/* id-mapped, alone or with all below */
	int idmap_fd, clone_fd; /* the mappings, and a bind mount that has them already; -1 */
	int source_fd;		/* bind: its source, given by the launcher (mount_given.h); -1: it is opened by its name */
	int made_fd; /* the mount, once it is made: what lies below its destination is looked for in it, not by name; -1 */
	bool is_proc, is_dev;
	bool own_cgroups;	 /* the container has a cgroup namespace */
	struct vxe_strings data; /* options for the file system itself; borrowed from mount->options */
};

struct vxe_mount_plans {
	struct vxe_mount_plan *items;
	size_t count;
	int null_fd;	    /* the host's null device, to cover files with; -1: none */
	bool null_attached; /* it covers one by now */
	bool given;	    /* the launcher opens what the configuration names (mount_given.h) */
	int rootfs_fd;	    /* given by it; -1: opened by its name */
	int *device_fds;    /* given by it, detached mounts, one for each of linux.devices; -1: the host's node is mounted */
	size_t n_devices;
};

/* The words that `options` of a mount may have, one after the other from index 0; false behind the last. `word` holds 32 bytes. */
bool vxe_mount_option(size_t index, char *word, size_t size);

int vxe_mount_plan_make(const struct vxe_config *config, struct vxe_mount_plans *out, struct vxe_error **err);
void vxe_mount_plan_free(struct vxe_mount_plans *plans);

/* In the new mount namespace: builds the tree below config->rootfs. Gives the descriptor of the new root, not yet pivoted to. */
int vxe_mount_build(const struct vxe_config *config, struct vxe_mount_plans *plans, bool in_user_namespace, int *root_fd,
		    struct vxe_error **err);
/* pivot_root and the old root's detachment. */
int vxe_mount_pivot(const struct vxe_config *config, struct vxe_mount_plans *plans, int root_fd, struct vxe_error **err);
/* After it: sysctls, masks and read-only paths, for which the network namespace has to be the instance's, and the root's own options. */
int vxe_mount_seal(const struct vxe_config *config, struct vxe_mount_plans *plans, int root_fd, struct vxe_error **err);
/* Without a mount namespace nothing is mounted: the rootfs as it is, with its devices; and entered, by chroot. */
int vxe_mount_none(const struct vxe_config *config, struct vxe_mount_plans *plans, int *root_fd, struct vxe_error **err);
int vxe_mount_none_enter(const struct vxe_config *config, int root_fd, struct vxe_error **err);
/* A folder of the caller's root, made with its parents where it is not there; no link leads out of the root. -1 with errno. */
int vxe_mount_folder(const char *path);
/* Without a rootfs (org.vxe.root=host): a private copy of the host's tree with a /proc of the new pid namespace. */
int vxe_mount_host(const struct vxe_config *config, struct vxe_error **err);

#endif
