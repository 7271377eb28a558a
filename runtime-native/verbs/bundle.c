#include "bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
