#include "places.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

const struct vxe_place vxe_place_bundles = {"VXE_BUNDLES", "/var/lib/vxe/bundles", "XDG_DATA_HOME", ".local/share",
					    "vxe/bundles"};
const struct vxe_place vxe_place_compiled = {"VXE_COMPILED", "/var/lib/vxe/profiles", "XDG_DATA_HOME", ".local/share",
					     "vxe/profiles"};
const struct vxe_place vxe_place_logs = {"VXE_LOGS", "/var/log/vxe", "XDG_STATE_HOME", ".local/state", "vxe/log"};

const struct vxe_place vxe_place_recordings = {"VXE_RECORDINGS", "/var/lib/vxe/recordings", "XDG_DATA_HOME", ".local/share",
					       "vxe/recordings"};
const struct vxe_place vxe_place_history = {"VXE_HISTORY", "/var/lib/vxe/history", "XDG_DATA_HOME", ".local/share",
					    "vxe/history"};

bool vxe_in_user_namespace(void)
{
	cleanup_file FILE *file = fopen("/proc/self/uid_map", "re");
	unsigned int inside, outside, size;

	return file && (fscanf(file, "%u %u %u", &inside, &outside, &size) != 3 || inside || outside || size != UINT32_MAX);
}

bool vxe_root_of_session(void)
{
	const char *runtime_dir = secure_getenv("XDG_RUNTIME_DIR");
	struct stat st;

	return geteuid() == 0 && runtime_dir && *runtime_dir == '/' && vxe_in_user_namespace() && stat(runtime_dir, &st) == 0 &&
	       st.st_uid == 0;
}

char *vxe_place_path(const struct vxe_place *place, const char *name)
{
	const char *given = getenv(place->override), *user = getenv(place->user), *home = getenv("HOME");
	char *path = NULL;
	int made;

	if (given && *given)
		made = asprintf(&path, "%s/%s", given, name);
	else if (geteuid() == 0 && !vxe_root_of_session())
		made = asprintf(&path, "%s/%s", place->system, name);
	else if (user && *user)
		made = asprintf(&path, "%s/%s/%s", user, place->below, name);
	else
		made = asprintf(&path, "%s/%s/%s/%s", home ? home : "", place->fallback, place->below, name);
	return made < 0 ? NULL : path;
}
