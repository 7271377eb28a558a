#include "beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int vxe_beside_find(const struct vxe_beside *wanted, char *out, struct vxe_error **err)
{
	const char *given = getenv(wanted->variable);
	char self[PATH_MAX];
	ssize_t got;
	char *slash;

	if (given && *given) {
		snprintf(out, VXE_BESIDE_MAX, "%s", given);
		return 0;
	}
	got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (got > 0) {
		self[got] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		for (size_t i = 0; i < sizeof(wanted->places) / sizeof(*wanted->places); i++)
			if (snprintf(out, VXE_BESIDE_MAX, "%s%s", self, wanted->places[i]) < VXE_BESIDE_MAX &&
			    access(out, wanted->access) == 0)
				return 0;
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "%s", wanted->missing);
	return vxe_error_hint(err, "%s", wanted->hint);
}
