/* vxe trace: hands over to vxe-recorder, which is a program of its own so that this one stays small. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"
#include "cleanup.h"
#include "verbs.h"

int vxe_trace_run(const struct vxe_globals *globals, int argc, char **argv, struct vxe_error **err)
{
	cleanup_free char **args = calloc((size_t)argc + 5, sizeof(*args));
	char recorder[VXE_BESIDE_MAX];
	size_t count = 0;

	if (!args)
		return vxe_error_set(err, VXE_EXIT_FAILURE, ENOMEM, "tracing");
	if (vxe_beside_find(&vxe_recorder_program, recorder, err) < 0)
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
