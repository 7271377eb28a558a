#include "beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "self.h"
#include "words.h"

const struct vxe_beside vxe_recorder_program = {
	.variable = "VXE_RECORDER",
	.places = {"/vxe-recorder", "/../lib/vxe/build/bin/vxe-recorder"},
	.access = X_OK,
	.missing = "vxe-recorder is not beside this program",
	.hint = "install VXE whole (make install), or set VXE_RECORDER to its path",
};

int vxe_beside_find(const struct vxe_beside *wanted, char *out, struct vxe_error **err)
{
	const char *given = getenv(wanted->variable);
	const char *path = vxe_self_path();
	char self[PATH_MAX];
	char *slash;

	if (given && *given) {
		snprintf(out, VXE_BESIDE_MAX, "%s", given);
		return 0;
	}
	if (path) {
		vxe_text_copy(self, sizeof(self), path);
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
