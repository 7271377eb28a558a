/* Whose a container's cgroup is: the specification's section on its ownership. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"

/* Who cannot see past its own cgroup, and has it to write to, may divide it. */
static bool divides(const struct vxe_config *config)
{
	const struct vxe_namespace *ns = vxe_config_namespace(config, CLONE_NEWCGROUP);
	bool writes = false;

	if (!ns || ns->path)
		return false;
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct vxe_mount *mount = &config->mounts[i];

		if (strcmp(mount->destination, "/sys/fs/cgroup") != 0 || !mount->source || strcmp(mount->source, "cgroup") != 0)
			continue;
		writes = true;
		for (size_t j = 0; j < mount->options.count; j++)
			if (!strcmp(mount->options.items[j], "ro") || !strcmp(mount->options.items[j], "rro"))
				writes = false;
	}
	return writes;
}

/* The user of the program, as the host has it. */
static bool user_outside(const struct vxe_config *config, uid_t *uid)
{
	*uid = config->process.uid;
	if (!vxe_config_namespace(config, CLONE_NEWUSER))
		return true;
	for (size_t i = 0; i < config->uid_mappings.count; i++) {
		const struct vxe_id_mapping *mapping = &config->uid_mappings.items[i];

		if (config->process.uid < mapping->container || config->process.uid - mapping->container >= mapping->size)
			continue;
		*uid = mapping->host + (config->process.uid - mapping->container);
		return true;
	}
	return false;
}

int vxe_cgroup_owner(int fd, const struct vxe_config *config, struct vxe_error **err)
{
	cleanup_file FILE *list = NULL;
	/* Where the kernel has no list of its own (cgroups(7)). */
	static const char *const known[] = {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"};
	char name[256];
	uid_t uid;

	if (geteuid() != 0 || !config->process.present || !divides(config) || !user_outside(config, &uid) || uid == geteuid())
		return 0;
	list = fopen("/sys/kernel/cgroup/delegate", "re");
	for (size_t i = 0;; i++) {
		const char *file = name;

		if (list) {
			if (!fgets(name, sizeof(name), list))
				break;
			name[strcspn(name, "\n")] = '\0';
		} else if (i < sizeof(known) / sizeof(*known)) {
			file = known[i];
		} else {
			break;
		}
		/* Not every cgroup has every file. */
		if (fchownat(fd, file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "giving %s of the container's cgroup to user %u",
					     file, uid);
	}
	return fchown(fd, uid, (gid_t)-1) < 0
		       ? vxe_error_set(err, VXE_EXIT_FAILURE, errno, "giving the container's cgroup to user %u", uid)
		       : 0;
}
