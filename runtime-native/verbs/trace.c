/* vxe trace: hands over to vxe-recorder, which is a program of its own so that this one stays small. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "verbs.h"

/* VXE_RECORDER, or beside this program: in the build tree, or installed (PREFIX/bin, PREFIX/lib/vxe). */
static int recorder_find(char *out, size_t size, struct vxe_error **err)
{
	static const char *const places[] = {"/vxe-recorder", "/../lib/vxe/build/bin/vxe-recorder"};
	const char *given = getenv("VXE_RECORDER");
	char self[PATH_MAX];
	ssize_t got;
	char *slash;

	if (given && *given) {
		snprintf(out, size, "%s", given);
		return 0;
	}
	got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (got > 0) {
		self[got] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
			if (snprintf(out, size, "%s%s", self, places[i]) < (int)size && access(out, X_OK) == 0)
				return 0;
	}
	vxe_error_set(err, VXE_EXIT_FAILURE, 0, "tracing needs vxe-recorder, which is not beside this program");
	return vxe_error_hint(err, "install VXE whole (make install), or set VXE_RECORDER to its path");
}

int vxe_trace_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	cleanup_free char **args = calloc((size_t)argc + 5, sizeof(*args));
	char recorder[PATH_MAX + 64];
	size_t count = 0;

	if (!args)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "tracing");
	if (recorder_find(recorder, sizeof(recorder), err) < 0)
		return -1;
	args[count++] = recorder;
	if (globals->root) {
		args[count++] = (char *)"--root";
		args[count++] = (char *)globals->root;
	}
	if (globals->json)
		args[count++] = (char *)"--json";
	memcpy(args + count, argv + 1, (size_t)(argc - 1) * sizeof(*args));
	execv(recorder, args);
	return vxe_error_set(err, VXE_EXIT_FAILURE, errno, "running %s", recorder);
}
