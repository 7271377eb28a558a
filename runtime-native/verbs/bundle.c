#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "places.h"
#include "state.h"

int vxe_bundle_find(const char *name, char **path, struct vxe_error **err)
{
	cleanup_free char *found = NULL, *config = NULL;

	/* A path is taken as one only when it does not climb: what looks like a name must not end elsewhere. */
	if (!strncmp(name, "../", 3) || strstr(name, "/../") || !strcmp(name, ".."))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0, "%s is no name of a bundle; give a name, or a path without '..'",
				     name);
	if (strchr(name, '/'))
		found = realpath(name, NULL);
	else if (!vxe_state_id_valid(name))
		return vxe_error_set(err, VXE_EXIT_MISUSE, 0,
				     "%s is no name of a bundle: letters, digits, '.', '_' and '-', no path", name);
	if (!found)
		found = strchr(name, '/') ? strdup(name) : vxe_place_path(&vxe_place_bundles, name);
	if (!found)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the bundle %s", name);
	if (asprintf(&config, "%s/config.json", found) < 0) {
		config = NULL;
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "finding the bundle %s", name);
	}
	if (access(config, F_OK) < 0) {
		vxe_error_set(err, VXE_EXIT_FAILURE, errno, "there is no bundle %s (%s)", name, config);
		return vxe_error_hint(err,
				      strchr(name, '/') ? "name the folder that holds config.json"
							: "make it with: vxe bundle create %s",
				      name);
	}
	*path = steal_pointer(&found);
	return 0;
}

static bool is_trusted_owner(uid_t uid)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_UID") : NULL;
	char *end = NULL;

	if (uid == 0 || uid == geteuid())
		return true;
	return sudo && *sudo >= '0' && *sudo <= '9' && strtoul(sudo, &end, 10) == uid && !*end;
}

static int owner_check(const char *what, uid_t uid, gid_t gid, mode_t mode, const struct vxe_config *config,
		       struct vxe_error **err)
{
	/* An ordinary user's group is that one alone as a rule. */
	mode_t others = S_IWOTH | (geteuid() == 0 && gid != 0 ? S_IWGRP : 0);

	if (!is_trusted_owner(uid))
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "%s of the bundle %s belongs to user %u, who decides by it what is started", what, config->bundle,
			      uid);
	else if (mode & others)
		vxe_error_set(err, VXE_EXIT_FAILURE, 0,
			      "%s of the bundle %s can be written by others, who decide by it what is started", what,
			      config->bundle);
	else
		return 0;
	return vxe_error_hint(err, "make it yours alone (chown, chmod go-w), or create the bundle again");
}

int vxe_bundle_trusted(int bundle_fd, const struct vxe_config *config, struct vxe_error **err)
{
	const struct vxe_config_file *file = &config->file;
	struct stat folder, plans;

	/* There, who is not mapped has no number. */
	if (vxe_in_user_namespace())
		return 0;
	if (fstat(bundle_fd, &folder) < 0)
		return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bundle folder %s", config->bundle);
	if (owner_check("the folder", folder.st_uid, folder.st_gid, folder.st_mode, config, err) < 0 ||
	    owner_check("config.json", file->uid, file->gid, file->mode, config, err) < 0)
		return -1;
	if (fstatat(bundle_fd, "vxe", &plans, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : vxe_error_set(err, VXE_EXIT_FAILURE, errno, "the bundle folder %s", config->bundle);
	return owner_check("the folder vxe", plans.st_uid, plans.st_gid, plans.st_mode, config, err);
}
